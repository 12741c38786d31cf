/* cli/compare_equal.c: nets of equal cost, and what could not be made equal. */
#include "cli/compare_equal.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/human.h"
#include "cli/netinfo.h"

static SimStatus no_memory(void)
{
    return sim_fail(SIM_ERR_MEMORY, "no memory for a comparison");
}

SimStatus cli_compare_warn(CliCompare *compare, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return no_memory();
    for (size_t i = 0; i < compare->n_warnings; i++)
        if (strcmp(compare->warnings[i], text) == 0) { /* the same in another group */
            free(text);
            return SIM_OK;
        }
    char **const more =
        realloc(compare->warnings, (compare->n_warnings + 1) * sizeof *more);
    if (!more) {
        free(text);
        return no_memory();
    }
    compare->warnings = more;
    compare->warnings[compare->n_warnings++] = text;
    return SIM_OK;
}

/* --- nets --------------------------------------------------------------------------- */

void cli_compare_net_destroy(CliCompareNet *built)
{
    net_params_destroy(&built->params);
    net_graph_destroy(&built->graph);
}

SimStatus cli_compare_net(const CliSession *s, const CliExperiment *e, CliCompareNet *out)
{
    SimStatus status = SIM_OK;
    CliCompareNet built = {0};
    Net *net = NULL;
    NetMemoryInfo memory;
    const NetPlanOptions look = {.batch = 1, .steps = s->input.steps};
    const NetPlanOptions training = cli_training_plan(&e->train, s->input.steps);
    SIM_TRY(e->model->build(e->model_options, &s->input, &e->neuron, &built.graph));
    SIM_TRY(net_graph_status(&built.graph));
    SIM_TRY(net_params_create(&built.graph, s->input.steps, (uint64_t)e->train.seed,
                              &s->context, &built.params));
    SIM_TRY(net_create(&built.graph, &built.params, &look, &s->context, &net));
    SIM_TRY(net_measure(&built.graph, &built.params, &training, &s->context, &memory));
    built.parameters = (double)built.params.n_trained;
    built.operations = cli_net_cost(net, &built.graph, s->input.steps, NULL, 0.0).dense;
    built.memory = (double)(memory.total + built.params.values.size);
    *out = built;
    built = (CliCompareNet){0};
out:
    net_destroy(net);
    cli_compare_net_destroy(&built);
    return status;
}

/* --- equal cost --------------------------------------------------------------------- */

typedef struct Search {
    const CliSession *session;
    CliExperiment *experiment;
    const void *original; /* options of the model */
    CliMatch match;
    double wanted, best, best_cost;
} Search;

/* The cost at a factor; the nearest so far is kept. */
static SimStatus try_factor(Search *search, double factor, double *cost)
{
    CliExperiment *const e = search->experiment;
    CliCompareNet built = {0};
    memcpy(e->model_options, search->original, e->model->options_size);
    if (factor != 1.0)
        e->model->widen(e->model_options, factor);
    const SimStatus status = cli_compare_net(search->session, e, &built);
    if (status != SIM_OK)
        return status;
    *cost = search->match == CLI_MATCH_PARAMS ? built.parameters : built.operations;
    if (fabs(*cost - search->wanted) < fabs(search->best_cost - search->wanted)) {
        search->best = factor;
        search->best_cost = *cost;
    }
    cli_compare_net_destroy(&built);
    return SIM_OK;
}

/* Widths come in whole units, so that cost rises in steps: bisection until no step is
 * left between the two ends, or they are as near as makes no difference. */
static SimStatus find_factor_of(Search *search)
{
    enum { ROUNDS = 24, DOUBLINGS = 7 };
    SimStatus status = SIM_OK;
    double low = 1.0, high = 1.0, cost;
    search->best_cost = (double)INFINITY;
    SIM_TRY(try_factor(search, 1.0, &cost));
    const bool grow = cost < search->wanted;
    double at_low = cost, at_high = cost;
    for (int i = 0;
         i < DOUBLINGS && (grow ? at_high < search->wanted : at_low > search->wanted);
         i++) {
        const double factor = grow ? high * 2.0 : low / 2.0;
        SIM_TRY(try_factor(search, factor, &cost));
        if (grow)
            low = high, at_low = at_high, high = factor, at_high = cost;
        else
            high = low, at_high = at_low, low = factor, at_low = cost;
    }
    for (int i = 0; i < ROUNDS && at_low != at_high && high / low > 1.0005; i++) {
        const double middle = sqrt(low * high);
        SIM_TRY(try_factor(search, middle, &cost));
        if (cost < search->wanted)
            low = middle, at_low = cost;
        else
            high = middle, at_high = cost;
    }
    SIM_TRY(try_factor(search, search->best, &cost)); /* leaves its widths behind */
out:
    return status;
}

SimStatus cli_compare_match(CliCompare *compare, const CliSession *session,
                            const CliCompareVariant *baseline, CliCompareVariant *v)
{
    SimStatus status = SIM_OK;
    CliExperiment *const e = &v->experiment;
    Search search = {.session = session,
                     .experiment = e,
                     .match = (CliMatch)compare->options.match,
                     .wanted = compare->options.match == CLI_MATCH_PARAMS
                                   ? baseline->parameters
                                   : baseline->operations};
    v->factor = 1.0;
    if (search.match == CLI_MATCH_NONE)
        return SIM_OK;
    if (!e->model->widen)
        return cli_compare_warn(compare, "%s: the widths of %s cannot be changed",
                                v->name, e->model->name);
    void *const original = malloc(e->model->options_size + 1);
    if (!original)
        return no_memory();
    memcpy(original, e->model_options, e->model->options_size);
    search.original = original;
    SIM_TRY(find_factor_of(&search));
    v->factor = search.best;
out:
    free(original);
    return status;
}

/* --- what is not equal -------------------------------------------------------------- */

static bool same_row(const NetParam *a, const NetParam *b)
{
    return a->row.n_dims == b->row.n_dims &&
           memcmp(a->row.dims, b->row.dims, a->row.n_dims * sizeof *a->row.dims) == 0;
}

static SimStatus compare_weights(CliCompare *compare, const CliCompareVariant *v,
                                 NetParams *baseline, NetParams *params)
{
    char list[80] = "";
    size_t used = 0, n = 0;
    for (size_t i = 0; i < params->n_rows; i++) {
        const NetParam *const row = &params->rows[i];
        const NetParam *const other = net_params_find(baseline, row->name);
        /* A parameter that only one of them has belongs to what is compared. */
        if (!other || (same_row(row, other) && memcmp(row->values, other->values,
                                                      row->count * sizeof(float)) == 0))
            continue;
        n++;
        if (used + strlen(row->name) + 8 < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                     used ? ", " : "", row->name);
        else if (used > 0 && list[used - 1] != '.')
            used += (size_t)snprintf(list + used, sizeof list - used, ", ...");
    }
    return n == 0 ? SIM_OK
                  : cli_compare_warn(
                        compare,
                        "%s: other initial weights than %s where shapes or scales "
                        "differ: %zu of %zu tensors (%s)",
                        v->name, compare->variants[v->baseline].name, n, params->n_rows,
                        list);
}

static SimStatus compare_cost(CliCompare *compare, const CliCompareVariant *v,
                              const char *what, double cost, double wanted, bool matched)
{
    const double share = cost / wanted - 1.0;
    CliHuman a, b;
    if (fabs(share) < 0.01 || !isfinite(share))
        return SIM_OK;
    return cli_compare_warn(
        compare, "%s: %s %s, %s %s (%+.1f %%)%s", v->name,
        cli_human_digits(a, (uint64_t)cost), what, compare->variants[v->baseline].name,
        cli_human_digits(b, (uint64_t)wanted), 100.0 * share,
        matched ? ": widths come in whole units, these are the nearest" : "");
}

SimStatus cli_compare_equal(CliCompare *compare, CliSession *baseline,
                            CliSession *session, const CliCompareVariant *v,
                            CliCompareNet *first, CliCompareNet *built)
{
    SimStatus status = SIM_OK;
    const CliCompareVariant *const b = &compare->variants[v->baseline];
    const int match = compare->options.match;
    char one[CLI_SPLIT_SIZE], other[CLI_SPLIT_SIZE];
    SIM_TRY(compare_cost(compare, v, "parameters", v->parameters, b->parameters,
                         match == CLI_MATCH_PARAMS));
    if (match == CLI_MATCH_OPS)
        SIM_TRY(
            compare_cost(compare, v, "operations", v->operations, b->operations, true));
    if (v->factor != 1.0)
        SIM_TRY(cli_compare_warn(compare, "%s: widths times %.3f to match %s", v->name,
                                 v->factor, b->name));
    SIM_TRY(compare_weights(compare, v, &first->params, &built->params));
    if (strcmp(v->experiment.data.path, b->experiment.data.path) != 0 ||
        strcmp(cli_session_split(baseline, one, sizeof one),
               cli_session_split(session, other, sizeof other)) != 0)
        SIM_TRY(cli_compare_warn(compare, "%s: other samples than %s (%s)", v->name,
                                 b->name, other));
    if (v->experiment.train.batch != b->experiment.train.batch ||
        v->experiment.train.epochs != b->experiment.train.epochs)
        SIM_TRY(cli_compare_warn(compare,
                                 "%s: other batches or epochs than %s: not as many "
                                 "steps of training",
                                 v->name, b->name));
out:
    return status;
}
