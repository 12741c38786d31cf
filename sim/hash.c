/* sim/hash.c: digests by Nettle. */
#include "sim/hash.h"

#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <stdio.h>

_Static_assert(sizeof(struct sha256_ctx) <= sizeof((SimHash *)0)->state, "no room");
_Static_assert(sizeof(struct md5_ctx) <= sizeof((SimHash *)0)->state, "no room");

void sim_hash_init(SimHashKind kind, SimHash *hash)
{
    hash->kind = kind;
    if (kind == SIM_SHA256)
        sha256_init((void *)hash->state);
    else
        md5_init((void *)hash->state);
}

void sim_hash_add(SimHash *hash, const void *data, size_t size)
{
    if (hash->kind == SIM_SHA256)
        sha256_update((void *)hash->state, size, data);
    else
        md5_update((void *)hash->state, size, data);
}

void sim_hash_text(SimHash *hash, char text[SIM_HASH_TEXT])
{
    unsigned char bytes[SHA256_DIGEST_SIZE];
    const size_t n = hash->kind == SIM_SHA256 ? SHA256_DIGEST_SIZE : MD5_DIGEST_SIZE;
    if (hash->kind == SIM_SHA256)
        sha256_digest((void *)hash->state, n, bytes);
    else
        md5_digest((void *)hash->state, n, bytes);
    for (size_t i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}
