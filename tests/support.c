/* tests/support.c: see support.h. */
#include "tests/support.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "sim/rng.h"
#include "sim/tensor.h"

const char *test_source_root(void)
{
    return APICAL_SOURCE_ROOT;
}

static char *shared_path(const char *variable, const char *folder, const char *name)
{
    char path[4096];
    const char *set = getenv(variable);
    if (set && *set)
        snprintf(path, sizeof path, "%s/%s", set, name);
    else
        snprintf(path, sizeof path, "%s/../shared/%s/%s", APICAL_SOURCE_ROOT, folder,
                 name);
    if (access(path, R_OK) != 0)
        cr_skip_test("%s is not there: set %s", path, variable);
    return strdup(path);
}

const char *test_golden_folder(void)
{
    const char *set = getenv("APICAL_GOLDEN");
    return set && *set ? set : APICAL_SOURCE_ROOT "/../shared/golden";
}

char *test_golden_path(const char *name)
{
    return shared_path("APICAL_GOLDEN", "golden", name);
}

char *test_data_path(const char *name)
{
    return shared_path("APICAL_DATA", "data", name);
}

static char folder[64];

/* Folders carry the number of their process: of those that are gone nobody removes one.
 */
static void remove_abandoned(void)
{
    glob_t found;
    if (glob("/tmp/apical-test-*", GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char command[128];
        const long owner = strtol(strrchr(found.gl_pathv[i], '-') + 1, NULL, 10);
        const bool gone = owner > 0 && kill((pid_t)owner, 0) != 0 && errno == ESRCH;
        snprintf(command, sizeof command, "rm -rf '%.64s'", found.gl_pathv[i]);
        if (gone && system(command) != 0)
            cr_log_warn("%s failed", command);
    }
    globfree(&found);
}

const char *test_folder(void)
{
    if (!folder[0]) {
        remove_abandoned();
        snprintf(folder, sizeof folder, "/tmp/apical-test-%ld", (long)getpid());
        cr_assert_eq(mkdir(folder, 0777), 0, "%s: %s", folder, strerror(errno));
    }
    return folder;
}

void test_folder_remove(void)
{
    char command[128];
    if (!folder[0])
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    folder[0] = '\0';
    cr_assert_eq(system(command), 0);
}

void test_fill(float *x, size_t n, uint64_t seed)
{
    const SimRng rng = {.seed = seed, .purpose = SIM_RNG_TEST};
    for (size_t i = 0; i < n; i++)
        x[i] = 2.0f * sim_rng_uniform(rng, i) - 1.0f;
}

void test_fill_bf16(void *x, size_t n, uint64_t seed)
{
    uint16_t *const bits = x;
    const SimRng rng = {.seed = seed, .purpose = SIM_RNG_TEST};
    for (size_t i = 0; i < n; i++)
        bits[i] = sim_bf16_of(2.0f * sim_rng_uniform(rng, i) - 1.0f);
}

void test_fill_bits(uint64_t *bits, size_t pixels, size_t c, double density,
                    uint64_t seed)
{
    const SimRng rng = {.seed = seed, .purpose = SIM_RNG_TEST, .stream = 1};
    const size_t words = sim_words(c);
    memset(bits, 0, pixels * words * sizeof *bits);
    for (size_t p = 0; p < pixels; p++)
        for (size_t i = 0; i < c; i++)
            if ((double)sim_rng_uniform(rng, p * c + i) < density)
                bits[p * words + i / 64] |= UINT64_C(1) << (i % 64);
}

void test_need_cpu(unsigned cpu)
{
    if ((sim_cpu_detect() & cpu) != cpu)
        cr_skip_test("this CPU lacks %s", cpu & SIM_CPU_AVX512 ? "AVX-512" : "AVX2");
}
