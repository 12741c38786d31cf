/* Somas: the traces of other libraries, closed forms, the double reference, windows and
 * threads. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/arena.h"
#include "tests/neurons/neuron_harness.h"
#include "tests/support.h"

/* Keys and values, ended by NULL, on top of the default. */
static NeuronSpec spec_of(const char *const *words)
{
    NeuronSpec spec = neuron_spec_default();
    for (; *words; words += 2)
        cr_assert_eq(neuron_spec_set(&spec, words[0], words[1]), SIM_OK, "%s",
                     sim_message());
    return spec;
}

/* --- traces of a constant input, from the published code of each library --------------
 */

typedef struct Trace {
    const char *what;
    const char *words[16];
    double x;
    size_t n;
    double before[8]; /* the potential before the reset */
    unsigned spikes;  /* bit t */
} Trace;

static const Trace traces[] = {
    {"SpikingJelly, tau 2, hard", {"tau", "2"}, 1.5, 4, {.75, 1.125, .75, 1.125}, 0xa},
    {"SpikingJelly, tau 2, soft",
     {"tau", "2", "reset", "soft"},
     1.5,
     6,
     {.75, 1.125, .8125, 1.15625, .828125, 1.1640625},
     0x2a},
    {"no decayed input, hard",
     {"tau", "2", "gain", "1"},
     .6,
     6,
     {.6, .9, 1.05, .6, .9, 1.05},
     0x24},
    {"no decayed input, soft",
     {"tau", "2", "gain", "1", "reset", "soft"},
     .6,
     6,
     {.6, .9, 1.05, .625, .9125, 1.05625},
     0x24},
    {"at the threshold",
     {"tau", "2", "gain", "1", "reset", "soft"},
     1.0,
     4,
     {1.0, 1.0, 1.0, 1.0},
     0xf},
    {"above the threshold",
     {"tau", "2", "gain", "1", "reset", "soft", "fires", "above"},
     1.0,
     4,
     {1.0, 1.5, 1.25, 1.125},
     0xe},
    {"snnTorch, subtract",
     {"decay", "0.5", "gain", "1", "reset", "soft", "reset_time", "next", "fires",
      "above"},
     .6,
     8,
     {.6, .9, 1.05, .125, .6625, .93125, 1.065625, .1328125},
     0x44},
    {"snnTorch, zero",
     {"decay", "0.5", "gain", "1", "reset", "hard", "reset_time", "next", "fires",
      "above"},
     .6,
     4,
     {.6, .9, 1.05, .6},
     0x4},
    {"S-ResNet",
     {"decay", "0.8744", "gain", "1", "reset", "soft", "fires", "above"},
     .4,
     6,
     {.4, .74976, 1.055590144, .448608021, .792262853, 1.092754639},
     0x24},
    {"MS-ResNet",
     {"decay", "0.25", "gain", "1", "threshold", "0.5", "reset_time", "next", "fires",
      "above"},
     .45,
     4,
     {.45, .5625, .45, .5625},
     0xa},
    {"no reset",
     {"decay", "0.5", "gain", "1", "reset", "none"},
     1.0,
     3,
     {1, 1.5, 1.75},
     0x7},
    {"IF from v_reset",
     {"soma", "if", "v_reset", "-0.5"},
     .75,
     5,
     {.25, 1.0, .25, 1.0, .25},
     0xa},
    {"PLIF as LIF", {"soma", "plif", "tau", "2"}, 1.5, 4, {.75, 1.125, .75, 1.125}, 0xa},
    {"rest below zero", {"tau", "2", "v_reset", "-1"}, 4.0, 4, {1.0, 1.0, 1.0, 1.0}, 0xf},
};

Test(somas, traces)
{
    for (size_t k = 0; k < sizeof traces / sizeof *traces; k++) {
        const Trace *trace = &traces[k];
        const NeuronSpec spec = spec_of(trace->words);
        NeuronHarness h;
        neuron_harness_open(&spec, (SimShape){trace->n, 1, 1, 1, 1}, 1, NULL, &h);
        for (size_t t = 0; t < trace->n; t++)
            h.x[t] = (float)trace->x;
        neuron_harness_forward(&h, trace->n);
        for (size_t t = 0; t < trace->n; t++) {
            cr_expect_float_eq((double)h.potential[t], trace->before[t], 3e-7,
                               "%s: step %zu: %.9g", trace->what, t,
                               (double)h.potential[t]);
            cr_expect_float_eq((double)h.y[t], trace->spikes >> t & 1, 0.0,
                               "%s: step %zu", trace->what, t);
        }
        neuron_harness_close(&h);
    }
}

/* --- closed forms ----------------------------------------------------------------------
 */

/* A constant input x reaches g x (1 - d^n) / (1 - d) after n steps: the number of steps
 * between spikes is the first n where that is the threshold. */
Test(somas, rate_of_a_constant_input)
{
    enum { STEPS = 2000, NEURONS = 40 };
    const double decay = 0.95, gain = 0.05;
    const NeuronSpec spec =
        spec_of((const char *const[]){"decay", "0.95", "gain", "0.05", NULL});
    NeuronHarness h;
    neuron_harness_open(&spec, (SimShape){STEPS, 1, 1, 1, NEURONS}, 1, NULL, &h);
    for (size_t i = 0; i < STEPS * NEURONS; i++)
        h.x[i] = 0.523f + 0.1f * (float)(i % NEURONS);
    neuron_harness_forward(&h, STEPS);
    for (size_t i = 0; i < NEURONS; i++) {
        const double most = gain * (double)h.x[i] / (1.0 - decay);
        size_t spikes = 0;
        for (size_t t = 0; t < STEPS; t++)
            spikes += h.y[t * NEURONS + i] != 0.0f;
        const double period = ceil(log(1.0 - 1.0 / most) / log(decay));
        cr_expect_eq(spikes, most < 1.0 ? 0 : (size_t)(STEPS / period),
                     "x %g: %zu spikes", (double)h.x[i], spikes);
    }
    neuron_harness_close(&h);
}

/* Yin 2021 by hand: alpha 0.5, rho 0.5, b0 0.25, beta 1. */
Test(somas, alif_by_hand)
{
    const NeuronSpec spec = spec_of((const char *const[]){
        "soma", "alif", "alpha", "0.5", "rho", "0.5", "b0", "0.25", "beta", "1", NULL});
    /* b 0, 0, 0.5, 0.25, 0.625; B = 0.25 + b; v = v/2 + x/2 - B s(before) */
    const double v[] = {0.25, 0.625, 0.0625, 0.53125, -0.109375};
    const double spikes[] = {0, 1, 0, 1, 0};
    NeuronHarness h;
    neuron_harness_open(&spec, (SimShape){5, 1, 1, 1, 1}, 1, NULL, &h);
    const float x[] = {0.5f, 1.0f, 1.0f, 1.0f, 1.0f};
    memcpy(h.x, x, sizeof x);
    neuron_harness_forward(&h, 5);
    for (size_t t = 0; t < 5; t++) {
        cr_expect_float_eq((double)h.potential[t], v[t], 1e-6, "v[%zu]", t);
        cr_expect_float_eq((double)h.y[t], spikes[t], 0.0, "s[%zu]", t);
    }
    neuron_harness_close(&h);
}

/* --- every soma, every choice ----------------------------------------------------------
 */

typedef void Check(const NeuronSpec *spec, const char *what);

static void for_all_choices(Check *check)
{
    for (const NeuronSoma *const *soma = neuron_somas; *soma; soma++)
        for (int choice = 0; choice < 3 * 2 * 2; choice++) {
            NeuronSpec spec = neuron_spec_default();
            neuron_spec_set_soma(&spec, *soma);
            spec.reset = (NeuronReset)(choice % 3);
            spec.reset_next_step = choice / 3 % 2;
            spec.strict = choice / 6;
            spec.sharing = choice % 2 ? NEURON_PER_CHANNEL : NEURON_PER_LAYER;
            spec.surrogate = neuron_surrogate_find("triangle");
            spec.surrogate_alpha = 1.0;
            char text[80];
            snprintf(text, sizeof text, "%s, reset %d, next %d, strict %d", (*soma)->name,
                     spec.reset, spec.reset_next_step, spec.strict);
            check(&spec, text);
            if (!(*soma)->n_states)
                break; /* no reset to choose */
        }
}

static void fill(NeuronHarness *h)
{
    test_fill(h->x, h->count, 11);
    test_fill(h->d_y, h->count, 12);
    test_fill(h->d_v, h->count, 13);
    for (size_t i = 0; i < h->count; i++)
        h->x[i] = 3.0f * h->x[i] + 0.7f;
}

static void check_reference(const NeuronSpec *spec, const char *what)
{
    enum { STEPS = 20, NEURONS = 30 };
    NeuronHarness h;
    neuron_harness_open(spec, (SimShape){STEPS, 2, 1, 3, 5}, 1, NULL, &h);
    fill(&h);
    neuron_harness_forward(&h, 1);
    for (size_t i = 0; i < NEURONS; i++) {
        double x[STEPS], y[STEPS], before[STEPS], after[STEPS];
        for (size_t t = 0; t < STEPS; t++)
            x[t] = (double)h.x[t * NEURONS + i];
        spec->soma->reference(spec, STEPS, x, y, before, after);
        for (size_t t = 0; t < STEPS; t++) {
            const size_t at = t * NEURONS + i;
            cr_assert_float_eq((double)h.y[at], y[t], 2e-5, "%s: y at step %zu", what, t);
            cr_assert_float_eq((double)h.potential[at], before[t], 2e-5,
                               "%s: potential at step %zu", what, t);
            if (spec->soma->n_states)
                cr_assert_float_eq((double)h.v_after[at], after[t], 2e-5,
                                   "%s: v at step %zu", what, t);
        }
    }
    neuron_harness_close(&h);
}

Test(somas, reference_in_double)
{
    for_all_choices(check_reference);
}

static void check_windows(const NeuronSpec *spec, const char *what)
{
    const SimShape shape = {7, 2, 3, 1, 65};
    const size_t words = shape.t * sim_shape_pixels(shape) * sim_words(shape.c);
    NeuronHarness whole, cut;
    neuron_harness_open(spec, shape, 1, NULL, &whole);
    neuron_harness_open(spec, shape, 1, NULL, &cut);
    fill(&whole);
    fill(&cut);
    neuron_harness_forward(&whole, 7);
    for (size_t window = 1; window <= 3; window++) {
        neuron_harness_forward(&cut, window);
        const size_t bytes = whole.count * sizeof(float);
        cr_assert_eq(memcmp(whole.y, cut.y, bytes), 0, "%s: y, window %zu", what, window);
        cr_assert_eq(memcmp(whole.potential, cut.potential, bytes), 0,
                     "%s: potential, window %zu", what, window);
        if (spec->soma->output == SIM_SPIKES)
            cr_assert_eq(memcmp(whole.active, cut.active, words * sizeof(uint64_t)), 0,
                         "%s: active, window %zu", what, window);
        for (size_t i = 0; i < spec->soma->n_states; i++)
            cr_assert_eq(memcmp(whole.states[i], cut.states[i],
                                sim_shape_step(shape) * sizeof(float)),
                         0, "%s: state %zu, window %zu", what, i, window);
    }
    neuron_harness_close(&whole);
    neuron_harness_close(&cut);
}

Test(somas, windows_of_time)
{
    for_all_choices(check_windows);
}

static void check_threads(const NeuronSpec *spec, const char *what)
{
    const SimShape shape = {4, 3, 5, 7, 65}; /* several tasks */
    NeuronHarness one, many;
    neuron_harness_open(spec, shape, 1, NULL, &one);
    fill(&one);
    neuron_harness_forward(&one, 4);
    neuron_harness_backward(&one);
    for (int threads = 2; threads <= 3; threads++) {
        neuron_harness_open(spec, shape, threads, NULL, &many);
        fill(&many);
        neuron_harness_forward(&many, 4);
        neuron_harness_backward(&many);
        const size_t bytes = one.count * sizeof(float);
        cr_assert_eq(memcmp(one.y, many.y, bytes), 0, "%s: y, %d threads", what, threads);
        cr_assert_eq(memcmp(one.d_x, many.d_x, bytes), 0, "%s: d_x, %d threads", what,
                     threads);
        for (size_t i = 0; i < one.n_trained; i++)
            cr_assert_eq(memcmp(one.d_params[i], many.d_params[i],
                                one.n_params[i] * sizeof(float)),
                         0, "%s: d_params, %d threads", what, threads);
        neuron_harness_close(&many);
    }
    neuron_harness_close(&one);
}

Test(somas, threads)
{
    for_all_choices(check_threads);
}

/* --- the levels, seen from above
 * -------------------------------------------------------- */

static void check_levels(const NeuronSpec *spec, const char *what)
{
    const SimShape shape = {6, 2, 2, 2, 70};
    NeuronHarness ref, best;
    neuron_harness_open(spec, shape, 1, "ref", &ref);
    neuron_harness_open(spec, shape, 1, NULL, &best);
    NeuronHarness *const both[] = {&ref, &best};
    for (size_t i = 0; i < 2; i++) {
        fill(both[i]);
        both[i]->run.d_v = both[i]->d_v;
        neuron_harness_forward(both[i], 6);
        neuron_harness_backward(both[i]);
    }
    const size_t bytes = ref.count * sizeof(float);
    cr_expect_eq(memcmp(ref.y, best.y, bytes), 0, "%s: y", what);
    cr_expect_eq(memcmp(ref.d_x, best.d_x, bytes), 0, "%s: d_x", what);
    for (size_t i = 0; i < ref.n_trained; i++)
        cr_expect_eq(
            memcmp(ref.d_params[i], best.d_params[i], ref.n_params[i] * sizeof(float)), 0,
            "%s: d_params", what);
    neuron_harness_close(&ref);
    neuron_harness_close(&best);
}

Test(somas, levels)
{
    for_all_choices(check_levels);
}

/* --- the list --------------------------------------------------------------------------
 */

Test(somas, every_descriptor_is_whole)
{
    for (const NeuronSoma *const *at = neuron_somas; *at; at++) {
        const NeuronSoma *soma = *at;
        cr_expect(soma->name && soma->summary && soma->source && soma->forward &&
                      soma->backward && soma->reference,
                  "%s", soma->name);
        cr_expect_eq(neuron_soma_find(soma->name), soma);
        cr_expect_leq(soma->n_params, NEURON_MAX_PARAMS);
        cr_expect_leq(soma->n_states, NEURON_MAX_STATES);
        if (soma->n_states)
            cr_expect_str_eq(soma->states[0], "v");
        for (size_t i = 0; i < soma->n_params; i++) {
            const NeuronParam *p = &soma->params[i];
            cr_expect(p->low <= p->initial && p->initial <= p->high && p->help, "%s.%s",
                      soma->name, p->name);
        }
        NeuronSpec spec = neuron_spec_default();
        neuron_spec_set_soma(&spec, soma);
        cr_expect_eq(neuron_spec_check(&spec), SIM_OK, "%s", sim_message());
    }
    cr_expect_null(neuron_soma_find("lift"));
}
