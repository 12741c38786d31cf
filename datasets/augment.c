/* datasets/augment.c: augmentations of frames and images, one draw for all steps.
 *
 * Geometric ones are torchvision's on tensors: destination pixel centres go through the
 * inverse matrix about the middle of the frame, the nearest source pixel (ties to even)
 * is taken, what falls outside is zero. The ranges in pixels of TET and NDA were
 * published for 48 x 48 and scale with the width; those of SNN-wide do not, as published.
 */
#include "datasets/set_internal.h"

#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

enum { PUBLISHED_SIDE = 48, ROLL_PIXELS = 5, CROP_PAD = 4, N_BINS = 31 };

enum Draw { /* index of each random number of a sample */
            DRAW_OP,
            DRAW_FLIP,
            DRAW_X,
            DRAW_Y,
            DRAW_ANGLE,
            DRAW_BIN,
            DRAW_SIGN,
            DRAW_AREA,
            DRAW_CUT_X,
            DRAW_CUT_Y
};

static long between(SimRng rng, enum Draw draw, long low, long high) /* both included */
{
    return low + (long)sim_rng_below(rng, draw, (uint64_t)(high - low + 1));
}

static double real_between(SimRng rng, enum Draw draw, double low, double high)
{
    return low + (high - low) * (double)sim_rng_uniform(rng, draw);
}

/* y[i,j] = x[i + up, j + left], columns mirrored first if `flip`; outside is zero, or the
 * other side if `wrap`. */
static void shift(DataAugmentShape s, long up, long left, bool flip, bool wrap,
                  const float *x, float *y)
{
    const long h = (long)s.h, w = (long)s.w;
    for (size_t t = 0; t < s.t; t++) {
        const float *const from = x + t * s.h * s.w * s.c;
        float *const to = y + t * s.h * s.w * s.c;
        for (long i = 0; i < h; i++)
            for (long j = 0; j < w; j++) {
                long si = i + up, sj = j + left;
                float *const pixel = to + (size_t)(i * w + j) * s.c;
                if (wrap) {
                    si = ((si % h) + h) % h;
                    sj = ((sj % w) + w) % w;
                }
                if (si < 0 || si >= h || sj < 0 || sj >= w) {
                    memset(pixel, 0, s.c * sizeof *pixel);
                    continue;
                }
                if (flip)
                    sj = w - 1 - sj;
                memcpy(pixel, from + (size_t)(si * w + sj) * s.c, s.c * sizeof *pixel);
            }
    }
}

/* Source = m (destination - middle) + middle, m = [m0 m1; m2 m3] on (x, y). */
static void warp(DataAugmentShape s, const double m[4], const float *x, float *y)
{
    const double middle_x = 0.5 * ((double)s.w - 1), middle_y = 0.5 * ((double)s.h - 1);
    const size_t plane = s.h * s.w * s.c;
    for (size_t i = 0; i < s.h; i++)
        for (size_t j = 0; j < s.w; j++) {
            const double dx = (double)j - middle_x, dy = (double)i - middle_y;
            /* In float, as torch: a tie must not depend on the last bit of a double. */
            const float sx = (float)(m[0] * dx + m[1] * dy + middle_x);
            const float sy = (float)(m[2] * dx + m[3] * dy + middle_y);
            const long sj = (long)nearbyintf(sx), si = (long)nearbyintf(sy);
            const bool inside = si >= 0 && si < (long)s.h && sj >= 0 && sj < (long)s.w;
            float *pixel = y + (i * s.w + j) * s.c;
            for (size_t t = 0; t < s.t; t++, pixel += plane) {
                if (inside)
                    memcpy(pixel, x + t * plane + ((size_t)si * s.w + (size_t)sj) * s.c,
                           s.c * sizeof *pixel);
                else
                    memset(pixel, 0, s.c * sizeof *pixel);
            }
        }
}

/* torchvision turns counter-clockwise for a positive angle. */
static void rotate(DataAugmentShape s, double degrees, const float *x, float *y)
{
    const double a = degrees * pi / 180;
    warp(s, (double[4]){cos(a), -sin(a), sin(a), cos(a)}, x, y);
}

static void shear_x(DataAugmentShape s, double slope, const float *x, float *y)
{
    warp(s, (double[4]){1, slope, 0, 1}, x, y);
}

static void erase(DataAugmentShape s, long top, long left, long side, float *y)
{
    const long i0 = top < 0 ? 0 : top, j0 = left < 0 ? 0 : left;
    const long i1 = top + side < (long)s.h ? top + side : (long)s.h;
    const long j1 = left + side < (long)s.w ? left + side : (long)s.w;
    if (j1 <= j0)
        return;
    for (size_t t = 0; t < s.t; t++)
        for (long i = i0; i < i1; i++)
            memset(y + ((t * s.h + (size_t)i) * s.w + (size_t)j0) * s.c, 0,
                   (size_t)(j1 - j0) * s.c * sizeof *y);
}

static void copy(DataAugmentShape s, const float *x, float *y)
{
    memcpy(y, x, s.t * s.h * s.w * s.c * sizeof *y);
}

static long scaled_roll(DataAugmentShape s)
{
    return lround((double)ROLL_PIXELS * (double)s.w / PUBLISHED_SIDE);
}

static void flip_roll(DataAugmentShape s, SimRng rng, const float *x, float *y)
{
    const long most = scaled_roll(s);
    shift(s, between(rng, DRAW_Y, -most, most), between(rng, DRAW_X, -most, most),
          sim_rng_uniform(rng, DRAW_FLIP) >= 0.5f, true, x, y);
}

static void nda(DataAugmentShape s, SimRng rng, const float *x, float *y)
{
    const double degrees = real_between(rng, DRAW_ANGLE, -30, 30);
    const long most = scaled_roll(s);
    switch (sim_rng_below(rng, DRAW_OP, 3)) {
    case 0:
        shift(s, between(rng, DRAW_Y, -most, most), between(rng, DRAW_X, -most, most),
              false, true, x, y);
        break;
    case 1:
        rotate(s, degrees, x, y);
        break;
    default:
        shear_x(s, tan(degrees * pi / 180), x, y);
    }
}

static void snn_wide(DataAugmentShape s, SimRng rng, const float *x, float *y)
{
    /* -1 .. 1 in 31 steps, then the sign drawn again, as published. */
    double bin = -1 + 2 * (double)sim_rng_below(rng, DRAW_BIN, N_BINS) / (N_BINS - 1);
    if (sim_rng_below(rng, DRAW_SIGN, 2))
        bin = -bin;
    const long pixels = (long)(5 * bin); /* towards zero */
    switch (sim_rng_below(rng, DRAW_OP, 6)) {
    case 0:
        copy(s, x, y);
        break;
    case 1:
        shear_x(s, tan(0.3 * bin), x, y);
        break;
    case 2:
        shift(s, 0, -pixels, false, false, x, y);
        break;
    case 3:
        shift(s, -pixels, 0, false, false, x, y);
        break;
    case 4:
        rotate(s, 30 * bin, x, y);
        break;
    default: {
        const double area = real_between(rng, DRAW_AREA, 0.001, 0.11);
        const long side = lround(sqrt(area * (double)(s.h * s.w)));
        copy(s, x, y);
        if (side < (long)s.h && side < (long)s.w)
            erase(s, between(rng, DRAW_CUT_Y, 0, (long)s.h - side),
                  between(rng, DRAW_CUT_X, 0, (long)s.w - side), side, y);
    }
    }
}

static void crop_flip(DataAugmentShape s, SimRng rng, const float *x, float *y)
{
    shift(s, between(rng, DRAW_Y, -CROP_PAD, CROP_PAD),
          between(rng, DRAW_X, -CROP_PAD, CROP_PAD),
          sim_rng_uniform(rng, DRAW_FLIP) >= 0.5f, false, x, y);
}

/* DeVries and Taylor 2017: a square anywhere, its middle inside the frame. */
static void cut_out(DataAugmentShape s, SimRng rng, const float *x, float *y)
{
    const long side = (long)(s.w / 2);
    crop_flip(s, rng, x, y);
    erase(s, between(rng, DRAW_CUT_Y, 0, (long)s.h - 1) - side / 2,
          between(rng, DRAW_CUT_X, 0, (long)s.w - 1) - side / 2, side, y);
}

void data_augment(DataAugment kind, DataAugmentShape shape, SimRng rng, const float *x,
                  float *y)
{
    switch (kind) {
    case DATA_AUGMENT_NONE:
        copy(shape, x, y);
        break;
    case DATA_AUGMENT_FLIP_ROLL:
        flip_roll(shape, rng, x, y);
        break;
    case DATA_AUGMENT_NDA:
        nda(shape, rng, x, y);
        break;
    case DATA_AUGMENT_SNN_WIDE:
        snn_wide(shape, rng, x, y);
        break;
    case DATA_AUGMENT_CROP_FLIP:
        crop_flip(shape, rng, x, y);
        break;
    case DATA_AUGMENT_CUT_OUT:
        cut_out(shape, rng, x, y);
        break;
    }
}
