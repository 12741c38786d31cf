/* cli/digest.c: check sums of files. */
#include "cli/digest.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sim/hash.h"

static uint32_t rotate(uint32_t x, int bits)
{
    return (x << bits) | (x >> (32 - bits));
}

/* floor(2^32 abs(sin(i + 1))), as in the RFC */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
    0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
    0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
    0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
    0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
    0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
    0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
    0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
    0xeb86d391};

static void block(uint32_t state[4], const unsigned char bytes[64])
{
    static const int shifts[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t words[16], a = state[0], b = state[1], c = state[2], d = state[3];
    for (int i = 0; i < 16; i++)
        words[i] = (uint32_t)bytes[4 * i] | (uint32_t)bytes[4 * i + 1] << 8 |
                   (uint32_t)bytes[4 * i + 2] << 16 | (uint32_t)bytes[4 * i + 3] << 24;
    for (int i = 0; i < 64; i++) {
        uint32_t mix;
        int word;
        switch (i / 16) {
        case 0:
            mix = (b & c) | (~b & d), word = i;
            break;
        case 1:
            mix = (d & b) | (~d & c), word = (5 * i + 1) % 16;
            break;
        case 2:
            mix = b ^ c ^ d, word = (3 * i + 5) % 16;
            break;
        default:
            mix = c ^ (b | ~d), word = 7 * i % 16;
        }
        const uint32_t next =
            b + rotate(a + mix + sines[i] + words[word], shifts[i / 16][i % 4]);
        a = d, d = c, c = b, b = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

SimStatus cli_md5_file(const char *path, char hex[33])
{
    FILE *const file = fopen(path, "rb");
    if (!file)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    unsigned char bytes[64 * 512];
    uint64_t size = 0;
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, file)) == sizeof bytes) {
        for (size_t at = 0; at < n; at += 64)
            block(state, bytes + at);
        size += n;
    }
    const int failed = ferror(file);
    const int code = errno;
    fclose(file);
    if (failed)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(code));
    size += n;
    size_t at = 0;
    for (; n - at >= 64; at += 64)
        block(state, bytes + at);
    /* A one bit, zeros, and the length in bits fill the last block or two. */
    unsigned char tail[128] = {0};
    const size_t left = n - at, padded = left < 56 ? 64 : 128;
    memcpy(tail, bytes + at, left);
    tail[left] = 0x80;
    for (int i = 0; i < 8; i++)
        tail[padded - 8 + (size_t)i] = (unsigned char)(size * 8 >> (8 * i));
    for (size_t from = 0; from < padded; from += 64)
        block(state, tail + from);
    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", (state[i / 4] >> (8 * (i % 4))) & 255u);
    return SIM_OK;
}

SimStatus cli_sha256_file(const char *path, char hex[65])
{
    FILE *const file = fopen(path, "rb");
    if (!file)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    unsigned char bytes[1 << 15];
    SimHash hash;
    sim_hash_init(&hash);
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
