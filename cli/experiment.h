/* cli/experiment.h: an experiment as a file: data, model, neuron, loss, optimiser,
 * training.
 *
 *     data:    {path: ./data/dvs_cifar10, steps: 10, size: 48}   rows of data_options
 *     model:   {name: sresnet, filters: 32}                      rows of that model
 *     neuron:  {soma: plif, tau: 2}                              keys of neuron_spec_set
 *     train:   {epochs: 64, batch: 16, loss: tet, optimiser: adamw, lr: 1e-3}
 *                     rows of cli_train_options, net_loss_options, net_optimiser_options
 *
 * A section "compare:" is kept for "apical compare" (cli/compare_plan.h) and is no part
 * of the experiment itself.
 *
 * Every key has a default; the text of a resolved experiment names all of them and reads
 * back to the same experiment. Errors name file, line, what was wanted and what came. */
#pragma once

#include <stdio.h>

#include "datasets/dataset.h"
#include "nets/loss.h"
#include "nets/model.h"
#include "nets/optimiser.h"

typedef struct CliTrainOptions {
    int64_t epochs, batch;
    int64_t eval_batch;        /* 0: as batch */
    int64_t seed;              /* of weights, order and augmentation */
    int64_t threads;           /* 0: all */
    int precision;             /* SimPrecision */
    int memory;                /* NetMemory: keep, recompute, reverse, auto */
    char memory_stages[128];   /* "1=reverse,2-4=keep": of single stages */
    int64_t budget_mib;        /* for auto */
    int64_t eval_every;        /* epochs between looks at validation and test part */
    double checkpoint_minutes; /* between checkpoints inside an epoch; 0: none */
    bool plots;                /* drawn when training ends */
} CliTrainOptions;

extern const SimOption cli_train_options[];

typedef struct CliExperiment {
    DataOptions data;
    const NetModel *model;
    void *model_options; /* owned */
    NeuronSpec neuron;   /* the model's own, as changed by the experiment */
    NetLossOptions loss;
    NetOptimiserOptions optimiser;
    CliTrainOptions train;
} CliExperiment;

/* `settings` are "section.key=value", applied after the file. Owned by the caller. */
SimStatus cli_experiment_read(const char *path, const char *const *settings,
                              size_t n_settings, CliExperiment *out);
/* The same from text; `name` stands for the file in messages. */
SimStatus cli_experiment_parse(const char *name, const char *text,
                               const char *const *settings, size_t n_settings,
                               CliExperiment *out);
/* Every setting that a file and `settings` give, in their order, the last where one is
 * given twice; texts are borrowed for the call. Values are not looked at. */
SimStatus cli_experiment_rows(const char *path, const char *const *settings,
                              size_t n_settings,
                              SimStatus (*row)(void *argument, const char *section,
                                               const char *key, const char *value),
                              void *argument);
/* A value as YAML text in double quotes. */
void cli_experiment_quote(FILE *out, const char *value);
SimStatus cli_experiment_text(const CliExperiment *experiment, char **out); /* owned */
void cli_experiment_destroy(CliExperiment *experiment); /* accepts a zeroed one */
