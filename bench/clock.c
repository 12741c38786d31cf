/* bench/clock.c: time and memory as the system counts them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <time.h>

#include "bench/bench.h"

double bench_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *times, size_t n)
{
    qsort(times, n, sizeof *times, rising);
    return n % 2 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2;
}

double bench_time(void (*call)(void *of), void *of, double seconds)
{
    enum { LEAST = 3, MOST = 1001 };
    double times[MOST], spent = 0.0;
    size_t n = 0;
    call(of); /* caches, lazily made primitives */
    while (n < MOST && (n < LEAST || spent < seconds)) {
        const double start = bench_seconds();
        call(of);
        times[n] = bench_seconds() - start;
        spent += times[n++];
    }
    return bench_median(times, n);
}

/* A line "NAME:   123 kB" of /proc/self/status; -1 where there is none. */
static double status_bytes(const char *name)
{
    char line[256];
    double kibibytes = -1.0;
    FILE *const file = fopen("/proc/self/status", "r");
    if (!file)
        return -1.0;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            kibibytes = strtod(line + strlen(name) + 1, NULL);
    fclose(file);
    return kibibytes < 0 ? -1.0 : 1024.0 * kibibytes;
}

double bench_resident(void)
{
    const double bytes = status_bytes("VmRSS");
    return bytes < 0 ? 0.0 : bytes;
}

double bench_code(void)
{
    const double bytes = status_bytes("RssFile");
    return bytes < 0 ? 0.0 : bytes;
}

double bench_peak(void)
{
    const double bytes = status_bytes("VmHWM");
    struct rusage usage;
    if (bytes >= 0)
        return bytes;
    getrusage(RUSAGE_SELF, &usage);
    return 1024.0 * (double)usage.ru_maxrss;
}

void bench_peak_restart(void)
{
#ifdef __GLIBC__
    malloc_trim(0); /* what was freed and is still held would count as there before */
#endif
    FILE *const file = fopen("/proc/self/clear_refs", "w"); /* 5: the peak alone */
    if (!file)
        return;
    fputs("5", file);
    fclose(file);
}
