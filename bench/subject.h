/* bench/subject.h: a published net on random data, ready to be timed. */
#pragma once

#include "bench/bench.h"
#include "nets/net.h"
#include "nets/optimiser.h"

typedef struct BenchNet { /* a row of the table of published nets */
    const char *name, *model;
    const char *settings[4];      /* "key=value" of the model, ended by NULL */
    const char *loss, *optimiser; /* optimiser NULL: sgd with momentum */
    size_t batch, steps, side, channels, classes;
    bool constant;
    bool plain_neuron; /* tau 2, threshold 1 instead of the model's own */
} BenchNet;

extern const BenchNet bench_nets[];               /* ends with a NULL name */
const BenchNet *bench_net_find(const char *name); /* NULL and a sentence kept */

typedef struct BenchSubject {
    const BenchNet *of;
    const SimContext *context; /* borrowed */
    NetGraph graph;
    NetParams params;
    NetOptimiser *optimiser; /* NULL unless training */
    Net *net;
    size_t batch, steps;
    uint32_t *labels;
    double lr;
    uint64_t step;
    float *frames; /* the input, [steps or 1, batch, side, side, channels] */
    double before; /* resident bytes before anything was made, without code */
} BenchSubject;

/* `options` chooses surrogate, batch and steps; `window` 0 is the whole sequence. The
 * subject must stay where it is: its net points into it. */
SimStatus bench_subject_create(const BenchNet *of, const BenchOptions *options,
                               NetMemory memory, bool training, size_t window,
                               const SimContext *context, BenchSubject *subject);
void bench_subject_destroy(BenchSubject *subject); /* accepts a zeroed one */

/* What a training subject has learned, for one that does not train: parameters, running
 * statistics (made to be those of the input, once for all) and the densities that choose
 * kernels. Owned by the caller. */
SimStatus bench_subject_learned(BenchSubject *subject, float **out);
void bench_subject_teach(BenchSubject *subject, const float *learned);

/* Input put where the net expects it, then one step of each kind, in the form bench_time
 * calls. */
void bench_fill_input(BenchSubject *subject, size_t nt);
void bench_train(void *subject);
void bench_infer(void *subject);

/* What training has taken beside parameters, their gradients and the optimiser's state:
 * the peak since the subject was made less these and the code that ran. */
double bench_activation_bytes(const BenchSubject *subject);
double bench_planned_bytes(const BenchSubject *subject); /* the same, as planned */

/* Mean share of neuron-steps that fired in the nodes that spike; NAN without any. */
double bench_rate(const BenchSubject *subject);
