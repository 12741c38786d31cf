/* nets/loss.h: losses over the outputs of every step.
 *
 * The class scores leave a net per step, [T,N,K] (a net that answers once has T = 1); the
 * prediction is their mean over time. A loss is one file in nets/losses/. */
#pragma once

#include "nets/net.h"
#include "sim/option.h"
#include "sim/status.h"
#include "sim/tensor.h"

typedef struct NetLossOptions {
    int kind;               /* index into net_losses */
    double label_smoothing; /* cross-entropy and TET */
    double tet_lambda;      /* weight of the MSE to tet_target in TET (Deng 2022) */
    double tet_target;
    double margin_high, margin_low; /* margin: length wanted of the label's capsule, and
                                       most that the others may have */
    double margin_others;           /* margin: weight of the others */
} NetLossOptions;

typedef struct NetLossRun {
    const NetLossOptions *options;
    size_t steps, n, classes;
    const float *scores;    /* [T,N,K] */
    const uint32_t *labels; /* [N] */
    float *d_scores;        /* [T,N,K], or NULL: value only */
} NetLossRun;

typedef struct NetLoss {
    const char *name, *formula, *source;
    double (*apply)(
        const NetLossRun *run); /* the mean over the batch, summed in double */
} NetLoss;

extern const NetLoss *const net_losses[]; /* ends with NULL */
extern const SimOption net_loss_options[];

/* The loss of what the net has just computed: of its class scores, output 0, and the mean
 * over steps and images of every further output, which are costs [T,N,1,1,1] (what a
 * reconstruction is off by). The first n images count. `gradient`: fills in the gradients
 * of all outputs; n is then the whole batch. */
double net_loss(const NetLossOptions *options, Net *net, size_t n, const uint32_t *labels,
                bool gradient);

/* mean over time -> argmax; predictions [N]; returns how many equal their label. */
size_t net_predict(size_t steps, size_t n, size_t classes, const float *scores,
                   const uint32_t *labels, uint32_t *predictions);
