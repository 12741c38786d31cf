/* nets/layers/rate.c: the mean over time. Of all steps at once, or, where `running`, of
 * the steps so far:
 *
 *     y = 1/T sum over t of x[t]           y[t] = 1/(t + 1) sum over s <= t of x[s]
 *
 * The first gives one value for a sequence, which must then come in one window. */
#include <stddef.h>
#include <string.h>

#include "nets/layers.h"

/* clang-format off */
static const SimOption options[] = {
    {"running", SIM_OPTION_BOOL, offsetof(NetRate, running), .help = "the mean so far, at every step; false: one mean of all steps"},
    {0},
};
/* clang-format on */

static SimStatus plan(NetLayerPlan *plan)
{
    const NetRate *o = plan->options;
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    plan->out_form = SIM_DENSE;
    if (!o->running) {
        if (plan->window < plan->steps)
            return sim_fail(SIM_ERR_SHAPE,
                            "one mean over %zu steps cannot come out of windows of %zu: "
                            "take the running mean, or leave the window unset",
                            plan->steps, plan->window);
        plan->out.t = 1;
        return SIM_OK;
    }
    plan->n_states = plan->out.t > 1;
    plan->state_names[0] = "sum";
    plan->state_floats[0] = plan->n_states ? sim_shape_step(plan->out) : 0;
    return SIM_OK;
}

static void forward(const NetLayerRun *run)
{
    const SimShape in = run->x[0].shape;
    const size_t n = sim_shape_step(in);
    const bool running = ((const NetRate *)run->options)->running;
    if (in.t == 1 && !(running && run->states[0])) {
        memcpy(run->y.f32, run->x[0].f32, n * sizeof(float));
        return;
    }
    float *const sum = running ? run->states[0] : run->y.f32;
    if (!running || run->t0 == 0)
        memset(sum, 0, n * sizeof(float));
    for (size_t t = 0; t < in.t; t++) {
        run->context->kernels.add(n, run->x[0].f32 + t * n, sum);
        const float share = 1.0f / (float)(run->t0 + t + 1);
        for (size_t i = 0; running && i < n; i++)
            run->y.f32[t * n + i] = share * sum[i];
    }
    for (size_t i = 0; !running && i < n; i++)
        sum[i] /= (float)in.t;
}

/* dx[s] = sum over t >= s of dy[t] / (t + 1), summed from the end. */
static void backward(const NetLayerRun *run)
{
    const SimShape in = run->x[0].shape;
    const size_t n = sim_shape_step(in);
    const bool running = ((const NetRate *)run->options)->running;
    for (size_t i = 0; run->dx[0] && i < n; i++) {
        float d = running ? 0.0f : run->dy[i] / (float)in.t;
        for (size_t t = in.t; t-- > 0;) {
            if (running)
                d += run->dy[t * n + i] / (float)(t + 1);
            float *dx = &run->dx[0][t * n + i];
            *dx = run->accumulate[0] ? *dx + d : d;
        }
    }
}

const NetLayer net_layer_rate = {
    .name = "rate",
    .summary = "the mean over time",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetRate),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
