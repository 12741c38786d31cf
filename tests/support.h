/* tests/support.h: what several tests need: places, data, guards. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/kernels.h"

/* The path of a file in the golden or data folder ($APICAL_GOLDEN, $APICAL_DATA, else
 * ../shared/golden and ../shared/data beside the source root). Skips the calling test,
 * saying why, when the file is not there. Owned by the caller (free). */
char *test_golden_path(const char *name);
char *test_data_path(const char *name);

/* The folder of golden vectors, whether it is there or not; for lists of test parameters,
 * which are made outside a test. Borrowed for ever. */
const char *test_golden_folder(void);

const char *test_source_root(void); /* borrowed for ever */

/* An empty folder of this test, made when first asked for. Borrowed until removed; a
 * suite names test_folder_remove as its .fini. What a killed test left is removed by the
 * next. */
const char *test_folder(void);
void test_folder_remove(void);

/* Reproducible data: uniform in [-1, 1), each number at its own index of `seed`. */
void test_fill(float *x, size_t n, uint64_t seed);
void test_fill_bf16(void *x, size_t n, uint64_t seed); /* the same, rounded */

/* Packed spikes [pixels, ceil(c/64)] of about this density. */
void test_fill_bits(uint64_t *bits, size_t pixels, size_t c, double density,
                    uint64_t seed);

/* Skips the calling test when this CPU lacks a level. */
void test_need_cpu(unsigned cpu);
