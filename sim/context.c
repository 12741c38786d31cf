/* sim/context.c: see context.h. */
#include "sim/context.h"

#include <stdio.h>
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
        want = SIM_CPU_AVX2 | SIM_CPU_AVX512 | (have & (SIM_CPU_VNNI | SIM_CPU_AMX));
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

const char *const sim_precisions[] = {"f32", "fixed", "split", "bf16", NULL};
static const char *const spike_paths[] = {"auto", "always", "never", NULL};

/* The value of an environment variable in a list; 0 when it is not set. */
static SimStatus from_environment(const char *variable, const char *const *names,
                                  int *out)
{
    const char *const value = getenv(variable);
    *out = 0;
    if (!value || !*value)
        return SIM_OK;
    for (int i = 0; names[i]; i++)
        if (strcmp(value, names[i]) == 0) {
            *out = i;
            return SIM_OK;
        }
    char all[64] = "";
    for (int i = 0; names[i]; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s",
                 i == 0         ? ""
                 : names[i + 1] ? ", "
                                : " or ",
                 names[i]);
    return sim_fail(SIM_ERR_VALUE, "%s=%s: use %s", variable, value, all);
}

SimStatus sim_context_create(int n_threads, const char *isa, SimContext *out)
{
    SimStatus status = SIM_OK;
    SimContext context = {0};
    int spikes, precision;
    SIM_TRY(cpu_from_name(isa ? isa : getenv("APICAL_ISA"), &context.cpu));
    SIM_TRY(from_environment("APICAL_SPIKES", spike_paths, &spikes));
    SIM_TRY(from_environment("APICAL_PRECISION", sim_precisions, &precision));
    context.spike_path = (SimSpikePath)spikes;
    SIM_TRY(sim_context_set_precision(&context, (SimPrecision)precision));
    sim_kernels_init(&context.kernels, context.cpu);
    context.team = sim_team_create(n_threads);
    *out = context;
out:
    return status;
}

SimStatus sim_context_set_precision(SimContext *context, SimPrecision precision)
{
    if (sim_precision_has_pieces(precision) && !(context->cpu & SIM_CPU_AMX))
        return sim_fail(SIM_ERR_UNSUPPORTED,
                        "precision %s needs a processor with AMX tile units (and "
                        "instruction set avx512); this one has none: use f32 or fixed",
                        sim_precisions[precision]);
    context->precision = precision;
    return SIM_OK;
}

const char *sim_context_isa(const SimContext *context)
{
    return context->cpu & SIM_CPU_AVX512 ? "avx512"
           : context->cpu & SIM_CPU_AVX2 ? "avx2"
                                         : "ref";
}
