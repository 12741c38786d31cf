/* cli/diagnose.h: where numbers stopped being numbers. */
#pragma once

#include "cli/session.h"

enum { CLI_DIAGNOSIS_SIZE = 160 };

/* Whether a parameter or running statistic is NaN or infinite; `where` names the first.
 */
bool cli_diagnose_params(const CliSession *session, char where[CLI_DIAGNOSIS_SIZE]);

/* Names what is not finite in a training step: a weight, the first output or membrane on
 * the way forward (the batch runs again with every wire watched), else the first gradient
 * on the way back. `x` [T,N,h,w,c] and `labels` are those of the step, `net` holds its
 * gradients. Finds out what it can: without memory for a second net, less. */
void cli_diagnose_step(CliSession *session, Net *net, const float *x,
                       const uint32_t *labels, uint64_t step,
                       char where[CLI_DIAGNOSIS_SIZE]);
