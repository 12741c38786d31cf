/* Break-even densities: found again, kept, refused when they are not what they should be;
 * and what is measured is a density. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/calibration.h"
#include "sim/conv.h"
#include "tests/support.h"

static SimContext context;
static SimCalibration *table;

static void begin(void)
{
    cr_assert_eq(sim_context_create(2, NULL, &context), SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_calibration_create(&context, &table), SIM_OK);
    setenv("XDG_CACHE_HOME", test_folder(), 1);
}

static void end(void)
{
    test_folder_remove();
    sim_calibration_destroy(table);
}

TestSuite(calibration, .init = begin, .fini = end);

static SimConvShape shape_of(size_t n, size_t c)
{
    SimConvShape shape = {.n = n,
                          .h = 6,
                          .w = 6,
                          .c = c,
                          .k = 32,
                          .kh = 3,
                          .kw = 3,
                          .stride = 1,
                          .pad = 1,
                          .groups = 1};
    cr_assert_eq(sim_conv_shape(&shape), SIM_OK);
    return shape;
}

static SimBreakEven find(size_t n, size_t c)
{
    SimBreakEven at = {-1, -1, -1};
    const SimConvShape shape = shape_of(n, c);
    cr_assert_eq(sim_calibration_find(table, &shape, &context, &at), SIM_OK);
    return at;
}

Test(calibration, what_is_not_there_is_built_in_and_written_down)
{
    const SimCalibrationRow *rows;
    SimBreakEven without;
    const SimConvShape shape = shape_of(4, 64);
    cr_assert_eq(sim_calibration_find(NULL, &shape, &context, &without), SIM_OK);
    const SimBreakEven with = find(4, 64);
    cr_expect_eq(with.forward, without.forward);
    cr_expect_eq(with.weights, without.weights);
    cr_assert_eq(sim_calibration_rows(table, &rows), 1u);
    cr_expect(rows[0].used && !rows[0].measured);
    find(4, 64);
    cr_expect_eq(sim_calibration_rows(table, &rows), 1u);
}

Test(calibration, text_there_and_back)
{
    char *text = NULL, *again = NULL;
    SimCalibration *copy = NULL;
    find(4, 64), find(4, 16), find(32, 64);
    cr_assert_eq(sim_calibration_text(table, true, &text), SIM_OK);
    cr_assert_eq(sim_calibration_create(&context, &copy), SIM_OK);
    cr_assert_eq(sim_calibration_parse(copy, text, false), SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_calibration_text(copy, false, &again), SIM_OK);
    cr_expect_str_eq(text, again);
    free(again);
    cr_assert_eq(sim_calibration_text(copy, true, &again), SIM_OK);
    cr_expect_lt(strlen(again), strlen(text), "no plan has used the copy");
    sim_calibration_destroy(copy);
    free(text), free(again);
}

/* Any byte changed, any end cut off, is noticed, and nothing of it is taken. */
Test(calibration, damage_is_noticed)
{
    char *text = NULL;
    const SimCalibrationRow *rows;
    SimCalibration *copy = NULL;
    find(4, 64), find(4, 16);
    cr_assert_eq(sim_calibration_text(table, false, &text), SIM_OK);
    cr_assert_eq(sim_calibration_create(&context, &copy), SIM_OK);
    const size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        const char kept = text[i];
        text[i] = (char)(kept ^ 1);
        cr_expect_neq(sim_calibration_parse(copy, text, true), SIM_OK, "byte %zu", i);
        text[i] = '\0';
        cr_expect_neq(sim_calibration_parse(copy, text, true), SIM_OK, "cut at %zu", i);
        text[i] = kept;
    }
    cr_expect_eq(sim_calibration_rows(copy, &rows), 0u);
    cr_expect_eq(sim_calibration_parse(copy, text, true), SIM_OK);
    cr_expect_eq(sim_calibration_rows(copy, &rows), 2u);
    sim_calibration_destroy(copy);
    free(text);
}

Test(calibration, other_machines_are_foreign)
{
    char *text = NULL;
    SimContext other;
    SimCalibration *its = NULL;
    find(4, 64);
    cr_assert_eq(sim_calibration_text(table, false, &text), SIM_OK);
    cr_assert_eq(sim_context_create(3, NULL, &other), SIM_OK);
    cr_assert_eq(sim_calibration_create(&other, &its), SIM_OK);
    cr_expect_eq(sim_calibration_parse(its, text, false), SIM_ERR_FORMAT);
    cr_expect_not_null(strstr(sim_message(), "another machine"), "%s", sim_message());
    cr_expect_eq(sim_calibration_parse(its, text, true), SIM_OK,
                 "but a run may bring it");
    sim_calibration_destroy(its);
    free(text);
}

Test(calibration, files)
{
    char path[1200];
    const SimCalibrationRow *rows;
    SimCalibration *copy = NULL;
    cr_assert_eq(sim_calibration_create(&context, &copy), SIM_OK);
    cr_expect_eq(sim_calibration_load(copy), SIM_OK, "no file is no failure: %s",
                 sim_message());
    sim_calibration_measure_missing(table);
    const SimBreakEven measured = find(8, 16);
    cr_expect(measured.forward >= 0.0 && measured.forward <= 1.0);
    cr_expect(measured.input >= 0.0 && measured.input <= 1.0);
    cr_expect(measured.weights >= 0.0 && measured.weights <= 1.0);
    cr_assert_eq(sim_calibration_save(table), SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_calibration_load(copy), SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_calibration_rows(copy, &rows), 1u);
    cr_expect(rows[0].measured && !rows[0].used);
    cr_expect_float_eq(rows[0].at.forward, measured.forward, 6e-4);

    /* Nearest size, else built in. */
    sim_calibration_destroy(table);
    table = copy;
    cr_expect_eq(find(16, 16).forward, rows[0].at.forward);

    cr_assert_eq(sim_calibration_path(table, path, sizeof path), SIM_OK);
    FILE *const file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("machine gun\n", file);
    fclose(file);
    cr_expect_eq(sim_calibration_load(table), SIM_ERR_FORMAT);
    cr_expect_not_null(strstr(sim_message(), path), "%s", sim_message());
    cr_expect_eq(sim_calibration_save(table), SIM_OK, "and is made anew");
    cr_expect_eq(sim_calibration_load(table), SIM_OK);
}

Test(calibration, nowhere_to_write)
{
    setenv("XDG_CACHE_HOME", "/proc/no/such/place", 1);
    cr_expect_eq(sim_calibration_load(table), SIM_OK, "%s", sim_message());
    cr_expect_eq(sim_calibration_save(table), SIM_ERR_IO);
    setenv("XDG_CACHE_HOME", test_folder(), 1);
}

/* A plan goes by the table it is given. */
Test(calibration, decides)
{
    static const struct {
        double forward;
        bool at_a_tenth, at_a_third;
    } cases[] = {{0.05, false, false}, {0.2, true, false}, {0.9, true, true}};
    const SimConvShape shape = shape_of(4, 64);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SimConv *conv = NULL;
        SimContext own = context;
        own.spike_path = SIM_SPIKES_AUTO;
        SimCalibration *given = NULL;
        const SimBreakEven at = {.forward = cases[i].forward};
        cr_assert_eq(sim_calibration_create(&context, &given), SIM_OK);
        cr_assert_eq(sim_calibration_set(given, &shape, &context, &at), SIM_OK);
        own.calibration = given;
        cr_assert_eq(
            sim_conv_create(&shape, SIM_SPIKES, 1, SIM_CONV_FORWARD, &own, &conv), SIM_OK,
            "%s", sim_message());
        cr_expect_eq(sim_conv_uses_spikes(conv), cases[i].at_a_tenth, "until told");
        sim_conv_choose(conv, 0.33);
        cr_expect_eq(sim_conv_uses_spikes(conv), cases[i].at_a_third);
        sim_conv_choose(conv, 0.1);
        cr_expect_eq(sim_conv_uses_spikes(conv), cases[i].at_a_tenth);
        sim_conv_destroy(conv);
        sim_calibration_destroy(given);
    }
}
