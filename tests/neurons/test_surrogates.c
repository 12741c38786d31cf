/* Surrogates: the kernels compute the formulas, and each is the slope of its function. */
#include <criterion/criterion.h>
#include <math.h>

#include "neurons/neuron.h"

Test(surrogates, kernels_compute_the_formula)
{
    SimKernels kernels;
    sim_kernels_init(&kernels, 0);
    for (const NeuronSurrogate *const *row = neuron_surrogates; *row; row++)
        for (int k = 0; k < 3; k++) {
            const double alpha = (const double[]){0.5, (*row)->alpha, 10.0}[k];
            for (int i = -400; i <= 400; i++) {
                const float x = (float)i * 0.01f + 0.0013f;
                float slope = NAN;
                kernels.surrogate_slope((*row)->kind, (float)alpha, 0.3f, 1, &x, &slope);
                const double want = 0.3 * (*row)->slope((double)x, alpha);
                cr_expect_lt(fabs((double)slope - want), 3e-6 * want + 1e-7 * alpha,
                             "%s(%g), alpha %g: %g, wanted %g", (*row)->name, (double)x,
                             alpha, (double)slope, want);
            }
        }
}

Test(surrogates, slope_of_the_smooth_function)
{
    const double step = 1e-5;
    for (const NeuronSurrogate *const *row = neuron_surrogates; *row; row++)
        for (int i = -200; i <= 200; i++) {
            const double x = i * 0.02 + 0.0031, alpha = (*row)->alpha;
            const double slope =
                ((*row)->smooth(x + step, alpha) - (*row)->smooth(x - step, alpha)) /
                (2.0 * step);
            cr_expect_float_eq(slope, (*row)->slope(x, alpha), 1e-4, "%s(%g)",
                               (*row)->name, x);
        }
}

/* The area under every slope that stands for a step of 1 is 1. fast_sigmoid, as snnTorch
 * writes it, and circle have 2 / alpha, multi_gaussian what its flanks leave. */
Test(surrogates, area)
{
    for (const NeuronSurrogate *const *row = neuron_surrogates; *row; row++) {
        const double alpha = (*row)->alpha, far = 1e9;
        const double area = (*row)->smooth(far, alpha) - (*row)->smooth(-far, alpha);
        const SimSurrogate kind = (*row)->kind;
        if (kind == SIM_SURROGATE_LEAKY_RECTANGLE)
            continue; /* never ends */
        const double want =
            kind == SIM_SURROGATE_FAST_SIGMOID || kind == SIM_SURROGATE_CIRCLE
                ? 2.0 / alpha
            : kind == SIM_SURROGATE_MULTI_GAUSSIAN ? 0.5 * 0.85
                                                   : 1.0;
        cr_expect_float_eq(area, want, 1e-6, "%s", (*row)->name);
    }
}

Test(surrogates, compact_is_true)
{
    for (const NeuronSurrogate *const *row = neuron_surrogates; *row; row++) {
        const bool ends = (*row)->slope(1e3, (*row)->alpha) == 0.0 &&
                          (*row)->slope(-1.01 / (*row)->alpha, (*row)->alpha) == 0.0;
        cr_expect_eq(ends, (*row)->compact, "%s", (*row)->name);
    }
}

/* The settings of papers, as docs/neurons.md gives them, at one point each. */
Test(surrogates, published)
{
    const double theta = 2.0,
                 v = 2.6; /* S-ResNet: 0.3 max(0, 1 - |v/theta - 1|) / theta */
    cr_expect_float_eq(0.3 *
                           neuron_surrogate_find("triangle")->slope(v - theta, 1 / theta),
                       0.3 * (1.0 - fabs(v / theta - 1.0)) / theta, 1e-12);
    const NeuronSurrogate *rectangle = neuron_surrogate_find("rectangle"); /* MS-ResNet */
    cr_expect_float_eq(rectangle->slope(0.49, 1.0), 1.0, 0.0);
    cr_expect_float_eq(rectangle->slope(0.5, 1.0), 0.0, 0.0);
    const NeuronSurrogate *fast = neuron_surrogate_find("fast_sigmoid"); /* SuperSpike */
    cr_expect_float_eq(fast->slope(0.1, 100.0), 1.0 / 121.0, 1e-12);
}
