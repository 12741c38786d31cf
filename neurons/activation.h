/* neurons/activation.h: dendrites that are functions, one by one.
 *
 * Every entry of neuron_dendrites[] with `pointwise` is a function of its n_branches
 * inputs and n_params parameters; name, formula, source and certainty stand in its row.
 * Its parameters' initial values are function->params[k].initial. */
#pragma once

#include "neurons/neuron.h"

/* At x [n_branches] with params [n_params], in double precision: value y, slopes d_x
 * [n_branches] and d_params [n_params]. Outputs may be NULL. The slope at a kink is the
 * one training uses. */
void neuron_activation_reference(const NeuronDendrite *function, const double *x,
                                 const double *params, double *y, double *d_x,
                                 double *d_params);

/* The same by the loops that nets run, at n points: x, d_x [n, n_branches], y [n],
 * d_params [n, n_params]. Outputs may be NULL. */
void neuron_activation_fast(const NeuronDendrite *function, const SimContext *context,
                            size_t n, const float *x, const double *params, float *y,
                            float *d_x, float *d_params);
