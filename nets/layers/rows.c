/* nets/layers/rows.c: what layers share that do the same to every pixel. */
#include "nets/layers/rows_internal.h"

void net_hand_on(const NetLayerRun *run, size_t input, size_t first, size_t n)
{
    if (!net_is_handed_on(run, input))
        run->context->kernels.hand_on(
            n, sim_numbers_at(run->dy, run->dy_form, first), run->accumulate[input],
            sim_numbers_at(run->dx[input], run->dx_form[input], first));
}

static void round_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    enum { ROOM = 1024 };
    const NetRows *rows = argument;
    const SimKernels *kernels = &rows->run->context->kernels;
    uint16_t room[ROOM];
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first) * rows->c;
    float *const y = rows->run->y.f32 + first * rows->c;
    for (size_t at = 0, m; at < n; at += m) {
        m = n - at < ROOM ? n - at : ROOM;
        kernels->hand_on(m, (SimNumbers){y + at, false}, false, (SimNumbers){room, true});
        kernels->bf16_widen(m, room, y + at);
    }
}

void net_round_output(const NetLayerRun *run)
{
    net_rows_run(run, run->y.shape, round_rows);
}

static void pass_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first) * rows->c;
    net_hand_on(rows->run, 0, first * rows->c, n);
}

void net_pass_backward(const NetLayerRun *run)
{
    if (!net_is_handed_on(run, 0))
        net_rows_run(run, run->y.shape, pass_rows);
}
