/* sim/kernels/outer_avx512.c: sums of outer products of pixels, 16 numbers at a time. */
#include "sim/kernels/lanes_avx512.inc"

enum { OUTER_CHANNELS = 8 /* times the vectors of a row: registers */ };
#include "sim/kernels/outer.inc"

void sim_outer_init_avx512(SimKernels *kernels)
{
    kernels->outer_sums = outer_sums;
}
