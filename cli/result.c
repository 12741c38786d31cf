/* cli/result.c: see result.h. */
#include "cli/result.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"
#include "sim/file.h"

#define ROW(name)                                                                        \
    {                                                                                    \
#name, offsetof(CliResult, name)                                                 \
    }
static const struct {
    const char *name;
    size_t offset;
} rows[] = {
    ROW(epochs),
    ROW(best_epoch),
    ROW(train_loss),
    ROW(train_accuracy),
    ROW(test_loss),
    ROW(test_accuracy),
    ROW(best_validation_accuracy),
    ROW(best_test_accuracy),
    ROW(parameters),
    ROW(macs),
    ROW(synops),
    ROW(dense),
    ROW(firing_rate),
    ROW(memory_bytes),
    ROW(resident_bytes),
    ROW(cpu_s_per_epoch),
    ROW(seconds),
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static double *field(const CliResult *result, size_t row)
{
    return (double *)(void *)((char *)(void *)result + rows[row].offset);
}

SimStatus cli_result_write(const char *folder, const CliResult *result)
{
    SimStatus status = SIM_OK;
    char path[CLI_PATH_SIZE];
    SimFile file;
    SIM_TRY(cli_path_join(folder, "result.json", path));
    SIM_TRY(sim_file_create(path, &file));
    fputs("{\n", file.stream);
    for (size_t i = 0; i < N_ROWS; i++)
        if (isfinite(*field(result, i)))
            fprintf(file.stream, "  \"%s\": %.12g,\n", rows[i].name, *field(result, i));
    fprintf(file.stream, "  \"best_chosen_on\": \"%s\",\n",
            result->has_validation ? "validation" : "test");
    fprintf(file.stream, "  \"weights_sha256\": \"%s\"\n}\n", result->weights);
    status = sim_file_commit(&file);
out:
    return status;
}

/* What stands behind "name": in a text of ours; NULL where it does not. */
static const char *find(const char *text, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *const at = strstr(text, key);
    return at ? at + strlen(key) : NULL;
}

SimStatus cli_result_read(const char *folder, CliResult *out)
{
    enum { LIMIT = 1 << 16 };
    SimStatus status = SIM_OK;
    char path[CLI_PATH_SIZE], *text = NULL;
    CliResult result = {0};
    SIM_TRY(cli_path_join(folder, "result.json", path));
    SIM_TRY(cli_file_text(path, LIMIT, &text));
    for (size_t i = 0; i < N_ROWS; i++) {
        const char *const at = find(text, rows[i].name);
        *field(&result, i) = at ? strtod(at, NULL) : (double)NAN;
    }
    const char *const chosen = find(text, "best_chosen_on");
    const char *const weights = find(text, "weights_sha256");
    if (!chosen || !weights || strlen(weights) < SIM_HASH_TEXT ||
        !isfinite(result.epochs)) {
        status =
            sim_fail(SIM_ERR_FORMAT,
                     "%s: not the result of a run: delete it, and the run goes on", path);
        goto out;
    }
    result.has_validation = strncmp(chosen, "\"validation\"", 12) == 0;
    memcpy(result.weights, weights + 1, SIM_HASH_TEXT - 1);
    *out = result;
out:
    free(text);
    return status;
}
