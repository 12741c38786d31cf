/* sim/conv_fourier.h: convolution with a large kernel as products of frequencies.
 *
 * A stride of S cuts the input into S^2 phases, each a convolution of stride 1 with the
 * taps of its phase. With F >= size / S points a circular correlation is the wanted one
 * where the outputs are, so
 *
 *     o[f] = sum over phases and channels of x[f] conj(w[f])
 *
 * is one complex matrix product per frequency: 4 F^2 / 2 multiplications per pair of
 * channels and phase instead of one per tap and output, a quarter for 9 x 9 taps on 6 x 6
 * outputs. Frequencies come column by column, so that scratch holds one column of them.
 * f32 throughout; results differ from a direct convolution by rounding. */
#pragma once

#include "sim/arena.h"
#include "sim/context.h"
#include "sim/conv_shape.h"

typedef struct SimFourier SimFourier;

/* Whether it is worth it: one group, no padding, and far fewer multiplications. */
bool sim_fourier_pays(const SimConvShape *shape);

/* For the n images of the shape at a time. Owned by the caller; the context must outlive
 * it. */
SimStatus sim_fourier_create(const SimConvShape *shape, const SimContext *context,
                             SimFourier **out);
void sim_fourier_destroy(SimFourier *fourier); /* accepts NULL */
size_t sim_fourier_scratch_bytes(const SimFourier *fourier);

/* x [n,h,w,c], weights [kh,kw,c,k], y [n,oh,ow,k]; all three add to what is there. */
void sim_fourier_forward(const SimFourier *fourier, const float *x, const float *weights,
                         float *y, void *scratch);
void sim_fourier_input(const SimFourier *fourier, const float *dy, const float *weights,
                       float *dx, void *scratch);
void sim_fourier_weights(const SimFourier *fourier, const float *x, const float *dy,
                         float *d_weights, void *scratch);
