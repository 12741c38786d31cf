/* cli/trainer.h: the loop of training: epochs, evaluations, checkpoints, one line a
 * while. */
#pragma once

#include "cli/session.h"

/* Trains a session's net and leaves in `folder`: experiment.yaml, log.jsonl, rates.jsonl,
 * last.h5, best.h5, plots/. With `resume` the session comes from folder/last.h5 and
 * training goes on where that was written, to the same bits as if it had not stopped.
 * SIM_ERR_STOPPED after Ctrl-C, once all is saved. */
SimStatus cli_train(CliSession *session, const char *folder, bool resume);
