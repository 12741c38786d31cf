/* nets/optimiser.h: SGD, Adam and AdamW over all parameter rows, and learning-rate
 * schedules.
 *
 * The state (momentum, moments) is one array per trained row, saved by the checkpoint
 * under "optimiser/<slot>/<parameter>". One call is one training step; sums do not depend
 * on the thread count. */
#pragma once

#include "nets/net.h"

typedef struct NetOptimiserOptions {
    int kind;  /* sgd, adam, adamw */
    double lr; /* at the start of the schedule */
    double momentum;
    bool nesterov;
    double beta1, beta2, epsilon;
    double weight_decay; /* sgd, adam: added to the gradient; adamw: decoupled */
    double clip;         /* largest global gradient norm; 0: none */
    int schedule;        /* constant, cosine, step, list */
    int64_t warmup;      /* epochs of linear rise */
    int64_t
        schedule_epochs; /* cosine: T_max (0: all epochs); step: epochs between drops */
    double schedule_factor; /* step, list: lr is multiplied by this at each drop */
    char schedule_at[64];   /* list: epochs or shares of all epochs, "0.7,0.8,0.9" */
    double lr_min;          /* cosine: ends here */
} NetOptimiserOptions;

extern const SimOption net_optimiser_options[];

typedef struct NetOptimiser NetOptimiser;

SimStatus net_optimiser_create(const NetOptimiserOptions *options, NetParams *params,
                               const SimContext *context, NetOptimiser **out);
void net_optimiser_destroy(NetOptimiser *optimiser);

/* Moves the parameters by the gradients in `net`; returns the global gradient norm. If
 * that is not finite nothing moves, so that the state before it can still be looked at.
 */
double net_optimiser_step(NetOptimiser *optimiser, Net *net, double lr);

/* Learning rate of a step: `epoch` counts from 0 with fractions inside an epoch. With
 * whole epochs the cosine is PyTorch's closed form, and stays at lr_min after its end.
 * The warm-up rises from a hundredth and multiplies the schedule, which counts its
 * epochs. */
SimStatus net_schedule_check(const NetOptimiserOptions *options);
double net_schedule_lr(const NetOptimiserOptions *options, double epoch, size_t epochs);

/* The state as named arrays, for the checkpoint. */
size_t net_optimiser_slots(const NetOptimiser *optimiser);
const char *net_optimiser_slot_name(const NetOptimiser *optimiser, size_t slot);
float *net_optimiser_slot(NetOptimiser *optimiser, size_t slot, size_t param_row);
uint64_t net_optimiser_steps(const NetOptimiser *optimiser); /* done so far */
void net_optimiser_set_steps(NetOptimiser *optimiser, uint64_t steps);
