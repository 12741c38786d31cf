/* neurons/surrogates.c: what stands in for the derivative of the step.
 *
 * x = h - threshold, a = alpha. Each row also has the smooth function whose slope it is,
 * which takes the place of the step when gradients are checked by differences.
 *
 * Published settings: SpikingJelly atan 2, sigmoid 4; snnTorch fast_sigmoid 25; MS-ResNet
 * rectangle 1; TET triangle 1; S-ResNet triangle 1/threshold with scale 0.3. What other
 * libraries call by other names is in docs/neurons.md. */
#include <math.h>

#include "neurons/neuron.h"

static const double pi = 3.14159265358979323846;

static double atan_slope(double x, double a)
{
    const double t = pi * a * x / 2.0;
    return a / 2.0 / (1.0 + t * t);
}
static double atan_smooth(double x, double a)
{
    return atan(pi * a * x / 2.0) / pi + 0.5;
}

static double sigmoid_slope(double x, double a)
{
    const double e = exp(-fabs(a * x));
    return a * e / ((1.0 + e) * (1.0 + e));
}
static double sigmoid_smooth(double x, double a)
{
    return 1.0 / (1.0 + exp(-a * x));
}

static double fast_sigmoid_slope(double x, double a)
{
    const double q = a * fabs(x) + 1.0;
    return 1.0 / (q * q);
}
static double fast_sigmoid_smooth(double x, double a)
{
    return x / (1.0 + a * fabs(x));
}

static double triangle_slope(double x, double a)
{
    return fmax(0.0, a - a * a * fabs(x));
}
static double triangle_smooth(double x, double a)
{
    const double t = fmin(1.0, a * fabs(x)), half = t - t * t / 2.0;
    return x < 0.0 ? 0.5 - half : 0.5 + half;
}

static double rectangle_slope(double x, double a)
{
    return fabs(x) < 0.5 / a ? a : 0.0;
}
static double rectangle_smooth(double x, double a)
{
    return fmin(1.0, fmax(0.0, a * x + 0.5));
}

static double gaussian_slope(double x, double a)
{
    return a / sqrt(pi) * exp(-a * a * x * x);
}
static double gaussian_smooth(double x, double a)
{
    return 0.5 * erfc(-a * x);
}

static double exponential_slope(double x, double a)
{
    return a / 2.0 * exp(-a * fabs(x));
}
static double exponential_smooth(double x, double a)
{
    const double half = 0.5 * exp(-a * fabs(x));
    return x < 0.0 ? half : 1.0 - half;
}

static const double leak = 0.01;
static double leaky_rectangle_slope(double x, double a)
{
    return fabs(x) < 0.5 / a ? a : leak;
}
static double leaky_rectangle_smooth(double x, double a)
{
    const double inside = fmin(fabs(x), 0.5 / a);
    return 0.5 + copysign(a * inside + leak * (fabs(x) - inside), x);
}

static double circle_slope(double x, double a)
{
    const double q = 1.0 + a * a * x * x;
    return 1.0 / (q * sqrt(q));
}
static double circle_smooth(double x, double a)
{
    return x / sqrt(1.0 + a * a * x * x);
}

/* sigma = 1/a, h = 0.15, s = 6, gamma = 0.5 */
static double multi_gaussian_slope(double x, double a)
{
    const double t = a * x, left = (t - 1.0) / 6.0, right = (t + 1.0) / 6.0;
    return a / 2.0 / sqrt(2.0 * pi) *
           (1.15 * exp(-t * t / 2.0) -
            0.15 / 6.0 * (exp(-left * left / 2.0) + exp(-right * right / 2.0)));
}
static double multi_gaussian_smooth(double x, double a)
{
    const double t = a * x, q = sqrt(0.5);
    return 0.25 * (1.15 * erfc(-q * t) -
                   0.15 * (erfc(-q * (t - 1.0) / 6.0) + erfc(-q * (t + 1.0) / 6.0)));
}

/* clang-format off */
static const NeuronSurrogate rows[] = {
    [SIM_SURROGATE_ATAN]         = {"atan", "(a/2) / (1 + (pi a x / 2)^2)", 2.0, false, SIM_SURROGATE_ATAN, atan_slope, atan_smooth},
    [SIM_SURROGATE_SIGMOID]      = {"sigmoid", "a s(ax) (1 - s(ax))", 4.0, false, SIM_SURROGATE_SIGMOID, sigmoid_slope, sigmoid_smooth},
    [SIM_SURROGATE_FAST_SIGMOID] = {"fast_sigmoid", "1 / (a |x| + 1)^2", 25.0, false, SIM_SURROGATE_FAST_SIGMOID, fast_sigmoid_slope, fast_sigmoid_smooth},
    [SIM_SURROGATE_TRIANGLE]     = {"triangle", "max(0, a - a^2 |x|)", 1.0, true, SIM_SURROGATE_TRIANGLE, triangle_slope, triangle_smooth},
    [SIM_SURROGATE_RECTANGLE]    = {"rectangle", "a where |x| < 1 / (2a)", 1.0, true, SIM_SURROGATE_RECTANGLE, rectangle_slope, rectangle_smooth},
    [SIM_SURROGATE_GAUSSIAN]     = {"gaussian", "a / sqrt(pi) exp(-a^2 x^2)", 2.0, false, SIM_SURROGATE_GAUSSIAN, gaussian_slope, gaussian_smooth},
    [SIM_SURROGATE_EXPONENTIAL]  = {"exponential", "(a/2) exp(-a |x|)", 1.0, false, SIM_SURROGATE_EXPONENTIAL, exponential_slope, exponential_smooth},
    [SIM_SURROGATE_LEAKY_RECTANGLE] = {"leaky_rectangle", "a where |x| < 1 / (2a), else 0.01", 0.5, false, SIM_SURROGATE_LEAKY_RECTANGLE, leaky_rectangle_slope, leaky_rectangle_smooth},
    [SIM_SURROGATE_CIRCLE]       = {"circle", "(1 + a^2 x^2)^(-3/2)", 1.0, false, SIM_SURROGATE_CIRCLE, circle_slope, circle_smooth},
    [SIM_SURROGATE_MULTI_GAUSSIAN] = {"multi_gaussian", "a/2 (1.15 N(ax) - 0.025 (N((ax-1)/6) + N((ax+1)/6)))", 2.0, false, SIM_SURROGATE_MULTI_GAUSSIAN, multi_gaussian_slope, multi_gaussian_smooth},
};
/* clang-format on */

const NeuronSurrogate *const neuron_surrogates[] = {
    &rows[0], &rows[1], &rows[2], &rows[3], &rows[4], &rows[5],
    &rows[6], &rows[7], &rows[8], &rows[9], NULL};
