/* neurons/dendrite_internal.h: what joins the branches of functions. */
#pragma once

#include "neurons/neuron.h"

void neuron_pointwise_forward(const NeuronBranches *run);
void neuron_pointwise_backward(const NeuronBranches *run);
