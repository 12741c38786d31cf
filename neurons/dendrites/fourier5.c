/* neurons/dendrites/fourier5.c: Fourier series of five terms. */
#include "neurons/pointwise_internal.h"

enum { A, W, A1, B1, A2, B2, A3, B3, A4, B4, A5, B5 };
NEURON_PARAM_TABLE({"A", 0.5, -100.0, 100.0, true, "mean"},
                   {"w", 1.0, -100.0, 100.0, true, "frequency"},
                   {"a1", 0.0, -100.0, 100.0, true, "cosine 1"},
                   {"b1", 1.0, -100.0, 100.0, true, "sine 1"},
                   {"a2", 0.0, -100.0, 100.0, true, "cosine 2"},
                   {"b2", 0.0, -100.0, 100.0, true, "sine 2"},
                   {"a3", 0.0, -100.0, 100.0, true, "cosine 3"},
                   {"b3", 0.0, -100.0, 100.0, true, "sine 3"},
                   {"a4", 0.0, -100.0, 100.0, true, "cosine 4"},
                   {"b4", 0.0, -100.0, 100.0, true, "sine 4"},
                   {"a5", 0.0, -100.0, 100.0, true, "cosine 5"},
                   {"b5", 0.0, -100.0, 100.0, true, "sine 5"})

enum { MEAN, FREQUENCY, FIRST }; /* then a1, b1, a2, ... */

typedef struct Wave {
    Real c, s;
} Wave;

/* cos and sin of t, 2 t, ... by turning on. */
static inline void waves(Real t, Wave w[5])
{
    real_sincos(t, &w[0].s, &w[0].c);
    for (int n = 1; n < 5; n++) {
        w[n].c = w[n - 1].c * w[0].c - w[n - 1].s * w[0].s;
        w[n].s = w[n - 1].s * w[0].c + w[n - 1].c * w[0].s;
    }
}

static inline Real value(const Real *x, const Real *p)
{
    Wave w[5];
    waves(p[FREQUENCY] * x[0], w);
    Real f = p[MEAN];
    for (int n = 0; n < 5; n++)
        f += p[FIRST + 2 * n] * w[n].c + p[FIRST + 2 * n + 1] * w[n].s;
    return f;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    Wave w[5];
    waves(p[FREQUENCY] * x[0], w);
    Real turn = R(0.0);
    for (int n = 0; n < 5; n++) {
        d_p[FIRST + 2 * n] = w[n].c;
        d_p[FIRST + 2 * n + 1] = w[n].s;
        turn +=
            (Real)(n + 1) * (p[FIRST + 2 * n + 1] * w[n].c - p[FIRST + 2 * n] * w[n].s);
    }
    d_x[0] = p[FREQUENCY] * turn;
    d_p[FREQUENCY] = x[0] * turn;
    d_p[MEAN] = R(1.0);
}

NEURON_POINTWISE(fourier5, 1, 12, .summary = "Fourier series of five terms",
                 .formula = "A + sum of a_n cos(n w x) + b_n sin(n w x), n = 1 to 5",
                 .source = "Liao 2020, arXiv:2004.13271",
                 .certainty = "second hand; start: our choice", .params = params)
