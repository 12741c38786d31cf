/* nets/layers/repeat.c: a wire that is the same at every step becomes T steps. */
#include <string.h>

#include "nets/layers.h"
#include "nets/layers/rows_internal.h"

static SimStatus plan(NetLayerPlan *plan)
{
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    plan->out.t = plan->steps;
    plan->out_form = SIM_DENSE;
    return SIM_OK;
}

static size_t from_step(const NetLayerRun *run, size_t t)
{
    return run->x[0].shape.t == 1 ? 0 : t;
}

static void forward_step(void *argument, size_t t, size_t thread)
{
    (void)thread;
    const NetLayerRun *run = argument;
    const size_t step = sim_shape_step(run->y.shape);
    memcpy(run->y.f32 + t * step, run->x[0].f32 + from_step(run, t) * step,
           step * sizeof(float));
}

static void forward(const NetLayerRun *run)
{
    sim_team_run(&run->context->team, run->y.shape.t, forward_step, (void *)(size_t)run);
}

/* A block of one image takes what all steps send to it, in their order. */
static void backward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    const size_t step = sim_shape_step(run->y.shape), steps = run->y.shape.t;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first) * rows->c;
    first *= rows->c;
    for (size_t t = 0; t < steps; t++) {
        const float *dy = run->dy + t * step + first;
        float *dx = run->dx[0] + from_step(run, t) * step + first;
        if (run->accumulate[0] || (t > 0 && from_step(run, t) == 0))
            run->context->kernels.add(n, dy, dx);
        else
            memcpy(dx, dy, n * sizeof *dx);
    }
}

static void backward(const NetLayerRun *run)
{
    SimShape image = run->y.shape;
    image.t = 1;
    if (run->dx[0])
        net_rows_run(run, image, backward_rows);
}

const NetLayer net_layer_repeat = {
    .name = "repeat",
    .summary = "one image at every step",
    .min_inputs = 1,
    .max_inputs = 1,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
