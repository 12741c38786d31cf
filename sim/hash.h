/* sim/hash.h: digests, to tell whether two contents are the same: SHA-256, and MD5 as
 * published beside old data sets, good against broken downloads only. */
#pragma once

#include <stddef.h>

typedef enum SimHashKind { SIM_SHA256, SIM_MD5 } SimHashKind;

typedef struct SimHash { /* the library's own state within */
    SimHashKind kind;
    _Alignas(max_align_t) unsigned char state[128];
} SimHash;

enum { SIM_HASH_TEXT = 65 }; /* at most 64 hexadecimal digits and the end */

void sim_hash_init(SimHashKind kind, SimHash *hash);
void sim_hash_add(SimHash *hash, const void *data, size_t size);
/* The digest in hexadecimal, 64 digits of SHA-256, 32 of MD5; the hash is used up. */
void sim_hash_text(SimHash *hash, char text[SIM_HASH_TEXT]);
