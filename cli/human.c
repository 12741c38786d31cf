/* cli/human.c: numbers as people read them. */
#include "cli/human.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Three digits that count, and the unit. */
static const char *scaled(char *buffer, double value, double base,
                          const char *const *units, size_t n_units)
{
    size_t unit = 0;
    while (fabs(value) >= base * 0.9995 && unit + 1 < n_units) {
        value /= base;
        unit++;
    }
    const int decimals = unit == 0 ? 0 : fabs(value) < 10 ? 2 : fabs(value) < 100 ? 1 : 0;
    snprintf(buffer, CLI_HUMAN_SIZE, "%.*f%s%s", decimals, value, *units[unit] ? " " : "",
             units[unit]);
    return buffer;
}

const char *cli_human_bytes(CliHuman buffer, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    return scaled(buffer, bytes, 1024, units, sizeof units / sizeof *units);
}

const char *cli_human_count(CliHuman buffer, double count)
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    return scaled(buffer, count, 1000, units, sizeof units / sizeof *units);
}

const char *cli_human_digits(CliHuman buffer, uint64_t number)
{
    char plain[24];
    const int n = snprintf(plain, sizeof plain, "%llu", (unsigned long long)number);
    char *out = buffer;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            *out++ = ',';
        *out++ = plain[i];
    }
    *out = '\0';
    return buffer;
}

const char *cli_human_seconds(CliHuman buffer, double seconds)
{
    if (seconds < 1e-3)
        snprintf(buffer, CLI_HUMAN_SIZE, "%.0f us", seconds * 1e6);
    else if (seconds < 0.9995)
        snprintf(buffer, CLI_HUMAN_SIZE, "%.3g ms", seconds * 1e3);
    else if (seconds < 60)
        snprintf(buffer, CLI_HUMAN_SIZE, "%.3g s", seconds);
    else if (seconds < 3600)
        snprintf(buffer, CLI_HUMAN_SIZE, "%.0fm%02.0fs", floor(seconds / 60),
                 floor(fmod(seconds, 60)));
    else
        snprintf(buffer, CLI_HUMAN_SIZE, "%.0fh%02.0fm", floor(seconds / 3600),
                 floor(fmod(seconds, 3600) / 60));
    return buffer;
}
