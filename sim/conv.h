/* sim/conv.h: convolution and matrix product, dense or from packed spikes.
 *
 * One planned object per layer. It holds the oneDNN primitives for dense input and knows
 * the spike kernels; whoever calls it says only which tensors. Weights are
 * [KH,KW,C/groups,K]: all K output channels of one input tap are contiguous, so that a
 * spike adds one row. A linear layer is a 1x1 convolution on 1x1 pixels.
 *
 * Forward results for one step do not depend on how many steps a call holds: dense
 * primitives are made for the N images of one step and run once per step. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sim/context.h"
#include "sim/conv_shape.h"
#include "sim/status.h"
#include "sim/tensor.h"

/* oh, ow from the rest; fails with one sentence on sizes that do not fit. */
SimStatus sim_conv_shape(SimConvShape *shape);

typedef struct SimConv SimConv;

enum { /* what a plan will call */
       SIM_CONV_FORWARD = 1,
       SIM_CONV_BACKWARD_INPUT = 2,
       SIM_CONV_BACKWARD_WEIGHTS = 4,
       SIM_CONV_HOLD = 8,      /* sim_conv_hold: as 16 bits, or for the kernel of a
                                  typical density */
       SIM_CONV_HOLD_ANY = 16, /* for whichever is chosen */
       SIM_CONV_BF16 = 32,     /* gradients and outputs may be SIM_BF16 */
       SIM_CONV_WHOLE = 64 /* the input: whole numbers from 0 to SIM_CONV_MOST_WHOLE */
};
enum { SIM_CONV_MOST_WHOLE = 255 }; /* that a byte holds, and bfloat16 exactly */

/* `form` is that of the input, `max_steps` the most steps one call brings. Owned by the
 * caller; the context must outlive it. */
SimStatus sim_conv_create(const SimConvShape *shape, SimForm form, size_t max_steps,
                          unsigned calls, const SimContext *context, SimConv **out);
void sim_conv_destroy(SimConv *conv); /* accepts NULL */

/* Scratch that any one call needs, 64-byte aligned, contents irrelevant between calls. */
size_t sim_conv_scratch_bytes(const SimConv *conv);

/* Memory for weights that are held. */
size_t sim_conv_held_bytes(const SimConv *conv);

/* y[t,n,oh,ow,k] = sum over taps of x * weights (+ bias[k] if not NULL); SIM_DENSE or,
 * where planned, SIM_BF16: sums are f32, rounded once. */
void sim_conv_forward(SimConv *conv, size_t nt, const SimTensor *x, const float *weights,
                      const float *bias, const SimTensor *y, void *scratch);

/* Whether forward may be asked for row by row until it is chosen anew: not for kernels
 * that go through a whole step. Leaves the weights in scratch as the rows take them,
 * unless they are held. */
bool sim_conv_begin_rows(SimConv *conv, const float *weights, void *scratch);

/* Rows `first` up to `last` of one step, the images below each other; x is that of the
 * step. y [last - first, ow, K], the same bits as sim_conv_forward. On the calling
 * thread, with scratch as sim_conv_begin_rows has left it: tasks of a team may call it
 * side by side. */
void sim_conv_forward_rows(const SimConv *conv, const SimTensor *x, const float *weights,
                           const float *bias, const void *scratch, size_t first,
                           size_t last, float *y);

/* Puts the weights in the order of the chosen kernel for all forward calls to come, which
 * else each do so. The weights must stay as they are until held again as another
 * `version`: for the latest one, and the same kernel, nothing is left to do. Where
 * another kernel is chosen by then, its calls each do so again. Nothing happens unless
 * planned. */
void sim_conv_hold(SimConv *conv, const float *weights, uint64_t version);

/* Which kernel takes spikes forward, from the density of the input; to be called at fixed
 * points only (planning, epoch ends), since the two add in different orders; 0: not
 * known, as until then. No effect unless the context's spike path is auto. */
void sim_conv_choose(SimConv *conv, double density);
bool sim_conv_uses_spikes(const SimConv *conv);

/* dx = (accumulate: dx +) gradient of the input. Each of dy and dx is SIM_DENSE or, where
 * planned, SIM_BF16; sums are f32 in any case, rounded once. Where `active` is not NULL
 * (packed bits shaped like x) only the neuron-steps whose bit is set are needed; the
 * others may be left at zero (accumulate: unchanged). */
void sim_conv_backward_input(SimConv *conv, size_t nt, const SimTensor *dy,
                             const float *weights, const uint64_t *active,
                             bool accumulate, const SimTensor *dx, void *scratch);

/* d_weights += gradient; d_bias += sums of dy (if not NULL). */
void sim_conv_backward_weights(SimConv *conv, size_t nt, const SimTensor *x,
                               const SimTensor *dy, float *d_weights, float *d_bias,
                               void *scratch);

/* Whether gradients as SIM_BF16 save time: tile units take and give them as they are.
 * Elsewhere they are turned into f32 and back, a few steps at a time. */
bool sim_conv_wants_bf16(const SimConvShape *shape, const SimContext *context);

/* Whether sim_conv_begin_rows may ever be true. */
bool sim_conv_goes_by_rows(const SimConvShape *shape, SimForm form);

/* Whether forward takes a dense input as SIM_BF16, too. */
bool sim_conv_reads_bf16(const SimConvShape *shape, const SimContext *context);

/* Multiply-adds a dense kernel does for one step. */
double sim_conv_macs(const SimConvShape *shape);
