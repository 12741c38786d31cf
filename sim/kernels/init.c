/* sim/kernels/init.c: reference first, then each level replaces what it does better. */
#include "sim/kernels/kernels_internal.h"

unsigned sim_cpu_detect(void)
{
    unsigned cpu = 0;
#ifdef __x86_64__
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt"))
        cpu |= SIM_CPU_AVX2;
    if ((cpu & SIM_CPU_AVX2) && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        cpu |= SIM_CPU_AVX512;
#endif
    return cpu;
}

void sim_kernels_init(SimKernels *kernels, unsigned cpu)
{
    sim_kernels_init_ref(kernels);
#ifdef __x86_64__
    if (cpu & SIM_CPU_AVX2)
        sim_kernels_init_avx2(kernels);
    if (cpu & SIM_CPU_AVX512)
        sim_kernels_init_avx512(kernels);
#else
    (void)cpu;
#endif
}
