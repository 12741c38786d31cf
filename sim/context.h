/* sim/context.h: the machine as a network sees it: kernels and threads.
 *
 * Made once by the program and passed down; nothing here is global, so a test may hold
 * two contexts with different instruction sets side by side. */
#pragma once

#include "sim/kernels.h"
#include "sim/status.h"
#include "sim/team.h"
#include "sim/tensor.h"

/* Numbers of a tensor from `first` on, for kernels that take either form; NULL stays. */
static inline SimNumbers sim_numbers_at(const void *data, SimForm form, size_t first)
{
    const size_t size = form == SIM_BF16 ? sizeof(uint16_t) : sizeof(float);
    return (SimNumbers){.at = data ? (char *)(size_t)data + first * size : NULL,
                        .bf16 = form == SIM_BF16};
}

typedef enum SimSpikePath {                    /* which kernels take packed spikes */
                            SIM_SPIKES_AUTO,   /* the faster one, by measured density */
                            SIM_SPIKES_ALWAYS, /* spike kernels whatever the density */
                            SIM_SPIKES_NEVER   /* unpack and use the dense kernels */
} SimSpikePath;

/* How products are computed. With tile units (AMX) a bfloat16 product is ten times as
 * fast as an f32 one, and f32 numbers can be taken apart into bfloat16 pieces: three are
 * all of its 24 bits. Sums are f32 always. Spikes need no products, but weights of 16
 * bits take half the bytes: see sim/conv_fixed.c. */
typedef enum SimPrecision {
    SIM_PRECISION_F32,   /* f32 products, or all pieces of them; f32 weights */
    SIM_PRECISION_FIXED, /* the same; 16-bit weights for spikes forward */
    SIM_PRECISION_SPLIT, /* pieces: 24 bits forward, 16 bits backward */
    SIM_PRECISION_BF16   /* one piece: 8 bits; 14-bit weights for spikes forward */
} SimPrecision;
extern const char *const sim_precisions[]; /* names in that order, ends with NULL */

/* Whether forward from spikes reads weights of 16 bits where it can. */
static inline bool sim_precision_has_short_weights(SimPrecision precision)
{
    return precision == SIM_PRECISION_FIXED || precision == SIM_PRECISION_BF16;
}

/* Whether dense products are fewer than f32 would make: needs tile units. */
static inline bool sim_precision_has_pieces(SimPrecision precision)
{
    return precision >= SIM_PRECISION_SPLIT;
}

typedef struct SimContext {
    SimKernels kernels;
    SimTeam team;
    unsigned cpu; /* SIM_CPU_* levels in use */
    SimSpikePath spike_path;
    SimPrecision precision;
    struct SimCalibration *calibration; /* borrowed; NULL: built-in figures
                                           (sim/calibration.h) */
} SimContext;

/* `n_threads` 0: all this process may use. `isa` NULL: the value of APICAL_ISA, else the
 * best of this machine; "ref", "avx2" or "avx512". The spike path comes from
 * APICAL_SPIKES=auto|always|never, the precision from
 * APICAL_PRECISION=f32|fixed|split|bf16. Fails on an unknown name or a level this CPU
 * lacks. */
SimStatus sim_context_create(int n_threads, const char *isa, SimContext *out);

/* Before anything is planned. Fails where it needs tile units and this CPU has none. */
SimStatus sim_context_set_precision(SimContext *context, SimPrecision precision);

const char *sim_context_isa(const SimContext *context); /* "ref", "avx2", "avx512" */
