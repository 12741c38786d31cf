/* neurons/somas/none.c: no dynamics: the current itself leaves. Classical networks. */
#include <string.h>

#include "neurons/neuron.h"

typedef struct Work {
    const NeuronRun *run;
    size_t block, count;
} Work;

enum { BLOCK_FLOATS = 16384 };

static Work make_work(const NeuronRun *run)
{
    return (Work){run, BLOCK_FLOATS, run->nt * sim_shape_step(run->shape)};
}

static size_t block_of(const Work *work, size_t index, size_t *first)
{
    *first = index * work->block;
    return *first + work->block < work->count ? work->block : work->count - *first;
}

static void forward_block(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    size_t first;
    const size_t n = block_of(work, index, &first);
    memcpy(work->run->y.f32 + first, work->run->x + first, n * sizeof(float));
    if (work->run->potential)
        memcpy(work->run->potential + first, work->run->x + first, n * sizeof(float));
}

static void backward_block(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const NeuronRun *run = work->run;
    size_t first;
    const size_t n = block_of(work, index, &first);
    for (size_t i = first; i < first + n; i++)
        run->d_x[i] = run->accumulate ? run->d_x[i] + run->d_y[i] : run->d_y[i];
}

static void forward(const NeuronRun *run)
{
    Work work = make_work(run);
    sim_team_run(&run->context->team, (work.count + work.block - 1) / work.block,
                 forward_block, &work);
}

static void backward(const NeuronRun *run)
{
    if (!run->d_x)
        return;
    Work work = make_work(run);
    sim_team_run(&run->context->team, (work.count + work.block - 1) / work.block,
                 backward_block, &work);
}

static void reference(const NeuronSpec *spec, size_t nt, const double *x, double *y,
                      double *v_before, double *v_after)
{
    (void)spec;
    double *const outputs[] = {y, v_before, v_after};
    for (size_t i = 0; i < 3; i++)
        if (outputs[i])
            memcpy(outputs[i], x, nt * sizeof *x);
}

const NeuronSoma neuron_soma_none = {
    .name = "none",
    .summary = "no dynamics, the current is the output",
    .source = "classical networks",
    .output = SIM_DENSE,
    .passes = true,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};
