/* sim/elementary.h against the C library in double precision. */
#include <criterion/criterion.h>
#include <math.h>

#include "sim/elementary.h"

typedef struct Case {
    const char *name;
    float (*ours)(float);
    double (*theirs)(double);
    double low, high;
    double relative, absolute; /* |difference| <= relative |value| + absolute */
} Case;

static double logistic(double x)
{
    return 1.0 / (1.0 + exp(-x));
}
static float sine(float x)
{
    float s, c;
    sim_sincos(x, &s, &c);
    return s;
}
static float cosine(float x)
{
    float s, c;
    sim_sincos(x, &s, &c);
    return c;
}

Test(elementary, close_to_the_c_library)
{
    static const Case cases[] = {
        {"exp", sim_exp, exp, -86.9, 88.7, 3e-7, 0.0},
        {"expm1", sim_expm1, expm1, -100.0, 88.7, 4e-7, 0.0},
        {"expm1 near 0", sim_expm1, expm1, -0.1, 0.1, 3e-7, 0.0},
        {"log", sim_log, log, 1e-30, 1e3, 3e-7, 3e-7},
        {"log1p", sim_log1p, log1p, -0.99, 10.0, 4e-7, 0.0},
        {"sigmoid", sim_sigmoid, logistic, -86.0, 100.0, 4e-7, 0.0},
        {"tanh", sim_tanh, tanh, -20.0, 20.0, 4e-7, 0.0},
        {"tanh near 0", sim_tanh, tanh, -0.01, 0.01, 4e-7, 0.0},
        {"erfc", sim_erfc, erfc, -5.0, 9.0, 1e-6, 0.0},
        {"sin", sine, sin, -400.0, 400.0, 2e-7, 3e-7},
        {"cos", cosine, cos, -400.0, 400.0, 2e-7, 3e-7},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const Case *c = &cases[k];
        enum { N = 20011 };
        for (int i = 0; i < N; i++) {
            const float x = (float)(c->low + (c->high - c->low) * i / (N - 1));
            const double want = c->theirs((double)x), came = (double)c->ours(x);
            cr_expect(fabs(came - want) <= c->relative * fabs(want) + c->absolute,
                      "%s(%.9g): wanted %.9g, got %.9g", c->name, (double)x, want, came);
        }
    }
}

Test(elementary, ends)
{
    cr_expect_eq(sim_exp(-200.0f), 0.0f);
    cr_expect_eq(sim_exp(200.0f), INFINITY);
    cr_expect_eq(sim_exp(-INFINITY), 0.0f);
    cr_expect_eq(sim_exp(INFINITY), INFINITY);
    cr_expect_eq(sim_expm1(-INFINITY), -1.0f);
    cr_expect_eq(sim_expm1(0.0f), 0.0f);
    cr_expect_eq(sim_log(INFINITY), INFINITY);
    cr_expect_eq(sim_log1p(0.0f), 0.0f);
    cr_expect_eq(sim_sigmoid(-INFINITY), 0.0f);
    cr_expect_eq(sim_sigmoid(INFINITY), 1.0f);
    cr_expect_eq(sim_tanh(-INFINITY), -1.0f);
    cr_expect_eq(sim_erfc(INFINITY), 0.0f);
    float s, c;
    sim_sincos(0.0f, &s, &c);
    cr_expect(s == 0.0f && c == 1.0f);
    float (*const functions[])(float) = {sim_exp,     sim_expm1, sim_log, sim_log1p,
                                         sim_sigmoid, sim_tanh,  sim_erfc};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        cr_expect(isnan(functions[i](NAN)), "function %zu hides a NaN", i);
}
