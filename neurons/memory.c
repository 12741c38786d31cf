/* neurons/memory.c: see memory.h. */
#include "neurons/memory.h"

#include <math.h>
#include <string.h>

#include "sim/arena.h"

enum { BLOCK_FLOATS = 4096, MAX_BLOCKS = 64 }; /* branches of one task; tasks */

typedef struct Work {
    const NeuronMemoryRun *run;
    size_t block, n_blocks; /* pixels */
    float *keeps, *takes;   /* sigmoid(memory) and the rest, [inputs] */
    double *sums;           /* gradients of keeps, [n_blocks, inputs] */
    float *carried;         /* gradients from the step after, [pixels, inputs] */
    size_t bytes;
} Work;

static Work lay_out(const NeuronMemoryRun *run)
{
    Work work = {.run = run};
    const size_t least = (run->pixels + MAX_BLOCKS - 1) / MAX_BLOCKS;
    const size_t some = run->inputs >= BLOCK_FLOATS ? 1 : BLOCK_FLOATS / run->inputs;
    work.block = some > least ? some : least;
    work.n_blocks = (run->pixels + work.block - 1) / work.block;
    const size_t row = sim_align_up(run->inputs * sizeof(float));
    const size_t sums = sim_align_up(work.n_blocks * run->inputs * sizeof(double));
    unsigned char *at = run->scratch;
    if (at) {
        work.keeps = (float *)(void *)at;
        work.takes = (float *)(void *)(at + row);
        work.sums = (double *)(void *)(at + 2 * row);
        work.carried = (float *)(void *)(at + 2 * row + sums);
    }
    work.bytes = 2 * row + sums + sim_align_up(run->pixels * run->inputs * sizeof(float));
    return work;
}

size_t neuron_memory_scratch(const NeuronMemoryRun *run)
{
    return lay_out(run).bytes;
}

static Work make_work(const NeuronMemoryRun *run)
{
    Work work = lay_out(run);
    for (size_t i = 0; i < run->inputs; i++) {
        work.keeps[i] = (float)(1.0 / (1.0 + exp(-(double)run->memory[i])));
        work.takes[i] = 1.0f - work.keeps[i];
    }
    return work;
}

/* Floats of a block in one step: where it begins and how many rows. */
static size_t block_of(const Work *work, size_t index, size_t *first)
{
    const size_t pixel = index * work->block, left = work->run->pixels - pixel;
    *first = pixel * work->run->inputs;
    return left < work->block ? left : work->block;
}

static void forward_block(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const NeuronMemoryRun *run = work->run;
    const size_t inputs = run->inputs, step = run->pixels * inputs;
    const float *restrict keeps = work->keeps, *restrict takes = work->takes;
    size_t first;
    const size_t rows = block_of(work, index, &first);
    for (size_t r = 0; r < rows; r++) {
        float *restrict state = run->state + first + r * inputs;
        for (size_t t = 0; t < run->nt; t++) {
            const size_t at = t * step + first + r * inputs;
            const float *restrict x = run->x + at;
            float *restrict y = run->y + at;
            for (size_t i = 0; i < inputs; i++)
                y[i] = state[i] = keeps[i] * state[i] + takes[i] * x[i];
        }
    }
}

static void backward_block(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const NeuronMemoryRun *run = work->run;
    const size_t inputs = run->inputs, step = run->pixels * inputs;
    const float *restrict keeps = work->keeps, *restrict takes = work->takes;
    double *restrict sums = work->sums + index * inputs;
    size_t first;
    const size_t rows = block_of(work, index, &first);
    memset(sums, 0, inputs * sizeof *sums);
    for (size_t r = 0; r < rows; r++) {
        float *restrict g = work->carried + first + r * inputs;
        memset(g, 0, inputs * sizeof *g);
        for (size_t t = run->nt; t-- > 0;) {
            const size_t at = t * step + first + r * inputs;
            const float *restrict x = run->x + at, *restrict d_y = run->d_y + at;
            const float *before = t > 0 ? run->y + at - step : NULL;
            float *d_x = run->d_x ? run->d_x + at : NULL;
            for (size_t i = 0; i < inputs; i++) {
                const float whole = d_y[i] + g[i], was = before ? before[i] : 0.0f;
                sums[i] += (double)whole * ((double)was - (double)x[i]);
                g[i] = keeps[i] * whole;
                if (d_x)
                    d_x[i] = (run->accumulate ? d_x[i] : 0.0f) + takes[i] * whole;
            }
        }
    }
}

void neuron_memory_forward(const NeuronMemoryRun *run)
{
    Work work = make_work(run);
    sim_team_run(&run->context->team, work.n_blocks, forward_block, &work);
}

void neuron_memory_backward(const NeuronMemoryRun *run)
{
    Work work = make_work(run);
    sim_team_run(&run->context->team, work.n_blocks, backward_block, &work);
    for (size_t i = 0; i < run->inputs; i++) {
        double sum = 0.0;
        for (size_t block = 0; block < work.n_blocks; block++)
            sum += work.sums[block * run->inputs + i];
        const double keeps = (double)work.keeps[i];
        run->d_memory[i] += (float)(sum * keeps * (1.0 - keeps));
    }
}
