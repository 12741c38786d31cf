/* datasets/unpack_lz4.c: the only file that includes lz4. */
#include "datasets/file_internal.h"

#ifdef APICAL_LZ4

#include <lz4frame.h>
#include <stdlib.h>

SimStatus data_unpack_lz4(const unsigned char *data, size_t size, size_t limit,
                          unsigned char **out, size_t *out_size)
{
    SimStatus status = SIM_OK;
    LZ4F_dctx *context = NULL;
    size_t room = size < limit / 4 ? 4 * size + 4096 : limit, used = 0, at = 0, hint = 1;
    unsigned char *plain = malloc(room);

    if (!plain || LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory to unpack LZ4");
        goto out;
    }
    while (hint != 0) {
        if (used == room) {
            if (room >= limit) {
                status = sim_fail(SIM_ERR_FORMAT,
                                  "the LZ4 frame unpacks to more than %zu bytes", limit);
                goto out;
            }
            const size_t more = room < limit / 2 ? 2 * room : limit;
            unsigned char *grown = realloc(plain, more);
            if (!grown) {
                status = sim_fail(SIM_ERR_MEMORY, "no memory to unpack LZ4");
                goto out;
            }
            plain = grown;
            room = more;
        }
        size_t n_out = room - used, n_in = size - at;
        hint = LZ4F_decompress(context, plain + used, &n_out, data + at, &n_in, NULL);
        if (LZ4F_isError(hint)) {
            status = sim_fail(SIM_ERR_FORMAT, "the LZ4 frame is damaged (%s)",
                              LZ4F_getErrorName(hint));
            goto out;
        }
        used += n_out;
        at += n_in;
        if (hint != 0 && n_in == 0 && n_out == 0) {
            status = sim_fail(SIM_ERR_FORMAT, "the LZ4 frame ends too early");
            goto out;
        }
    }
    *out = plain;
    *out_size = used;
    plain = NULL;
out:
    free(plain);
    LZ4F_freeDecompressionContext(context);
    return status;
}

#else

SimStatus data_unpack_lz4(const unsigned char *data, size_t size, size_t limit,
                          unsigned char **out, size_t *out_size)
{
    (void)data, (void)size, (void)limit, (void)out, (void)out_size;
    return sim_fail(SIM_ERR_UNSUPPORTED,
                    "packed with LZ4, and this build is without liblz4; build with it "
                    "(-Dlz4=enabled) or save the file uncompressed with DV");
}

#endif
