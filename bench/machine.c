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
    RUNS = 9,        /* the best counts: a ceiling is what is possible */
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

#if defined __x86_64__ && defined __linux__
/* Tile products that wait for nothing: four sums, as many as a kernel has. */
__attribute__((target("amx-tile,amx-bf16"))) static double multiply_tiles(float start,
                                                                          float *out)
{
    enum { SIDE = 16, NUMBERS = 32 };
    /* Static: the compiler believes that only the first bytes are looked at. */
    static const struct {
        unsigned char palette, start, reserved[14];
        unsigned short bytes[SIDE];
        unsigned char rows[SIDE];
    } config = {.palette = 1,
                .bytes = {64, 64, 64, 64, 64, 64, 64, 64},
                .rows = {SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE}};
    (void)start;
    (void)out; /* tile products are no work a compiler may leave out */
    _tile_loadconfig(&config);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    _tile_zero(6);
    _tile_zero(7);
    for (int round = 0; round < ROUNDS; round++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_release();
    return 2.0 * 4 * ROUNDS * SIDE * SIDE * NUMBERS;
}
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

static double best_rate(const SimContext *context, size_t threads, Work *work)
{
    double best = (double)INFINITY, operations = 0.0;
    for (int run = 0; run < RUNS; run++) {
        const double start = bench_seconds();
        sim_team_run(&context->team, threads, compute, work);
        best = fmin(best, bench_seconds() - start);
    }
    for (size_t i = 0; i < threads; i++)
        operations += work->operations[i];
    return operations / best;
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
    double best_copy = (double)INFINITY;
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
    machine.flops = best_rate(context, threads, &work);
#if defined __x86_64__ && defined __linux__
    work.multiply_add = multiply_tiles;
    if (context->cpu & SIM_CPU_AMX)
        machine.tile_flops = best_rate(context, threads, &work);
#endif
    for (int run = 0; run < RUNS; run++) {
        const double start = bench_seconds();
        sim_team_run(&context->team, threads, copy, &work);
        best_copy = fmin(best_copy, bench_seconds() - start);
    }
    machine.bandwidth = 2.0 * sizeof(float) * FLOATS * (double)threads / best_copy;
    name_cpu(machine.cpu, sizeof machine.cpu);
    *out = machine;
out:
    for (size_t i = 0; i < 2 * threads; i++)
        free(blocks[i]);
    free(blocks);
    return status;
}
