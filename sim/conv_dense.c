/* sim/conv_dense.c: convolutions through the dense library, spread over the team. */
#include "sim/conv_internal.h"

#include <stdlib.h>

enum { CHUNK_BYTES = 5 << 19 /* of input that one dense backward call takes */ };

typedef struct Call {
    size_t a_rows, a_c; /* of a step: rows of so many numbers */
    const float *a;     /* or */
    const uint64_t *bits;
    const float *weights;
    size_t c_rows, c; /* of the result of a step */
    bool accumulate;
} Call;

typedef struct Scratch { /* of one call */
    void *packed;        /* weights in the order of the dense library */
    void *own;           /* what the library itself asks for */
    float *a;            /* spikes as numbers */
    float *result;       /* what is to be added */
} Scratch;

static size_t x_rows(const SimConvShape *s)
{
    return s->n * s->h * s->w;
}

static size_t y_rows(const SimConvShape *s)
{
    return s->n * s->oh * s->ow;
}

/* --- planning ------------------------------------------------------------------------
 */

static Call describe(const SimConv *conv, SimDenseCall kind)
{
    const SimConvShape *s = &conv->shape;
    if (kind == SIM_DENSE_FORWARD)
        return (Call){.a_rows = x_rows(s), .a_c = s->c, .c_rows = y_rows(s), .c = s->k};
    return (Call){.a_rows = y_rows(s),
                  .a_c = s->k,
                  .c_rows = x_rows(s),
                  .c = s->c,
                  .accumulate = true};
}

static size_t most_steps(const SimConvDense *d)
{
    return d->many ? d->chunk : 1;
}

static Scratch layout(const SimConv *conv, SimDenseCall kind, SimArena *arena)
{
    const SimConvDense *d = &conv->dense[kind];
    const Call call = describe(conv, kind);
    const bool spikes = conv->form == SIM_SPIKES && kind != SIM_DENSE_BACKWARD_INPUT;
    const SimDense *const all[] = {d->step, d->many};
    size_t packed = 0, own = 0;
    for (size_t i = 0; i < 2 && all[i]; i++) {
        if (sim_dense_packed_bytes(all[i]) > packed)
            packed = sim_dense_packed_bytes(all[i]);
        if (sim_dense_scratch_bytes(all[i]) > own)
            own = sim_dense_scratch_bytes(all[i]);
    }
    const size_t steps = most_steps(d);
    Scratch at;
    at.packed = sim_arena_take(arena, packed);
    at.own = sim_arena_take(arena, own);
    at.a =
        sim_arena_take(arena, spikes ? steps * call.a_rows * call.a_c * sizeof *at.a : 0);
    at.result = sim_arena_take(
        arena, call.accumulate ? steps * call.c_rows * call.c * sizeof(float) : 0);
    return at;
}

size_t sim_conv_dense_scratch(const SimConv *conv, SimDenseCall call)
{
    SimArena arena = {0};
    if (conv->dense[call].step)
        layout(conv, call, &arena);
    return arena.used;
}

SimStatus sim_conv_dense_plan(SimConv *conv, SimDenseCall call)
{
    SimStatus status = SIM_OK;
    const SimConvShape *s = &conv->shape;
    SimConvDense *d = &conv->dense[call];
    d->chunk = CHUNK_BYTES / (x_rows(s) * s->c * sizeof(float));
    if (d->chunk > conv->max_steps)
        d->chunk = conv->max_steps;
    SIM_TRY(sim_dense_create(s, s->n, call, false, &d->step));
    /* Forward, a step must not depend on how many a call holds. */
    if (call != SIM_DENSE_FORWARD && d->chunk > 1)
        SIM_TRY(sim_dense_create(s, d->chunk * s->n, call, false, &d->many));
out:
    return status;
}

void sim_conv_dense_release(SimConv *conv)
{
    for (int call = 0; call < SIM_DENSE_CALLS; call++) {
        sim_dense_destroy(conv->dense[call].step);
        sim_dense_destroy(conv->dense[call].many);
    }
}

/* --- loops shared by the team --------------------------------------------------------
 */

typedef struct Rows {
    const SimConv *conv;
    size_t n_rows, c, rows; /* all, numbers in one, of a task */
    const uint64_t *bits;
    const float *from;
    float *to;
} Rows;

/* The rows of a task: their number, from `*first`. */
static size_t task_rows(const Rows *r, size_t index, size_t *first)
{
    *first = index * r->rows;
    return r->n_rows - *first < r->rows ? r->n_rows - *first : r->rows;
}

static void unpack_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Rows *r = argument;
    size_t first;
    const size_t n = task_rows(r, index, &first);
    r->conv->context->kernels.spikes_unpack(n, r->c, r->bits + first * sim_words(r->c),
                                            r->to + first * r->c);
}

static void add_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Rows *r = argument;
    size_t first;
    const size_t n = task_rows(r, index, &first);
    for (size_t i = first * r->c; i < (first + n) * r->c; i++)
        r->to[i] += r->from[i];
}

static void bias_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Rows *r = argument;
    size_t first;
    const size_t n = task_rows(r, index, &first);
    for (size_t row = first; row < first + n; row++)
        for (size_t i = 0; i < r->c; i++)
            r->to[row * r->c + i] += r->from[i];
}

/* Runs `task` over rows, some ten thousand numbers at a time. */
static void run_rows(const SimConv *conv, Rows rows, SimTask *task)
{
    enum { TASK_NUMBERS = 1 << 14 };
    rows.conv = conv;
    rows.rows = TASK_NUMBERS / rows.c ? TASK_NUMBERS / rows.c : 1;
    sim_team_run(&conv->context->team, (rows.n_rows + rows.rows - 1) / rows.rows, task,
                 &rows);
}

/* Steps of `a` from t, spikes as numbers in `room`. */
static const float *numbers(const SimConv *conv, const Call *call, size_t t, size_t steps,
                            float *room)
{
    if (!call->bits)
        return call->a + t * call->a_rows * call->a_c;
    run_rows(conv,
             (Rows){.n_rows = steps * call->a_rows,
                    .c = call->a_c,
                    .bits = call->bits + t * call->a_rows * sim_words(call->a_c),
                    .to = room},
             unpack_rows);
    return room;
}

static const void *in_order(const float *weights, SimDense *dense, const Scratch *at)
{
    if (!sim_dense_packed_bytes(dense))
        return weights;
    sim_dense_pack(dense, weights, at->packed);
    return at->packed;
}

size_t sim_conv_dense_held_bytes(const SimConv *conv)
{
    const SimDense *const step = conv->dense[SIM_DENSE_FORWARD].step;
    return step ? sim_align_up(sim_dense_packed_bytes(step)) : 0;
}

void sim_conv_dense_hold(SimConv *conv, const float *weights)
{
    sim_dense_pack(conv->dense[SIM_DENSE_FORWARD].step, weights, conv->held);
}

static void run(const SimConv *conv, SimDenseCall kind, const Call *call, size_t nt,
                float *c, SimArena *arena)
{
    const SimConvDense *d = &conv->dense[kind];
    const Scratch at = layout(conv, kind, arena);
    const SimDense *ready = NULL;
    const void *b = NULL;
    for (size_t t = 0, steps; t < nt; t += steps) {
        const bool many = d->many && nt - t >= d->chunk;
        SimDense *dense = many ? d->many : d->step;
        steps = many ? d->chunk : 1;
        const float *a = numbers(conv, call, t, steps, at.a);
        if (kind == SIM_DENSE_FORWARD && conv->is_held)
            b = conv->held;
        else if (dense != ready)
            b = in_order(call->weights, dense, &at);
        ready = dense;
        float *to = c + t * call->c_rows * call->c;
        sim_dense_run(dense, a, b, NULL, call->accumulate ? at.result : to, at.own);
        if (call->accumulate)
            run_rows(conv,
                     (Rows){.n_rows = steps * call->c_rows,
                            .c = call->c,
                            .from = at.result,
                            .to = to},
                     add_rows);
    }
}

/* --- the two calls -----------------------------------------------------------------
 */

void sim_conv_dense_forward(const SimConv *conv, size_t nt, const SimTensor *x,
                            const float *weights, const float *bias, float *y,
                            SimArena *arena)
{
    Call call = describe(conv, SIM_DENSE_FORWARD);
    call.a = conv->form == SIM_SPIKES ? NULL : x->f32;
    call.bits = conv->form == SIM_SPIKES ? x->bits : NULL;
    call.weights = weights;
    run(conv, SIM_DENSE_FORWARD, &call, nt, y, arena);
    if (bias)
        run_rows(conv,
                 (Rows){.n_rows = nt * y_rows(&conv->shape),
                        .c = conv->shape.k,
                        .from = bias,
                        .to = y},
                 bias_rows);
}

void sim_conv_dense_input(const SimConv *conv, size_t nt, const float *dy,
                          const float *weights, bool accumulate, float *dx,
                          SimArena *arena)
{
    Call call = describe(conv, SIM_DENSE_BACKWARD_INPUT);
    call.a = dy;
    call.weights = weights;
    call.accumulate = accumulate;
    run(conv, SIM_DENSE_BACKWARD_INPUT, &call, nt, dx, arena);
}
