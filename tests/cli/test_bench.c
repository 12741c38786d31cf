/* "apical bench": figures that are there and make sense. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <cjson/cJSON.h>

#include "bench/bench.h"
#include "tests/support.h"

/* Runs the program and parses what it prints; the caller deletes. */
static cJSON *measure(const char *arguments)
{
    static char text[1 << 16];
    char command[1024];
    const char *const root = getenv("APICAL_BUILD_ROOT");
    cr_assert(root, "APICAL_BUILD_ROOT is not set: run with meson test");
    snprintf(command, sizeof command, "'%s/cli/apical' bench %s --seconds 0 --json -",
             root, arguments);
    FILE *const pipe = popen(command, "r");
    cr_assert(pipe);
    text[fread(text, 1, sizeof text - 1, pipe)] = '\0';
    cr_assert_eq(pclose(pipe), 0, "%s", command);
    cJSON *const json = cJSON_Parse(text);
    cr_assert(json, "not JSON: %s", text);
    return json;
}

static double number(const cJSON *row, const char *key)
{
    const cJSON *const item = cJSON_GetObjectItem(row, key);
    cr_assert(cJSON_IsNumber(item), "\"%s\" is missing or no number", key);
    return item->valuedouble;
}

Test(bench, step)
{
    cJSON *const json = measure("step --net sresnet --memory keep --batch 1 --steps 2");
    const cJSON *const rows = cJSON_GetObjectItem(json, "rows");
    cr_assert_eq(cJSON_GetArraySize(rows), 1);
    const cJSON *const row = cJSON_GetArrayItem(rows, 0);
    cr_expect_gt(number(json, "flops"), 1e8);
    cr_expect_gt(number(row, "train_s"), number(row, "infer_s"));
    cr_expect_gt(number(row, "infer_s"), 0.0);
    cr_expect_geq(number(row, "peak_bytes"), number(row, "activation_bytes"));
    cr_expect_gt(number(row, "parameters"), 2e6);
    cr_expect(number(row, "rate") > 0.0 && number(row, "rate") < 1.0);
    cJSON_Delete(json);
}

Test(bench, layers_sum_to_the_whole)
{
    cJSON *const json = measure("layers --net sresnet --batch 1 --steps 2");
    const cJSON *row;
    double shares = 0.0;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(json, "rows")) shares +=
        number(row, "share");
    cr_expect_float_eq(shares, 1.0, 1e-4);
    cJSON_Delete(json);
}

/* The deeper, the more is kept; a reversible chain takes what its ends take. */
Test(bench, memory_against_blocks)
{
    cJSON *const json = measure("memory --blocks --quick --net revsresnet --steps 2 "
                                "--batch 1");
    const cJSON *row;
    double keep[8] = {0}, reverse[8] = {0};
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(json, "rows"))
    {
        const char *const memory = cJSON_GetObjectItem(row, "memory")->valuestring;
        const size_t blocks = (size_t)number(row, "blocks");
        cr_assert_lt(blocks, 8);
        if (strcmp(memory, "keep") == 0)
            keep[blocks] = number(row, "plan_bytes");
        if (strcmp(memory, "reverse") == 0)
            reverse[blocks] = number(row, "plan_bytes");
        cr_expect_gt(number(row, "train_s"), 0.0);
    }
    cr_expect_gt(keep[4], keep[2]);
    cr_expect_gt(keep[4], reverse[4]);
    cr_expect_leq(reverse[4] - reverse[2], 0.01 * (keep[4] - keep[2]));
    cJSON_Delete(json);
}

Test(bench, drift_is_none_on_the_grid)
{
    cJSON *const json = measure("drift --quick");
    const cJSON *row;
    size_t on_grid = 0;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(json, "rows"))
    {
        const bool grid =
            strcmp(cJSON_GetObjectItem(row, "numbers")->valuestring, "grid") == 0;
        on_grid += grid;
        cr_expect_eq(number(row, "worst") == 0.0, grid);
    }
    cr_expect_eq(on_grid, 8);
    cJSON_Delete(json);
}

Test(bench, kernels)
{
    cJSON *const json = measure("kernels --quick");
    const cJSON *const rows = cJSON_GetObjectItem(json, "rows");
    const cJSON *row;
    cr_expect_eq(cJSON_GetArraySize(rows), 3);
    cJSON_ArrayForEach(row, rows)
    {
        cr_expect_gt(number(row, "spikes_s"), 0.0);
        cr_expect_gt(number(row, "dense_s"), 0.0);
    }
    cJSON_Delete(json);
}

Test(bench, tables_grow_and_find_their_cells)
{
    static const BenchColumn columns[] = {
        {"name", "name", BENCH_TEXT}, {"n", "n", BENCH_COUNT}, {NULL, NULL, BENCH_TEXT}};
    BenchTable table;
    bench_table_init(&table, columns);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(bench_row(&table, "row", (double)i), SIM_OK);
    cr_expect_eq(table.n_rows, 100);
    cr_expect_str_eq(bench_cell(&table, 7, "name").text, "row");
    cr_expect_float_eq(bench_cell(&table, 99, "n").number, 99.0, 0.0);
    bench_table_destroy(&table);
}

Test(bench, medians)
{
    double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2};
    cr_expect_float_eq(bench_median(odd, 3), 2.0, 0.0);
    cr_expect_float_eq(bench_median(even, 4), 2.5, 0.0);
}
