/* viz/png.c: PNG, with a small deflate of our own: matches found through a table of
 * hashes, written with the fixed Huffman codes (RFC 1951, 3.2.6). Screens are flat areas
 * and repeated letters, which that does well. */
#include "viz/png.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/file.h"

typedef struct Bits {
    unsigned char *bytes; /* owned, large enough for anything */
    size_t used;
    uint64_t held;
    unsigned n_held;
} Bits;

static void put_bits(Bits *bits, uint32_t value, unsigned n)
{
    bits->held |= (uint64_t)value << bits->n_held;
    bits->n_held += n;
    while (bits->n_held >= 8) {
        bits->bytes[bits->used++] = (unsigned char)bits->held;
        bits->held >>= 8;
        bits->n_held -= 8;
    }
}

/* Huffman codes are written from their highest bit. */
static void put_code(Bits *bits, uint32_t code, unsigned n)
{
    uint32_t turned = 0;
    for (unsigned i = 0; i < n; i++)
        turned |= (code >> i & 1) << (n - 1 - i);
    put_bits(bits, turned, n);
}

static void put_symbol(Bits *bits, unsigned symbol)
{
    if (symbol < 144)
        put_code(bits, 0x30 + symbol, 8);
    else if (symbol < 256)
        put_code(bits, 0x190 + symbol - 144, 9);
    else if (symbol < 280)
        put_code(bits, symbol - 256, 7);
    else
        put_code(bits, 0xc0 + symbol - 280, 8);
}

/* Length and distance codes: `base` is the smallest value of a code, `extra` the number
 * of bits behind it. */
static void put_match(Bits *bits, unsigned length, unsigned distance)
{
    static const uint16_t length_base[29] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                             15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                             67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                             2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    unsigned code = 28;
    while (length_base[code] > length)
        code--;
    put_symbol(bits, 257 + code);
    put_bits(bits, length - length_base[code], length_extra[code]);
    unsigned extra = 0, first = 1; /* distances: 1 2 3 4 5-6 7-8 9-12 13-16 ... */
    for (code = 0; code < 29; code++) {
        extra = code < 2 ? 0 : code / 2 - 1;
        if (distance < first + (1u << extra))
            break;
        first += 1u << extra;
    }
    extra = code < 2 ? 0 : code / 2 - 1;
    put_code(bits, code, 5);
    put_bits(bits, distance - first, extra);
}

enum { HASH_BITS = 15, MAX_DISTANCE = 32768, MAX_LENGTH = 258, CHAIN = 24 };

static uint32_t hash_of(const unsigned char *at)
{
    const uint32_t word =
        at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    return word * 2654435761u >> (32 - HASH_BITS);
}

/* The longest earlier copy of what starts at `at`; 0: none of 4 bytes. */
static unsigned longest(const unsigned char *data, size_t n, size_t at, uint32_t head,
                        const uint32_t *before, unsigned *distance)
{
    const unsigned most = (unsigned)(n - at < MAX_LENGTH ? n - at : MAX_LENGTH);
    unsigned best = 3;
    for (int i = 0; i < CHAIN && head; i++) {
        const size_t from = head - 1;
        if (at - from > MAX_DISTANCE)
            break;
        unsigned length = 0;
        while (length < most && data[from + length] == data[at + length])
            length++;
        if (length > best) {
            best = length;
            *distance = (unsigned)(at - from);
            if (length == most)
                break;
        }
        head = before[from % MAX_DISTANCE];
    }
    return best > 3 ? best : 0;
}

static void deflate(Bits *bits, const unsigned char *data, size_t n, uint32_t *heads,
                    uint32_t *before)
{
    put_bits(bits, 1, 1); /* the last block */
    put_bits(bits, 1, 2); /* fixed codes */
    for (size_t at = 0; at < n;) {
        unsigned distance = 0, length = 0;
        if (at + 4 <= n)
            length = longest(data, n, at, heads[hash_of(data + at)], before, &distance);
        if (length)
            put_match(bits, length, distance);
        else
            put_symbol(bits, data[at]);
        for (const size_t end = at + (length ? length : 1); at < end; at++) {
            if (at + 4 > n)
                continue;
            uint32_t *const head = &heads[hash_of(data + at)];
            before[at % MAX_DISTANCE] = *head;
            *head = (uint32_t)at + 1;
        }
    }
    put_symbol(bits, 256);
    put_bits(bits, 0, 7); /* to a whole byte */
}

/* --- the file -------------------------------------------------------------------------
 */

static void big_endian(unsigned char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(value >> (24 - 8 * i));
}

static uint32_t crc32_of(const unsigned char *data, size_t n, uint32_t crc)
{
    for (size_t i = 0; i < n; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return crc;
}

static void put_chunk(FILE *file, const char *type, const unsigned char *data, size_t n)
{
    unsigned char length[4], sum[4];
    big_endian(length, (uint32_t)n);
    uint32_t crc = crc32_of((const unsigned char *)type, 4, 0xffffffffu);
    crc = crc32_of(data, n, crc);
    big_endian(sum, ~crc);
    fwrite(length, 1, 4, file);
    fwrite(type, 1, 4, file);
    fwrite(data, 1, n, file);
    fwrite(sum, 1, 4, file);
}

static uint32_t adler(const unsigned char *data, size_t n)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < n; i++) {
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* Rows of RGB, each after its filter byte 0. */
static void to_rows(const VizSurface *surface, unsigned char *out)
{
    for (size_t y = 0; y < surface->h; y++) {
        *out++ = 0;
        for (size_t x = 0; x < surface->w; x++) {
            const VizColour colour = surface->pixels[y * surface->w + x];
            *out++ = (unsigned char)(colour >> 16);
            *out++ = (unsigned char)(colour >> 8);
            *out++ = (unsigned char)colour;
        }
    }
}

static void write_all(FILE *file, const VizSurface *surface, const Bits *bits)
{
    static const unsigned char mark[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    unsigned char head[13] = {[8] = 8, [9] = 2};
    big_endian(head, (uint32_t)surface->w);
    big_endian(head + 4, (uint32_t)surface->h);
    fwrite(mark, 1, sizeof mark, file);
    put_chunk(file, "IHDR", head, sizeof head);
    put_chunk(file, "IDAT", bits->bytes, bits->used);
    put_chunk(file, "IEND", head, 0);
}

SimStatus viz_png_write(const char *path, const VizSurface *surface)
{
    SimStatus status = SIM_OK;
    SimFile file = {0};
    const size_t n = surface->h * (1 + 3 * surface->w);
    unsigned char *const rows = malloc(n + 1);
    uint32_t *const heads = calloc((size_t)1 << HASH_BITS, sizeof *heads);
    uint32_t *const before = calloc(MAX_DISTANCE, sizeof *before);
    Bits bits = {.bytes = malloc(n + n / 8 + 64)}; /* nothing takes more than 9 bits */
    if (!rows || !heads || !before || !bits.bytes) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for a picture of %zu x %zu",
                          path, surface->w, surface->h);
        goto out;
    }
    to_rows(surface, rows);
    bits.bytes[bits.used++] = 0x78;
    bits.bytes[bits.used++] = 0x01;
    deflate(&bits, rows, n, heads, before);
    big_endian(bits.bytes + bits.used, adler(rows, n));
    bits.used += 4;

    SIM_TRY(sim_file_create(path, &file));
    write_all(file.stream, surface, &bits);
    status = sim_file_finish(&file);
out:
    sim_file_destroy(&file);
    free(rows);
    free(heads);
    free(before);
    free(bits.bytes);
    return status;
}
