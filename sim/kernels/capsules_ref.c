/* sim/kernels/capsules_ref.c: votes of capsules, one image after the other. */
#include "sim/kernels/kernels_internal.h"

#include <math.h>

enum { LANES = 1 };
typedef float Vector;

static inline Vector set(float x)
{
    return x;
}
static inline Vector load(const float *x)
{
    return *x;
}
static inline Vector load_part(size_t n, const float *x)
{
    (void)n;
    return *x;
}
static inline void store(float *x, Vector value)
{
    *x = value;
}
static inline void store_part(size_t n, float *x, Vector value)
{
    (void)n;
    *x = value;
}
static inline Vector fma_vector(Vector a, Vector b, Vector c)
{
    return fmaf(a, b, c);
}
static inline Vector root(Vector x)
{
    return sqrtf(x);
}

#include "sim/kernels/capsules.inc"

void sim_capsules_init_ref(SimKernels *kernels)
{
    fill(kernels);
}
