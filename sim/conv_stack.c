/* sim/conv_stack.c: images side by side for tile units.
 *
 * A stack has SIM_STACK slots. Where there are too few images they are cut into bands of
 * rows, each an image of its own that also sees the rows around it:
 *
 *     image 0   | band 0 |     slots    band 0 of image 0, band 1 of image 0, ...
 *               | band 1 | */
#include "sim/conv_internal.h"

/* As few bands as fill the stacks well. */
SimConvBands sim_conv_bands(size_t images, size_t rows, size_t step)
{
    SimConvBands bands = {.images = images, .image_rows = rows};
    double best = 0.0;
    for (size_t n = 1; n <= smaller(blocks(rows, step), SIM_STACK); n++) {
        const size_t slots = blocks(images * n, SIM_STACK) * SIM_STACK;
        const size_t band = blocks(rows, n * step) * step;
        const double filled = (double)(images * rows) / (double)(slots * band);
        if (filled > 1.1 * best) {
            best = filled;
            bands.n = n;
            bands.rows = band;
        }
    }
    return bands;
}

size_t sim_conv_stacks(const SimConvBands *bands)
{
    return blocks(bands->images * bands->n, SIM_STACK);
}

bool sim_conv_slot(const SimConvBands *bands, size_t slot, size_t *image, size_t *row)
{
    *image = slot / bands->n;
    *row = slot % bands->n * bands->rows;
    return *image < bands->images;
}
