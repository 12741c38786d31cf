/* nets/layers/synapses_internal.h: what convolution and linear layers share. */
#pragma once

#include "nets/layers.h"
#include "sim/conv.h"

extern const char
    *const net_init_names[]; /* xavier_uniform, kaiming_normal, kaiming_uniform */

/* Fills parameters, output, scratch and prepares the convolution of `shape` (oh, ow
 * known). `fan_in` counts the inputs of one output. */
SimStatus net_synapses_plan(NetLayerPlan *plan, const SimConvShape *shape, bool bias,
                            int init, double gain);
void net_synapses_forward(const NetLayerRun *run);
void net_synapses_backward(const NetLayerRun *run);
void net_synapses_destroy(void *prepared);
