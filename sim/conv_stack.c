/* sim/conv_stack.c: images side by side for tile units.
 *
 * A stack has some slots. Where there are too few images they are cut into bands of
 * rows, each an image of its own that also sees the rows around it:
 *
 *     image 0   | band 0 |     slots    band 0 of image 0, band 1 of image 0, ...
 *               | band 1 | */
#include "sim/conv_internal.h"

/* As few bands as fill the stacks well. */
SimConvBands sim_conv_bands(size_t slots, size_t images, size_t rows, size_t step)
{
    SimConvBands bands = {.slots = slots, .images = images, .image_rows = rows};
    double best = 0.0;
    for (size_t n = 1; n <= smaller(blocks(rows, step), slots); n++) {
        const size_t all = blocks(images * n, slots) * slots;
        const size_t band = blocks(rows, n * step) * step;
        const double filled = (double)(images * rows) / (double)(all * band);
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
    return blocks(bands->images * bands->n, bands->slots);
}

bool sim_conv_slot(const SimConvBands *bands, size_t slot, size_t *image, size_t *row)
{
    *image = slot / bands->n;
    *row = slot % bands->n * bands->rows;
    return *image < bands->images;
}
