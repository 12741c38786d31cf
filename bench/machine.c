/* bench/machine.c: what this machine can do at best, measured: multiply-adds that wait
 * for nothing, and numbers read and written far outside the caches. Kernels are held
 * against these two. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined __x86_64__
#include <immintrin.h>
#endif

#include "bench/bench.h"

enum {
    CHAINS = 12, /* independent sums: more than latency times units */
    ROUNDS = 200000,
    FLOATS = 1 << 24 /* 64 MiB a thread */
};

typedef double MultiplyAdd(float start, float *out); /* returns operations done */

static double multiply_add_any(float start, float *out)
{
    float sum[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sum[i] = start + (float)i;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < CHAINS; i++)
            sum[i] = sum[i] * 0.999f + start;
    for (int i = 0; i < CHAINS; i++)
        *out += sum[i];
    return 2.0 * CHAINS * ROUNDS;
}

#if defined __x86_64__
#define MULTIPLY_ADD(name, isa, type, lanes, set, fma, store)                            \
    __attribute__((target(isa))) static double name(float start, float *out)             \
    {                                                                                    \
        type sum[CHAINS], factor = set(0.999f), more = set(start);                       \
        float last[lanes];                                                               \
        for (int i = 0; i < CHAINS; i++)                                                 \
            sum[i] = set(start + (float)i);                                              \
        for (int round = 0; round < ROUNDS; round++) {                                   \
            sum[0] = fma(sum[0], factor, more), sum[1] = fma(sum[1], factor, more);      \
            sum[2] = fma(sum[2], factor, more), sum[3] = fma(sum[3], factor, more);      \
            sum[4] = fma(sum[4], factor, more), sum[5] = fma(sum[5], factor, more);      \
            sum[6] = fma(sum[6], factor, more), sum[7] = fma(sum[7], factor, more);      \
            sum[8] = fma(sum[8], factor, more), sum[9] = fma(sum[9], factor, more);      \
            sum[10] = fma(sum[10], factor, more), sum[11] = fma(sum[11], factor, more);  \
        }                                                                                \
        for (int i = 0; i < CHAINS; i++) {                                               \
            store(last, sum[i]);                                                         \
            *out += last[0] + last[lanes - 1];                                           \
        }                                                                                \
        return 2.0 * CHAINS * ROUNDS * lanes;                                            \
    }
MULTIPLY_ADD(multiply_add_avx2, "avx2,fma", __m256, 8, _mm256_set1_ps, _mm256_fmadd_ps,
             _mm256_storeu_ps)
MULTIPLY_ADD(multiply_add_avx512, "avx512f", __m512, 16, _mm512_set1_ps, _mm512_fmadd_ps,
             _mm512_storeu_ps)
#endif

typedef struct Work {
    MultiplyAdd *multiply_add;
    float **from, **to; /* [threads] */
    float sink[256];
    double operations[256];
} Work;

static void compute(void *argument, size_t index, size_t thread)
{
    Work *const work = argument;
    (void)thread;
    work->operations[index] = work->multiply_add(1.0f + (float)index, &work->sink[index]);
}

static void copy(void *argument, size_t index, size_t thread)
{
    Work *const work = argument;
    (void)thread;
    memcpy(work->to[index], work->from[index], FLOATS * sizeof(float));
}

static void name_cpu(char *out, size_t size)
{
    char line[512];
    FILE *const file = fopen("/proc/cpuinfo", "r");
    snprintf(out, size, "unknown processor");
    while (file && fgets(line, sizeof line, file)) {
        const char *const colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(out, size, "%s", colon + 2);
            break;
        }
    }
    if (file)
        fclose(file);
}

SimStatus bench_machine(const SimContext *context, BenchMachine *out)
{
    SimStatus status = SIM_OK;
    const size_t threads =
        context->team.n_threads < 256 ? (size_t)context->team.n_threads : 256;
    BenchMachine machine = {.threads = (int)threads};
    double best_compute = INFINITY, best_copy = INFINITY, operations = 0.0;
    Work work = {.multiply_add = multiply_add_any};
    float **const blocks = calloc(2 * threads, sizeof *blocks);
    if (!blocks)
        return sim_fail(SIM_ERR_MEMORY, "no memory to measure this machine");
    for (size_t i = 0; i < 2 * threads; i++) {
        blocks[i] = malloc(FLOATS * sizeof(float));
        if (!blocks[i]) {
            status = sim_fail(SIM_ERR_MEMORY, "no memory to measure this machine");
            goto out;
        }
        memset(blocks[i], 1, FLOATS * sizeof(float));
    }
    work.from = blocks;
    work.to = blocks + threads;
#if defined __x86_64__
    if (context->cpu & SIM_CPU_AVX2)
        work.multiply_add = multiply_add_avx2;
    if (context->cpu & SIM_CPU_AVX512)
        work.multiply_add = multiply_add_avx512;
#endif
    for (int run = 0; run < 9; run++) { /* the best: a ceiling is what is possible */
        double start = bench_seconds();
        sim_team_run(&context->team, threads, compute, &work);
        best_compute = fmin(best_compute, bench_seconds() - start);
        start = bench_seconds();
        sim_team_run(&context->team, threads, copy, &work);
        best_copy = fmin(best_copy, bench_seconds() - start);
    }
    for (size_t i = 0; i < threads; i++)
        operations += work.operations[i];
    machine.flops = operations / best_compute;
    machine.bandwidth = 2.0 * sizeof(float) * FLOATS * (double)threads / best_copy;
    name_cpu(machine.cpu, sizeof machine.cpu);
    *out = machine;
out:
    for (size_t i = 0; i < 2 * threads; i++)
        free(blocks[i]);
    free(blocks);
    return status;
}
