/* nets/layers/rows.c: what layers that only pass values on share. */
#include "nets/layers/rows_internal.h"

#include <string.h>

static void pass_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first) * rows->c;
    float *dx = run->dx[0] + first * rows->c;
    const float *dy = run->dy + first * rows->c;
    if (run->accumulate[0])
        run->context->kernels.add(n, dy, dx);
    else
        memcpy(dx, dy, n * sizeof *dx);
}

void net_pass_backward(const NetLayerRun *run)
{
    if (run->dx[0] && (run->dx[0] != run->dy || run->accumulate[0]))
        net_rows_run(run, run->y.shape, pass_rows);
}
