/* tests/datasets/folder.h: small sets of recordings made for a test. */
#pragma once

#include <stddef.h>

#include "datasets/dataset.h"
#include "tests/support.h"

/* `folder`/`class`/x_<class>_<k>.aedat for k = 0..n-1 and two classes, "cat" and "dog",
 * some hundred events each that depend on class and k. */
void test_make_set(const char *folder, size_t n);

/* Defaults with this path, 32 x 32, 3 steps, caches below test_folder(). */
DataOptions test_set_options(const char *path);

/* Stops the test with the library's sentence on failure. */
void test_ok(SimStatus status);
