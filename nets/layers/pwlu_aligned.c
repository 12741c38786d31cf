/* nets/layers/pwlu_aligned.c: piecewise linear units that first look where their input
 * lies (Zhou et al., arXiv:2104.03693).
 *
 * For the first `align_after` training steps max(0, x), while mean and deviation of x are
 * followed: m += 0.1 (mean - m). Then the eight cells are laid over m - 3 s ... m + 3 s
 * with the heights of max(0, x), slopes 0 and 1 outside, and everything is learned. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "nets/layers/function_internal.h"
#include "sim/arena.h"

enum { CELLS = 8, N_LEARNED = 4 + CELLS + 1 }; /* BL, BR, KL, KR, Y0 ... */
enum { MEAN = N_LEARNED, DEVIATION, STEPS_SEEN, N_PARAMS };
_Static_assert((int)N_PARAMS <= (int)NET_MAX_PARAMS, "a row for each");

static const char *const names[N_PARAMS] = {"BL", "BR",   "KL",        "KR",   "Y0", "Y1",
                                            "Y2", "Y3",   "Y4",        "Y5",   "Y6", "Y7",
                                            "Y8", "mean", "deviation", "steps"};
static const char *const sharings[] = {"layer", "channel", NULL};

/* clang-format off */
static const SimOption options[] = {
    {"align_after", SIM_OPTION_INT, offsetof(NetPwlu, align_after), .initial = 1000, .low = 0, .high = 1e9, .help = "training steps as max(0, x) before the cells are laid over the input; 0: they lie on [-2, 2] from the start"},
    {"sharing", SIM_OPTION_CHOICE, offsetof(NetPwlu, sharing), .choices = sharings, .help = "one function for the layer, or one for each channel"},
    {0},
};
/* clang-format on */

static size_t count_of(const NetPwlu *o, size_t channels)
{
    return o->sharing ? channels : 1;
}

static bool waits(const NetLayerRun *run)
{
    const NetPwlu *o = run->options;
    return (double)run->params[STEPS_SEEN][0] < (double)o->align_after;
}

/* scratch: | params [N_LEARNED, C] | d_params [n_blocks, N_LEARNED, C] | */
static NetFunction make_run(const NetLayerRun *run, bool as_relu)
{
    const NetPwlu *o = run->options;
    const SimTensor x = run->x[0];
    const size_t c = x.shape.c;
    float *params = run->scratch;
    for (size_t k = 0; k < N_LEARNED; k++)
        for (size_t i = 0; i < c; i++)
            params[k * c + i] = run->params[k][o->sharing ? i : 0];
    unsigned char *behind =
        (unsigned char *)run->scratch + sim_align_up(N_LEARNED * c * sizeof(float));
    NetFunction f = {.context = run->context,
                     .function = neuron_dendrite_find(as_relu ? "relu" : "pwlu"),
                     .x = x.f32,
                     .params = params,
                     .y = run->y.f32,
                     .d_y = run->dy,
                     .accumulate = run->accumulate[0],
                     .d_x = run->dx[0],
                     .d_params = (double *)(void *)behind};
    net_function_cut(&f, x.shape.t * sim_shape_pixels(x.shape), c);
    return f;
}

static SimStatus plan(NetLayerPlan *plan)
{
    const NetPwlu *o = plan->options;
    const NeuronDendrite *pwlu = neuron_dendrite_find("pwlu");
    const size_t c = plan->in[0].c, n = count_of(o, c);
    plan->in_form[0] = plan->out_form = SIM_DENSE;
    plan->out = plan->in[0];
    plan->backward_needs = NET_NEEDS_INPUT;
    for (size_t k = 0; k < N_PARAMS; k++)
        plan->params[plan->n_params++] =
            (NetParamRow){.name = names[k],
                          .role = k < N_LEARNED ? NET_PARAM_TRAINED : NET_PARAM_BUFFER,
                          .n_dims = 1,
                          .dims = {k == STEPS_SEEN ? 1 : n},
                          .init_value = k < N_LEARNED    ? pwlu->params[k].initial
                                        : k == DEVIATION ? 1.0
                                                         : 0.0};
    NetFunction f = {0};
    net_function_cut(&f, plan->out.t * sim_shape_pixels(plan->out), c);
    plan->scratch_bytes = sim_align_up(N_LEARNED * c * sizeof(float)) +
                          f.n_blocks * N_LEARNED * c * sizeof(double);
    plan->saved_bytes = sizeof(float); /* whether this step was max(0, x) */
    return SIM_OK;
}

/* Mean and deviation of the input, channel by channel or over all. */
static void follow(const NetLayerRun *run)
{
    const NetPwlu *o = run->options;
    const SimTensor x = run->x[0];
    const size_t c = x.shape.c, pixels = x.shape.t * sim_shape_pixels(x.shape);
    const size_t n = count_of(o, c), each = c / n; /* channels of one function */
    for (size_t i = 0; i < n; i++) {
        double sum = 0.0, squares = 0.0;
        for (size_t p = 0; p < pixels; p++)
            for (size_t k = i * each; k < (i + 1) * each; k++) {
                const double value = (double)x.f32[p * c + k];
                sum += value;
                squares += value * value;
            }
        const double count = (double)(pixels * each), mean = sum / count;
        const double deviation = sqrt(fmax(0.0, squares / count - mean * mean));
        run->params[MEAN][i] = 0.9f * run->params[MEAN][i] + 0.1f * (float)mean;
        run->params[DEVIATION][i] =
            0.9f * run->params[DEVIATION][i] + 0.1f * (float)deviation;
    }
}

static void align(const NetLayerRun *run)
{
    const NetPwlu *o = run->options;
    for (size_t i = 0; i < count_of(o, run->x[0].shape.c); i++) {
        const float m = run->params[MEAN][i], s = fmaxf(run->params[DEVIATION][i], 1e-3f);
        const float low = m - 3.0f * s, high = m + 3.0f * s;
        const float ends[4] = {low, high, 0.0f, 1.0f};
        for (size_t k = 0; k < 4; k++)
            run->params[k][i] = ends[k];
        for (size_t j = 0; j <= CELLS; j++)
            run->params[4 + j][i] = fmaxf(0.0f, low + (high - low) * (float)j / CELLS);
    }
}

static void forward(const NetLayerRun *run)
{
    const NetPwlu *o = run->options;
    const bool learns = run->training && !run->again;
    bool as_relu = waits(run);
    if (run->again)
        as_relu = *(const float *)run->saved > 0.0f;
    const NetFunction f = make_run(run, as_relu);
    net_function_forward(&f);
    if (run->saved)
        *(float *)run->saved = as_relu ? 1.0f : 0.0f;
    if (!learns || !as_relu)
        return;
    follow(run);
    run->params[STEPS_SEEN][0] += 1.0f;
    if ((double)run->params[STEPS_SEEN][0] >= (double)o->align_after)
        align(run);
}

static void backward(const NetLayerRun *run)
{
    const NetPwlu *o = run->options;
    const bool as_relu = *(const float *)run->saved > 0.0f;
    const NetFunction f = make_run(run, as_relu);
    const size_t c = f.channels;
    net_function_backward(&f);
    for (size_t k = 0; !as_relu && k < N_LEARNED; k++)
        for (size_t i = 0; i < c; i++) {
            double sum = 0.0;
            for (size_t block = 0; block < f.n_blocks; block++)
                sum += f.d_params[(block * N_LEARNED + k) * c + i];
            run->d_params[k][o->sharing ? i : 0] += (float)sum;
        }
}

const NetLayer net_layer_pwlu_aligned = {
    .name = "pwlu_aligned",
    .summary = "piecewise linear units laid over their input",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetPwlu),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
