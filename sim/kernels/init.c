/* sim/kernels/init.c: reference first, then each level replaces what it does better. */
#include "sim/kernels/kernels_internal.h"

#if defined __x86_64__ && defined __linux__
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The tile units with both of their products, and numbers rounded to theirs; the system
 * saves their state only for processes that ask. */
static bool has_amx(void)
{
    enum {
        BF16 = 1u << 22,
        TILE = 1u << 24,
        INT8 = 1u << 25,
        ROUND = 1u << 5,
        REQUEST_PERMISSION = 0x1023,
        TILE_DATA = 18
    };
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & BF16) && (d & TILE) &&
           (d & INT8) && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & ROUND) &&
           syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#else
static bool has_amx(void)
{
    return false;
}
#endif

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
    if ((cpu & SIM_CPU_AVX512) && __builtin_cpu_supports("avx512vnni") &&
        __builtin_cpu_supports("avx512vbmi2"))
        cpu |= SIM_CPU_VNNI;
    if ((cpu & SIM_CPU_AVX512) && has_amx())
        cpu |= SIM_CPU_AMX;
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
    if (cpu & SIM_CPU_VNNI)
        sim_conv_fixed_init_vnni(kernels);
    if (cpu & SIM_CPU_AMX)
        sim_kernels_init_amx(kernels);
#else
    (void)cpu;
#endif
}
