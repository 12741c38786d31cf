/* nets/activity.c: spikes counted as they are written. */
#include "nets/plan_internal.h"

#include <string.h>

void plan_see(PlanNode *node, const SimKernels *kernels, size_t pixels,
              const uint64_t *bits)
{
    const size_t words = sim_words(node->plan.out.c);
    atomic_fetch_add(&node->ones, kernels->spikes_count(pixels * words, bits));
    for (size_t w = 0; w < words; w++) {
        uint64_t any = 0, all = ~UINT64_C(0);
        for (size_t i = w; i < pixels * words; i += words) {
            any |= bits[i];
            all &= bits[i];
        }
        if (any & ~atomic_load(&node->seen_any[w]))
            atomic_fetch_or(&node->seen_any[w], any);
        if (~all & atomic_load(&node->seen_all[w]))
            atomic_fetch_and(&node->seen_all[w], all);
    }
}

typedef struct Sight {
    PlanNode *node;
    const SimKernels *kernels;
    size_t pixels, block; /* all, of a task */
    const uint64_t *bits;
} Sight;

static void see_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Sight *s = argument;
    const size_t first = index * s->block, left = s->pixels - first;
    plan_see(s->node, s->kernels, left < s->block ? left : s->block,
             s->bits + first * sim_words(s->node->plan.out.c));
}

void plan_see_all(PlanNode *node, const SimContext *context, size_t pixels,
                  const uint64_t *bits)
{
    enum { TASK_WORDS = 1 << 13 };
    const size_t words = sim_words(node->plan.out.c);
    Sight s = {node, &context->kernels, pixels,
               TASK_WORDS / words ? TASK_WORDS / words : 1, bits};
    sim_team_run(&context->team, (pixels + s.block - 1) / s.block, see_task, &s);
}

void plan_count(PlanNode *node, size_t pixels)
{
    const double ones = (double)atomic_exchange(&node->ones, 0);
    const double all = (double)(pixels * node->plan.out.c);
    node->spikes += ones;
    node->neuron_steps += all;
    node->density = (float)(ones / all);
}

void plan_reset_counts(PlanNode *node)
{
    node->spikes = node->neuron_steps = 0.0;
    for (size_t w = 0; node->seen_any && w < sim_words(node->plan.out.c); w++) {
        atomic_init(&node->seen_any[w], 0);
        atomic_init(&node->seen_all[w], ~UINT64_C(0));
    }
}

NetActivity plan_activity(const PlanNode *node)
{
    NetActivity activity = {.spiking = node->plan.out_form == SIM_SPIKES,
                            .spikes = node->spikes,
                            .neuron_steps = node->neuron_steps,
                            .channels = node->plan.out.c};
    for (size_t c = 0;
         activity.spiking && node->neuron_steps > 0 && c < activity.channels; c++) {
        const size_t word = c / SIM_WORD_BITS, bit = c % SIM_WORD_BITS;
        activity.silent += !(atomic_load(&node->seen_any[word]) >> bit & 1);
        activity.saturated += atomic_load(&node->seen_all[word]) >> bit & 1;
    }
    return activity;
}
