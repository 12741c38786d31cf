/* nets/strips.c: see nets/plan_strips.c. A strip goes through all steps before the next
 * one begins, so that its states stay in the cache. Each pixel sees the same operations
 * in the same order as in whole layers: the same bits. */
#include "nets/strips_internal.h"

#include <string.h>

#include "nets/layers/rows_internal.h"

typedef struct Work {
    const NetStrips *strips;
    SimContext alone; /* of one thread */
    size_t n_rows;    /* of a step */
} Work;

static size_t state_floats(const PlanNode *node, size_t state) /* of a pixel */
{
    return node->plan.state_floats[state] / sim_shape_pixels(node->plan.out);
}

static void rest(const PlanNode *node, size_t pixels, float *const *states)
{
    for (size_t i = 0; i < node->plan.n_states; i++)
        memset(states[i], 0, pixels * state_floats(node, i) * sizeof(float));
}

/* One node at step t: rows `first` to first + rows of what it is to do. */
static NetLayerRun part_of(const Work *work, const NetStripNode *at, size_t t,
                           size_t first, size_t rows, float **states)
{
    const NetLayerRun *whole = &at->run;
    const size_t pixel = first * whole->y.shape.w;
    NetLayerRun run = *whole;
    run.context = &work->alone;
    run.nt = 1;
    run.t0 += t;
    run.y = net_rows_of(&whole->y, t, first, rows);
    run.states = states;
    for (size_t i = 0; i < run.n_inputs; i++) {
        run.x[i] = net_rows_of(&whole->x[i], t, first, rows);
        if (run.affine[i].scale) {
            run.affine[i].scale += t * run.affine[i].step;
            run.affine[i].shift += t * run.affine[i].step;
        }
    }
    for (size_t i = 0; i < at->node->plan.n_states; i++)
        states[i] = whole->states[i] + pixel * state_floats(at->node, i);
    if (run.potential)
        run.potential += t * sim_shape_step(whole->y.shape) + pixel * whole->y.shape.c;
    return run;
}

static void strip_task(void *argument, size_t index, size_t thread)
{
    const Work *work = argument;
    const NetStrips *s = work->strips;
    const size_t first = index * s->rows, left = work->n_rows - first;
    const size_t rows = left < s->rows ? left : s->rows;
    const size_t nt = s->nodes[0].run.nt;
    for (size_t t = 0; t < nt; t++) {
        unsigned char *room = s->room + thread * s->room_bytes;
        SimTensor y[PLAN_MAX_STRIP];
        for (size_t i = 0; i < s->n; i++) {
            const SimTensor *whole = &s->nodes[i].run.y;
            y[i] = net_rows_of(whole, t, first, rows);
            if (!s->nodes[i].hidden)
                continue;
            y[i].data = room;
            room += net_strip_bytes(whole->form, whole->shape, s->rows);
        }
        const NetLayer *const head = s->nodes[0].node->layer;
        if (head->begin_rows)
            head->forward_rows(&s->nodes[0].run, t, first, first + rows, y[0].f32);
        for (size_t i = head->begin_rows ? 1 : 0; i < s->n; i++) {
            float *states[NET_MAX_STATES];
            NetLayerRun run = part_of(work, &s->nodes[i], t, first, rows, states);
            if (i > 0)
                run.x[s->nodes[i].input] = y[i - 1];
            run.y = y[i];
            run.scratch = room;
            if (s->rest && t == 0)
                rest(s->nodes[i].node, rows * run.y.shape.w, states);
            s->nodes[i].node->layer->forward(&run);
            if (s->nodes[i].node->rounded)
                net_round_output(&run);
            if (y[i].form == SIM_SPIKES)
                plan_see(s->nodes[i].node, &run.context->kernels, rows * run.y.shape.w,
                         y[i].bits);
        }
    }
}

bool net_strips_run(const NetStrips *strips)
{
    const NetLayerRun *head = &strips->nodes[0].run;
    const NetLayer *const layer = strips->nodes[0].node->layer;
    Work work = {.strips = strips, .alone = *head->context};
    work.alone.team.n_threads = 1;
    work.n_rows = head->y.shape.n * head->y.shape.h;
    if (layer->begin_rows && !layer->begin_rows(head))
        return false;
    sim_team_run(&head->context->team, (work.n_rows + strips->rows - 1) / strips->rows,
                 strip_task, &work);
    return true;
}
