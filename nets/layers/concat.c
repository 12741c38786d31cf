/* nets/layers/concat.c: the channels of several wires one after the other. */
#include <string.h>

#include "nets/layers.h"
#include "nets/layers/rows_internal.h"

static SimStatus plan(NetLayerPlan *plan)
{
    plan->out = plan->in[0];
    plan->out.c = 0;
    for (size_t i = 0; i < plan->n_inputs; i++) {
        const SimShape a = plan->in[0], b = plan->in[i];
        if (a.t != b.t || a.n != b.n || a.h != b.h || a.w != b.w)
            return sim_fail(
                SIM_ERR_SHAPE,
                "cannot put the channels of %zux%zu pixels over %zu steps "
                "beside those of %zux%zu over %zu: bring the wires to one size",
                a.h, a.w, a.t, b.h, b.w, b.t);
        plan->in_form[i] = SIM_DENSE;
        plan->out.c += b.c;
        plan->invertible |= 1u << i;
    }
    plan->out_form = SIM_DENSE;
    plan->by_step = true;
    return SIM_OK;
}

static size_t offset(const NetLayerRun *run, size_t input)
{
    size_t sum = 0;
    for (size_t i = 0; i < input; i++)
        sum += run->x[i].shape.c;
    return sum;
}

/* What task `index` does with one input: its pixels and where they lie in y. */
typedef struct Part {
    const NetLayerRun *run;
    size_t input;
} Part;

static void put_in(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first), c = rows->c;
    for (size_t input = 0; input < run->n_inputs; input++) {
        const size_t own = run->x[input].shape.c;
        const float *x = run->x[input].f32 + first * own;
        float *y = run->y.f32 + first * c + offset(run, input);
        for (size_t p = 0; p < n; p++)
            memcpy(y + p * c, x + p * own, own * sizeof *y);
    }
}

static void forward(const NetLayerRun *run)
{
    net_rows_run(run, run->y.shape, put_in);
}

static void backward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first), c = rows->c;
    for (size_t input = 0; input < run->n_inputs; input++) {
        if (!run->dx[input])
            continue;
        const size_t own = run->x[input].shape.c;
        const float *dy = run->dy + first * c + offset(run, input);
        float *dx = run->dx[input] + first * own;
        for (size_t p = 0; p < n; p++)
            if (run->accumulate[input])
                run->context->kernels.add(own, dy + p * c, dx + p * own);
            else
                memcpy(dx + p * own, dy + p * c, own * sizeof *dx);
    }
}

static void backward(const NetLayerRun *run)
{
    net_rows_run(run, run->y.shape, backward_rows);
}

static void take_out(void *argument, size_t step, size_t thread)
{
    (void)thread;
    const Part *part = argument;
    const NetLayerRun *run = part->run;
    const size_t c = run->y.shape.c, own = run->x[part->input].shape.c;
    const size_t pixels = sim_shape_pixels(run->y.shape);
    const float *y = run->y.f32 + step * pixels * c + offset(run, part->input);
    float *x = run->x[part->input].f32 + step * pixels * own;
    for (size_t p = 0; p < pixels; p++)
        memmove(x + p * own, y + p * c, own * sizeof *x);
}

static void invert(const NetLayerRun *run, size_t input)
{
    Part part = {run, input};
    sim_team_run(&run->context->team, run->y.shape.t, take_out, &part);
}

const NetLayer net_layer_concat = {
    .name = "concat",
    .summary = "channels one after the other",
    .min_inputs = 1,
    .max_inputs = NET_MAX_INPUTS,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .invert = invert,
};
