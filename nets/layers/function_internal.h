/* nets/layers/function_internal.h: layers that are a function of one input, whose
 * parameters differ from channel to channel, or from image to image. */
#pragma once

#include "nets/layers.h"
#include "neurons/neuron.h"

/* K parameters of the function; C channels. */
typedef struct NetFunction {
    const SimContext *context;
    const NeuronDendrite *function;
    size_t n_blocks, block; /* pixels of a block; the last may be shorter */
    size_t pixels, channels;
    const float *x;
    const float *params; /* [K, C]; block b has its own at b * params_step */
    size_t params_step;
    float *y;

    /* Backward only. */
    const float *d_y;
    bool accumulate; /* d_x += instead of = */
    float *d_x;
    double *d_params; /* [n_blocks, K, C], of each block by itself */
} NetFunction;

/* Cuts the pixels into blocks whose number does not depend on the threads. */
void net_function_cut(NetFunction *run, size_t pixels, size_t channels);

void net_function_forward(const NetFunction *run);
void net_function_backward(const NetFunction *run); /* d_x and d_params */
