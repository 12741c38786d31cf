/* nets/loss.h: losses over the outputs of every step.
 *
 * The class scores leave a net per step, [T,N,K] (a net that answers once has T = 1); the
 * prediction is their mean over time. A loss is one file in nets/losses/. */
#pragma once

#include "sim/option.h"
#include "sim/status.h"
#include "sim/tensor.h"

typedef struct NetLossOptions {
    int kind;               /* index into net_losses */
    double label_smoothing; /* cross-entropy and TET */
    double tet_lambda;      /* weight of the MSE to tet_target in TET (Deng 2022) */
    double tet_target;
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

/* mean over time -> argmax; predictions [N]; returns how many equal their label. */
size_t net_predict(size_t steps, size_t n, size_t classes, const float *scores,
                   const uint32_t *labels, uint32_t *predictions);
