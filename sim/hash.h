/* sim/hash.h: SHA-256 (FIPS 180-4), to tell whether two contents are the same. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct SimHash {
    uint32_t h[8];
    uint64_t size;           /* bytes so far */
    unsigned char block[64]; /* the last size % 64 of them */
} SimHash;

enum { SIM_HASH_TEXT = 65 }; /* 64 hexadecimal digits and the end */

void sim_hash_init(SimHash *hash);
void sim_hash_add(SimHash *hash, const void *data, size_t size);
/* The digest in hexadecimal; the hash is used up. */
void sim_hash_text(SimHash *hash, char text[SIM_HASH_TEXT]);
