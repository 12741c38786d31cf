/* sim/calibration_measure.c: both kernels timed on random spikes until they meet. */
#include "sim/calibration_internal.h"

#include <string.h>
#include <time.h>

#include "sim/arena.h"
#include "sim/conv.h"

enum {
    SIXTEENTHS = 12,         /* densities are tried up to this many sixteenths */
    REPEATS = 2,             /* the fastest counts */
    MOST_STEPS = 8,          /* in a call, over which weights are made ready once */
    MACS = 600 * 1000 * 1000 /* wanted in a call */
};

typedef enum Call { FORWARD, INPUT, WEIGHTS, N_CALLS } Call;

typedef struct Trial {
    SimConv *conv[2]; /* dense, spikes */
    size_t steps, words;
    SimTensor x;
    float *weights, *d_weights, *y, *dx;
    void *scratch;
    SimArena memory;
} Trial;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static uint64_t mix(uint64_t *state) /* splitmix64 */
{
    uint64_t x = *state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* Every neuron fires with a chance of q sixteenths. */
static void fill(const Trial *t, const SimConvShape *s, unsigned q)
{
    const size_t words = sim_words(s->c);
    const uint64_t last = s->c % 64 ? (UINT64_C(1) << s->c % 64) - 1 : ~UINT64_C(0);
    uint64_t state = 1;
    for (size_t i = 0; i < t->words; i++) {
        uint64_t ones = 0;
        for (unsigned bit = 0; bit < 4; bit++)
            ones = q >> bit & 1 ? ones | mix(&state) : ones & mix(&state);
        t->x.bits[i] = i % words == words - 1 ? ones & last : ones;
    }
}

static double time_call(const Trial *t, Call call, bool spikes)
{
    double best = 0.0;
    SimConv *const conv = t->conv[spikes];
    const SimTensor y = {.form = SIM_DENSE, .f32 = t->y};
    const SimTensor dx = {.form = SIM_DENSE, .f32 = t->dx};
    for (size_t i = 0; i <= REPEATS; i++) { /* the first one warms up */
        const double start = seconds();
        switch (call) {
        case FORWARD:
            sim_conv_forward(conv, t->steps, &t->x, t->weights, NULL,
                             &(SimTensor){.f32 = t->y}, t->scratch);
            break;
        case INPUT:
            sim_conv_backward_input(conv, t->steps, &y, t->weights,
                                    spikes ? t->x.bits : NULL, false, &dx, t->scratch);
            break;
        case WEIGHTS:
        case N_CALLS:
            sim_conv_backward_weights(conv, t->steps, &t->x, &y, t->d_weights, NULL,
                                      t->scratch);
            break;
        }
        const double spent = seconds() - start;
        if (i == 1 || (i > 1 && spent < best))
            best = spent;
    }
    return best;
}

/* Bisects to two neighbouring sixteenths and interpolates between them. */
static double search(const Trial *t, const SimConvShape *s, Call call)
{
    fill(t, s, 4);
    const double dense = time_call(t, call, false);
    double below = 0.0, above = 0.0; /* times of the spike kernel at either end */
    unsigned low = 0, high = SIXTEENTHS + 1;
    while (high - low > 1) {
        const unsigned q = (low + high) / 2;
        fill(t, s, q);
        const double spent = time_call(t, call, true);
        if (spent < dense)
            low = q, below = spent;
        else
            high = q, above = spent;
    }
    if (high > SIXTEENTHS)
        return 1.0;
    if (low == 0) {
        fill(t, s, 0);
        below = time_call(t, call, true);
        if (below >= dense)
            return 0.0;
    }
    return ((double)low + (dense - below) / (above - below)) / 16.0;
}

static void lay_out(Trial *t, const SimConvShape *s)
{
    const SimShape in = {t->steps, s->n, s->h, s->w, s->c};
    const SimShape out = {t->steps, s->n, s->oh, s->ow, s->k};
    const size_t weights = s->kh * s->kw * s->c / s->groups * s->k * sizeof(float);
    const size_t a = sim_conv_scratch_bytes(t->conv[0]),
                 b = sim_conv_scratch_bytes(t->conv[1]);
    const size_t bytes = sim_tensor_bytes(SIM_SPIKES, in);
    t->words = bytes / sizeof(uint64_t);
    t->x = (SimTensor){.form = SIM_SPIKES, .shape = in};
    t->x.data = sim_arena_take(&t->memory, bytes);
    t->weights = sim_arena_take(&t->memory, weights);
    t->d_weights = sim_arena_take(&t->memory, weights);
    t->y = sim_arena_take(&t->memory, sim_tensor_bytes(SIM_DENSE, out));
    t->dx = sim_arena_take(&t->memory, sim_tensor_bytes(SIM_DENSE, in));
    t->scratch = sim_arena_take(&t->memory, a > b ? a : b);
}

SimStatus sim_break_even_measure(const SimConvShape *shape, const SimContext *context,
                                 SimBreakEven *out)
{
    static const SimSpikePath paths[] = {SIM_SPIKES_NEVER, SIM_SPIKES_ALWAYS};
    SimStatus status = SIM_OK;
    Trial t = {.steps = (size_t)((double)MACS / sim_conv_macs(shape))};
    SimContext contexts[2];
    t.steps = t.steps < 1 ? 1 : t.steps > MOST_STEPS ? MOST_STEPS : t.steps;
    for (size_t i = 0; i < 2; i++) {
        contexts[i] = *context;
        contexts[i].spike_path = paths[i];
        contexts[i].calibration = NULL;
        SIM_TRY(sim_conv_create(shape, SIM_SPIKES, t.steps,
                                SIM_CONV_FORWARD | SIM_CONV_BACKWARD_INPUT |
                                    SIM_CONV_BACKWARD_WEIGHTS,
                                &contexts[i], &t.conv[i]));
    }
    lay_out(&t, shape);
    SIM_TRY(sim_arena_create(&t.memory, t.memory.used));
    lay_out(&t, shape);
    memset(t.memory.base, 0, t.memory.size);
    *out = (SimBreakEven){.forward = search(&t, shape, FORWARD),
                          .input = search(&t, shape, INPUT),
                          .weights = search(&t, shape, WEIGHTS)};
out:
    for (size_t i = 0; i < 2; i++)
        sim_conv_destroy(t.conv[i]);
    sim_arena_destroy(&t.memory);
    return status;
}
