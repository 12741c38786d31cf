/* nets/optimiser.c: SGD, Adam and AdamW as PyTorch defines them.
 *
 *     sgd    g += wd w;  m = momentum m + g;
 *            w -= lr m, or with Nesterov w -= lr (g + momentum m)
 *     adam   g += wd w;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
 *            w -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
 *     adamw  w -= lr wd w first, then adam without the wd (Loshchilov and Hutter 2019)
 */
#include "nets/optimiser.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "nets/optimiser_internal.h"
#include "sim/arena.h"

static const char *const kinds[] = {"sgd", "adam", "adamw", NULL};
static const char *const schedules[] = {"constant", "cosine", "step", "list", NULL};

/* clang-format off */
#define FIELD(field) offsetof(NetOptimiserOptions, field)
const SimOption net_optimiser_options[] = {
    {"optimiser", SIM_OPTION_CHOICE, FIELD(kind), .choices = kinds, .help = "how gradients move the weights"},
    {"lr", SIM_OPTION_FLOAT, FIELD(lr), .initial = 0.05, .low = 0.0, .high = 1e3, .help = "learning rate at the start of the schedule"},
    {"momentum", SIM_OPTION_FLOAT, FIELD(momentum), .initial = 0.9, .low = 0.0, .high = 0.9999, .help = "sgd: share of the last step kept"},
    {"nesterov", SIM_OPTION_BOOL, FIELD(nesterov), .help = "sgd: Nesterov momentum"},
    {"beta1", SIM_OPTION_FLOAT, FIELD(beta1), .initial = 0.9, .low = 0.0, .high = 0.9999, .help = "adam: decay of the first moment"},
    {"beta2", SIM_OPTION_FLOAT, FIELD(beta2), .initial = 0.999, .low = 0.0, .high = 0.999999, .help = "adam: decay of the second moment"},
    {"epsilon", SIM_OPTION_FLOAT, FIELD(epsilon), .initial = 1e-8, .low = 1e-16, .high = 1.0, .help = "adam: added to the root of the second moment"},
    {"weight_decay", SIM_OPTION_FLOAT, FIELD(weight_decay), .initial = 0.0, .low = 0.0, .high = 10.0, .help = "pull of the weights to zero"},
    {"clip", SIM_OPTION_FLOAT, FIELD(clip), .initial = 0.0, .low = 0.0, .high = 1e6, .help = "largest norm of the gradient; 0: any"},
    {"schedule", SIM_OPTION_CHOICE, FIELD(schedule), .choices = schedules, .initial = 1, .help = "how the learning rate falls"},
    {"warmup", SIM_OPTION_INT, FIELD(warmup), .initial = 0, .low = 0, .high = 10000, .help = "epochs of linear rise at the start"},
    {"schedule_epochs", SIM_OPTION_INT, FIELD(schedule_epochs), .initial = 0, .low = 0, .high = 1000000, .help = "cosine: epochs to the minimum (0: all); step: epochs between drops"},
    {"schedule_factor", SIM_OPTION_FLOAT, FIELD(schedule_factor), .initial = 0.1, .low = 0.0, .high = 1.0, .help = "step, list: factor at each drop"},
    {"schedule_at", SIM_OPTION_TEXT, FIELD(schedule_at), .size = sizeof ((NetOptimiserOptions *)0)->schedule_at, .help = "list: epochs, or shares of all, \"0.7,0.8,0.9\""},
    {"lr_min", SIM_OPTION_FLOAT, FIELD(lr_min), .initial = 0.0, .low = 0.0, .high = 1e3, .help = "cosine: the learning rate at the end"},
    {0},
};
#undef FIELD
/* clang-format on */

enum { MAX_SLOTS = 2, TASK_FLOATS = 1 << 14 };

typedef struct Task {
    size_t row, first, n;
} Task;

struct NetOptimiser {
    NetOptimiserOptions options;
    NetParams *params;
    const SimContext *context;
    size_t n_slots;
    float **slots; /* [n_slots * n_rows], NULL for buffers */
    SimArena memory;
    size_t n_tasks; /* runs of numbers, in the order of the rows */
    Task *tasks;
    double *sums;            /* [n_tasks] of squares */
    const float **gradients; /* [n_rows] of the net at hand, NULL for buffers */
    uint64_t steps;
};

static size_t tasks_of(size_t count)
{
    return (count + TASK_FLOATS - 1) / TASK_FLOATS;
}

SimStatus net_optimiser_create(const NetOptimiserOptions *options, NetParams *params,
                               const SimContext *context, NetOptimiser **out)
{
    SimStatus status = SIM_OK;
    size_t bytes = 0, n_tasks = 0;
    NetOptimiser *o = calloc(1, sizeof *o);
    if (!o)
        return sim_fail(SIM_ERR_MEMORY, "no memory for the optimiser");
    *o = (NetOptimiser){.options = *options, .params = params, .context = context};
    SIM_TRY(net_schedule_check(options));
    if (options->nesterov && options->momentum <= 0.0) {
        status = sim_fail(SIM_ERR_VALUE,
                          "nesterov needs a momentum above 0, got %g: set "
                          "momentum, or leave nesterov off",
                          options->momentum);
        goto out;
    }
    o->n_slots = options->kind == NET_SGD ? (options->momentum > 0.0 ? 1 : 0) : 2;
    o->slots = calloc(MAX_SLOTS * params->n_rows + 1, sizeof *o->slots);
    for (size_t i = 0; i < params->n_rows; i++) {
        const size_t count = params->rows[i].count;
        if (params->rows[i].row.role == NET_PARAM_TRAINED)
            bytes += o->n_slots * sim_align_up(count * sizeof(float));
        n_tasks += tasks_of(count);
    }
    o->tasks = calloc(n_tasks + 1, sizeof *o->tasks);
    o->sums = calloc(n_tasks + 1, sizeof *o->sums);
    o->gradients = calloc(params->n_rows + 1, sizeof *o->gradients);
    if (!o->slots || !o->tasks || !o->sums || !o->gradients) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for the optimiser");
        goto out;
    }
    SIM_TRY(sim_arena_create(&o->memory, bytes));
    for (size_t s = 0; s < o->n_slots; s++)
        for (size_t i = 0; i < params->n_rows; i++)
            if (params->rows[i].row.role == NET_PARAM_TRAINED)
                o->slots[s * params->n_rows + i] =
                    sim_arena_take(&o->memory, params->rows[i].count * sizeof(float));
    *out = o;
    o = NULL;
out:
    net_optimiser_destroy(o);
    return status;
}

void net_optimiser_destroy(NetOptimiser *optimiser)
{
    if (!optimiser)
        return;
    sim_arena_destroy(&optimiser->memory);
    free(optimiser->slots);
    free(optimiser->tasks);
    free(optimiser->gradients);
    free(optimiser->sums);
    free(optimiser);
}

typedef struct Work {
    const NetOptimiser *optimiser;
    float *values; /* of all parameters */
    SimSgd sgd;
    SimAdam adam;
} Work;

static void square_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetOptimiser *o = argument;
    const Task *task = &o->tasks[index];
    o->sums[index] =
        o->context->kernels.sum_squares(task->n, o->gradients[task->row] + task->first);
}

static void step_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const NetOptimiser *o = work->optimiser;
    const Task *task = &o->tasks[index];
    const NetParam *param = &o->params->rows[task->row];
    const SimKernels *kernels = &o->context->kernels;
    const float decay = param->row.decay ? (float)o->options.weight_decay : 0.0f;
    const float *g = o->gradients[task->row] + task->first;
    const ptrdiff_t row =
        param->values - (const float *)(const void *)o->params->values.base;
    float *w = work->values + row + task->first, *slots[MAX_SLOTS] = {NULL};
    for (size_t s = 0; s < o->n_slots; s++)
        slots[s] = o->slots[s * o->params->n_rows + task->row] + task->first;
    SimSgd sgd = work->sgd;
    SimAdam adam = work->adam;
    sgd.decay = adam.decay = decay;
    if (o->options.kind == NET_SGD)
        kernels->sgd_step(&sgd, task->n, g, w, slots[0]);
    else
        kernels->adam_step(&adam, task->n, g, w, slots[0], slots[1]);
}

/* The gradients of the net, and all their numbers cut into tasks. */
static void find_gradients(NetOptimiser *o, Net *net)
{
    o->n_tasks = 0;
    for (size_t r = 0; r < o->params->n_rows; r++) {
        const size_t count = o->params->rows[r].count;
        o->gradients[r] = net_gradient(net, r);
        for (size_t first = 0; o->gradients[r] && first < count; first += TASK_FLOATS)
            o->tasks[o->n_tasks++] = (Task){
                r, first, count - first < TASK_FLOATS ? count - first : TASK_FLOATS};
    }
}

static double gradient_norm(NetOptimiser *o)
{
    double sum = 0.0;
    sim_team_run(&o->context->team, o->n_tasks, square_task, o);
    for (size_t i = 0; i < o->n_tasks; i++)
        sum += o->sums[i];
    return sqrt(sum);
}

double net_optimiser_step(NetOptimiser *o, Net *net, double lr)
{
    const NetOptimiserOptions *options = &o->options;
    Work work = {.optimiser = o};
    find_gradients(o, net);
    const double norm = gradient_norm(o);
    if (!isfinite(norm))
        return norm;
    const bool clipped = options->clip > 0.0 && norm > options->clip;
    const float factor = clipped ? (float)(options->clip / (norm + 1e-6)) : 1.0f;
    const double step = (double)++o->steps;
    work.sgd = (SimSgd){.lr = (float)lr,
                        .factor = factor,
                        .momentum = (float)options->momentum,
                        .nesterov = options->nesterov};
    work.adam = (SimAdam){.lr = (float)lr,
                          .factor = factor,
                          .epsilon = (float)options->epsilon,
                          .beta1 = (float)options->beta1,
                          .beta2 = (float)options->beta2,
                          .rest1 = (float)(1.0 - options->beta1),
                          .rest2 = (float)(1.0 - options->beta2),
                          .correct1 = (float)(1.0 / (1.0 - pow(options->beta1, step))),
                          .correct2 = (float)(1.0 / (1.0 - pow(options->beta2, step))),
                          .decoupled = options->kind == NET_ADAMW};
    work.values = net_params_write_all(o->params);
    sim_team_run(&o->context->team, o->n_tasks, step_task, &work);
    return norm;
}

size_t net_optimiser_slots(const NetOptimiser *optimiser)
{
    return optimiser->n_slots;
}

const char *net_optimiser_slot_name(const NetOptimiser *optimiser, size_t slot)
{
    static const char *const sgd[] = {"momentum"}, *const adam[] = {"first", "second"};
    return optimiser->options.kind == NET_SGD ? sgd[slot] : adam[slot];
}

float *net_optimiser_slot(NetOptimiser *optimiser, size_t slot, size_t param_row)
{
    return optimiser->slots[slot * optimiser->params->n_rows + param_row];
}

uint64_t net_optimiser_steps(const NetOptimiser *optimiser)
{
    return optimiser->steps;
}

void net_optimiser_set_steps(NetOptimiser *optimiser, uint64_t steps)
{
    optimiser->steps = steps;
}
