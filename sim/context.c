/* sim/context.c: see context.h. */
#include "sim/context.h"

#include <stdlib.h>
#include <string.h>

#include "sim/option.h"

static SimStatus cpu_from_name(const char *isa, unsigned *out)
{
    const unsigned have = sim_cpu_detect();
    unsigned want = 0;
    if (!isa || !*isa) {
        *out = have;
        return SIM_OK;
    }
    if (strcmp(isa, "avx2") == 0)
        want = SIM_CPU_AVX2;
    else if (strcmp(isa, "avx512") == 0)
        want = SIM_CPU_AVX2 | SIM_CPU_AVX512;
    else if (strcmp(isa, "ref") != 0)
        return sim_fail(SIM_ERR_VALUE,
                        "instruction set \"%s\" is not known: use ref, avx2 or avx512",
                        isa);
    if ((want & have) != want)
        return sim_fail(SIM_ERR_UNSUPPORTED, "this CPU has no %s: leave APICAL_ISA unset",
                        isa);
    *out = want;
    return SIM_OK;
}

static SimStatus spike_path_from_name(const char *name, SimSpikePath *out)
{
    static const char *const names[] = {"auto", "always", "never", NULL};
    *out = SIM_SPIKES_AUTO;
    if (!name || !*name)
        return SIM_OK;
    for (int i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (SimSpikePath)i;
            return SIM_OK;
        }
    return sim_fail(SIM_ERR_VALUE, "APICAL_SPIKES=%s: use auto, always or never", name);
}

SimStatus sim_context_create(int n_threads, const char *isa, SimContext *out)
{
    SimStatus status = SIM_OK;
    SimContext context = {0};
    SIM_TRY(cpu_from_name(isa ? isa : getenv("APICAL_ISA"), &context.cpu));
    SIM_TRY(spike_path_from_name(getenv("APICAL_SPIKES"), &context.spike_path));
    sim_kernels_init(&context.kernels, context.cpu);
    context.team = sim_team_create(n_threads);
    *out = context;
out:
    return status;
}

const char *sim_context_isa(const SimContext *context)
{
    return context->cpu & SIM_CPU_AVX512 ? "avx512"
           : context->cpu & SIM_CPU_AVX2 ? "avx2"
                                         : "ref";
}
