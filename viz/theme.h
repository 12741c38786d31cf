/* viz/theme.h: the colours, dark and light.
 *
 * Series are those of Okabe and Ito (jfly.uni-koeln.de/color), tellable apart by people
 * who do not see red or green. Maps are computed in OKLab (Ottosson 2020), where equal
 * steps look equal: lightness is linear in the value, so they also work in grey. */
#pragma once

#include <stdbool.h>

#include "viz/draw.h"

enum { VIZ_SERIES = 8, VIZ_TABLE = 256 };

typedef struct VizTheme {
    bool dark;
    VizColour background, panel, edge; /* behind panels; of panels; around them */
    VizColour raised, pressed;         /* buttons */
    VizColour text, dim, faint;        /* faint: grids, empty tracks */
    VizColour accent;                  /* what is chosen */
    VizColour cursor;                  /* the one time cursor */
    VizColour good, bad;
    VizColour on, off; /* events: brighter, darker */
    VizColour series[VIZ_SERIES];
    VizColour heat[VIZ_TABLE];    /* 0 dark .. 255 bright: rates, counts */
    VizColour signed_[VIZ_TABLE]; /* 0 most negative, 128 zero, 255 most positive */
    VizColour grey[VIZ_TABLE];    /* images */
    VizColour ink[VIZ_TABLE];     /* panel colour .. full spike: sparse spikes */
} VizTheme;

void viz_theme_make(bool dark, VizTheme *out);

VizColour viz_colour_mix(VizColour a, VizColour b,
                         float share_of_b);               /* keeps a's alpha */
VizColour viz_colour_fade(VizColour colour, float alpha); /* 0..1 */

/* The index of a value in a table: low is 0, high is 255, NAN is 0. */
uint8_t viz_table_index(float value, float low, float high);
/* [n] of them. */
void viz_table_indices(size_t n, const float *values, float low, float high,
                       uint8_t *out);
