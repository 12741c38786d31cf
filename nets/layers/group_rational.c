/* nets/layers/group_rational.c: rational functions of channel groups (Yang & Wang,
 * Kolmogorov- Arnold Transformer, arXiv:2409.10594).
 *
 *     y = (a0 + a1 x + ... + a5 x^5) / (1 + |b1 x| + ... + |b4 x^4|)
 *
 * One numerator for all channels, a denominator for each group of adjacent channels. */
#include <stddef.h>
#include <string.h>

#include "nets/layers/function_internal.h"
#include "sim/arena.h"

enum { N_A = 6, N_B = 4, N_PARAMS = N_A + N_B };

static const char *const names[N_PARAMS] = {"a0", "a1", "a2", "a3", "a4",
                                            "a5", "b1", "b2", "b3", "b4"};
static const char *const starts[] = {"swish", "gelu", "identity", "leaky_relu", NULL};

/* clang-format off */
static const double values[][N_PARAMS] = { /* fitted on [-3, 3] */
    {3.054879741161051e-07, 0.5000007853744493, 0.24999783422824703, 0.05326628273219478, 0.005803034571292244, 0.0002751961022402342,
     -4.111554955950634e-06, 0.10652899335007572, -1.2690007399796238e-06, 0.0005502331264140556},
    {-0.0012423594497499122, 0.5080497063245629, 0.41586363182937475, 0.13022718688035761, 0.024355900098993424, 0.00290283948155535,
     -0.06675015696494944, 0.17927646217001553, 0.03746682605496631, 1.6561610853276082e-10},
    {0, 1, 0, 0, 0, 0, 1e-4, 1e-4, 1e-4, 1e-4}, /* a b of 0 would stay 0 */
    {0.029792778657264946, 0.6183735264987601, 2.323309062531321, 3.051936237265109, 1.4854203263828845, 0.2510244961111299,
     -1.1419548357285474, 4.393159974992486, 0.8714712309957245, 0.34719662339598834},
};
static const SimOption options[] = {
    {"groups", SIM_OPTION_INT, offsetof(NetGroupRational, groups), .initial = 8, .low = 1, .high = 65536, .help = "groups of adjacent channels, each with its denominator"},
    {"start", SIM_OPTION_CHOICE, offsetof(NetGroupRational, start), .choices = starts, .help = "the function it starts as"},
    {0},
};
/* clang-format on */

/* scratch: | params [N_PARAMS, C] | d_params [n_blocks, N_PARAMS, C] | */
static NetFunction make_run(const NetLayerRun *run)
{
    const NetGroupRational *o = run->options;
    const SimTensor x = run->x[0];
    const size_t c = x.shape.c, each = c / (size_t)o->groups;
    float *params = run->scratch;
    for (size_t k = 0; k < N_PARAMS; k++)
        for (size_t i = 0; i < c; i++)
            params[k * c + i] = run->params[k][k < N_A ? 0 : i / each];
    unsigned char *behind =
        (unsigned char *)run->scratch + sim_align_up(N_PARAMS * c * sizeof(float));
    NetFunction f = {.context = run->context,
                     .function = neuron_dendrite_find("rational_a"),
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
    const NetGroupRational *o = plan->options;
    const size_t c = plan->in[0].c;
    if (o->groups < 1 || c % (size_t)o->groups)
        return sim_fail(SIM_ERR_SHAPE,
                        "%zu channels are not a multiple of %lld groups: set groups", c,
                        (long long)o->groups);
    plan->in_form[0] = plan->out_form = SIM_DENSE;
    plan->out = plan->in[0];
    plan->backward_needs = NET_NEEDS_INPUT;
    for (size_t k = 0; k < N_PARAMS; k++)
        plan->params[plan->n_params++] =
            (NetParamRow){.name = names[k],
                          .n_dims = 1,
                          .dims = {k < N_A ? 1 : (size_t)o->groups},
                          .init_value = values[o->start][k]};
    NetFunction f = {0};
    net_function_cut(&f, plan->out.t * sim_shape_pixels(plan->out), c);
    plan->scratch_bytes = sim_align_up(N_PARAMS * c * sizeof(float)) +
                          f.n_blocks * N_PARAMS * c * sizeof(double);
    return SIM_OK;
}

static void forward(const NetLayerRun *run)
{
    const NetFunction f = make_run(run);
    net_function_forward(&f);
}

static void backward(const NetLayerRun *run)
{
    const NetGroupRational *o = run->options;
    const NetFunction f = make_run(run);
    const size_t c = f.channels, each = c / (size_t)o->groups;
    net_function_backward(&f);
    for (size_t k = 0; k < N_PARAMS; k++)
        for (size_t i = 0; i < c; i++) {
            double sum = 0.0;
            for (size_t block = 0; block < f.n_blocks; block++)
                sum += f.d_params[(block * N_PARAMS + k) * c + i];
            run->d_params[k][k < N_A ? 0 : i / each] += (float)sum;
        }
}

const NetLayer net_layer_group_rational = {
    .name = "group_rational",
    .summary = "rational functions of channel groups (KAT)",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetGroupRational),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
