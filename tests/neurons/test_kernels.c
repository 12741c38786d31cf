/* Kernels of the neurons: every level gives the bits of the reference, at the threshold
 * too, and writes nothing past the end. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kernels.h"
#include "sim/tensor.h"
#include "tests/support.h"

enum { STEPS = 5, STRIDE = 4, MAX_C = 200, GUARD = 8 };
enum {
    FLOATS = STEPS * STRIDE * MAX_C + GUARD,
    WORDS = STEPS * STRIDE * ((MAX_C + 63) / 64) + GUARD
};

typedef struct Case {
    unsigned cpu;
    size_t pixels, c;
} Case;

#define SIZES(cpu)                                                                       \
    {cpu, 1, 1}, {cpu, 3, 7}, {cpu, 2, 8}, {cpu, 2, 16}, {cpu, 3, 17}, {cpu, 2, 31},     \
        {cpu, 1, 32}, {cpu, 2, 40}, {cpu, 3, 48}, {cpu, 2, 63}, {cpu, 3, 64},            \
        {cpu, 3, 65}, {cpu, 2, 100}, {cpu, 1, 128}, {cpu, 2, 130},                       \
    {                                                                                    \
        cpu, 3, 200                                                                      \
    }
static Case cases[] = {SIZES(SIM_CPU_AVX2), SIZES(SIM_CPU_AVX2 | SIM_CPU_AVX512),
                       SIZES(SIM_CPU_AVX2 | SIM_CPU_AVX512 | SIM_CPU_AMX)};

enum { N_LEVELS = 4 };
static const unsigned levels[N_LEVELS] = {0, SIM_CPU_AVX2, SIM_CPU_AVX2 | SIM_CPU_AVX512,
                                          SIM_CPU_AVX2 | SIM_CPU_AVX512 | SIM_CPU_AMX};

typedef struct Data { /* all that a kernel writes, guards included */
    float v[STRIDE * MAX_C + GUARD], b[STRIDE * MAX_C], h[FLOATS], d_x[FLOATS];
    float later[SIM_LATER][STRIDE * MAX_C + GUARD];
    uint64_t spikes[WORDS], active[WORDS];
    double d_trained[STEPS * 2 * MAX_C + GUARD];
} Data;

enum {                 /* ways to ask for a backward */
       FIRST_ONLY = 1, /* no more than must be */
       D_Y_BF16 = 2,
       D_X_BF16 = 4,
       ACCUMULATE = 8,
       IN_RUNS = 16, /* from potentials, with what comes later */
       X_BF16 = 32,
       NO_H = 64,
       AT_REST = 128,
       N_WAYS = 256
};

static float x[FLOATS], d_y[FLOATS], d_v[FLOATS], decay[MAX_C], gain[MAX_C];
static float scale[STEPS * MAX_C], shift[STEPS * MAX_C];

/* Sums of few bits, so that many potentials are exactly the threshold. */
static void fill_inputs(void)
{
    test_fill(x, FLOATS, 1);
    test_fill(d_y, FLOATS, 2);
    test_fill(d_v, FLOATS, 3);
    test_fill(decay, MAX_C, 4);
    test_fill(gain, MAX_C, 5);
    for (size_t i = 0; i < FLOATS; i++)
        x[i] = i % 3 ? rintf(x[i] * 4.0f + 2.0f) / 4.0f : 3.0f * x[i];
    for (size_t i = 0; i < MAX_C; i++) {
        decay[i] = i % 2 ? 0.5f : fabsf(decay[i]);
        gain[i] = i % 2 ? 1.0f : gain[i];
    }
    test_fill(scale, STEPS * MAX_C, 8);
    test_fill(shift, STEPS * MAX_C, 9);
    d_y[0] = -0.0f;
}

static SimNumbers f32(const float *at)
{
    return (SimNumbers){(void *)(size_t)at, false};
}

/* As they are, or rounded. */
static SimNumbers currents(unsigned ways)
{
    static uint16_t narrow[FLOATS];
    for (size_t i = 0; i < FLOATS; i++)
        narrow[i] = sim_bf16_of(x[i]);
    return ways & X_BF16 ? (SimNumbers){narrow, true} : f32(x);
}

static SimNeuronBack back_by(unsigned ways, Data *out)
{
    const bool all = !(ways & FIRST_ONLY);
    static uint16_t narrow_y[FLOATS], narrow_v[FLOATS];
    const bool narrow = ways & D_Y_BF16;
    test_fill_bf16(narrow_y, FLOATS, 2);
    test_fill_bf16(narrow_v, FLOATS, 3);
    if (ways & D_X_BF16)
        test_fill_bf16(out->d_x, FLOATS, 7);
    SimNeuronBack back = {.d_y = {narrow ? (void *)narrow_y : d_y, narrow},
                          .d_v = {!all     ? NULL
                                  : narrow ? (void *)narrow_v
                                           : d_v,
                                  narrow},
                          .d_x = {out->d_x, ways & D_X_BF16},
                          .accumulate = ways & ACCUMULATE,
                          .d_trained = all ? out->d_trained : NULL};
    for (size_t k = 0; k < SIM_LATER; k++) {
        test_fill(out->later[k], STRIDE * MAX_C, 10 + (unsigned)k);
        back.later[k] = ways & IN_RUNS ? out->later[k] : NULL;
    }
    return back;
}

static void run(const SimKernels *kernels, const SimLif *given, const Case *c,
                unsigned ways, Data *out)
{
    static float scratch[2 * 64 * STEPS + GUARD];
    const bool all = !(ways & FIRST_ONLY);
    memset(out, 0x55, sizeof *out);
    memset(scratch, 0xff, sizeof scratch); /* NaN */
    test_fill(out->v, STRIDE * MAX_C, 6);
    test_fill(out->d_x, FLOATS, 7);
    SimLif model = *given, *const lif = &model;
    lif->at_rest = ways & AT_REST;
    kernels->lif_forward(lif, STEPS, STRIDE, c->pixels, c->c, currents(ways),
                         lif->at_rest && !all ? NULL : out->v,
                         all && !(ways & NO_H) ? out->h : NULL, out->spikes,
                         all || ways & NO_H ? out->active : NULL);
    memset(out->d_trained, 0, STEPS * 2 * c->c * sizeof(double));
    const SimNeuronBack back = back_by(ways, out);
    kernels->lif_backward(lif, STEPS, STRIDE, c->pixels, c->c, currents(ways),
                          ways & IN_RUNS ? out->v : NULL, &back, scratch);
}

/* Without anything that may be left out. */
static void go_back(const SimKernels *kernels, const SimLif *lif, size_t nt,
                    size_t pixels, const float *from, const float *v,
                    const float *gradient, const float *of_v, float *to, float *later)
{
    static float scratch[2 * 64 * STEPS];
    const SimNeuronBack back = {.d_y = {(float *)(size_t)gradient, false},
                                .d_v = {(float *)(size_t)of_v, false},
                                .d_x = {to, false},
                                .later = {later}};
    kernels->lif_backward(lif, nt, STRIDE, pixels, MAX_C, f32(from), v, &back, scratch);
}

ParameterizedTestParameters(neuron_kernels, lif)
{
    return cr_make_param_array(Case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(const Case *c, neuron_kernels, lif)
{
    test_need_cpu(c->cpu);
    static Data reference, other;
    SimKernels ref, simd;
    sim_kernels_init(&ref, 0);
    sim_kernels_init(&simd, c->cpu);
    fill_inputs();
    for (unsigned i = 0; i < 3 * 2 * 2 * 2 * SIM_N_SURROGATES * 2; i++) {
        unsigned rest = i;
        SimLif lif = {.decay = decay, .gain = gain, .alpha = 1.5f, .scale = 0.7f};
        lif.reset = (SimReset)(rest % 3), rest /= 3;
        lif.next_step = rest % 2, rest /= 2;
        lif.strict = rest % 2, rest /= 2;
        lif.detach = rest % 2, rest /= 2;
        lif.surrogate = (SimSurrogate)(rest % SIM_N_SURROGATES), rest /= SIM_N_SURROGATES;
        lif.threshold = rest ? 1.0f : 0.75f;
        if (i % 3)
            lif.affine = (SimAffine){
                .scale = scale, .shift = shift, .step = i % 3 == 1 ? 0 : c->c};
        const unsigned ways = (5 * i + (unsigned)c->c) % N_WAYS;
        run(&ref, &lif, c, ways, &reference);
        run(&simd, &lif, c, ways, &other);
        cr_assert_eq(memcmp(&reference, &other, sizeof other), 0,
                     "reset %d, next %d, strict %d, detach %d, surrogate %d, ways %u",
                     lif.reset, lif.next_step, lif.strict, lif.detach, lif.surrogate,
                     ways);
    }
}

/* Currents as scale x + shift are the same as scaled and shifted before, to the bit; the
 * gradient may be written over the one that comes. */
Test(neuron_kernels, affine_and_in_place)
{
    enum { C = MAX_C, PIXELS = STRIDE - 1 };
    static Data given, made;
    static float raw[FLOATS];
    for (size_t level = 0; level < N_LEVELS; level++) {
        if ((sim_cpu_detect() & levels[level]) != levels[level])
            continue;
        SimKernels kernels;
        sim_kernels_init(&kernels, levels[level]);
        const Case shape = {levels[level], PIXELS, C};
        SimLif lif = {.decay = decay,
                      .gain = gain,
                      .threshold = 1.0f,
                      .alpha = 1.0f,
                      .scale = 1.0f};
        fill_inputs();
        memcpy(raw, x, sizeof raw);
        for (size_t t = 0; t < STEPS; t++)
            for (size_t i = 0; i < STRIDE * C; i++) {
                const float a = scale[t * C + i % C], b = shift[t * C + i % C];
                x[t * STRIDE * C + i] = a * raw[t * STRIDE * C + i] + b;
            }
        run(&kernels, &lif, &shape, 0, &made);
        memcpy(x, raw, sizeof raw);
        lif.affine = (SimAffine){.scale = scale, .shift = shift, .step = C};
        run(&kernels, &lif, &shape, 0, &given);
        cr_assert_eq(memcmp(&given, &made, sizeof given), 0, "level %zu", level);
        go_back(&kernels, &lif, STEPS, PIXELS, x, NULL, d_y, d_v, d_y, NULL);
        for (size_t t = 0; t < STEPS; t++)
            cr_assert_eq(memcmp(d_y + t * STRIDE * C, given.d_x + t * STRIDE * C,
                                PIXELS * C * sizeof *d_y),
                         0, "level %zu, in place", level);
    }
}

/* A sequence that goes backward in two runs, the second one first, each from the
 * potentials that forward had there, is the same to the bit. */
Test(neuron_kernels, in_runs)
{
    enum { C = MAX_C, PIXELS = STRIDE - 1, FIRST = STEPS / 2, STEP = STRIDE * MAX_C };
    static float whole[FLOATS], runs[FLOATS], v[STEP], later[STEP];
    fill_inputs();
    for (unsigned i = 0; i < N_LEVELS * 3 * 2 * 2; i++) {
        const unsigned level = levels[i % N_LEVELS];
        if ((sim_cpu_detect() & level) != level)
            continue;
        SimKernels kernels;
        sim_kernels_init(&kernels, level);
        const SimLif lif = {.decay = decay,
                            .gain = gain,
                            .threshold = 0.75f,
                            .alpha = 1.0f,
                            .scale = 1.0f,
                            .reset = (SimReset)(i / N_LEVELS % 3),
                            .next_step = i / (N_LEVELS * 3) % 2,
                            .detach = i / (N_LEVELS * 6),
                            .surrogate = SIM_SURROGATE_TRIANGLE};
        memset(whole, 0, sizeof whole);
        memset(runs, 0, sizeof runs);
        go_back(&kernels, &lif, STEPS, PIXELS, x, NULL, d_y, d_v, whole, NULL);
        memset(v, 0, sizeof v);
        memset(later, 0, sizeof later);
        kernels.lif_forward(&lif, FIRST, STRIDE, PIXELS, C, f32(x), v, NULL, NULL, NULL);
        const size_t at = FIRST * STRIDE * C;
        go_back(&kernels, &lif, STEPS - FIRST, PIXELS, x + at, v, d_y + at, d_v + at,
                runs + at, later);
        go_back(&kernels, &lif, FIRST, PIXELS, x, NULL, d_y, d_v, runs, later);
        cr_assert_eq(memcmp(whole, runs, sizeof whole), 0, "level %u, reset %d, next %d",
                     level, lif.reset, lif.next_step);
    }
}

static void run_alif(const SimKernels *kernels, const SimAlif *alif, const Case *c,
                     unsigned ways, Data *out)
{
    static float scratch[3 * 64 * STEPS + GUARD];
    const bool all = !(ways & FIRST_ONLY);
    memset(out, 0x55, sizeof *out);
    memset(scratch, 0xff, sizeof scratch); /* NaN */
    test_fill(out->v, STRIDE * MAX_C, 6);
    test_fill(out->d_x, FLOATS, 7);
    test_fill(out->b, STRIDE * MAX_C, 8);
    kernels->alif_forward(alif, STEPS, STRIDE, c->pixels, c->c, currents(ways), out->v,
                          out->b, all ? out->h : NULL, all ? out->spikes : NULL,
                          all ? out->active : NULL);
    const SimNeuronBack back = back_by(ways, out);
    const bool in_runs = ways & IN_RUNS;
    kernels->alif_backward(alif, STEPS, STRIDE, c->pixels, c->c, currents(ways),
                           in_runs ? out->v : NULL, in_runs ? out->b : NULL, &back,
                           scratch);
}

ParameterizedTestParameters(neuron_kernels, alif)
{
    return cr_make_param_array(Case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(const Case *c, neuron_kernels, alif)
{
    test_need_cpu(c->cpu);
    static Data reference, other;
    SimKernels ref, simd;
    sim_kernels_init(&ref, 0);
    sim_kernels_init(&simd, c->cpu);
    fill_inputs();
    for (unsigned i = 0; i < SIM_N_SURROGATES * 2 * 2; i++) {
        const SimAlif alif = {.alpha = 0.5f,
                              .rho = 0.75f,
                              .b0 = 0.25f,
                              .beta = i % 2 ? 1.0f : 1.8f,
                              .detach = i / 2 % 2,
                              .surrogate = (SimSurrogate)(i / 4),
                              .slope_alpha = 1.5f,
                              .slope_scale = 0.7f};
        for (unsigned variant = i % 5; variant < N_WAYS; variant += 5) {
            run_alif(&ref, &alif, c, variant, &reference);
            run_alif(&simd, &alif, c, variant, &other);
            cr_assert_eq(memcmp(&reference, &other, sizeof other), 0,
                         "setting %u, ways %u", i, variant);
        }
    }
}

/* What is trained is summed step by step, so runs give the same sums; and an adaptive
 * neuron goes backward in two runs as in one. */
Test(neuron_kernels, alif_and_sums_in_runs)
{
    enum { C = MAX_C, PIXELS = STRIDE - 1, FIRST = STEPS / 2, AT = FIRST * STRIDE * C };
    static Data whole, runs;
    static float scratch[3 * 64 * STEPS];
    fill_inputs();
    for (unsigned i = 0; i < N_LEVELS * 2 * 4; i++) {
        const unsigned level = levels[i % N_LEVELS];
        if ((sim_cpu_detect() & level) != level)
            continue;
        SimKernels kernels;
        sim_kernels_init(&kernels, level);
        const bool adapts = i / N_LEVELS % 2;
        const SimAlif alif = {.alpha = 0.5f,
                              .rho = 0.75f,
                              .b0 = 0.25f,
                              .beta = 1.0f,
                              .surrogate = SIM_SURROGATE_TRIANGLE,
                              .slope_alpha = 1.0f,
                              .slope_scale = 1.0f};
        const SimLif lif = {.decay = decay,
                            .gain = gain,
                            .threshold = 0.75f,
                            .alpha = 1.0f,
                            .scale = 1.0f,
                            .reset =
                                i / (N_LEVELS * 2) % 2 ? SIM_RESET_HARD : SIM_RESET_SOFT,
                            .next_step = i / (N_LEVELS * 4),
                            .surrogate = SIM_SURROGATE_TRIANGLE};
        memset(&whole, 0, sizeof whole);
        memset(&runs, 0, sizeof runs);
        SimNeuronBack back = {.d_y = {d_y, false},
                              .d_v = {d_v, false},
                              .d_x = {whole.d_x, false},
                              .d_trained = adapts ? NULL : whole.d_trained};
        if (adapts) {
            kernels.alif_backward(&alif, STEPS, STRIDE, PIXELS, C, f32(x), NULL, NULL,
                                  &back, scratch);
            kernels.alif_forward(&alif, FIRST, STRIDE, PIXELS, C, f32(x), runs.v, runs.b,
                                 NULL, NULL, NULL);
        } else {
            kernels.lif_backward(&lif, STEPS, STRIDE, PIXELS, C, f32(x), NULL, &back,
                                 scratch);
            kernels.lif_forward(&lif, FIRST, STRIDE, PIXELS, C, f32(x), runs.v, NULL,
                                NULL, NULL);
        }
        for (size_t k = 0; k < (adapts ? SIM_LATER : 1); k++)
            back.later[k] = runs.later[k];
        for (int last = 1; last >= 0; last--) {
            const size_t at = last ? AT : 0, nt = last ? STEPS - FIRST : FIRST;
            back.d_y.at = d_y + at;
            back.d_v.at = d_v + at;
            back.d_x.at = runs.d_x + at;
            back.d_trained =
                adapts ? NULL : runs.d_trained + (last ? (size_t)FIRST * 2 * C : 0);
            if (adapts)
                kernels.alif_backward(&alif, nt, STRIDE, PIXELS, C, f32(x + at),
                                      last ? runs.v : NULL, last ? runs.b : NULL, &back,
                                      scratch);
            else
                kernels.lif_backward(&lif, nt, STRIDE, PIXELS, C, f32(x + at),
                                     last ? runs.v : NULL, &back, scratch);
        }
        cr_assert_arr_eq(whole.d_x, runs.d_x, sizeof whole.d_x, "setting %u", i);
        cr_assert_arr_eq(whole.d_trained, runs.d_trained, sizeof whole.d_trained,
                         "setting %u: sums", i);
    }
}

/* The bits past the last channel are zero, those of pixels not asked for stay. */
Test(neuron_kernels, packed_layout)
{
    static Data out;
    fill_inputs();
    for (size_t level = 0; level < N_LEVELS; level++) {
        if ((sim_cpu_detect() & levels[level]) != levels[level])
            continue;
        SimKernels kernels;
        sim_kernels_init(&kernels, levels[level]);
        for (size_t c = 1; c <= MAX_C; c += 7) {
            const SimLif lif = {.decay = decay,
                                .gain = gain,
                                .alpha = 2.0f,
                                .scale = 1.0f,
                                .threshold = -1e6f}; /* everyone fires */
            const size_t words = sim_words(c);
            const Case shape = {levels[level], STRIDE - 1, c};
            run(&kernels, &lif, &shape, 0, &out);
            for (size_t at = 0; at < STEPS * STRIDE * words; at++) {
                const size_t pixel = at / words % STRIDE, left = c - at % words * 64;
                const uint64_t all =
                    left >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1;
                cr_assert_eq(out.spikes[at],
                             pixel < STRIDE - 1 ? all : UINT64_C(0x5555555555555555),
                             "level %zu, c %zu, word %zu", level, c, at);
            }
        }
    }
}

ParameterizedTestParameters(neuron_kernels, slopes)
{
    return cr_make_param_array(Case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(const Case *c, neuron_kernels, slopes)
{
    test_need_cpu(c->cpu);
    SimKernels ref, simd;
    sim_kernels_init(&ref, 0);
    sim_kernels_init(&simd, c->cpu);
    static float slopes[2][FLOATS];
    fill_inputs();
    x[3] = 1e30f, x[4] = -1e30f, x[5] = 0.0f, x[6] = -0.0f; /* far and on the step */
    const size_t n = c->pixels * c->c;
    const SimKernels *const both[] = {&ref, &simd};
    for (int kind = 0; kind < 6; kind++) {
        for (int i = 0; i < 2; i++) {
            memset(slopes[i], 0x55, sizeof slopes[i]);
            both[i]->surrogate_slope((SimSurrogate)kind, 3.0f, 0.3f, n, x, slopes[i]);
        }
        cr_assert_eq(memcmp(slopes[0], slopes[1], sizeof slopes[0]), 0, "surrogate %d",
                     kind);
    }
}
