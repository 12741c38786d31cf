/* cli/diagnose.c: where numbers stopped being numbers. */
#include "cli/diagnose.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool all_finite(const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

static bool bad_param(const CliSession *session, NetRole role, char *where)
{
    for (size_t i = 0; i < session->params.n_rows; i++) {
        const NetParam *const param = &session->params.rows[i];
        if (param->row.role == role && !all_finite(param->values, param->count)) {
            snprintf(where, CLI_DIAGNOSIS_SIZE, "the parameter %s", param->name);
            return true;
        }
    }
    return false;
}

bool cli_diagnose_params(const CliSession *session, char where[CLI_DIAGNOSIS_SIZE])
{
    return bad_param(session, NET_PARAM_TRAINED, where) ||
           bad_param(session, NET_PARAM_BUFFER, where);
}

static bool bad_forward(CliSession *session, const Net *like, const float *x,
                        const uint32_t *labels, uint64_t step, char *where)
{
    const NetGraph *const graph = &session->graph;
    const SimShape shape = net_node_info(like, 0).out;
    Net *net = NULL;
    bool found = false;
    unsigned char *const watch = malloc(graph->n_nodes);
    if (!watch)
        return false;
    memset(watch, NET_WATCH_OUTPUT | NET_WATCH_POTENTIAL, graph->n_nodes);
    const NetPlanOptions options = {.batch = shape.n,
                                    .steps = session->input.steps,
                                    .training = true,
                                    .watch = watch};
    if (net_create(graph, &session->params, &options, &session->context, &net) ==
        SIM_OK) {
        const SimTensor input = net_input(net, 0);
        memcpy(input.f32, x, sim_shape_count(input.shape) * sizeof *x);
        net_forward(net, session->input.steps, labels, step);
        for (size_t i = 0; i < graph->n_nodes && !found; i++) {
            const SimTensor wire = net_wire(net, i);
            const float *const potential = net_potential(net, i);
            const bool bad_output = wire.data && wire.form == SIM_DENSE &&
                                    !all_finite(wire.f32, sim_shape_count(wire.shape));
            const bool bad_membrane =
                potential && !all_finite(potential, sim_shape_count(wire.shape));
            found = bad_output || bad_membrane;
            if (found)
                snprintf(where, CLI_DIAGNOSIS_SIZE, "the %s of layer %s",
                         bad_output ? "output" : "membrane", graph->nodes[i].name);
        }
    }
    net_destroy(net);
    free(watch);
    return found;
}

static bool bad_gradient(const CliSession *session, Net *net, char *where)
{
    for (size_t i = session->params.n_rows; i-- > 0;) {
        const NetParam *const param = &session->params.rows[i];
        const float *const gradient = net_gradient(net, i);
        if (gradient && !all_finite(gradient, param->count)) {
            snprintf(where, CLI_DIAGNOSIS_SIZE, "the gradient of %s", param->name);
            return true;
        }
    }
    return false;
}

void cli_diagnose_step(CliSession *session, Net *net, const float *x,
                       const uint32_t *labels, uint64_t step,
                       char where[CLI_DIAGNOSIS_SIZE])
{
    if (!bad_param(session, NET_PARAM_TRAINED, where) &&
        !bad_forward(session, net, x, labels, step, where) &&
        !bad_gradient(session, net, where))
        snprintf(where, CLI_DIAGNOSIS_SIZE, "the loss");
}
