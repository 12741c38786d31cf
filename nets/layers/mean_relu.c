/* nets/layers/mean_relu.c: what lies above the mean (Dubey & Chakraborty, ABReLU, 2018).
 *
 *     y = max(0, x - m),  m the mean of all of x in a time step, batch included
 *     dx_i = g_i [x_i > m] - sum_j g_j [x_j > m] / N */
#include <stddef.h>

#include "nets/layers.h"

typedef struct Work {
    const NetLayerRun *run;
    size_t count; /* of a step */
} Work;

static double mean_of(const Work *work, size_t t)
{
    const float *x = work->run->x[0].f32 + t * work->count;
    double sum = 0.0;
    for (size_t i = 0; i < work->count; i++)
        sum += (double)x[i];
    return sum / (double)work->count;
}

static void forward_step(void *argument, size_t t, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const float m = (float)mean_of(work, t);
    const float *restrict x = work->run->x[0].f32 + t * work->count;
    float *restrict y = work->run->y.f32 + t * work->count;
    for (size_t i = 0; i < work->count; i++)
        y[i] = x[i] > m ? x[i] - m : 0.0f;
}

static void backward_step(void *argument, size_t t, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const NetLayerRun *run = work->run;
    const float m = (float)mean_of(work, t);
    const float *x = run->x[0].f32 + t * work->count, *dy = run->dy + t * work->count;
    float *dx = run->dx[0] + t * work->count;
    double sum = 0.0;
    for (size_t i = 0; i < work->count; i++)
        sum += x[i] > m ? (double)dy[i] : 0.0;
    const float shared = (float)(sum / (double)work->count);
    for (size_t i = 0; i < work->count; i++) {
        const float d = (x[i] > m ? dy[i] : 0.0f) - shared;
        dx[i] = run->accumulate[0] ? dx[i] + d : d;
    }
}

static SimStatus plan(NetLayerPlan *plan)
{
    plan->in_form[0] = plan->out_form = SIM_DENSE;
    plan->out = plan->in[0];
    plan->backward_needs = NET_NEEDS_INPUT;
    return SIM_OK;
}

static Work make_work(const NetLayerRun *run)
{
    return (Work){run, sim_shape_step(run->x[0].shape)};
}

static void forward(const NetLayerRun *run)
{
    Work work = make_work(run);
    sim_team_run(&run->context->team, run->x[0].shape.t, forward_step, &work);
}

static void backward(const NetLayerRun *run)
{
    Work work = make_work(run);
    if (run->dx[0])
        sim_team_run(&run->context->team, run->x[0].shape.t, backward_step, &work);
}

const NetLayer net_layer_mean_relu = {
    .name = "mean_relu",
    .summary = "what lies above the mean of the step (ABReLU)",
    .min_inputs = 1,
    .max_inputs = 1,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
