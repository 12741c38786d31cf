/* cli/checkpoint_internal.h: what a session reads from a checkpoint. */
#pragma once

#include "cli/session.h"
#include "sim/store.h"

/* Whether the contents have the check sum they were saved with. */
SimStatus cli_checkpoint_verify(SimStore *store, const char *path);

/* Experiment, input and class names; nothing else of the session is touched. */
SimStatus cli_checkpoint_describe(SimStore *store, const char *const *settings,
                                  size_t n_settings, CliSession *session);

/* By which densities its kernels were chosen; none where the file does not say. */
SimStatus cli_checkpoint_calibration(SimStore *store, const char *path,
                                     SimCalibration *calibration);

/* All values of all parameters. Errors name the file and the parameter. */
SimStatus cli_checkpoint_load(SimStore *store, const char *path, NetParams *params);
