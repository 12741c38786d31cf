/* neurons/pointwise.c: functions of the branches, a tile of units at a time.
 *
 * Units are counted along the rows of a member: pixel by pixel, its units of each pixel.
 * A full tile that lies contiguous is worked on where it is, any other is gathered into
 * a buffer. */
#include "neurons/pointwise_internal.h"

#include <string.h>

#include "neurons/activation.h"
#include "neurons/dendrite_internal.h"

static const NeuronTiles *tiles_of(const NeuronPointwise *pointwise, unsigned cpu)
{
    if ((cpu & SIM_CPU_AVX512) && pointwise->avx512)
        return pointwise->avx512;
    return (cpu & SIM_CPU_AVX2) && pointwise->avx2 ? pointwise->avx2 : pointwise->ref;
}

typedef struct Pass {
    const NeuronBranches *run;
    const NeuronMember *member;
    const NeuronTiles *tiles;
    size_t branches;
    size_t x_row, y_row; /* floats of a pixel */
    size_t column_first; /* where the member's row begins in this pass ... */
    size_t row;          /* ... and its units there */
    bool contiguous, per_channel;
    float params[NEURON_MAX_PARAMS * NEURON_TILE];
    float sums[NEURON_MAX_PARAMS * NEURON_TILE];
    float x[NEURON_MAX_BRANCHES * NEURON_TILE], d_x[NEURON_MAX_BRANCHES * NEURON_TILE];
    float y[NEURON_TILE];
} Pass;

static const NeuronParam *params_of(const Pass *pass)
{
    return pass->member->function->params;
}

/* The values of all parameters for the units of a tile. */
static void spread_params(Pass *pass)
{
    const NeuronBranches *run = pass->run;
    const NeuronMember *member = pass->member;
    size_t trained = member->first_trained;
    for (size_t k = 0; k < member->function->n_params; k++) {
        const NeuronParam *row = &params_of(pass)[k];
        const bool learned = neuron_param_learns(run->spec, row);
        const float *from = learned ? run->params[trained++] : NULL;
        const float fixed = (float)run->spec->dendrite_values[member->first_param + k];
        const float low = (float)row->low, high = (float)row->high;
        float *to = pass->params + k * NEURON_TILE;
        for (size_t i = 0; i < NEURON_TILE; i++) {
            const size_t column = pass->column_first + i % pass->row;
            const float value =
                from ? from[pass->per_channel ? member->y_first + column : 0] : fixed;
            to[i] = value < low ? low : value > high ? high : value;
        }
    }
}

static void fold_sums(Pass *pass, size_t lanes)
{
    const NeuronBranches *run = pass->run;
    const NeuronMember *member = pass->member;
    size_t trained = member->first_trained;
    for (size_t k = 0; k < member->function->n_params; k++) {
        if (!neuron_param_learns(run->spec, &params_of(pass)[k]))
            continue;
        double *to = run->d_params[trained++];
        for (size_t i = 0; i < lanes; i++) {
            const size_t column = pass->column_first + i % pass->row;
            to[pass->per_channel ? member->y_first + column : 0] +=
                (double)pass->sums[k * NEURON_TILE + i];
        }
    }
}

/* Where unit `i` of the pass has its first branch and its current. */
static size_t x_at(const Pass *pass, size_t i)
{
    return i / pass->row * pass->x_row + pass->member->x_first +
           (pass->column_first + i % pass->row) * pass->member->x_unit;
}

static size_t y_at(const Pass *pass, size_t i)
{
    return i / pass->row * pass->y_row + pass->member->y_first + pass->column_first +
           i % pass->row;
}

/* Units of a tile that lie in one pixel. */
typedef struct Stretch {
    size_t lane, n; /* first and how many */
    size_t x, y;    /* floats to the first */
} Stretch;

static bool next_stretch(const Pass *pass, size_t first, size_t lanes, Stretch *s)
{
    s->lane += s->n;
    if (s->lane >= lanes)
        return false;
    const size_t at = first + s->lane, left = pass->row - at % pass->row;
    s->n = left < lanes - s->lane ? left : lanes - s->lane;
    s->x = x_at(pass, at);
    s->y = y_at(pass, at);
    return true;
}

static const float *gather_x(Pass *pass, size_t first, size_t lanes)
{
    if (pass->contiguous && lanes == NEURON_TILE)
        return pass->run->x + x_at(pass, first);
    const size_t branches = pass->branches, unit = pass->member->x_unit;
    for (Stretch s = {0}; next_stretch(pass, first, lanes, &s);) {
        const float *from = pass->run->x + s.x;
        float *to = pass->x + s.lane * branches;
        if (unit == branches)
            memcpy(to, from, s.n * branches * sizeof *to);
        else
            for (size_t i = 0; i < s.n; i++)
                for (size_t b = 0; b < branches; b++)
                    to[i * branches + b] = from[i * unit + b];
    }
    memset(pass->x + lanes * branches, 0,
           (NEURON_TILE - lanes) * branches * sizeof(float));
    return pass->x;
}

static void scatter_d_x(const Pass *pass, size_t first, size_t lanes, bool accumulate)
{
    const size_t branches = pass->branches, unit = pass->member->x_unit;
    for (Stretch s = {0}; next_stretch(pass, first, lanes, &s);) {
        const float *from = pass->d_x + s.lane * branches;
        float *to = pass->run->d_x + s.x;
        if (unit == branches && accumulate)
            pass->run->context->kernels.add(s.n * branches, from, to);
        else if (unit == branches)
            memcpy(to, from, s.n * branches * sizeof *to);
        else
            for (size_t i = 0; i < s.n; i++)
                for (size_t b = 0; b < branches; b++)
                    to[i * unit + b] = accumulate
                                           ? to[i * unit + b] + from[i * branches + b]
                                           : from[i * branches + b];
    }
}

static void forward_tile(Pass *pass, size_t first, size_t lanes)
{
    const NeuronBranches *run = pass->run;
    const bool direct = pass->contiguous && lanes == NEURON_TILE && !pass->member->adds;
    float *y = direct ? run->current + y_at(pass, first) : pass->y;
    pass->tiles->forward(gather_x(pass, first, lanes), pass->params, y);
    if (direct)
        return;
    for (Stretch s = {0}; next_stretch(pass, first, lanes, &s);)
        if (pass->member->adds)
            run->context->kernels.add(s.n, y + s.lane, run->current + s.y);
        else
            memcpy(run->current + s.y, y + s.lane, s.n * sizeof *y);
}

static void backward_tile(Pass *pass, size_t first, size_t lanes)
{
    const NeuronBranches *run = pass->run;
    const bool whole = pass->contiguous && lanes == NEURON_TILE;
    const bool accumulate = run->accumulate || pass->member->d_x_adds;
    const bool direct = whole && run->d_x && !accumulate;
    const float *d_y = pass->y;
    if (whole) {
        d_y = run->d_current + y_at(pass, first);
    } else { /* lanes beyond take no part: zero is their gradient */
        memset(pass->y, 0, sizeof pass->y);
        for (Stretch s = {0}; next_stretch(pass, first, lanes, &s);)
            memcpy(pass->y + s.lane, run->d_current + s.y, s.n * sizeof *pass->y);
    }
    const float *x = gather_x(pass, first, lanes);
    float *d_x = direct ? run->d_x + x_at(pass, first) : pass->d_x;
    if (run->d_params)
        pass->tiles->backward_params(x, pass->params, d_y, d_x, pass->sums);
    else
        pass->tiles->backward(x, pass->params, d_y, d_x);
    if (!direct && run->d_x)
        scatter_d_x(pass, first, lanes, accumulate);
}

/* One member over all pixels: with a value per layer any units make a tile; with one per
 * channel a tile is whole rows, or a part of one, so that its values can stay. */
static void run_member(const NeuronBranches *run, const NeuronMember *member,
                       bool backward)
{
    if (!member->units)
        return;
    const NeuronDendrite *function = member->function;
    Pass pass = {.run = run,
                 .member = member,
                 .tiles = tiles_of(function->pointwise, run->context->cpu),
                 .branches = function->n_branches,
                 .x_row = neuron_spec_inputs(run->spec, run->channels),
                 .y_row = run->channels,
                 .per_channel = run->spec->sharing == NEURON_PER_CHANNEL};
    NeuronBranches without = *run;
    if (backward && (!run->d_params || neuron_trained_params(run->spec, function) == 0)) {
        without.d_params = NULL;
        pass.run = &without;
    }
    const bool rows_matter = pass.per_channel && function->n_params;
    const bool flat = member->units == run->channels && member->x_first == 0 &&
                      member->x_unit == pass.branches;
    for (size_t c = 0; c < member->units; c += pass.row) {
        const size_t left = member->units - c;
        pass.column_first = c;
        pass.row = rows_matter && left > NEURON_TILE ? NEURON_TILE : left;
        pass.contiguous = flat &&
                          (pass.row == member->units || pass.row == NEURON_TILE) &&
                          member->x_unit == pass.branches;
        size_t lanes = NEURON_TILE;
        if (rows_matter)
            lanes = NEURON_TILE / pass.row * pass.row;
        spread_params(&pass);
        if (pass.run->d_params)
            memset(pass.sums, 0, function->n_params * NEURON_TILE * sizeof(float));
        const size_t n = run->pixels * pass.row;
        for (size_t at = 0; at < n; at += lanes) {
            const size_t here = n - at < lanes ? n - at : lanes;
            if (backward)
                backward_tile(&pass, at, here);
            else
                forward_tile(&pass, at, here);
        }
        if (backward && pass.run->d_params)
            fold_sums(&pass, lanes);
    }
}

static void run_members(const NeuronBranches *run, bool backward)
{
    NeuronMember members[NEURON_MAX_MEMBERS];
    const size_t n = neuron_spec_members(run->spec, run->channels, members);
    for (size_t i = 0; i < n; i++)
        run_member(run, &members[i], backward);
}

void neuron_pointwise_forward(const NeuronBranches *run)
{
    run_members(run, false);
}

void neuron_pointwise_backward(const NeuronBranches *run)
{
    run_members(run, true);
}

/* --- looking at one function
 * ------------------------------------------------------------ */

void neuron_activation_reference(const NeuronDendrite *function, const double *x,
                                 const double *params, double *y, double *d_x,
                                 double *d_params)
{
    double d_in[NEURON_MAX_BRANCHES], d_at[NEURON_MAX_PARAMS + 1];
    if (y)
        function->pointwise->value(x, params, y);
    function->pointwise->slopes(x, params, d_x ? d_x : d_in, d_params ? d_params : d_at);
}

void neuron_activation_fast(const NeuronDendrite *function, const SimContext *context,
                            size_t n, const float *x, const double *params, float *y,
                            float *d_x, float *d_params)
{
    const NeuronTiles *tiles = tiles_of(function->pointwise, context->cpu);
    const size_t branches = function->n_branches, n_params = function->n_params;
    float in[NEURON_MAX_BRANCHES * NEURON_TILE], d_in[NEURON_MAX_BRANCHES * NEURON_TILE];
    float at[NEURON_MAX_PARAMS * NEURON_TILE], d_at[NEURON_MAX_PARAMS * NEURON_TILE];
    float out[NEURON_TILE], one[NEURON_TILE];
    for (size_t i = 0; i < NEURON_TILE; i++) {
        one[i] = 1.0f;
        for (size_t k = 0; k < n_params; k++)
            at[k * NEURON_TILE + i] = (float)params[k];
    }
    for (size_t first = 0; first < n; first += NEURON_TILE) {
        const size_t lanes = n - first < NEURON_TILE ? n - first : NEURON_TILE;
        memset(in, 0, sizeof in);
        memset(d_at, 0, sizeof d_at);
        memcpy(in, x + first * branches, lanes * branches * sizeof *in);
        tiles->forward(in, at, out);
        if (n_params)
            tiles->backward_params(in, at, one, d_in, d_at);
        else
            tiles->backward(in, at, one, d_in);
        for (size_t i = 0; i < lanes; i++) {
            if (y)
                y[first + i] = out[i];
            for (size_t b = 0; d_x && b < branches; b++)
                d_x[(first + i) * branches + b] = d_in[i * branches + b];
            for (size_t k = 0; d_params && k < n_params; k++)
                d_params[(first + i) * n_params + k] = d_at[k * NEURON_TILE + i];
        }
    }
}
