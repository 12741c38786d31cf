/* nets/layers/function.c: see function_internal.h. */
#include "nets/layers/function_internal.h"

#include <string.h>

enum { TASK_FLOATS = 16384, MAX_TASKS = 64 };

typedef struct Work {
    const NetFunction *run;
    NeuronSpec spec;
} Work;

void net_function_cut(NetFunction *run, size_t pixels, size_t channels)
{
    const size_t least = (pixels + MAX_TASKS - 1) / MAX_TASKS;
    const size_t some = channels >= TASK_FLOATS ? 1 : TASK_FLOATS / channels;
    run->pixels = pixels;
    run->channels = channels;
    run->block = some > least ? some : least;
    run->n_blocks = (pixels + run->block - 1) / run->block;
}

static NeuronBranches branches_of(const Work *work, size_t index,
                                  const float *params[NEURON_MAX_PARAMS])
{
    const NetFunction *run = work->run;
    const size_t first = index * run->block, at = first * run->channels;
    const size_t left = run->pixels - first;
    for (size_t k = 0; k < run->function->n_params; k++)
        params[k] = run->params + index * run->params_step + k * run->channels;
    return (NeuronBranches){.spec = &work->spec,
                            .context = run->context,
                            .pixels = left < run->block ? left : run->block,
                            .channels = run->channels,
                            .x = run->x + at,
                            .params = params,
                            .current = run->y ? run->y + at : NULL,
                            .d_current = run->d_y ? run->d_y + at : NULL,
                            .accumulate = run->accumulate,
                            .d_x = run->d_x ? run->d_x + at : NULL};
}

static void forward_block(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const float *params[NEURON_MAX_PARAMS];
    const NeuronBranches branches = branches_of(work, index, params);
    neuron_join_forward(work->spec.dendrite)(&branches);
}

static void backward_block(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const NetFunction *run = work->run;
    const size_t n = run->function->n_params * run->channels;
    const float *params[NEURON_MAX_PARAMS];
    double *d_params[NEURON_MAX_PARAMS] = {0};
    NeuronBranches branches = branches_of(work, index, params);
    memset(run->d_params + index * n, 0, n * sizeof *run->d_params);
    for (size_t k = 0; k < run->function->n_params; k++)
        d_params[k] = run->d_params + index * n + k * run->channels;
    branches.d_params = d_params;
    neuron_join_backward(work->spec.dendrite)(&branches);
}

static Work make_work(const NetFunction *run)
{
    Work work = {.run = run, .spec = neuron_spec_default()};
    neuron_spec_set_dendrite(&work.spec, run->function);
    work.spec.sharing = NEURON_PER_CHANNEL;
    work.spec.learn = NEURON_LEARN_ALL;
    return work;
}

void net_function_forward(const NetFunction *run)
{
    Work work = make_work(run);
    sim_team_run(&run->context->team, run->n_blocks, forward_block, &work);
}

void net_function_backward(const NetFunction *run)
{
    Work work = make_work(run);
    sim_team_run(&run->context->team, run->n_blocks, backward_block, &work);
}
