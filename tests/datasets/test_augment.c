/* Augmentations: properties, and worked cases of torchvision's geometry. */
#include "datasets/set_internal.h"

#include <string.h>

#include <criterion/criterion.h>

#include "tests/support.h"

enum { T = 3, SIDE = 48, C = 2, COUNT = T * SIDE * SIDE * C, DRAWS = 300 };

static const DataAugmentShape shape = {T, SIDE, SIDE, C};

static SimRng rng_of(uint32_t sample)
{
    return (SimRng){5, SIM_RNG_AUGMENT, 2, sample};
}

static double sum_of(const float *x)
{
    double sum = 0;
    for (size_t i = 0; i < COUNT; i++)
        sum += (double)x[i];
    return sum;
}

static size_t at(size_t t, size_t i, size_t j, size_t c)
{
    return ((t * SIDE + i) * SIDE + j) * C + c;
}

static float x[COUNT], y[COUNT], z[COUNT];

static void fill(void)
{
    test_fill(x, COUNT, 3);
    for (size_t i = 0; i < COUNT; i++)
        x[i] += 2; /* nothing is zero: what is filled in can be told */
}

Test(augment, a_draw_depends_on_its_key_alone)
{
    fill();
    for (int kind = DATA_AUGMENT_NONE; kind <= DATA_AUGMENT_CUT_OUT; kind++) {
        bool differs = false;
        for (uint32_t k = 0; k < 20; k++) {
            memset(y, 1, sizeof y);
            memset(z, 2, sizeof z);
            data_augment((DataAugment)kind, shape, rng_of(k), x, y);
            data_augment((DataAugment)kind, shape, rng_of(k), x, z);
            cr_assert_arr_eq(y, z, sizeof y);
            data_augment((DataAugment)kind, shape, rng_of(k + 1000), x, z);
            differs |= memcmp(y, z, sizeof y) != 0;
        }
        cr_assert_eq(differs, kind != DATA_AUGMENT_NONE, "kind %d", kind);
    }
}

Test(augment, every_step_is_changed_alike)
{
    fill();
    for (size_t t = 1; t < T; t++)
        memcpy(x + at(t, 0, 0, 0), x, SIDE * SIDE * C * sizeof *x);
    for (int kind = DATA_AUGMENT_NONE; kind <= DATA_AUGMENT_CUT_OUT; kind++)
        for (uint32_t k = 0; k < 30; k++) {
            data_augment((DataAugment)kind, shape, rng_of(k), x, y);
            for (size_t t = 1; t < T; t++)
                cr_assert_arr_eq(y, y + at(t, 0, 0, 0), SIDE * SIDE * C * sizeof *y);
        }
}

Test(augment, flip_and_roll_lose_nothing_and_reach_five_pixels)
{
    size_t flips = 0;
    long least = 99, most = -99;
    for (uint32_t k = 0; k < DRAWS; k++) {
        memset(x, 0, sizeof x);
        x[at(0, 20, 20, 0)] = 1; /* two marks beside each other tell left from right */
        x[at(0, 20, 21, 0)] = 2;
        data_augment(DATA_AUGMENT_FLIP_ROLL, shape, rng_of(k), x, y);
        cr_assert_eq(sum_of(y), 3);
        for (size_t i = 0; i < SIDE; i++)
            for (size_t j = 1; j + 1 < SIDE; j++)
                if (y[at(0, i, j, 0)] == 1) {
                    const bool flipped = y[at(0, i, j - 1, 0)] == 2;
                    const long down = (long)i - 20;
                    flips += flipped;
                    cr_assert(flipped || y[at(0, i, j + 1, 0)] == 2);
                    least = down < least ? down : least;
                    most = down > most ? down : most;
                }
    }
    cr_assert_eq(least, -5);
    cr_assert_eq(most, 5);
    cr_assert(flips > DRAWS / 3 && flips < 2 * DRAWS / 3, "%zu flips", flips);
}

/* Which of the three operations made y: a roll keeps the sum of the first channel's
 * marks and every row whole; a shear moves rows only sideways; a rotation does neither.
 */
Test(augment, nda_makes_one_of_three)
{
    size_t rolls = 0, shears = 0, turns = 0;
    for (uint32_t k = 0; k < DRAWS; k++) {
        memset(x, 0, sizeof x);
        for (size_t i = 0; i < SIDE; i++)
            x[at(0, i, 24, 0)] = (float)(i + 1); /* an upright line, rows marked */
        data_augment(DATA_AUGMENT_NDA, shape, rng_of(k), x, y);
        bool own_row = true, straight = true;
        long column = -1;
        for (size_t i = 0; i < SIDE; i++)
            for (size_t j = 0; j < SIDE; j++) {
                const float v = y[at(0, i, j, 0)];
                if (v == 0)
                    continue;
                own_row &= v == (float)(i + 1);
                straight &= column < 0 || column == (long)j;
                column = (long)j;
            }
        rolls += straight;
        shears += own_row && !straight;
        turns += !own_row && !straight;
    }
    cr_assert(rolls > DRAWS / 4 && shears > DRAWS / 5 && turns > DRAWS / 5,
              "%zu rolls, %zu shears, %zu turns", rolls, shears, turns);
}

Test(augment, snn_wide_erases_at_most_its_share)
{
    fill();
    size_t same = 0;
    for (uint32_t k = 0; k < DRAWS; k++) {
        size_t zeros = 0;
        data_augment(DATA_AUGMENT_SNN_WIDE, shape, rng_of(k), x, y);
        for (size_t i = 0; i < COUNT; i++)
            zeros += y[i] == 0;
        same += memcmp(x, y, sizeof x) == 0;
        /* Rotation by 30 degrees loses most: the corners. */
        cr_assert((double)zeros < 0.25 * COUNT, "%zu zeros", zeros);
    }
    cr_assert(same > DRAWS / 10 && same < DRAWS / 2, "identity %zu times", same);
}

Test(augment, cut_out_erases_a_square_of_half_the_side)
{
    fill();
    for (uint32_t k = 0; k < 50; k++) {
        size_t zeros = 0;
        data_augment(DATA_AUGMENT_CUT_OUT, shape, rng_of(k), x, y);
        for (size_t i = 0; i < COUNT; i++)
            zeros += y[i] == 0;
        cr_assert(zeros >= T * C * 12 * 12, "a quarter of the square is always inside");
        cr_assert(zeros <= T * C * (24 * 24 + 2 * 4 * SIDE), "square and crop only");
    }
}
