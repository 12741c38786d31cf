/* tests/nets/layer_harness.c: see layer_harness.h. */
#include "tests/nets/layer_harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "sim/arena.h"
#include "tests/support.h"

static void *take(size_t bytes)
{
    void *memory = aligned_alloc(SIM_ALIGN, sim_align_up(bytes + 1));
    cr_assert_not_null(memory);
    memset(memory, 0, sim_align_up(bytes + 1));
    return memory;
}

static float *take_nan(size_t n)
{
    float *x = take(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = NAN;
    return x;
}

static void *take_dirty(size_t bytes)
{
    void *memory = take(bytes);
    memset(memory, 0xff, bytes);
    return memory;
}

SimStatus harness_plan(const HarnessSetup *setup, Harness *out)
{
    memset(out, 0, sizeof *out);
    Harness *h = out;
    h->setup = *setup;
    if (!h->setup.window)
        h->setup.window = setup->steps;
    const SimStatus status =
        sim_context_create(setup->threads ? setup->threads : 1, setup->isa, &h->context);
    cr_assert_eq(status, SIM_OK, "%s", sim_message());
    const NetLayer *layer = setup->layer;
    cr_assert_leq(layer->options_size, sizeof h->options);
    if (setup->options)
        memcpy(h->options, setup->options, layer->options_size);
    else if (layer->options)
        sim_options_init(layer->options, h->options);
    h->plan = (NetLayerPlan){.options = h->options,
                             .context = &h->context,
                             .name = "layer",
                             .n_inputs = setup->n_inputs,
                             .steps = setup->steps,
                             .window = h->setup.window,
                             .training = setup->training,
                             .reversed = setup->reversed,
                             .params = h->rows};
    for (size_t i = 0; i < setup->n_inputs; i++) {
        h->plan.in[i] = setup->in[i];
        h->plan.in_form[i] = setup->form[i];
        h->plan.needs_d_input[i] = setup->training;
    }
    return layer->plan(&h->plan);
}

void harness_open(const HarnessSetup *setup, Harness *out)
{
    const SimStatus status = harness_plan(setup, out);
    cr_assert_eq(status, SIM_OK, "%s: %s", setup->layer->name, sim_message());
    Harness *h = out;
    const NetLayerPlan *p = &h->plan;
    for (size_t i = 0; i < p->n_inputs; i++) {
        h->n_x[i] = sim_shape_count(p->in[i]);
        h->x[i] = take(h->n_x[i] * sizeof(float));
        h->dx[i] = take_nan(h->n_x[i]);
        h->packed[i] = (SimTensor){.form = p->in_form[i], .shape = p->in[i]};
        h->packed[i].data = take_dirty(sim_tensor_bytes(p->in_form[i], p->in[i]));
    }
    h->n_y = sim_shape_count(p->out);
    h->y = take(h->n_y * sizeof(float));
    h->dy = take(h->n_y * sizeof(float));
    h->out = (SimTensor){.form = p->out_form, .shape = p->out};
    h->out.data = take_dirty(sim_tensor_bytes(p->out_form, p->out));
    h->active = take(sim_tensor_bytes(SIM_SPIKES, p->out));
    for (size_t i = 0; i < p->n_params; i++) {
        size_t n = 1;
        for (size_t d = 0; d < p->params[i].n_dims; d++)
            n *= p->params[i].dims[d];
        h->n_params[i] = n;
        h->params[i] = take(n * sizeof(float));
        h->d_params[i] =
            p->params[i].role == NET_PARAM_TRAINED ? take(n * sizeof(float)) : NULL;
        for (size_t k = 0; k < n && p->params[i].init == NET_INIT_CONSTANT; k++)
            h->params[i][k] = (float)p->params[i].init_value;
    }
    for (size_t i = 0; i < p->n_states; i++)
        h->states[i] = take(p->state_floats[i] * sizeof(float));
    h->saved = take_dirty(p->saved_bytes);
    h->scratch = take_dirty(p->scratch_bytes);
}

void harness_close(Harness *h)
{
    for (size_t i = 0; i < NET_MAX_INPUTS; i++) {
        free(h->x[i]);
        free(h->dx[i]);
        free(h->packed[i].data);
    }
    for (size_t i = 0; i < NET_MAX_PARAMS; i++) {
        free(h->params[i]);
        free(h->d_params[i]);
    }
    for (size_t i = 0; i < NET_MAX_STATES; i++)
        free(h->states[i]);
    free(h->y);
    free(h->dy);
    free(h->out.data);
    free(h->active);
    free(h->saved);
    free(h->scratch);
    if (h->setup.layer->destroy && h->plan.prepared)
        h->setup.layer->destroy(h->plan.prepared);
    memset(h, 0, sizeof *h);
}

static SimTensor window_of(const SimTensor *all, size_t t0, size_t nt)
{
    SimTensor tensor = *all;
    if (all->shape.t == 1)
        return tensor;
    tensor.shape.t = nt;
    tensor.data = (unsigned char *)all->data + t0 * sim_step_bytes(all->form, all->shape);
    return tensor;
}

static NetLayerRun make_run(Harness *h, size_t t0, size_t nt)
{
    NetLayerRun run = {.options = h->options,
                       .prepared = h->plan.prepared,
                       .context = &h->context,
                       .nt = nt,
                       .t0 = t0,
                       .steps = h->setup.steps,
                       .training = h->setup.training,
                       .n_inputs = h->plan.n_inputs,
                       .y = window_of(&h->out, t0, nt),
                       .active = h->plan.gives_active ? h->active : NULL,
                       .params = h->params,
                       .states = h->states,
                       .saved = h->plan.saved_bytes ? h->saved : NULL,
                       .scratch = h->scratch,
                       .inexact = &h->inexact,
                       .rng = {.seed = 11, .epoch = h->step, .stream = 3},
                       .dy = h->dy,
                       .d_params = h->d_params};
    for (size_t i = 0; i < h->plan.n_inputs; i++)
        run.x[i] = window_of(&h->packed[i], t0, nt);
    return run;
}

static void pack_inputs(Harness *h)
{
    for (size_t i = 0; i < h->plan.n_inputs; i++) {
        SimTensor *to = &h->packed[i];
        const size_t pixels = to->shape.t * sim_shape_pixels(to->shape);
        if (to->form == SIM_SPIKES)
            h->context.kernels.spikes_pack(pixels, to->shape.c, h->x[i], to->bits);
        else
            memcpy(to->f32, h->x[i], h->n_x[i] * sizeof(float));
    }
}

static void unpack_output(Harness *h)
{
    const size_t pixels = h->out.shape.t * sim_shape_pixels(h->out.shape);
    if (h->out.form == SIM_SPIKES)
        h->context.kernels.spikes_unpack(pixels, h->out.shape.c, h->out.bits, h->y);
    else
        memcpy(h->y, h->out.f32, h->n_y * sizeof(float));
}

void harness_forward(Harness *h)
{
    for (size_t i = 0; i < h->plan.n_states; i++)
        memset(h->states[i], 0, h->plan.state_floats[i] * sizeof(float));
    pack_inputs(h);
    memset(h->out.data, 0xff, sim_tensor_bytes(h->out.form, h->out.shape));
    for (size_t t0 = 0; t0 < h->setup.steps; t0 += h->setup.window) {
        const size_t left = h->setup.steps - t0;
        const NetLayerRun run =
            make_run(h, t0, left < h->setup.window ? left : h->setup.window);
        if (h->setup.layer->measure && h->setup.training)
            h->setup.layer->measure(&run);
        h->setup.layer->forward(&run);
    }
    unpack_output(h);
}

void harness_again(Harness *h)
{
    harness_again_by(h, h->setup.steps);
}

void harness_again_by(Harness *h, size_t steps)
{
    memset(h->out.data, 0xff, sim_tensor_bytes(h->out.form, h->out.shape));
    for (size_t t0 = 0; t0 < h->setup.steps; t0 += steps) {
        const size_t left = h->setup.steps - t0;
        NetLayerRun run = make_run(h, t0, left < steps ? left : steps);
        run.again = true;
        memset(h->scratch, 0xff, h->plan.scratch_bytes);
        h->setup.layer->forward(&run);
    }
    unpack_output(h);
}

static NetLayerRun backward_run(Harness *h, size_t t0, size_t nt)
{
    NetLayerRun run = make_run(h, t0, nt);
    run.dy += h->plan.out.t == 1 ? 0 : t0 * sim_shape_step(h->plan.out);
    for (size_t i = 0; i < h->plan.n_inputs; i++) {
        run.dx[i] = h->dx[i];
        if (h->dx[i] && h->plan.in[i].t != 1)
            run.dx[i] += t0 * sim_shape_step(h->plan.in[i]);
        run.accumulate[i] = h->accumulate;
        if (!(h->plan.backward_needs & NET_NEEDS_INPUT))
            run.x[i].data = NULL;
    }
    if (!(h->plan.backward_needs & NET_NEEDS_OUTPUT))
        run.y.data = NULL;
    memset(h->scratch, 0xff, h->plan.scratch_bytes);
    return run;
}

void harness_backward(Harness *h)
{
    harness_backward_by(h, h->setup.steps);
}

void harness_backward_by(Harness *h, size_t steps)
{
    const NetLayer *layer = h->setup.layer;
    if (layer->gather) {
        const NetLayerRun run = backward_run(h, 0, h->setup.steps);
        layer->gather(&run);
    }
    for (size_t t0 = 0; t0 < h->setup.steps; t0 += steps) {
        const size_t left = h->setup.steps - t0;
        const NetLayerRun run = backward_run(h, t0, left < steps ? left : steps);
        layer->backward(&run);
    }
}

void harness_invert(Harness *h, size_t input, bool over)
{
    NetLayerRun run = make_run(h, 0, h->setup.steps);
    cr_assert_eq(h->packed[input].form, SIM_DENSE);
    memset(h->packed[input].data, 0xff, h->n_x[input] * sizeof(float));
    if (over)
        run.x[input].data = run.y.data;
    h->setup.layer->invert(&run, input);
    memcpy(h->packed[input].f32, run.x[input].f32, h->n_x[input] * sizeof(float));
    memcpy(h->x[input], h->packed[input].f32, h->n_x[input] * sizeof(float));
}

void harness_fill(Harness *h, uint64_t seed)
{
    for (size_t i = 0; i < h->plan.n_inputs; i++) {
        test_fill(h->x[i], h->n_x[i], seed + i);
        for (size_t k = 0; k < h->n_x[i] && h->setup.form[i] == SIM_SPIKES; k++)
            h->x[i][k] = h->x[i][k] > 0.4f ? 1.0f : 0.0f;
    }
    test_fill(h->dy, h->n_y, seed + 10);
    for (size_t i = 0; i < h->plan.n_params; i++)
        if (h->plan.params[i].role == NET_PARAM_TRAINED) {
            test_fill(h->params[i], h->n_params[i], seed + 20 + i);
            memset(h->d_params[i], 0, h->n_params[i] * sizeof(float));
        }
}

double harness_dot(const float *a, const float *b, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}
