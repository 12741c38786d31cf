/* nets/params.c: the numbers that are learned, named and given their first values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/plan_internal.h"

static size_t row_count(const NetParamRow *row)
{
    size_t count = 1;
    for (size_t d = 0; d < row->n_dims; d++)
        count *= row->dims[d];
    return count;
}

/* Value k of parameter `stream`: a function of the seed and its place, not of the order
 * in which a net is built. */
static float initial_value(const NetParamRow *row, uint64_t seed, uint32_t stream,
                           uint64_t k)
{
    const SimRng rng = {.seed = seed, .purpose = SIM_RNG_INIT, .stream = stream};
    double bound = row->init_value;
    switch (row->init) {
    case NET_INIT_CONSTANT:
        return (float)row->init_value;
    case NET_INIT_KAIMING_NORMAL:
        return (float)(row->init_value * sqrt(2.0 / row->fan_in) *
                       (double)sim_rng_normal(rng, k));
    case NET_INIT_NORMAL:
        return (float)(row->init_value * (double)sim_rng_normal(rng, k));
    case NET_INIT_XAVIER_UNIFORM:
        bound *= sqrt(6.0 / (row->fan_in + row->fan_out));
        break;
    case NET_INIT_KAIMING_UNIFORM:
        bound *= sqrt(6.0 / row->fan_in);
        break;
    case NET_INIT_BETWEEN:
        return (float)(row->init_value + (row->init_end - row->init_value) *
                                             (double)sim_rng_uniform(rng, k));
    case NET_INIT_UNIFORM:
        break;
    }
    return (float)(bound * (2.0 * (double)sim_rng_uniform(rng, k) - 1.0));
}

/* A stable number for a name, so that adding a layer leaves the others' values alone. */
static uint32_t stream_of(const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

/* For every group of `apart` outputs the inputs in a random order, cut in as many equal
 * pieces, one for each. What is not wired is 0. */
static SimStatus cut_wires(const NetParam *param, uint64_t seed, uint32_t stream,
                           float *values)
{
    const size_t apart = param->row.apart,
                 outputs = param->row.dims[param->row.n_dims - 1];
    const size_t inputs = param->count / outputs;
    const SimRng rng = {.seed = seed, .purpose = SIM_RNG_INIT, .stream = ~stream};
    size_t *const order = malloc((inputs + 1) * sizeof *order);
    if (!order)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory to wire %zu inputs", param->name,
                        inputs);
    for (size_t group = 0; group < outputs / apart; group++) {
        for (size_t i = 0; i < inputs; i++) {
            const size_t j = sim_rng_below(rng, group * inputs + i, (uint32_t)i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        for (size_t i = 0; i < inputs; i++)
            for (size_t branch = 0; branch < apart; branch++)
                if (branch != i * apart / inputs)
                    values[order[i] * outputs + group * apart + branch] = 0.0f;
    }
    free(order);
    return SIM_OK;
}

size_t net_param_numbers(const NetParam *param)
{
    return param->row.apart > 1 ? param->count / param->row.apart : param->count;
}

/* The row that a shared one repeats, or its own number. */
static size_t earlier_row(const NetParam *rows, const NetParam *param)
{
    const size_t own = (size_t)(param - rows);
    for (size_t i = 0; param->row.shared && i < own; i++)
        if (rows[i].row.shared && rows[i].count == param->count &&
            rows[i].row.init_value == param->row.init_value &&
            strcmp(rows[i].row.name, param->row.name) == 0)
            return rows[i].same;
    return own;
}

SimStatus net_params_create(const NetGraph *graph, size_t steps, uint64_t seed,
                            const SimContext *context, NetParams *out)
{
    SimStatus status = SIM_OK;
    Plan plan = {0};
    NetParams params = {.seed = seed};
    const NetPlanOptions options = {.batch = 1, .steps = steps};
    size_t bytes = 0;
    SIM_TRY(plan_nodes(graph, &options, context, true, &plan));
    params.n_nodes = graph->n_nodes;
    params.density = calloc(graph->n_nodes + 1, sizeof *params.density);
    if (!params.density) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for %zu nodes", graph->n_nodes);
        goto out;
    }

    for (size_t i = 0; i < plan.n_nodes; i++) {
        params.n_rows += plan.nodes[i].plan.n_params;
        for (size_t p = 0; p < plan.nodes[i].plan.n_params; p++)
            bytes +=
                sim_align_up(row_count(&plan.nodes[i].plan.params[p]) * sizeof(float));
    }
    params.rows = calloc(params.n_rows ? params.n_rows : 1, sizeof *params.rows);
    if (!params.rows) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for %zu parameters", params.n_rows);
        goto out;
    }
    SIM_TRY(sim_arena_create(&params.values, bytes));

    NetParam *param = params.rows;
    for (size_t i = 0; i < plan.n_nodes; i++) {
        const PlanNode *node = &plan.nodes[i];
        for (size_t p = 0; p < node->plan.n_params; p++, param++) {
            param->row = node->plan.params[p];
            param->node = node->graph_node;
            param->count = row_count(&param->row);
            snprintf(param->name, sizeof param->name, "%s.%s", node->name,
                     param->row.name);
            param->row.name =
                param->name + strlen(node->name) + 1; /* outlives the graph */
            param->same = earlier_row(params.rows, param);
            if (&params.rows[param->same] != param) {
                param->values = params.rows[param->same].values;
                continue;
            }
            float *const values =
                sim_arena_take(&params.values, param->count * sizeof(float));
            param->values = values;
            const uint32_t stream = stream_of(param->name);
            for (size_t k = 0; k < param->count; k++)
                values[k] = initial_value(&param->row, seed, stream, k);
            if (param->row.apart > 1)
                SIM_TRY(cut_wires(param, seed, stream, values));
            if (param->row.role == NET_PARAM_TRAINED)
                params.n_trained += net_param_numbers(param);
        }
    }
    *out = params;
    params = (NetParams){0};
out:
    net_params_destroy(&params);
    plan_destroy(&plan);
    return status;
}

void net_params_destroy(NetParams *params)
{
    sim_arena_destroy(&params->values);
    free(params->rows);
    free(params->density);
    memset(params, 0, sizeof *params);
}

float *net_params_write(NetParams *params, size_t row)
{
    params->version++;
    return (float *)(size_t)params->rows[row].values;
}

float *net_params_write_all(NetParams *params)
{
    params->version++;
    return (float *)params->values.base;
}

NetParam *net_params_find(NetParams *params, const char *name)
{
    for (size_t i = 0; i < params->n_rows; i++)
        if (strcmp(params->rows[i].name, name) == 0)
            return &params->rows[i];
    return NULL;
}
