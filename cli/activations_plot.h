/* cli/activations_plot.h: functions of dendrites and their derivatives as pictures. */
#pragma once

#include "neurons/activation.h"

typedef struct CliActivation {
    char name[96]; /* as asked for, "ada+alpha=3" */
    const NeuronDendrite *function;
    double params[NEURON_MAX_PARAMS];
} CliActivation;

/* activations.*: a panel for every function of one input (value and derivative), three
 * maps for one of two (value and both derivatives). Where there are two to eight of one
 * input, activations-together.* has them on the same axes. */
SimStatus cli_activations_plot(const char *folder, const CliActivation *functions,
                               size_t n, double low, double high, bool *drawn);
