/* sim/calibration_internal.h: measuring, for the table. */
#pragma once

#include "sim/calibration.h"

/* Times both kernels on random spikes with the threads of the context. */
SimStatus sim_break_even_measure(const SimConvShape *shape, const SimContext *context,
                                 SimBreakEven *out);
