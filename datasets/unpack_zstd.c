/* datasets/unpack_zstd.c: the only file that includes zstd. */
#include "datasets/file_internal.h"

#ifdef APICAL_ZSTD

#include <stdlib.h>
#include <zstd.h>

enum { WINDOW_LOG_MAX = 27 }; /* 128 MiB of history at most */

SimStatus data_unpack_zstd(const unsigned char *data, size_t size, size_t limit,
                           unsigned char **out, size_t *out_size)
{
    SimStatus status = SIM_OK;
    size_t room = size < limit / 4 ? 4 * size + 4096 : limit, hint = 1;
    unsigned char *plain = malloc(room);
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ZSTD_inBuffer in = {data, size, 0};
    ZSTD_outBuffer to = {plain, room, 0};

    if (!plain || !context) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory to unpack Zstandard");
        goto out;
    }
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    while (hint != 0) {
        if (to.pos == to.size) {
            if (to.size >= limit) {
                status =
                    sim_fail(SIM_ERR_FORMAT,
                             "the Zstandard frame unpacks to more than %zu bytes", limit);
                goto out;
            }
            const size_t more = to.size < limit / 2 ? 2 * to.size : limit;
            unsigned char *grown = realloc(plain, more);
            if (!grown) {
                status = sim_fail(SIM_ERR_MEMORY, "no memory to unpack Zstandard");
                goto out;
            }
            to.dst = plain = grown;
            to.size = more;
        }
        const size_t in_before = in.pos, out_before = to.pos;
        hint = ZSTD_decompressStream(context, &to, &in);
        if (ZSTD_isError(hint)) {
            status = sim_fail(SIM_ERR_FORMAT, "the Zstandard frame is damaged (%s)",
                              ZSTD_getErrorName(hint));
            goto out;
        }
        if (hint != 0 && in.pos == in_before && to.pos == out_before) {
            status = sim_fail(SIM_ERR_FORMAT, "the Zstandard frame ends too early");
            goto out;
        }
    }
    *out = plain;
    *out_size = to.pos;
    plain = NULL;
out:
    free(plain);
    ZSTD_freeDCtx(context);
    return status;
}

#else

SimStatus data_unpack_zstd(const unsigned char *data, size_t size, size_t limit,
                           unsigned char **out, size_t *out_size)
{
    (void)data, (void)size, (void)limit, (void)out, (void)out_size;
    return sim_fail(
        SIM_ERR_UNSUPPORTED,
        "packed with Zstandard, and this build is without libzstd; build with "
        "it (-Dzstd=enabled) or save the file with LZ4 or uncompressed in DV");
}

#endif
