/* datasets/gunzip.c: gzipped files; the only file that includes zlib. */
#include "datasets/file_internal.h"

#ifdef APICAL_ZLIB

#include <errno.h>
#include <string.h>
#include <zlib.h>

enum { CHUNK = 1 << 16 };

SimStatus data_gunzip(DataFile *file, uint64_t limit, FILE **out, uint64_t *size)
{
    SimStatus status = SIM_OK;
    unsigned char in[CHUNK], plain[CHUNK];
    uint64_t total = 0;
    bool ended = false;
    z_stream z = {0};
    FILE *to = NULL;

    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory to unpack gzip", file->path);
    to = tmpfile();
    if (!to) {
        status = sim_fail(SIM_ERR_IO, "%s: no temporary file to unpack into: %s",
                          file->path, strerror(errno));
        goto out;
    }
    data_seek(file, 0);
    for (;;) {
        if (z.avail_in == 0) {
            size_t got = 0;
            SIM_TRY(data_read(file, CHUNK, in, &got));
            if (got == 0)
                break;
            z.next_in = in;
            z.avail_in = (unsigned)got;
        }
        if (ended) { /* another member follows, or padding */
            if (z.next_in[0] != 0x1f)
                break;
            inflateReset(&z);
            ended = false;
        }
        z.next_out = plain;
        z.avail_out = CHUNK;
        const int code = inflate(&z, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
            status = data_bad(file, file->at - z.avail_in,
                              "the gzip stream is damaged (%s); fetch the file again",
                              z.msg ? z.msg : "no details");
            goto out;
        }
        ended = code == Z_STREAM_END;
        const size_t n = CHUNK - z.avail_out;
        total += n;
        if (total > limit) {
            status = data_bad(file, file->at,
                              "unpacks to more than %llu bytes, which no set of images "
                              "does; unpack it yourself if it is meant",
                              (unsigned long long)limit);
            goto out;
        }
        if (n && fwrite(plain, 1, n, to) != n) {
            status = sim_fail(SIM_ERR_IO, "%s: unpacking into a temporary file: %s",
                              file->path, strerror(errno));
            goto out;
        }
    }
    if (!ended) {
        status = data_bad(file, file->size,
                          "expected the end of the gzip stream, the file ends before it: "
                          "it is cut off, fetch it again");
        goto out;
    }
    rewind(to);
    *out = to;
    *size = total;
    to = NULL;
out:
    if (to)
        fclose(to);
    inflateEnd(&z);
    return status;
}

#else

SimStatus data_gunzip(DataFile *file, uint64_t limit, FILE **out, uint64_t *size)
{
    (void)limit, (void)out, (void)size;
    return sim_fail(
        SIM_ERR_UNSUPPORTED,
        "%s: byte 0: gzipped, and this build is without zlib; unpack it first "
        "(gunzip)",
        file->path);
}

#endif
