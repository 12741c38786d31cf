/* nets/layers/synapses_internal.h: what convolution and linear layers share. */
#pragma once

#include "nets/layers.h"
#include "sim/conv.h"

extern const char
    *const net_init_names[]; /* xavier_uniform, kaiming_normal, kaiming_uniform */

/* Fills parameters, output, scratch and prepares the convolution of `shape` (oh, ow
 * known). `fan_in` counts the inputs of one output; `apart` is that of the weights' row.
 */
SimStatus net_synapses_plan(NetLayerPlan *plan, const SimConvShape *shape, bool bias,
                            int init, double gain, int64_t apart);
void net_synapses_forward(const NetLayerRun *run);
bool net_synapses_begin_rows(const NetLayerRun *run);
void net_synapses_forward_rows(const NetLayerRun *run, size_t t, size_t first,
                               size_t last, float *y);
void net_synapses_backward(const NetLayerRun *run);
/* After it: weights that are not wired learn nothing. */
void net_synapses_keep_apart(const NetLayerRun *run, int64_t apart, size_t n_weights);
bool net_synapses_uses_spikes(void *prepared, float density);
void net_synapses_destroy(void *prepared);
