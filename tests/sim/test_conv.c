/* Convolution against the textbook sum in double precision, and the promises of conv.h:
 * any cut of time and any number of threads gives the same bits. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/arena.h"
#include "sim/conv.h"
#include "sim/rng.h"

typedef struct Case {
    SimConvShape shape; /* without oh, ow */
    SimForm form;
    int isa; /* index: tests run in processes of their own, where pointers mean nothing */
    SimSpikePath path;
    SimPrecision precision;
    double density;
    double tolerance, tolerance_back; /* of the norm of the difference over the norm */
} Case;

enum { NT = 3 };
static const char *const isas[] = {"ref", "avx2", "avx512"};

typedef struct Data {
    SimConvShape shape;
    float *x, *y, *dy, *dx, *w, *dw, *bias, *d_bias;
    uint64_t *bits;
    SimTensor tensor, d_out; /* x in the form of the case; dy */
    size_t nx, ny, nw;
} Data;

static float noise(uint32_t stream, size_t i)
{
    return sim_rng_normal((SimRng){.seed = 5, .purpose = SIM_RNG_TEST, .stream = stream},
                          i);
}

static Data make_data(const Case *c)
{
    Data d = {.shape = c->shape};
    cr_assert_eq(sim_conv_shape(&d.shape), SIM_OK, "%s", sim_message());
    const SimConvShape s = d.shape;
    d.nx = NT * s.n * s.h * s.w * s.c;
    d.ny = NT * s.n * s.oh * s.ow * s.k;
    d.nw = s.kh * s.kw * s.c / s.groups * s.k;
    const size_t words = NT * s.n * s.h * s.w * sim_words(s.c);
    d.x = calloc(d.nx, sizeof *d.x), d.dx = calloc(d.nx, sizeof *d.x);
    d.y = calloc(d.ny, sizeof *d.y), d.dy = calloc(d.ny, sizeof *d.y);
    d.w = calloc(d.nw, sizeof *d.w), d.dw = calloc(d.nw, sizeof *d.w);
    d.bias = calloc(s.k, sizeof *d.bias), d.d_bias = calloc(s.k, sizeof *d.bias);
    d.bits = calloc(words, sizeof *d.bits);
    for (size_t i = 0; i < d.nx; i++) {
        const bool one = fabsf(noise(1, i)) < (float)c->density;
        d.x[i] = c->form == SIM_SPIKES ? (float)one : noise(2, i);
        if (one && c->form == SIM_SPIKES)
            d.bits[i / s.c * sim_words(s.c) + i % s.c / 64] |= UINT64_C(1)
                                                               << (i % s.c % 64);
    }
    for (size_t i = 0; i < d.ny; i++)
        d.dy[i] = noise(3, i);
    for (size_t i = 0; i < d.nw; i++)
        d.w[i] = noise(4, i);
    for (size_t i = 0; i < s.k; i++)
        d.bias[i] = noise(6, i);
    d.tensor = (SimTensor){.form = c->form, .shape = {NT, s.n, s.h, s.w, s.c}};
    d.tensor.data = c->form == SIM_SPIKES ? (void *)d.bits : (void *)d.x;
    d.d_out =
        (SimTensor){.form = SIM_DENSE, .shape = {NT, s.n, s.oh, s.ow, s.k}, .f32 = d.dy};
    return d;
}

static SimTensor dense_like(const Data *d, float *data)
{
    return (SimTensor){.form = SIM_DENSE, .shape = d->tensor.shape, .f32 = data};
}

static void free_data(Data *d)
{
    float *const all[] = {d->x, d->dx, d->y, d->dy, d->w, d->dw, d->bias, d->d_bias};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    free(d->bits);
}

/* Calls visit(x index, y index, w index) for every product of the convolution. */
#define FOR_EACH_PRODUCT(s, xi, yi, wi, body)                                            \
    for (size_t image = 0; image < NT * (s).n; image++)                                  \
        for (size_t oy = 0; oy < (s).oh; oy++)                                           \
            for (size_t ox = 0; ox < (s).ow; ox++)                                       \
                for (size_t k = 0; k < (s).k; k++)                                       \
                    for (size_t tap = 0; tap < (s).kh * (s).kw; tap++) {                 \
                        const size_t iy = oy * (s).stride + tap / (s).kw - (s).pad;      \
                        const size_t ix = ox * (s).stride + tap % (s).kw - (s).pad;      \
                        if (iy >= (s).h || ix >= (s).w)                                  \
                            continue;                                                    \
                        const size_t cg = (s).c / (s).groups;                            \
                        const size_t g = k / ((s).k / (s).groups);                       \
                        for (size_t ci = 0; ci < cg; ci++) {                             \
                            const size_t xi =                                            \
                                ((image * (s).h + iy) * (s).w + ix) * (s).c + g * cg +   \
                                ci;                                                      \
                            const size_t yi =                                            \
                                ((image * (s).oh + oy) * (s).ow + ox) * (s).k + k;       \
                            const size_t wi = (tap * cg + ci) * (s).k + k;               \
                            body;                                                        \
                        }                                                                \
                    }

static double distance(const double *want, const float *got, size_t n)
{
    double difference = 0.0, norm = 0.0;
    for (size_t i = 0; i < n; i++) {
        difference += (want[i] - (double)got[i]) * (want[i] - (double)got[i]);
        norm += want[i] * want[i];
    }
    return sqrt(difference / (norm > 0.0 ? norm : 1.0));
}

#define SHAPE(N, H, W, C, K, KH, S, P, G)                                                \
    {                                                                                    \
        .n = N, .h = H, .w = W, .c = C, .k = K, .kh = KH, .kw = KH, .stride = S,         \
        .pad = P, .groups = G                                                            \
    }

static struct criterion_test_params all_cases(void)
{
    static Case cases[8 * 45];
    static const struct {
        int isa;
        SimPrecision precision;
        double forward, back;
    } levels[] = {
        {0, SIM_PRECISION_F32, 2e-6, 2e-6},   {1, SIM_PRECISION_F32, 2e-6, 2e-6},
        {2, SIM_PRECISION_F32, 2e-6, 2e-6},   {0, SIM_PRECISION_FIXED, 1e-4, 2e-6},
        {1, SIM_PRECISION_FIXED, 1e-4, 2e-6}, {2, SIM_PRECISION_FIXED, 1e-4, 2e-6},
        {2, SIM_PRECISION_SPLIT, 2e-6, 1e-5}, {2, SIM_PRECISION_BF16, 4e-3, 4e-3}};
    static const SimConvShape shapes[] = {
        SHAPE(2, 6, 5, 2, 32, 3, 2, 1, 1),   SHAPE(1, 5, 5, 70, 20, 3, 1, 1, 1),
        SHAPE(2, 4, 4, 64, 128, 3, 1, 1, 1), SHAPE(2, 1, 1, 130, 10, 1, 1, 0, 1),
        SHAPE(1, 6, 6, 12, 24, 3, 1, 1, 4),  SHAPE(2, 7, 7, 32, 64, 1, 2, 0, 1),
        SHAPE(1, 8, 8, 8, 17, 5, 1, 2, 1),   SHAPE(1, 5, 5, 200, 200, 3, 1, 0, 1),
        SHAPE(1, 7, 6, 33, 40, 3, 2, 1, 1),  SHAPE(2, 9, 8, 16, 18, 5, 1, 2, 1),
        SHAPE(1, 3, 70, 20, 16, 3, 1, 1, 1), SHAPE(1, 13, 12, 16, 33, 7, 2, 3, 1),
        SHAPE(1, 11, 9, 48, 16, 3, 3, 0, 1), SHAPE(5, 6, 6, 96, 64, 3, 1, 1, 1),
        SHAPE(4, 9, 8, 64, 70, 3, 2, 1, 1),
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        for (size_t j = 0; j < sizeof shapes / sizeof *shapes; j++)
            for (int path = SIM_SPIKES_AUTO; path <= SIM_SPIKES_NEVER; path++)
                cases[n++] = (Case){
                    .shape = shapes[j],
                    .form = path == SIM_SPIKES_AUTO ? SIM_DENSE : SIM_SPIKES,
                    .isa = levels[i].isa,
                    .path = (SimSpikePath)path,
                    .precision = levels[i].precision,
                    .density = 0.2,
                    .tolerance = levels[i].forward,
                    .tolerance_back = levels[i].back,
                };
    return cr_make_param_array(Case, cases, n);
}

ParameterizedTestParameters(conv, against_double)
{
    return all_cases();
}

ParameterizedTest(Case *c, conv, against_double)
{
    SimContext context;
    if (sim_context_create(2, isas[c->isa], &context) != SIM_OK)
        cr_skip_test("%s", sim_message());
    if (sim_context_set_precision(&context, c->precision) != SIM_OK)
        cr_skip_test("%s", sim_message());
    context.spike_path = c->path;
    Data d = make_data(c);
    const SimConvShape s = d.shape;
    SimConv *conv = NULL;
    cr_assert_eq(sim_conv_create(&s, c->form, NT,
                                 SIM_CONV_FORWARD | SIM_CONV_BACKWARD_INPUT |
                                     SIM_CONV_BACKWARD_WEIGHTS,
                                 &context, &conv),
                 SIM_OK, "%s", sim_message());
    SimArena arena;
    cr_assert_eq(sim_arena_create(&arena, sim_conv_scratch_bytes(conv)), SIM_OK);

    double *y = calloc(d.ny, sizeof *y), *dx = calloc(d.nx, sizeof *dx);
    double *dw = calloc(d.nw, sizeof *dw), *db = calloc(s.k, sizeof *db);
    for (size_t i = 0; i < d.ny; i++) {
        y[i] = (double)d.bias[i % s.k];
        db[i % s.k] += (double)d.dy[i];
    }
    for (size_t i = 0; i < d.nx; i++)
        dx[i] = (double)(d.dx[i] = 0.5f);
    for (size_t i = 0; i < d.nw; i++)
        dw[i] = (double)(d.dw[i] = -0.25f);
    FOR_EACH_PRODUCT(s, xi, yi, wi, {
        y[yi] += (double)d.x[xi] * (double)d.w[wi];
        dx[xi] += (double)d.dy[yi] * (double)d.w[wi];
        dw[wi] += (double)d.x[xi] * (double)d.dy[yi];
    })

    sim_conv_forward(conv, NT, &d.tensor, d.w, d.bias, &(SimTensor){.f32 = d.y},
                     arena.base);
    cr_assert_lt(distance(y, d.y, d.ny), c->tolerance, "forward");
    const SimTensor d_in = dense_like(&d, d.dx);
    sim_conv_backward_input(conv, NT, &d.d_out, d.w, NULL, true, &d_in, arena.base);
    cr_assert_lt(distance(dx, d.dx, d.nx), c->tolerance_back, "input gradient");
    if (c->form == SIM_SPIKES) { /* the active neuron-steps only, here those that fired */
        float *sparse = malloc(d.nx * sizeof *sparse);
        cr_assert(sparse);
        for (size_t i = 0; i < d.nx; i++)
            sparse[i] = 0.5f;
        const SimTensor to = dense_like(&d, sparse);
        sim_conv_backward_input(conv, NT, &d.d_out, d.w, d.bits, true, &to, arena.base);
        for (size_t i = 0; i < d.nx; i++)
            if (d.x[i] == 0.0f)
                sparse[i] = d.dx[i];
        cr_assert_lt(distance(dx, sparse, d.nx), c->tolerance_back, "active gradient");
        free(sparse);
    }
    sim_conv_backward_weights(conv, NT, &d.tensor, &d.d_out, d.dw, d.d_bias, arena.base);
    cr_assert_lt(distance(dw, d.dw, d.nw), c->tolerance_back, "weight gradient");
    cr_assert_lt(distance(db, d.d_bias, s.k), c->tolerance, "bias gradient");

    /* Step by step, and on another number of threads: the same bits. */
    float *whole = malloc(d.ny * sizeof *whole);
    memcpy(whole, d.y, d.ny * sizeof *whole);
    context.team = sim_team_create(3);
    const size_t y_step = d.ny / NT, x_step = d.nx / NT;
    for (size_t t = 0; t < NT; t++) {
        SimTensor step = d.tensor;
        step.shape.t = 1;
        if (c->form == SIM_SPIKES)
            step.bits += t * (x_step / s.c * sim_words(s.c));
        else
            step.f32 += t * x_step;
        sim_conv_forward(conv, 1, &step, d.w, d.bias,
                         &(SimTensor){.f32 = d.y + t * y_step}, arena.base);
    }
    cr_assert_arr_eq(whole, d.y, d.ny * sizeof *whole, "another window, other bits");

    /* With weights held: the same bits, and the weights are not looked at again. */
    sim_conv_destroy(conv);
    sim_arena_destroy(&arena);
    context.team = sim_team_create(2);
    cr_assert_eq(sim_conv_create(&s, c->form, NT, SIM_CONV_FORWARD | SIM_CONV_HOLD,
                                 &context, &conv),
                 SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_arena_create(&arena, sim_conv_scratch_bytes(conv)), SIM_OK);
    sim_conv_hold(conv, d.w, 1);
    memset(d.y, 0, d.ny * sizeof *d.y);
    sim_conv_forward(conv, NT, &d.tensor, d.w, d.bias, &(SimTensor){.f32 = d.y},
                     arena.base);
    cr_assert_arr_eq(whole, d.y, d.ny * sizeof *whole, "held weights, other bits");

    free(whole), free(y), free(dx), free(dw), free(db);
    sim_arena_destroy(&arena);
    sim_conv_destroy(conv);
    free_data(&d);
}

/* Outputs, and gradients in and out, as bfloat16 beside the same numbers in f32: the
 * results differ by their rounding alone, whichever kernel takes them. */
ParameterizedTestParameters(conv, bf16)
{
    return all_cases();
}

ParameterizedTest(Case *c, conv, bf16)
{
    SimContext context;
    if (sim_context_create(2, isas[c->isa], &context) != SIM_OK)
        cr_skip_test("%s", sim_message());
    if (sim_context_set_precision(&context, c->precision) != SIM_OK)
        cr_skip_test("%s", sim_message());
    context.spike_path = c->path;
    Data d = make_data(c);
    const SimConvShape s = d.shape;
    SimConv *conv = NULL;
    cr_assert_eq(sim_conv_create(&s, c->form, NT,
                                 SIM_CONV_FORWARD | SIM_CONV_BACKWARD_INPUT |
                                     SIM_CONV_BACKWARD_WEIGHTS | SIM_CONV_BF16,
                                 &context, &conv),
                 SIM_OK, "%s", sim_message());
    SimArena arena;
    cr_assert_eq(sim_arena_create(&arena, sim_conv_scratch_bytes(conv)), SIM_OK);
    SimTensor narrow = d.d_out, d_in = dense_like(&d, d.dx), d_in_narrow = d_in;
    narrow.form = d_in_narrow.form = SIM_BF16;
    for (size_t i = 0; i < d.ny; i++) /* the same in every form */
        d.dy[i] = sim_bf16_value(sim_bf16_of(d.dy[i]));
    narrow.bf16 = calloc(d.ny, sizeof *narrow.bf16);
    d_in_narrow.bf16 = calloc(d.nx + 1, sizeof *d_in_narrow.bf16);
    cr_assert(narrow.bf16 && d_in_narrow.bf16);
    sim_conv_forward(conv, NT, &d.tensor, d.w, d.bias, &(SimTensor){.f32 = d.y},
                     arena.base);
    memset(arena.base, 0xff, arena.size);
    sim_conv_forward(conv, NT, &d.tensor, d.w, d.bias, &narrow, arena.base);
    for (size_t i = 0; i < d.ny; i++) {
        cr_assert_eq(narrow.bf16[i], sim_bf16_of(d.y[i]), "output %zu: %g, not %g", i,
                     (double)sim_bf16_value(narrow.bf16[i]), (double)d.y[i]);
        narrow.bf16[i] = sim_bf16_of(d.dy[i]);
    }

    for (int accumulate = 0; accumulate < 2; accumulate++)
        for (int sparse = 0; sparse < (c->form == SIM_SPIKES ? 2 : 1); sparse++)
            for (int from = 0; from < 2; from++) {
                const uint64_t *const active = sparse ? d.bits : NULL;
                for (size_t i = 0; i < d.nx; i++) {
                    d.dx[i] = 0.5f;
                    d_in_narrow.bf16[i] = sim_bf16_of(0.5f);
                }
                d_in_narrow.bf16[d.nx] = 0x1234;
                sim_conv_backward_input(conv, NT, &d.d_out, d.w, active, accumulate,
                                        &d_in, arena.base);
                memset(arena.base, 0xff, arena.size);
                sim_conv_backward_input(conv, NT, from ? &narrow : &d.d_out, d.w, active,
                                        accumulate, &d_in_narrow, arena.base);
                for (size_t i = 0; i < d.nx; i++)
                    cr_assert_lt(fabsf(sim_bf16_value(d_in_narrow.bf16[i]) - d.dx[i]),
                                 0.0045f * fabsf(d.dx[i]) + 2e-5f, "%zu: %g, not %g", i,
                                 (double)sim_bf16_value(d_in_narrow.bf16[i]),
                                 (double)d.dx[i]);
                cr_assert_eq(d_in_narrow.bf16[d.nx], 0x1234, "written past the end");
            }

    float *const dw = calloc(d.nw, sizeof *dw), *const db = calloc(s.k, sizeof *db);
    cr_assert(dw && db);
    sim_conv_backward_weights(conv, NT, &d.tensor, &d.d_out, d.dw, d.d_bias, arena.base);
    memset(arena.base, 0xff, arena.size);
    sim_conv_backward_weights(conv, NT, &d.tensor, &narrow, dw, db, arena.base);
    for (size_t i = 0; i < d.nw; i++)
        cr_assert_float_eq(dw[i], d.dw[i], 2e-5f * (1.0f + fabsf(d.dw[i])));
    cr_assert_arr_eq(db, d.d_bias, s.k * sizeof *db);
    free(dw), free(db), free(narrow.bf16), free(d_in_narrow.bf16);
    sim_arena_destroy(&arena);
    sim_conv_destroy(conv);
    free_data(&d);
}

typedef struct Results {
    float *y, *dx, *dw, *d_bias;
} Results;

static Results run_all(const Data *d, const SimContext *context)
{
    const SimConvShape s = d->shape;
    Results r = {calloc(d->ny, 4), calloc(d->nx, 4), calloc(d->nw, 4), calloc(s.k, 4)};
    SimConv *conv = NULL;
    SimArena arena;
    cr_assert(r.y && r.dx && r.dw && r.d_bias);
    cr_assert_eq(sim_conv_create(&s, d->tensor.form, NT,
                                 SIM_CONV_FORWARD | SIM_CONV_BACKWARD_INPUT |
                                     SIM_CONV_BACKWARD_WEIGHTS,
                                 context, &conv),
                 SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_arena_create(&arena, sim_conv_scratch_bytes(conv)), SIM_OK);
    memset(arena.base, 0xff, arena.size); /* scratch comes as others left it */
    sim_conv_forward(conv, NT, &d->tensor, d->w, d->bias, &(SimTensor){.f32 = r.y},
                     arena.base);
    memset(arena.base, 0xff, arena.size);
    const SimTensor d_in = dense_like(d, r.dx);
    sim_conv_backward_input(conv, NT, &d->d_out, d->w, d->bits, false, &d_in, arena.base);
    memset(arena.base, 0xff, arena.size);
    sim_conv_backward_weights(conv, NT, &d->tensor, &d->d_out, r.dw, r.d_bias,
                              arena.base);
    sim_arena_destroy(&arena);
    sim_conv_destroy(conv);
    return r;
}

/* Spike kernels: the same bits on every level and any team, and a whole sequence of many
 * images (several batches of lists) as well as a few. */
Test(conv, spike_path_is_the_same_everywhere)
{
    static const SimConvShape shapes[] = {
        SHAPE(2, 6, 6, 100, 90, 3, 1, 1, 1),
        SHAPE(3, 9, 8, 24, 48, 3, 2, 1, 2),
        SHAPE(1, 70, 70, 16, 40, 3, 1, 1, 1),
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        Case c = {.shape = shapes[i], .form = SIM_SPIKES, .density = 0.2};
        Data d = make_data(&c);
        Results first = {0};
        for (size_t isa = 0; isa < 3; isa++)
            for (int threads = 1; threads <= 3; threads++) {
                SimContext context;
                if (sim_context_create(threads, isas[isa], &context) != SIM_OK)
                    continue;
                context.spike_path = SIM_SPIKES_ALWAYS;
                Results r = run_all(&d, &context);
                if (!first.y) {
                    first = r;
                    continue;
                }
                cr_assert_arr_eq(first.y, r.y, d.ny * 4, "%s, %d threads: forward",
                                 isas[isa], threads);
                cr_assert_arr_eq(first.dx, r.dx, d.nx * 4, "%s, %d threads: input",
                                 isas[isa], threads);
                cr_assert_arr_eq(first.dw, r.dw, d.nw * 4, "%s, %d threads: weights",
                                 isas[isa], threads);
                cr_assert_arr_eq(first.d_bias, r.d_bias, d.shape.k * 4);
                free(r.y), free(r.dx), free(r.dw), free(r.d_bias);
            }
        free(first.y), free(first.dx), free(first.dw), free(first.d_bias);
        free_data(&d);
    }
}

/* The dense gradient of the weights: one sum over pixels in order, whoever computes it,
 * but for tile units. */
Test(conv, dense_weight_gradient_is_the_same_everywhere)
{
    static const SimConvShape shapes[] = {
        SHAPE(2, 6, 7, 21, 50, 3, 1, 1, 1),
        SHAPE(3, 9, 8, 24, 48, 3, 2, 1, 2),
        SHAPE(2, 40, 40, 16, 32, 5, 1, 2, 1),
        SHAPE(3, 1, 1, 70, 10, 1, 1, 0, 1),
    };
    for (size_t i = 0; i < 2 * (sizeof shapes / sizeof *shapes); i++) {
        Case c = {.shape = shapes[i / 2],
                  .form = i % 2 ? SIM_SPIKES : SIM_DENSE,
                  .density = 0.6};
        Data d = make_data(&c);
        Results first = {0};
        for (size_t isa = 0; isa < 3; isa++)
            for (int threads = 1; threads <= 3; threads++) {
                SimContext context;
                if (sim_context_create(threads, isas[isa], &context) != SIM_OK)
                    continue;
                context.cpu &= ~(unsigned)SIM_CPU_AMX;
                context.spike_path = SIM_SPIKES_NEVER;
                context.precision = SIM_PRECISION_F32;
                Results r = run_all(&d, &context);
                if (first.y)
                    cr_assert_arr_eq(first.dw, r.dw, d.nw * 4, "%s, %d threads",
                                     isas[isa], threads);
                else
                    first = (Results){calloc(1, 1), NULL, r.dw, NULL};
                if (first.dw != r.dw)
                    free(r.dw);
                free(r.y), free(r.dx), free(r.d_bias);
            }
        free(first.y), free(first.dw);
        free_data(&d);
    }
}

static void expect_near(const float *want, const float *got, size_t n, double tolerance,
                        const char *what)
{
    double *const wide = calloc(n, sizeof *wide);
    cr_assert(wide);
    for (size_t i = 0; i < n; i++)
        wide[i] = (double)want[i];
    cr_assert_lt(distance(wide, got, n), tolerance, "%s", what);
    free(wide);
}

/* Tile units, where several stacks, turns of rows, parts of the sum and cuts of channels
 * come together: near the f32 kernels, and the same bits for any number of threads. */
Test(conv, tiles_are_the_same_for_any_team)
{
    static const SimConvShape shapes[] = {
        SHAPE(1, 40, 41, 64, 48, 3, 1, 1, 1),   SHAPE(30, 7, 6, 40, 70, 3, 1, 1, 1),
        SHAPE(12, 12, 12, 130, 33, 3, 2, 1, 1), SHAPE(2, 5, 6, 256, 256, 3, 1, 1, 1),
        SHAPE(11, 16, 15, 48, 64, 1, 2, 0, 1),  SHAPE(3, 20, 20, 33, 32, 7, 2, 3, 1),
        SHAPE(5, 20, 21, 2, 70, 3, 1, 1, 1),    SHAPE(3, 17, 18, 3, 40, 5, 2, 2, 1),
        SHAPE(1, 9, 10, 8, 32, 3, 2, 1, 1),     SHAPE(33, 6, 5, 1, 16, 7, 1, 3, 1),
        SHAPE(3, 17, 30, 32, 40, 3, 1, 1, 1),   SHAPE(1, 9, 64, 128, 33, 3, 2, 1, 1),
    };
    static const struct {
        SimPrecision precision;
        double tolerance;
    } levels[] = {{SIM_PRECISION_BF16, 4e-3},
                  {SIM_PRECISION_SPLIT, 1e-5},
                  {SIM_PRECISION_F32, 2e-6}};
    SimContext context;
    if (sim_context_create(2, NULL, &context) != SIM_OK ||
        sim_context_set_precision(&context, SIM_PRECISION_BF16) != SIM_OK)
        cr_skip_test("%s", sim_message());
    for (size_t i = 0; i < 2 * (sizeof shapes / sizeof *shapes); i++) {
        Case c = {.shape = shapes[i / 2],
                  .form = i % 2 ? SIM_SPIKES : SIM_DENSE,
                  .density = 0.3};
        Data d = make_data(&c);
        cr_assert_eq(sim_context_create(2, NULL, &context), SIM_OK);
        context.cpu &= ~(unsigned)SIM_CPU_AMX;
        context.spike_path = SIM_SPIKES_NEVER;
        context.precision = SIM_PRECISION_F32;
        const Results plain = run_all(&d, &context);
        for (size_t p = 0; p < sizeof levels / sizeof *levels; p++) {
            const double tolerance = levels[p].tolerance;
            Results first = {0};
            for (int threads = 1; threads <= 3; threads++) {
                cr_assert_eq(sim_context_create(threads, NULL, &context), SIM_OK);
                context.spike_path = SIM_SPIKES_NEVER;
                context.precision = levels[p].precision;
                const Results r = run_all(&d, &context);
                if (threads == 1) {
                    first = r;
                    expect_near(plain.y, r.y, d.ny, tolerance, "forward");
                    expect_near(plain.dx, r.dx, d.nx, tolerance, "input gradient");
                    expect_near(plain.dw, r.dw, d.nw, tolerance, "weight gradient");
                    continue;
                }
                cr_assert_arr_eq(first.y, r.y, d.ny * 4, "%zu: forward", i);
                if (d.shape.c >= 16) /* else the dense library's */
                    cr_assert_arr_eq(first.dx, r.dx, d.nx * 4, "%zu: input", i);
                cr_assert_arr_eq(first.dw, r.dw, d.nw * 4, "%zu: weights", i);
                free(r.y), free(r.dx), free(r.dw), free(r.d_bias);
            }
            free(first.y), free(first.dx), free(first.dw), free(first.d_bias);
        }
        free(plain.y), free(plain.dx), free(plain.dw), free(plain.d_bias);
        free_data(&d);
    }
}

/* Forward, planned, run and done with. */
static void run_forward(const Data *d, const SimContext *context, bool is_whole, float *y)
{
    SimConvShape s = d->shape;
    SimConv *conv = NULL;
    SimArena arena;
    cr_assert_eq(sim_conv_create(&s, d->tensor.form, NT,
                                 SIM_CONV_FORWARD | (is_whole ? SIM_CONV_WHOLE : 0),
                                 context, &conv),
                 SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_arena_create(&arena, sim_conv_scratch_bytes(conv)), SIM_OK);
    sim_conv_forward(conv, NT, &d->tensor, d->w, d->bias, &(SimTensor){.f32 = y},
                     arena.base);
    sim_arena_destroy(&arena);
    sim_conv_destroy(conv);
}

/* Spikes and small whole numbers meet exact sums on tile units, at any precision that has
 * all digits of the weights: not further from the textbook than f32 products are. */
Test(conv, whole_numbers_are_exact)
{
    static const SimPrecision precisions[] = {SIM_PRECISION_F32, SIM_PRECISION_SPLIT};
    static const SimConvShape shapes[] = {
        SHAPE(4, 8, 5, 40, 24, 3, 1, 1, 1),   SHAPE(4, 8, 8, 21, 16, 3, 1, 1, 1),
        SHAPE(4, 9, 8, 130, 33, 3, 2, 1, 1),  SHAPE(4, 12, 12, 64, 32, 1, 2, 0, 1),
        SHAPE(2, 16, 16, 16, 20, 4, 3, 2, 1), SHAPE(4, 6, 6, 256, 32, 3, 1, 1, 1),
        SHAPE(2, 9, 32, 32, 32, 3, 1, 1, 1),  SHAPE(1, 11, 62, 48, 18, 5, 2, 2, 1)};
    for (size_t i = 0; i < 4 * (sizeof shapes / sizeof *shapes); i++) {
        const bool is_whole = i & 1;
        SimContext context, plain;
        cr_assert_eq(sim_context_create(2, NULL, &context), SIM_OK, "%s", sim_message());
        plain = context;
        plain.cpu &= ~(unsigned)SIM_CPU_AMX;
        if (sim_context_set_precision(&context, precisions[i / 2 % 2]) != SIM_OK)
            cr_skip_test("%s", sim_message());
        plain.spike_path = context.spike_path = SIM_SPIKES_NEVER;
        const Case c = {.shape = shapes[i / 4],
                        .form = is_whole ? SIM_DENSE : SIM_SPIKES,
                        .density = 0.3};
        Data d = make_data(&c);
        const SimConvShape s = d.shape;
        if (is_whole)
            for (size_t x = 0; x < d.nx; x++)
                d.x[x] = (float)(x * x % (SIM_CONV_MOST_WHOLE + 1));
        double *const want = calloc(d.ny, sizeof *want);
        float *const y = calloc(d.ny, sizeof *y);
        cr_assert(want && y);
        for (size_t n = 0; n < d.ny; n++)
            want[n] = (double)d.bias[n % s.k];
        FOR_EACH_PRODUCT(s, xi, yi, wi, want[yi] += (double)d.x[xi] * (double)d.w[wi];)
        run_forward(&d, &plain, is_whole, d.y);
        run_forward(&d, &context, is_whole, y);
        const double far = distance(want, y, d.ny), far_f32 = distance(want, d.y, d.ny);
        cr_expect_lt(far, 2e-7, "case %zu: %g", i, far);
        if (s.kh * s.kw * s.c >= 1000)
            cr_expect_lt(far, far_f32, "case %zu: %g, f32 %g", i, far, far_f32);
        free(want), free(y);
        free_data(&d);
    }
}

/* Weights that no number of digits holds: a channel by itself. */
Test(conv, digits_of_weights_that_are_not_finite_or_tiny)
{
    const Case c = {
        .shape = SHAPE(4, 6, 6, 64, 20, 3, 1, 1, 1), .form = SIM_SPIKES, .density = 0.3};
    SimContext context;
    cr_assert_eq(sim_context_create(2, NULL, &context), SIM_OK, "%s", sim_message());
    if (!(context.cpu & SIM_CPU_AMX))
        cr_skip_test("no tile units");
    context.spike_path = SIM_SPIKES_NEVER;
    Data d = make_data(&c);
    const size_t k_all = d.shape.k;
    float *const before = calloc(d.ny, sizeof *before);
    cr_assert(before);
    for (size_t i = 0; i < d.nw; i++)
        if (i % k_all == 5)
            d.w[i] = 1e-36f;
        else if (i % k_all == 6)
            d.w[i] = 0.0f;
    run_forward(&d, &context, false, before);
    d.w[7 * k_all + 2] = NAN;
    d.w[300 * k_all + 17] = -INFINITY;
    run_forward(&d, &context, false, d.y);
    for (size_t i = 0; i < d.ny; i++) {
        const size_t k = i % k_all;
        if (k == 2 || k == 17)
            cr_assert(isnan(d.y[i]), "channel %zu: %g", k, (double)d.y[i]);
        else
            cr_assert_eq(d.y[i], before[i], "channel %zu", k);
        if (k == 5 || k == 6)
            cr_assert_eq(d.y[i], d.bias[k], "channel %zu: %g", k, (double)d.y[i]);
    }
    free(before);
    free_data(&d);
}

/* Automatic: forward follows sim_conv_choose and the break-even, never the data. */
Test(conv, choice_is_made_from_outside)
{
    SimContext context;
    cr_assert_eq(sim_context_create(1, NULL, &context), SIM_OK, "%s", sim_message());
    SimConvShape s = SHAPE(1, 6, 6, 64, 32, 3, 1, 1, 1);
    cr_assert_eq(sim_conv_shape(&s), SIM_OK);
    static const bool wanted[3][2] = {[SIM_SPIKES_AUTO] = {true, false},
                                      [SIM_SPIKES_ALWAYS] = {true, true},
                                      [SIM_SPIKES_NEVER] = {false, false}};
    for (int path = 0; path < 3; path++) {
        SimConv *conv = NULL;
        context.spike_path = (SimSpikePath)path;
        cr_assert_eq(
            sim_conv_create(&s, SIM_SPIKES, 2, SIM_CONV_FORWARD, &context, &conv), SIM_OK,
            "%s", sim_message());
        cr_expect_eq(sim_conv_uses_spikes(conv), wanted[path][0]);
        sim_conv_choose(conv, 0.9);
        cr_expect_eq(sim_conv_uses_spikes(conv), wanted[path][1]);
        sim_conv_choose(conv, 0.001);
        cr_expect_eq(sim_conv_uses_spikes(conv), wanted[path][0]);
        sim_conv_destroy(conv);
    }
}

Test(conv, sizes_that_do_not_fit_are_told)
{
    SimConvShape s = SHAPE(1, 2, 2, 4, 4, 5, 1, 0, 1);
    cr_assert_eq(sim_conv_shape(&s), SIM_ERR_SHAPE);
    s = (SimConvShape)SHAPE(1, 8, 8, 6, 4, 3, 1, 1, 4);
    cr_assert_eq(sim_conv_shape(&s), SIM_ERR_SHAPE);
    cr_assert_not_null(strstr(sim_message(), "groups"));
}
