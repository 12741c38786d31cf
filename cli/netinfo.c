/* cli/netinfo.c: a net as a table. */
#include "cli/netinfo.h"

#include <math.h>
#include <string.h>

#include "cli/human.h"

/* Of the wire that enters a node. */
static double rate_in(const NetGraph *graph, size_t node, const double *rates,
                      double rate)
{
    const int from = graph->nodes[node].n_inputs > 0 ? graph->nodes[node].inputs[0] : -1;
    return from >= 0 && rates && isfinite(rates[from]) ? rates[from] : rate;
}

CliNetCost cli_net_cost(const Net *net, const NetGraph *graph, size_t steps,
                        const double *rates, double rate)
{
    CliNetCost cost = {0};
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const NetNodeInfo node = net_node_info(net, i);
        const double macs = node.macs * (double)(node.out.t == 1 ? 1 : steps);
        cost.dense += macs;
        if (node.is_synaptic && node.in_form == SIM_SPIKES)
            cost.synops += macs * rate_in(graph, i, rates, rate);
        else
            cost.macs += macs;
    }
    return cost;
}

/* How backward comes by the output of a layer. */
static const char *const sources[] = {[NET_WIRE_UNREAD] = "",
                                      [NET_WIRE_KEPT] = "kept",
                                      [NET_WIRE_AGAIN] = "again",
                                      [NET_WIRE_GIVEN_BACK] = "given back"};

static void print_layers(FILE *out, const Net *net, const CliNetInfo *info)
{
    int widest = 5;
    for (size_t i = 0; i < info->graph->n_nodes; i++) {
        const int length = (int)strlen(info->graph->nodes[i].name);
        widest = length > widest ? length : widest;
    }
    fprintf(out, "%-*s  %-13s %16s  %-6s %11s %9s %9s %11s  %s\n", widest, "layer",
            "kind", "height x w x c", "gives", "parameters", "MACs", "SynOps", "kept",
            "backward");
    double parameters = 0, kept = 0;
    CliHuman a, b, c;
    for (size_t i = 0; i < info->graph->n_nodes; i++) {
        const NetNodeInfo node = net_node_info(net, i);
        const double macs = node.macs;
        char shape[48];
        snprintf(shape, sizeof shape, "%zu x %zu x %zu", node.out.h, node.out.w,
                 node.out.c);
        fprintf(out, "%-*s  %-13s %16s  %-6s ", widest, node.name,
                node.layer ? node.layer : "input", shape,
                node.out_form == SIM_SPIKES ? "spikes" : "values");
        fprintf(out, "%11s ",
                node.parameters ? cli_human_digits(a, node.parameters) : "");
        fprintf(out, "%9s ", macs > 0 ? cli_human_count(a, macs) : "");
        fprintf(out, "%9s ",
                node.is_synaptic && node.in_form == SIM_SPIKES
                    ? cli_human_count(
                          b, macs * rate_in(info->graph, i, info->rates, info->rate))
                    : "");
        fprintf(out, "%11s  %s\n",
                node.kept_bytes ? cli_human_bytes(c, (double)node.kept_bytes) : "",
                sources[node.source]);
        parameters += (double)node.parameters;
        kept += (double)node.kept_bytes;
    }
    fprintf(out, "%-*s  %-13s %16s  %-6s %11s %9s %9s %11s\n", widest, "all", "", "", "",
            cli_human_digits(a, (uint64_t)parameters), "", "", cli_human_bytes(b, kept));
}

static bool has_stages(const NetPlanOptions *options)
{
    return options->stage_memory && *options->stage_memory;
}

static void print_operations(FILE *out, const Net *net, const CliNetInfo *info)
{
    const CliNetCost cost =
        cli_net_cost(net, info->graph, info->training.steps, info->rates, info->rate);
    CliHuman a, b, c;
    bool in_time = false, spikes = false;
    for (size_t i = 0; i < info->graph->n_nodes; i++) {
        const NetNodeInfo node = net_node_info(net, i);
        in_time |= node.out.t > 1;
        spikes |= node.is_synaptic && node.in_form == SIM_SPIKES;
    }
    fprintf(out,
            "\nMACs and SynOps above are of one image and one step; kept is what lies "
            "between the forward\nand the backward pass of a batch of %zu (memory: "
            "%s%s%s): what backward reads of the rest\nis computed again, or given back "
            "by a reversible layer.\n\nOne image",
            info->training.batch, net_memory_names[info->training.memory],
            has_stages(&info->training) ? ", " : "",
            has_stages(&info->training) ? info->training.stage_memory : "");
    if (in_time)
        fprintf(out, " over %zu steps", info->training.steps);
    fprintf(out, ": %s MACs on values", cli_human_count(a, cost.macs));
    if (!spikes) {
        fputs(".\n", out);
        return;
    }
    fprintf(out, " and %s SynOps on spikes (%s MACs if all were\ndense), with ",
            cli_human_count(b, cost.synops), cli_human_count(c, cost.dense));
    if (info->rates)
        fputs("the firing rates measured in this run.\n", out);
    else
        fprintf(out, "%.3g %% of neuron-steps firing (an assumption: --rate).\n",
                100 * info->rate);
}

static void print_memory_row(FILE *out, const char *name, const NetMemoryInfo *memory)
{
    CliHuman a, b, c, d, e;
    fprintf(out, "  %-26s %11s %11s %11s %11s", name,
            cli_human_bytes(a, (double)memory->activations),
            cli_human_bytes(b, (double)memory->states),
            cli_human_bytes(c, (double)memory->scratch),
            cli_human_bytes(d, (double)memory->gradients));
    fprintf(out, " %11s\n", cli_human_bytes(e, (double)memory->total));
}

static void print_memory(FILE *out, const CliNetInfo *info)
{
    const NetPlanOptions *const asked = &info->training;
    const bool mixed = asked->memory == NET_MEMORY_AUTO || has_stages(asked);
    NetMemoryInfo memory;
    char name[64];
    fprintf(out, "\n%-28s %11s %11s %11s %11s %11s\n", "memory", "activations", "states",
            "scratch", "gradients", "together");
    for (NetMemory m = NET_MEMORY_KEEP; m <= NET_MEMORY_REVERSE; m++) {
        NetPlanOptions options = *asked;
        options.memory = m;
        options.stage_memory = NULL;
        snprintf(name, sizeof name, "training, %s", net_memory_names[m]);
        if (net_measure(info->graph, info->params, &options, info->context, &memory) ==
            SIM_OK) /* else nothing here can be reversed */
            print_memory_row(out, name, &memory);
    }
    if (mixed &&
        net_measure(info->graph, info->params, asked, info->context, &memory) == SIM_OK) {
        snprintf(name, sizeof name, "training, as asked");
        print_memory_row(out, name, &memory);
    }
    const NetPlanOptions whole = {.batch = info->training.batch,
                                  .steps = info->training.steps};
    if (net_measure(info->graph, info->params, &whole, info->context, &memory) == SIM_OK)
        print_memory_row(out, "inference, all steps", &memory);
    const NetPlanOptions step = {.batch = 1, .steps = info->training.steps, .window = 1};
    if (net_measure(info->graph, info->params, &step, info->context, &memory) == SIM_OK)
        print_memory_row(out, "simulation, step by step", &memory);
    CliHuman a;
    fprintf(out,
            "Training and inference: %zu at a time, %zu steps; simulation: one. The "
            "parameters take %s more.\n",
            info->training.batch, info->training.steps,
            cli_human_bytes(a, (double)info->params->values.size));
}

SimStatus cli_netinfo_print(FILE *out, const CliNetInfo *info)
{
    SimStatus status = SIM_OK;
    Net *net = NULL;
    /* Memory of a plan is mapped lazily, so planning a training net costs little. */
    SIM_TRY(net_create(info->graph, info->params, &info->training, info->context, &net));
    print_layers(out, net, info);
    print_operations(out, net, info);
    print_memory(out, info);
out:
    net_destroy(net);
    return status;
}
