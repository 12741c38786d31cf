/* sim/kernels/outer_avx2.c: sums of outer products of pixels, 8 numbers at a time. */
#include "sim/kernels/lanes_avx2.inc"

enum { OUTER_CHANNELS = 2 /* times the vectors of a row: registers */ };
#include "sim/kernels/outer.inc"

void sim_outer_init_avx2(SimKernels *kernels)
{
    kernels->outer_sums = outer_sums;
}
