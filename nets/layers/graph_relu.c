/* nets/layers/graph_relu.c: the larger of two lines that a graph chooses, weighted node
 * by node (Zhang et al., GReLU, arXiv:2202.06281).
 *
 *     H' = 0.9 A H + 0.1 H,  A the normalised adjacency (none: H' = H)
 *     g = softmax over nodes of w2 relu(W1 H' + b1)
 *     (a1, a2, b1, b2) of each channel = tanh(V2 relu(V1 mean of H' + c1) + c2)
 *     y = g max(a1 h + b1, a2 h + b2)
 *
 * The nodes are the pixels of an image; every time step of every image is a graph. Second
 * hand: from another paper's code, whose two slips (b = a, softmax over the batch) are
 * not repeated. */
#include <math.h>
#include <string.h>

#include "nets/layers/function_internal.h"
#include "sim/arena.h"

enum { LINES = 4 }; /* a1, a2, b1, b2 */
enum { W1, B1, W2, V1, C1, V2, C2, N_PARAMS };
static const float stays = 0.1f; /* the teleport of the diffusion */

/* scratch, [graphs, ...]: diffused [nodes, C], hidden [nodes, C], g [nodes], mean [C],
 * chosen [C], d [LINES C], lines [LINES, C], M [nodes, C]; then gradients of lines. */
typedef struct Work {
    const NetLayerRun *run;
    size_t graphs, nodes, c, adjacencies;
    float *diffused, *hidden, *g, *mean, *chosen, *d, *lines, *larger;
    double *d_lines;
    size_t bytes;
} Work;

static Work lay_out(SimShape x, void *scratch)
{
    Work w = {.graphs = x.t * x.n, .nodes = x.h * x.w, .c = x.c};
    const size_t all = w.nodes * w.c;
    const size_t counts[] = {all, all, w.nodes, w.c, w.c, LINES * w.c, LINES * w.c, all};
    float **const parts[] = {&w.diffused, &w.hidden, &w.g,     &w.mean,
                             &w.chosen,   &w.d,      &w.lines, &w.larger};
    unsigned char *const at = scratch;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (at)
            *parts[i] = (float *)(void *)(at + w.bytes);
        w.bytes += sim_align_up(w.graphs * counts[i] * sizeof(float));
    }
    if (at)
        w.d_lines = (double *)(void *)(at + w.bytes);
    w.bytes += w.graphs * LINES * w.c * sizeof(double);
    return w;
}

/* [nodes, nodes] of a graph, or NULL. */
static const float *adjacency(const Work *w, size_t graph)
{
    return w->run->n_inputs > 1
               ? w->run->x[1].f32 + graph % w->adjacencies * w->nodes * w->nodes
               : NULL;
}

/* out [rows, n] (+)= in [rows, m] times W [m, n]. */
static void times(size_t rows, size_t m, size_t n, const float *in, const float *weights,
                  float *out)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++)
                out[r * n + j] += in[r * m + i] * weights[i * n + j];
}

static void rectify(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = fmaxf(x[i], 0.0f);
}

static void choose(void *argument, size_t graph, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const NetLayerRun *run = w->run;
    const size_t nodes = w->nodes, c = w->c, all = nodes * c;
    const float *x = run->x[0].f32 + graph * all, *a = adjacency(w, graph);
    float *diffused = w->diffused + graph * all, *hidden = w->hidden + graph * all;
    float *g = w->g + graph * nodes, *mean = w->mean + graph * c;
    float *chosen = w->chosen + graph * c, *d = w->d + graph * LINES * c;
    float *lines = w->lines + graph * LINES * c;
    memset(diffused, 0, all * sizeof *diffused);
    if (a)
        times(nodes, nodes, c, a, x, diffused);
    for (size_t i = 0; i < all; i++)
        diffused[i] = a ? (1.0f - stays) * diffused[i] + stays * x[i] : x[i];

    for (size_t i = 0; i < nodes; i++)
        memcpy(hidden + i * c, run->params[B1], c * sizeof *hidden);
    times(nodes, c, c, diffused, run->params[W1], hidden);
    rectify(all, hidden);
    memset(g, 0, nodes * sizeof *g);
    times(nodes, c, 1, hidden, run->params[W2], g);
    float top = -INFINITY;
    double sum = 0.0;
    for (size_t i = 0; i < nodes; i++)
        top = fmaxf(top, g[i]);
    for (size_t i = 0; i < nodes; i++)
        sum += (double)(g[i] = expf(g[i] - top));
    for (size_t i = 0; i < nodes; i++)
        g[i] = (float)((double)g[i] / sum);

    memset(mean, 0, c * sizeof *mean);
    for (size_t i = 0; i < all; i++)
        mean[i % c] += diffused[i] / (float)nodes;
    memcpy(chosen, run->params[C1], c * sizeof *chosen);
    times(1, c, c, mean, run->params[V1], chosen);
    rectify(c, chosen);
    memcpy(d, run->params[C2], LINES * c * sizeof *d);
    times(1, c, LINES * c, chosen, run->params[V2], d);
    for (size_t j = 0; j < LINES * c; j++) {
        d[j] = tanhf(d[j]);
        lines[j % LINES * c + j / LINES] = d[j];
    }
}

static Work make_work(const NetLayerRun *run)
{
    Work w = lay_out(run->x[0].shape, run->scratch);
    w.run = run;
    w.adjacencies = run->n_inputs > 1 ? run->x[1].shape.t * run->x[1].shape.n : 0;
    return w;
}

static NetFunction larger_of_lines(const Work *w, float *y)
{
    return (NetFunction){.context = w->run->context,
                         .function = neuron_dendrite_find("max_affine2"),
                         .n_blocks = w->graphs,
                         .block = w->nodes,
                         .pixels = w->graphs * w->nodes,
                         .channels = w->c,
                         .x = w->run->x[0].f32,
                         .params = w->lines,
                         .params_step = LINES * w->c,
                         .y = y,
                         .d_params = w->d_lines};
}

static void forward(const NetLayerRun *run)
{
    Work w = make_work(run);
    sim_team_run(&run->context->team, w.graphs, choose, &w);
    const NetFunction f = larger_of_lines(&w, run->y.f32);
    net_function_forward(&f);
    for (size_t i = 0; i < w.graphs * w.nodes; i++)
        for (size_t k = 0; k < w.c; k++)
            run->y.f32[i * w.c + k] *= w.g[i];
}

/* From gradients d_out [rows, n] of in [rows, m] times W: to W, the bias, and in place of
 * `in` its own gradient (0 where a rectified `in` was 0). */
static void times_back(size_t rows, size_t m, size_t n, bool rectified, float *in,
                       const float *d_out, const float *weights, float *d_weights,
                       float *d_bias)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; d_bias && j < n; j++)
            d_bias[j] += d_out[r * n + j];
        for (size_t i = 0; i < m; i++) {
            const float value = in[r * m + i];
            float sum = 0.0f;
            for (size_t j = 0; j < n; j++) {
                d_weights[i * n + j] += value * d_out[r * n + j];
                sum += weights[i * n + j] * d_out[r * n + j];
            }
            in[r * m + i] = rectified && value <= 0.0f ? 0.0f : sum;
        }
    }
}

/* Each array's place is taken by its gradient, from the back to the front. */
static void choose_back(const Work *w, size_t graph, const float *d_g)
{
    const NetLayerRun *run = w->run;
    const size_t nodes = w->nodes, c = w->c, all = nodes * c;
    const float *a = adjacency(w, graph);
    const double *d_lines = w->d_lines + graph * LINES * c;
    float *diffused = w->diffused + graph * all, *hidden = w->hidden + graph * all;
    float *mean = w->mean + graph * c, *chosen = w->chosen + graph * c;
    float *d = w->d + graph * LINES * c, *const *dp = run->d_params;
    for (size_t j = 0; j < LINES * c; j++)
        d[j] = (float)d_lines[j % LINES * c + j / LINES] * (1.0f - d[j] * d[j]);
    times_back(1, c, LINES * c, true, chosen, d, run->params[V2], dp[V2], dp[C2]);
    times_back(1, c, c, false, mean, chosen, run->params[V1], dp[V1], dp[C1]);
    times_back(nodes, c, 1, true, hidden, d_g, run->params[W2], dp[W2], NULL);
    times_back(nodes, c, c, false, diffused, hidden, run->params[W1], dp[W1], dp[B1]);
    for (size_t i = 0; i < all; i++)
        diffused[i] += mean[i % c] / (float)nodes;
    float *dx = run->dx[0] ? run->dx[0] + graph * all : NULL;
    for (size_t i = 0; dx && i < all; i++)
        dx[i] += a ? stays * diffused[i] : diffused[i];
    for (size_t i = 0; dx && a && i < nodes; i++)
        for (size_t j = 0; j < nodes; j++)
            for (size_t k = 0; k < c; k++)
                dx[j * c + k] += (1.0f - stays) * a[i * nodes + j] * diffused[i * c + k];
}

static void backward(const NetLayerRun *run)
{
    Work w = make_work(run);
    const size_t nodes = w.nodes, c = w.c;
    sim_team_run(&run->context->team, w.graphs, choose, &w);
    NetFunction f = larger_of_lines(&w, w.larger);
    net_function_forward(&f);
    /* The gradient of g takes its place; dy g that of the larger lines. */
    for (size_t graph = 0; graph < w.graphs; graph++) {
        float *g = w.g + graph * nodes, *larger = w.larger + graph * nodes * c;
        const float *dy = run->dy + graph * nodes * c;
        double mean = 0.0;
        for (int pass = 0; pass < 2; pass++)
            for (size_t i = 0; i < nodes; i++) {
                double d_g = 0.0;
                for (size_t k = i * c; k < (i + 1) * c; k++)
                    d_g += (double)dy[k] * (double)larger[k];
                if (pass == 0) {
                    mean += d_g * (double)g[i];
                    continue;
                }
                for (size_t k = i * c; k < (i + 1) * c; k++)
                    larger[k] = dy[k] * g[i];
                g[i] = (float)((double)g[i] * (d_g - mean));
            }
    }
    f.y = NULL;
    f.d_y = w.larger;
    f.accumulate = run->accumulate[0];
    f.d_x = run->dx[0];
    net_function_backward(&f);
    for (size_t graph = 0; graph < w.graphs; graph++)
        choose_back(&w, graph, w.g + graph * nodes);
    if (run->n_inputs > 1 && run->dx[1] && !run->accumulate[1])
        memset(run->dx[1], 0, sim_shape_count(run->x[1].shape) * sizeof(float));
}

static SimStatus plan(NetLayerPlan *plan)
{
    const SimShape x = plan->in[0], a = plan->in[1];
    const size_t c = x.c, nodes = x.h * x.w;
    if (plan->n_inputs > 1 &&
        (a.h * a.w != nodes || a.c != nodes || (a.t != 1 && a.t != x.t)))
        return sim_fail(SIM_ERR_SHAPE,
                        "a graph of %zu nodes wants an adjacency of %zu x %zu, got "
                        "%zu x %zu",
                        nodes, nodes, nodes, a.h * a.w, a.c);
    plan->in_form[0] = plan->in_form[1] = plan->out_form = SIM_DENSE;
    plan->out = x;
    plan->backward_needs = NET_NEEDS_INPUT;
    static const char *const names[N_PARAMS] = {
        "node.weight",  "node.bias",    "score.weight", "channel.weight",
        "channel.bias", "lines.weight", "lines.bias"};
    const size_t columns[N_PARAMS] = {c, 0, 1, c, 0, LINES * c, 0};
    const size_t lengths[N_PARAMS] = {[B1] = c, [C1] = c, [C2] = LINES * c};
    for (size_t k = 0; k < N_PARAMS; k++)
        plan->params[plan->n_params++] =
            columns[k]
                ? (NetParamRow){.name = names[k],
                                .n_dims = 2,
                                .dims = {c, columns[k]},
                                .init = NET_INIT_KAIMING_UNIFORM,
                                .init_value = sqrt(1.0 / 6.0),
                                .fan_in = (double)c,
                                .decay = true}
                : (NetParamRow){.name = names[k], .n_dims = 1, .dims = {lengths[k]}};
    SimShape window = x;
    if (window.t > plan->window)
        window.t = plan->window;
    plan->scratch_bytes = lay_out(window, NULL).bytes;
    return SIM_OK;
}

const NetLayer net_layer_graph_relu = {
    .name = "graph_relu",
    .summary = "the larger of two lines that a graph chooses (GReLU)",
    .min_inputs = 1,
    .max_inputs = 2,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
