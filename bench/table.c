/* bench/table.c: rows of figures. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "sim/list.h"

#define ROW(name) extern const BenchSuite bench_suite_##name;
#include "bench/suites.inc"
#undef ROW

const BenchSuite *const bench_suites[] = {
#define ROW(name) &bench_suite_##name,
#include "bench/suites.inc"
#undef ROW
    NULL};

void bench_table_init(BenchTable *table, const BenchColumn *columns)
{
    *table = (BenchTable){.columns = columns};
    while (columns[table->n_columns].key)
        table->n_columns++;
}

void bench_table_destroy(BenchTable *table)
{
    free(table->cells);
    *table = (BenchTable){0};
}

SimStatus bench_row(BenchTable *table, ...)
{
    if (!sim_list_reserve(&table->cells, &table->capacity, table->n_rows + 1,
                          table->n_columns * sizeof *table->cells))
        return sim_fail(SIM_ERR_MEMORY, "no memory for %zu rows of figures",
                        table->n_rows + 1);
    va_list arguments;
    va_start(arguments, table);
    for (size_t i = 0; i < table->n_columns; i++) {
        BenchCell *const cell = &table->cells[table->n_rows * table->n_columns + i];
        *cell = (BenchCell){.number = (double)NAN};
        if (table->columns[i].kind == BENCH_TEXT)
            snprintf(cell->text, sizeof cell->text, "%s",
                     va_arg(arguments, const char *));
        else
            cell->number = va_arg(arguments, double);
    }
    va_end(arguments);
    table->n_rows++;
    if (table->row_done)
        table->row_done(table->argument, table);
    return SIM_OK;
}

BenchCell bench_cell(const BenchTable *table, size_t row, const char *key)
{
    for (size_t i = 0; i < table->n_columns; i++)
        if (strcmp(table->columns[i].key, key) == 0)
            return table->cells[row * table->n_columns + i];
    return (BenchCell){.number = (double)NAN};
}
