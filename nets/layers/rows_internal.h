/* nets/layers/rows_internal.h: a layer's work cut into tasks of whole pixels, whose
 * number depends on the shape alone. */
#pragma once

#include "nets/layer.h"

enum { NET_TASK_FLOATS = 1 << 15 }; /* about the second-level cache of a core */

static inline size_t net_task_pixels(size_t c) /* of one task */
{
    return c >= NET_TASK_FLOATS ? 1 : NET_TASK_FLOATS / c;
}

typedef struct NetRows {
    const NetLayerRun *run;
    size_t pixels, c, block; /* pixels of all steps at hand */
} NetRows;

static inline size_t net_rows_tasks(const NetRows *rows)
{
    return (rows->pixels + rows->block - 1) / rows->block;
}

static inline size_t net_rows_cut(const NetRows *rows, size_t index, size_t *first)
{
    *first = index * rows->block;
    return *first + rows->block < rows->pixels ? rows->block : rows->pixels - *first;
}

/* Runs `task` over the pixels of a tensor of this shape. */
static inline void net_rows_run(const NetLayerRun *run, SimShape shape, SimTask *task)
{
    NetRows rows = {run, shape.t * sim_shape_pixels(shape), shape.c,
                    net_task_pixels(shape.c)};
    sim_team_run(&run->context->team, net_rows_tasks(&rows), task, &rows);
}

/* `rows` rows of one step from row `first` on, the images below each other; as a view. */
static inline SimTensor net_rows_of(const SimTensor *x, size_t t, size_t first,
                                    size_t rows)
{
    const SimShape s = x->shape;
    const size_t row = sim_step_bytes(x->form, (SimShape){1, 1, 1, s.w, s.c});
    const size_t step = s.t == 1 ? 0 : t; /* the same at every step */
    return (SimTensor){.form = x->form,
                       .shape = {1, 1, rows, s.w, s.c},
                       .data =
                           (unsigned char *)x->data + (step * s.n * s.h + first) * row};
}

/* y, which is f32, to the nearest bfloat16 numbers. */
void net_round_output(const NetLayerRun *run);

/* dx[input] (+)= dy from number `first` on, in whatever forms. */
void net_hand_on(const NetLayerRun *run, size_t input, size_t first, size_t n);

/* Nothing is to be done for that: nobody wants dx[input], or it is dy. */
static inline bool net_is_handed_on(const NetLayerRun *run, size_t input)
{
    return !run->dx[input] || (run->dx[input] == run->dy && !run->accumulate[input]);
}

/* backward of a layer whose output is its input in another form: dx (+)= dy. */
void net_pass_backward(const NetLayerRun *run);
