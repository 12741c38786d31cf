/* sim/context.h: the machine as a network sees it: kernels and threads.
 *
 * Made once by the program and passed down; nothing here is global, so a test may hold
 * two contexts with different instruction sets side by side. */
#pragma once

#include "sim/kernels.h"
#include "sim/status.h"
#include "sim/team.h"

typedef enum SimSpikePath {                    /* which kernels take packed spikes */
                            SIM_SPIKES_AUTO,   /* the faster one, by measured density */
                            SIM_SPIKES_ALWAYS, /* spike kernels whatever the density */
                            SIM_SPIKES_NEVER   /* unpack and use the dense kernels */
} SimSpikePath;

typedef struct SimContext {
    SimKernels kernels;
    SimTeam team;
    unsigned cpu; /* SIM_CPU_* levels in use */
    SimSpikePath spike_path;
} SimContext;

/* `n_threads` 0: all this process may use. `isa` NULL: the value of APICAL_ISA, else the
 * best of this machine; "ref", "avx2" or "avx512". The spike path comes from
 * APICAL_SPIKES=auto|always|never. Fails on an unknown name or a level this CPU lacks. */
SimStatus sim_context_create(int n_threads, const char *isa, SimContext *out);

const char *sim_context_isa(const SimContext *context); /* "ref", "avx2", "avx512" */
