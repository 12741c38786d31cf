/* nets/plan_emit_internal.h: how the program of a plan is written, instruction by
 * instruction; for plan_program.c and plan_backward.c. */
#pragma once

#include "nets/plan_internal.h"

SimStatus plan_no_memory(void);

/* A buffer that is first touched by the instruction about to be appended. */
SimStatus plan_add_buffer(Plan *plan, size_t bytes, int *out);
/* One for values of this shape: of one run of a loop, or (PLAN_NONE) of all steps. */
SimStatus plan_add_tensor(Plan *plan, SimShape shape, SimForm form, int loop, int *out);
/* `out`: borrowed until the next one. */
SimStatus plan_add_instruction(Plan *plan, PlanOp op, int node, PlanInstruction **out);
/* The latest instruction touches this buffer. */
void plan_touch(Plan *plan, int buffer);
/* What the latest instruction, on this node, reads and writes beside y and gradients. */
void plan_name_buffers(Plan *plan, PlanInstruction *at, const bool *reads);

/* Buffers that forward fills beside y, the first time or, those gone since, again. */
SimStatus plan_add_own_buffers(Plan *plan, PlanNode *node);
size_t plan_weight_bytes(const PlanNode *node); /* its parameters */
/* Its output and what comes with it are no longer to be found. */
void plan_forget(PlanNode *node);
/* Its output is of a run of `loop` only, or (PLAN_NONE) of all steps. */
SimStatus plan_emit_forward(Plan *plan, int number, PlanOp op, int loop);

/* Loops over time: instructions between the two run over and over, `steps` at a time. */
bool plan_goes_by_step(const PlanNode *node);
/* Steps of a run, about the same for all runs, where a step of its largest tensor takes
 * `bytes`; more where each run goes through many weights. */
size_t plan_steps_of_run(const Plan *plan, size_t bytes);
size_t plan_steps_of_synapses(const Plan *plan, const PlanNode *node, size_t bytes);
/* A wire that would be long, computed again, never exists for the whole sequence, but for
 * a window of steps at a time; what reads it computes it as often as it comes by. */
bool plan_is_long(const Plan *plan, int number);
bool plan_stays_short(const Plan *plan, int number);
/* Steps of a window of a tensor whose step takes `bytes`: so many that windows and the
 * states between them take about the least, in whole runs of `run` steps. */
size_t plan_window_of(const Plan *plan, size_t bytes, size_t run);
SimStatus plan_open_loop(Plan *plan, size_t steps, bool back);
void plan_close_loop(Plan *plan); /* the innermost */

/* Makes a wire readable for the next instruction of the loop, computing it again. */
SimStatus plan_ensure_part(Plan *plan, int number);
/* The backward of a node, and all that it needs first (plan_backward.c). */
SimStatus plan_emit_backward(Plan *plan, int number);
/* Offsets of all buffers, and what that takes (plan_layout.c). */
SimStatus plan_lay_out(Plan *plan);
