/* Kernels of capsules: every level gives the bits of the reference and writes nothing
 * past the end; the reference is the formula. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "sim/kernels.h"
#include "tests/support.h"

enum { N = SIM_CAPSULE_IMAGES, GROUPS = 2, IMAGES = N + 5 };
enum { MAX_J = 11, MAX_D = 13, MAX_P = 20, GUARD = 16 };

typedef struct Case {
    unsigned cpu;
    size_t j, d, p;
} Case;

#define SIZES(cpu)                                                                       \
    {cpu, 1, 1, 1}, {cpu, 3, 4, 8}, {cpu, 5, 8, 8}, {cpu, 10, 8, 16}, {cpu, 6, 4, 4},    \
    {                                                                                    \
        cpu, 11, 13, 20                                                                  \
    }
static Case cases[] = {SIZES(SIM_CPU_AVX2), SIZES(SIM_CPU_AVX2 | SIM_CPU_AVX512)};

typedef struct Data {
    float w[MAX_J * MAX_D * MAX_P], u[IMAGES * MAX_D + GUARD], v[2][MAX_J * MAX_P * N];
    float rows[IMAGES * MAX_J * MAX_P];
    float a[2][GROUPS * MAX_J * N], scale[MAX_J * N];
    /* Results, each with a guard behind it. */
    float dots[2][MAX_J * N + GUARD], squares[MAX_J * N + GUARD];
    float distance[MAX_J * N + GUARD], s[MAX_J * MAX_P * N + GUARD];
    float soft[MAX_J * N + GUARD], du[2][MAX_D * N + GUARD];
    float dw[MAX_J * MAX_D * MAX_P + GUARD];
} Data;

static void run_all(const SimKernels *kernels, const Case *c, Data *d)
{
    const SimCapsules capsules = {c->j, c->d, c->p};
    test_fill((float *)d, sizeof *d / sizeof(float), 1);
    const float *const x[] = {d->v[0], d->v[1]}, *const a[] = {d->a[0], d->a[1]};
    float *const dots[] = {d->dots[0], d->dots[1]};
    kernels->capsules_agree(&capsules, d->w, d->u, 2, x, dots, d->squares);
    kernels->capsules_distance(&capsules, d->w, d->u, d->scale, d->v[0], d->distance);
    kernels->capsules_gather(&capsules, d->w, d->u, d->a[0], d->s);
    kernels->capsules_softmax(c->j, d->soft);
    kernels->capsules_input(&capsules, d->w, d->u, 2, a, x, d->scale, d->du[0]);
    kernels->capsules_input(&capsules, d->w, d->u, 1, a, x, NULL, d->du[1]);
    const SimCapsuleTerm terms[] = {{d->a[0], d->rows, c->j * c->p, c->p},
                                    {d->a[1], d->rows, c->p, 0}};
    kernels->capsules_weights(&capsules, IMAGES, 2, terms, d->u, c->d, d->dw);
}

ParameterizedTestParameters(capsules, levels)
{
    return cr_make_param_array(Case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(const Case *c, capsules, levels)
{
    test_need_cpu(c->cpu);
    static Data reference, other;
    SimKernels ref, simd;
    sim_kernels_init(&ref, 0);
    sim_kernels_init(&simd, c->cpu);
    run_all(&ref, c, &reference);
    run_all(&simd, c, &other);
#define SAME(field)                                                                      \
    cr_expect_arr_eq(reference.field, other.field, sizeof other.field, #field)
    SAME(dots);
    SAME(squares);
    SAME(distance);
    SAME(s);
    SAME(soft);
    SAME(du);
    SAME(dw);
#undef SAME
}

/* Image n of group 0, output j, in double. */
static double vote(const Case *c, const Data *d, size_t n, size_t j, size_t p)
{
    double sum = 0.0;
    for (size_t k = 0; k < c->d; k++)
        sum += (double)d->w[(j * c->d + k) * c->p + p] * (double)d->u[k * N + n];
    return sum;
}

Test(capsules, formulas)
{
    static Data before, d;
    const Case c = {0, 5, 7, 6};
    SimKernels ref;
    sim_kernels_init(&ref, 0);
    test_fill((float *)&before, sizeof before / sizeof(float), 1);
    run_all(&ref, &c, &d);
    for (size_t n = 0; n < N; n++) {
        double most = -1e9, total = 0.0;
        for (size_t j = 0; j < c.j; j++)
            most = fmax(most, (double)before.soft[j * N + n]);
        for (size_t j = 0; j < c.j; j++)
            total += exp((double)before.soft[j * N + n] - most);
        for (size_t j = 0; j < c.j; j++) {
            const size_t at = j * N + n;
            double dot = 0.0, square = 0.0, off = 0.0;
            for (size_t p = 0; p < c.p; p++) {
                const size_t pose = (j * c.p + p) * N + n;
                const double h = vote(&c, &d, n, j, p), v = (double)d.v[0][pose];
                dot += h * v;
                square += h * h;
                off += pow(v - (double)d.scale[at] * h, 2.0);
                cr_expect_float_eq((double)d.s[pose],
                                   (double)before.s[pose] + (double)d.a[0][at] * h, 1e-5);
            }
            cr_expect_float_eq((double)d.dots[0][at], dot, 1e-5);
            cr_expect_float_eq((double)d.squares[at], square, 1e-5);
            cr_expect_float_eq((double)d.distance[at], sqrt(off), 1e-5);
            cr_expect_float_eq((double)d.soft[at],
                               exp((double)before.soft[at] - most) / total, 1e-6);
        }
        for (size_t k = 0; k < c.d; k++) {
            double du = (double)before.du[0][k * N + n];
            for (size_t j = 0; j < c.j; j++)
                for (size_t p = 0; p < c.p; p++) {
                    const size_t at = j * N + n, pose = (j * c.p + p) * N + n;
                    du += (double)d.w[(j * c.d + k) * c.p + p] *
                          ((double)d.scale[at] * vote(&c, &d, n, j, p) +
                           (double)d.a[0][at] * (double)d.v[0][pose] +
                           (double)d.a[1][at] * (double)d.v[1][pose]);
                }
            cr_expect_float_eq((double)d.du[0][k * N + n], du, 2e-5);
        }
    }
    for (size_t j = 0; j < c.j; j++)
        for (size_t k = 0; k < c.d; k++)
            for (size_t p = 0; p < c.p; p++) {
                const size_t at = (j * c.d + k) * c.p + p;
                double dw = (double)before.dw[at];
                for (size_t i = 0; i < IMAGES; i++) {
                    const size_t a = (i / N * c.j + j) * N + i % N;
                    dw += (double)d.u[i * c.d + k] *
                          ((double)d.a[0][a] * (double)d.rows[(i * c.j + j) * c.p + p] +
                           (double)d.a[1][a] * (double)d.rows[i * c.p + p]);
                }
                cr_expect_float_eq((double)d.dw[at], dw, 2e-5);
            }
}
