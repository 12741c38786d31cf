/* sim/conv_fourier.c: see conv_fourier.h. */
#include "sim/conv_fourier.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/dense.h"

enum {
    LEAST_IMAGES = 32, /* below, the transforms of the weights are most of the work */
    MOST_IMAGES = 512,
    LEAST_CHANNELS = 32,
    MOST_POINTS = 32,
    ROWS_PER_TASK = 16, /* of weights */
    CHANNELS = 64       /* transformed at a time: in the first-level cache */
};

/* One column of frequencies: which, and the matrices that lead there and back. A plane of
 * R x C values becomes first R x (re, im), then (re, im) x n. */
typedef struct Column {
    size_t n;            /* frequencies of it that are not another's conjugate */
    const float *along;  /* [2,fw] */
    const float *down;   /* [2 n,2 fh] */
    const float *down_c; /* the same, conjugated */
    const float *up;     /* [2 fh,2 n] */
    const float *back;   /* [fw,2] */
} Column;

struct SimFourier {
    SimConvShape shape;
    const SimContext *context;
    size_t phases, fh, fw, n_columns;
    Column columns[MOST_POINTS / 2 + 1];
    float *tables; /* owned */
    size_t most;   /* frequencies of a column, at most */
    /* Floats of a row of x and of weights or y, and of a part. Powers of two would put
     * all rows and frequencies into the same few lines of the caches. */
    size_t x_row, k_row, x_part, w_part, y_part;
};

static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

bool sim_fourier_pays(const SimConvShape *s)
{
    const size_t fh = ceil_div(s->h, s->stride), fw = ceil_div(s->w, s->stride);
    if (s->groups != 1 || s->pad || s->n < LEAST_IMAGES || s->n > MOST_IMAGES ||
        s->c < LEAST_CHANNELS || s->k < LEAST_CHANNELS || fh > MOST_POINTS ||
        fw > MOST_POINTS)
        return false;
    const double taps = (double)(s->kh * s->kw * s->oh * s->ow);
    const double products = 4.0 * (double)(fh * (fw / 2 + 1) * s->stride * s->stride);
    return taps > 2.5 * products;
}

/* --- tables --------------------------------------------------------------------------
 */

/* Zeros are to be zeros: what cos makes of them would turn small gradients into denormal
 * numbers, which are slow. */
static void turned(size_t steps, size_t of, double *c, double *s)
{
    static const double nothing = 1e-12;
    const double angle = 2.0 * acos(-1.0) * (double)(steps % of) / (double)of;
    *c = fabs(cos(angle)) < nothing ? 0.0 : cos(angle);
    *s = fabs(sin(angle)) < nothing ? 0.0 : sin(angle);
}

static float *fill_column(SimFourier *f, size_t kx, float *at)
{
    const size_t fh = f->fh, fw = f->fw;
    const bool real = kx == 0 || 2 * kx == fw; /* conjugates within the column */
    const size_t n = real ? fh / 2 + 1 : fh;
    const double all = (double)(fh * fw);
    double c, s;
    float *const along = at, *const down = along + 2 * fw,
                 *const down_c = down + 4 * n * fh, *const up = down_c + 4 * n * fh,
                 *const back = up + 4 * n * fh;
    for (size_t x = 0; x < fw; x++) {
        turned(kx * x, fw, &c, &s);
        along[x] = (float)c;
        along[fw + x] = (float)-s;
        back[2 * x] = (float)((real ? 1.0 : 2.0) / all * c);
        back[2 * x + 1] = real ? 0.0f : (float)(-2.0 / all * s);
    }
    for (size_t k = 0; k < n; k++) {
        const bool twice = real && k != 0 && 2 * k != fh;
        for (size_t y = 0; y < fh; y++) {
            const double weight = twice ? 2.0 : 1.0;
            turned(k * y, fh, &c, &s);
            const float rows[2][2] = {{(float)c, (float)s}, {(float)-s, (float)c}};
            for (size_t part = 0; part < 2; part++)
                for (size_t from = 0; from < 2; from++) {
                    const size_t to = ((part * n + k) * fh + y) * 2 + from;
                    down[to] = rows[part][from];
                    down_c[to] = part ? -rows[part][from] : rows[part][from];
                    up[((2 * y + from) * n + k) * 2 + part] =
                        (float)weight * rows[part][from];
                }
        }
    }
    f->columns[kx] = (Column){n, along, down, down_c, up, back};
    if (n > f->most)
        f->most = n;
    return back + 2 * fw;
}

static size_t padded(size_t floats)
{
    enum { LINE = SIM_ALIGN / sizeof(float) };
    return (ceil_div(floats, LINE) | 1) * LINE; /* an odd number of lines */
}

SimStatus sim_fourier_create(const SimConvShape *shape, const SimContext *context,
                             SimFourier **out)
{
    SimFourier *f = calloc(1, sizeof *f);
    if (!f)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a convolution");
    f->shape = *shape;
    f->context = context;
    f->phases = shape->stride * shape->stride;
    f->fh = ceil_div(shape->h, shape->stride);
    f->fw = ceil_div(shape->w, shape->stride);
    f->n_columns = f->fw / 2 + 1;
    f->x_row = padded(f->phases * shape->c);
    f->k_row = padded(shape->k);
    f->x_part = padded(shape->n * f->x_row);
    f->w_part = padded(f->phases * shape->c * f->k_row);
    f->y_part = padded(shape->n * f->k_row);
    f->tables =
        malloc(f->n_columns * (4 * f->fw + 12 * f->fh * f->fh) * sizeof *f->tables);
    if (!f->tables) {
        free(f);
        return sim_fail(SIM_ERR_MEMORY, "no memory for a convolution");
    }
    float *at = f->tables;
    for (size_t kx = 0; kx < f->n_columns; kx++)
        at = fill_column(f, kx, at);
    *out = f;
    return SIM_OK;
}

void sim_fourier_destroy(SimFourier *fourier)
{
    if (fourier)
        free(fourier->tables);
    free(fourier);
}

/* --- one column ------------------------------------------------------------------------
 */

typedef struct Work {
    const SimFourier *f;
    const Column *column;
    const float *x_in, *w_in, *y_in;
    float *x_out, *w_out, *y_out;
    bool conjugate; /* weights, or dy */
    /* Frequencies [n][parts][rows,values] of each, see product_task. */
    float *x, *w, *y;
} Work;

static Work lay_out(const SimFourier *f, SimArena *arena)
{
    const size_t each = f->most * sizeof(float);
    Work work = {.f = f, .x = sim_arena_take(arena, 3 * each * f->x_part)};
    work.w = sim_arena_take(arena, 2 * each * f->w_part);
    work.y = sim_arena_take(arena, 3 * each * f->y_part);
    return work;
}

size_t sim_fourier_scratch_bytes(const SimFourier *fourier)
{
    SimArena arena = {0};
    lay_out(fourier, &arena);
    return arena.used;
}

/* A plane of rows x columns values, `values` channels each. */
typedef struct Plane {
    size_t rows, columns, values;
    size_t row, pixel; /* floats from one to the next */
} Plane;

/* What the parts of a spectrum hold. Stacked like this, one real product with half of it
 * does for two of a complex one. */
typedef enum Parts {
    RE_IM,  /* 2: re, im */
    TURNED, /* 3: -im, re, im: i x is parts 0 and 1, x is parts 1 and 2 */
    IM_RE   /* 2: im, re */
} Parts;

static size_t n_parts(Parts parts)
{
    return parts == TURNED ? 3 : 2;
}

static void to_frequencies(const Work *work, Plane p, const float *x, Parts parts,
                           bool conjugate, float *to, size_t matrix)
{
    const SimFourier *f = work->f;
    const Column *column = work->column;
    const size_t row = 2 * f->fh, n = column->n, next = n_parts(parts) * matrix;
    const float *const re = column->down,
                       *const im = (conjugate ? column->down_c : column->down) + n * row,
                       *const minus_im =
                           (conjugate ? column->down : column->down_c) + n * row;
    const float *const rows[][3] = {
        [RE_IM] = {re, im}, [TURNED] = {minus_im, re, im}, [IM_RE] = {im, re}};
    for (size_t c = 0; c < p.values; c += CHANNELS) {
        const size_t values = p.values - c < CHANNELS ? p.values - c : CHANNELS;
        float plane[2 * MOST_POINTS * CHANNELS];
        for (size_t y = 0; y < p.rows; y++)
            f->context->kernels.mix(2, p.columns, column->along, f->fw, values,
                                    x + y * p.row + c, p.pixel, false,
                                    plane + 2 * y * CHANNELS, CHANNELS);
        for (size_t part = 0; part < n_parts(parts); part++)
            f->context->kernels.mix(n, 2 * p.rows, rows[parts][part], row, values, plane,
                                    CHANNELS, false, to + part * matrix + c, next);
    }
}

/* From parts re, im; adds. */
static void from_frequencies(const Work *work, Plane p, const float *from, size_t matrix,
                             float *x)
{
    const SimFourier *f = work->f;
    const Column *column = work->column;
    for (size_t c = 0; c < p.values; c += CHANNELS) {
        const size_t values = p.values - c < CHANNELS ? p.values - c : CHANNELS;
        float plane[2 * MOST_POINTS * CHANNELS];
        f->context->kernels.mix(2 * p.rows, 2 * column->n, column->up, 2 * column->n,
                                values, from + c, matrix, false, plane, CHANNELS);
        for (size_t y = 0; y < p.rows; y++)
            f->context->kernels.mix(p.columns, 2, column->back, 2, values,
                                    plane + 2 * y * CHANNELS, CHANNELS, true,
                                    x + y * p.row + c, p.pixel);
    }
}

static Plane image_plane(const SimConvShape *s, size_t phase)
{
    const size_t p = phase / s->stride, q = phase % s->stride;
    return (Plane){ceil_div(s->h - p, s->stride), ceil_div(s->w - q, s->stride), s->c,
                   s->stride * s->w * s->c, s->stride * s->c};
}

static Plane taps_plane(const SimConvShape *s, size_t phase)
{
    const size_t p = phase / s->stride, q = phase % s->stride;
    return (Plane){s->kh > p ? ceil_div(s->kh - p, s->stride) : 0,
                   s->kw > q ? ceil_div(s->kw - q, s->stride) : 0, s->k,
                   s->stride * s->kw * s->c * s->k, s->stride * s->c * s->k};
}

static size_t image_at(const SimConvShape *s, size_t n, size_t phase)
{
    return ((n * s->h + phase / s->stride) * s->w + phase % s->stride) * s->c;
}

static size_t taps_at(const SimConvShape *s, size_t phase, size_t c)
{
    return ((phase / s->stride * s->kw + phase % s->stride) * s->c + c) * s->k;
}

static void image_task(void *argument, size_t n, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const SimFourier *f = work->f;
    const SimConvShape *s = &f->shape;
    for (size_t phase = 0; phase < f->phases; phase++) {
        const size_t at = n * f->x_row + phase * s->c, pixel = image_at(s, n, phase);
        if (work->x_in)
            to_frequencies(work, image_plane(s, phase), work->x_in + pixel, TURNED, false,
                           work->x + at, f->x_part);
        else
            from_frequencies(work, image_plane(s, phase), work->x + at, f->x_part,
                             work->x_out + pixel);
    }
}

static void taps_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const SimFourier *f = work->f;
    const SimConvShape *s = &f->shape;
    const size_t rows = f->phases * s->c, first = index * ROWS_PER_TASK;
    for (size_t row = first; row < rows && row < first + ROWS_PER_TASK; row++) {
        const size_t phase = row / s->c, at = taps_at(s, phase, row % s->c);
        float *const w = work->w + row * f->k_row;
        if (work->w_in)
            to_frequencies(work, taps_plane(s, phase), work->w_in + at, RE_IM,
                           work->conjugate, w, f->w_part);
        else
            from_frequencies(work, taps_plane(s, phase), w, f->w_part, work->w_out + at);
    }
}

static void output_task(void *argument, size_t n, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const SimFourier *f = work->f;
    const SimConvShape *s = &f->shape;
    const Plane plane = {s->oh, s->ow, s->k, s->ow * s->k, s->k};
    const size_t at = n * s->oh * s->ow * s->k;
    float *const y = work->y + n * f->k_row;
    if (work->y_in)
        to_frequencies(work, plane, work->y_in + at, work->x_in ? IM_RE : TURNED,
                       work->conjugate, y, f->y_part);
    else
        from_frequencies(work, plane, y, f->y_part, work->y_out + at);
}

/* One frequency. With x in parts -im, re, im the products of complex numbers are
 *
 *     y = x w      [y re; y im] = [re; im] w_re + [-im; re] w_im       (and x from y, w')
 *     w = x' y     w re = [-im; re]' [y im; y re],  w im = [re; im]' [y im; y re]
 */
static void product_task(void *argument, size_t k, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const SimFourier *f = work->f;
    const size_t n = f->shape.n, wide = f->phases * f->shape.c, outs = f->shape.k;
    float *w = work->w + k * 2 * f->w_part;
    for (size_t half = 0; half < 2; half++) {
        /* First the product with re of the weights, then that with im, parts apart. */
        const SimMatrix weights = {w + half * f->w_part, f->k_row, work->x_out != NULL};
        for (size_t part = 0; part < 2; part++) {
            if (work->y_out)
                sim_dense_product(
                    n, outs, wide,
                    (SimMatrix){work->x + (k * 3 + 1 - half + part) * f->x_part, f->x_row,
                                false},
                    weights, half, work->y + (k * 2 + part) * f->y_part, f->k_row);
            else if (work->x_out)
                sim_dense_product(
                    n, wide, outs,
                    (SimMatrix){work->y + (k * 3 + 1 - half + part) * f->y_part, f->k_row,
                                false},
                    weights, half, work->x + (k * 2 + part) * f->x_part, f->x_row);
            else
                sim_dense_product(
                    wide, outs, n,
                    (SimMatrix){work->x + (k * 3 + half + part) * f->x_part, f->x_row,
                                true},
                    (SimMatrix){work->y + (k * 2 + part) * f->y_part, f->k_row, false},
                    part, w + half * f->w_part, f->k_row);
        }
    }
}

/* The three calls differ in what comes in and what goes out. */
static void run(const SimFourier *f, Work given, void *scratch)
{
    SimArena arena = {.base = scratch, .size = SIZE_MAX};
    const SimTeam *team = &f->context->team;
    const SimConvShape *s = &f->shape;
    const Work at = lay_out(f, &arena);
    Work work = given;
    work.f = f;
    work.x = at.x, work.w = at.w, work.y = at.y;
    const size_t rows = ceil_div(f->phases * s->c, ROWS_PER_TASK);
    for (size_t kx = 0; kx < f->n_columns; kx++) {
        work.column = &f->columns[kx];
        if (work.x_in)
            sim_team_run(team, s->n, image_task, &work);
        if (work.w_in)
            sim_team_run(team, rows, taps_task, &work);
        if (work.y_in)
            sim_team_run(team, s->n, output_task, &work);
        sim_team_run(team, work.column->n, product_task, &work);
        if (work.x_out)
            sim_team_run(team, s->n, image_task, &work);
        if (work.w_out)
            sim_team_run(team, rows, taps_task, &work);
        if (work.y_out)
            sim_team_run(team, s->n, output_task, &work);
    }
}

void sim_fourier_forward(const SimFourier *fourier, const float *x, const float *weights,
                         float *y, void *scratch)
{
    run(fourier, (Work){.x_in = x, .w_in = weights, .y_out = y, .conjugate = true},
        scratch);
}

void sim_fourier_input(const SimFourier *fourier, const float *dy, const float *weights,
                       float *dx, void *scratch)
{
    run(fourier, (Work){.y_in = dy, .w_in = weights, .x_out = dx}, scratch);
}

void sim_fourier_weights(const SimFourier *fourier, const float *x, const float *dy,
                         float *d_weights, void *scratch)
{
    run(fourier, (Work){.x_in = x, .y_in = dy, .w_out = d_weights, .conjugate = true},
        scratch);
}
