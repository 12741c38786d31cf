/* tests/failing_malloc.h: for sweeps that fail the k-th allocation. The linker sends
 * malloc, calloc and realloc of programs with this file here (--wrap). */
#pragma once

extern long test_allocations_left; /* that still succeed; -1: all do */
