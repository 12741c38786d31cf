/* cli/digest.c: see digest.h. */
#include "cli/digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

SimStatus cli_digest_file(SimHashKind kind, const char *path, char hex[SIM_HASH_TEXT])
{
    FILE *const file = fopen(path, "rb");
    if (!file)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    unsigned char bytes[1 << 15];
    SimHash hash;
    sim_hash_init(kind, &hash);
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) > 0;)
        sim_hash_add(&hash, bytes, n);
    const int failed = ferror(file);
    const int code = errno;
    fclose(file);
    if (failed)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(code));
    sim_hash_text(&hash, hex);
    return SIM_OK;
}
