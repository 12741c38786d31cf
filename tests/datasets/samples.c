/* tests/datasets/samples.c: see samples.h. */
#include "tests/datasets/samples.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

/* --- bytes ---------------------------------------------------------------------------*/

void bytes_add(Bytes *to, const void *data, size_t n)
{
    to->b = realloc(to->b, to->n + n + 1);
    if (n > 0)
        memcpy(to->b + to->n, data, n);
    to->n += n;
}

void bytes_text(Bytes *to, const char *text)
{
    bytes_add(to, text, strlen(text));
}

static void byte(Bytes *to, unsigned value)
{
    const unsigned char b = (unsigned char)value;
    bytes_add(to, &b, 1);
}

static void le(Bytes *to, uint64_t value, int n)
{
    for (int i = 0; i < n; i++)
        byte(to, value >> 8 * i & 255);
}

static void be32(Bytes *to, uint32_t value)
{
    for (int i = 24; i >= 0; i -= 8)
        byte(to, value >> i & 255);
}

static void join(Bytes *to, Bytes part)
{
    bytes_add(to, part.b, part.n);
    free(part.b);
}

static uint32_t crc32_of(const unsigned char *b, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= b[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static Bytes stored(Bytes plain) /* one deflate block, not compressed; frees plain */
{
    Bytes z = {0};
    byte(&z, 1);
    le(&z, plain.n, 2);
    le(&z, ~plain.n, 2);
    join(&z, plain);
    return z;
}

static uint32_t adler32_of(const unsigned char *bytes, size_t n) /* RFC 1950 */
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < n; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* --- formats -------------------------------------------------------------------------*/

static Bytes aedat2(void)
{
    Bytes f = {0};
    bytes_text(&f, "#!AER-DAT2.0\r\n# a comment\r\n#<?xml version=\"1.0\"?>\r\n");
    static const uint32_t records[][2] = {{0x0000640a, 1000}, {0x0000640d, 1250},
                                          {0x0000ffff, 1300}, {0x80000000, 1300},
                                          {0x00000102, 1240}, {0x00007ffe, 2000}};
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        be32(&f, records[i][0]);
        be32(&f, records[i][1]);
    }
    return f;
}

static Bytes aedat3(void)
{
    static const unsigned char packet[] = {
        1,    0,    0,    0,    8,    0,    0,    0,    4,    0,    0,
        0,    0,    0,    0,    0,    2,    0,    0,    0,    2,    0,
        0,    0,    2,    0,    0,    0,    0x4b, 0x01, 0x62, 0x00, 0x8b,
        0x70, 0xc5, 0x04, 0x71, 0x01, 0x6e, 0x00, 0x95, 0x70, 0xc5, 0x04};
    Bytes f = {0};
    bytes_text(&f, "#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n"
                   "#Start-Time: 2016-06-08 14:05:40 (TZ+0200)\r\n#!END-HEADER\r\n");
    bytes_add(&f, packet, sizeof packet);
    /* A special event: type 0, to be passed over. */
    le(&f, 0, 2), le(&f, 1, 2), le(&f, 8, 4), le(&f, 4, 4), le(&f, 0, 4);
    le(&f, 1, 4), le(&f, 1, 4), le(&f, 1, 4), le(&f, 3, 4), le(&f, 80048280, 4);
    /* One event in two slots; the unused slot is stored. */
    le(&f, 1, 2), le(&f, 1, 2), le(&f, 8, 4), le(&f, 4, 4), le(&f, 1, 4);
    le(&f, 2, 4), le(&f, 1, 4), le(&f, 1, 4);
    le(&f, 127u << 17 | 3 << 2 | 3, 4), le(&f, 5, 4), le(&f, 0, 8);
    bytes_add(&f, packet, sizeof packet);
    return f;
}

static Bytes events_flat(void) /* the worked example: t 1600000000000123, x 64, y 32 */
{
    static const unsigned char flat[] = {
        0x2c, 0,    0,    0,    0x10, 0,    0,    0,    'E',  'V', 'T',  'S', 6, 0, 8, 0,
        4,    0,    0,    0,    8,    0,    0,    0,    4,    0,   0,    0,   1, 0, 0, 0,
        0x7b, 0x00, 0xa4, 0x07, 0x31, 0xaf, 0x05, 0x00, 0x40, 0,   0x20, 0,   1, 0, 0, 0};
    Bytes f = {0};
    bytes_add(&f, flat, sizeof flat);
    return f;
}

static Bytes aedat4(unsigned packing, Bytes payload)
{
    static const char xml[] =
        "<dv version=\"2.0\"><node name=\"outInfo\">"
        "<node name=\"0\"><attr key=\"typeIdentifier\" type=\"string\">IMUS</attr></node>"
        "<node name=\"1\"><attr key=\"typeIdentifier\" type=\"string\">EVTS</attr>"
        "<node name=\"info\"><attr key=\"sizeX\" type=\"int\">346</attr>"
        "<attr key=\"sizeY\" type=\"int\">260</attr></node></node></node></dv>";
    Bytes f = {0}, h = {0};
    le(&h, 20, 4), bytes_text(&h, "IOHE");
    /* at 8: vtable of 10 bytes, table of 20; fields at 4, 8, 16; 2 bytes of padding */
    le(&h, 10, 2), le(&h, 20, 2), le(&h, 4, 2), le(&h, 8, 2), le(&h, 16, 2), le(&h, 0, 2);
    /* at 20: the table; the text follows at 40 */
    le(&h, 12, 4), le(&h, packing, 4), le(&h, UINT64_MAX, 8), le(&h, 4, 4);
    le(&h, sizeof xml - 1, 4), bytes_text(&h, xml);
    bytes_text(&f, "#!AER-DAT4.0\r\n");
    le(&f, h.n, 4);
    join(&f, h);
    le(&f, 0, 4), le(&f, 3, 4), bytes_text(&f, "abc"); /* a packet of the other stream */
    for (int i = 0; i < 2; i++) {
        le(&f, 1, 4), le(&f, payload.n, 4);
        bytes_add(&f, payload.b, payload.n);
    }
    free(payload.b);
    return f;
}

static Bytes aedat4_plain(void)
{
    return aedat4(0, events_flat());
}

static Bytes aedat4_lz4(void)
{
    Bytes p = {0}, plain = events_flat();
    static const unsigned char head[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82};
    bytes_add(&p, head, sizeof head);
    le(&p, plain.n | 0x80000000, 4);
    join(&p, plain);
    le(&p, 0, 4);
    return aedat4(1, p);
}

static Bytes aedat4_zstd(void)
{
    Bytes p = {0}, plain = events_flat();
    static const unsigned char head[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20};
    bytes_add(&p, head, sizeof head);
    byte(&p, (unsigned)plain.n);
    le(&p, plain.n << 3 | 1, 3);
    join(&p, plain);
    return aedat4(3, p);
}

static Bytes nmnist(void)
{
    Bytes f = {0};
    static const unsigned char first[] = {0x11, 0x09, 0x81, 0x22, 0x51};
    bytes_add(&f, first, sizeof first);
    for (uint32_t i = 1; i < 12; i++) {
        const uint32_t t = 74321 + 100 * i;
        const unsigned char b[] = {(unsigned char)(2 * i), (unsigned char)(33 - i),
                                   (unsigned char)(i % 2 << 7 | t >> 16),
                                   (unsigned char)(t >> 8), (unsigned char)t};
        bytes_add(&f, b, sizeof b);
    }
    return f;
}

static Bytes text(void)
{
    Bytes f = {0};
    bytes_text(&f, "# a comment\n102 41 0 1\n22 88 51 0\n60 80 72 1\r\n7 7 60 -1\n"
                   "\n1,2,80,1\n3\t4\t90\t0\n");
    return f;
}

static Bytes e2vid(void)
{
    Bytes f = {0};
    bytes_text(&f, "240 180\n0.003811 96 133 0\n0.003820 20 152 1\n");
    return f;
}

static Bytes idx(void)
{
    Bytes f = {0};
    be32(&f, 0x00000803), be32(&f, 3), be32(&f, 4), be32(&f, 5);
    for (unsigned i = 0; i < 3 * 4 * 5; i++)
        byte(&f, i);
    return f;
}

static Bytes idx_labels(void)
{
    Bytes f = {0};
    be32(&f, 0x00000801), be32(&f, 3);
    byte(&f, 7), byte(&f, 0), byte(&f, 9);
    return f;
}

static Bytes idx_gz(void)
{
    Bytes f = {0}, plain = idx();
    static const unsigned char head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    const uint32_t crc = crc32_of(plain.b, plain.n), n = (uint32_t)plain.n;
    bytes_add(&f, head, sizeof head);
    join(&f, stored(plain));
    le(&f, crc, 4), le(&f, n, 4);
    return f;
}

static Bytes cifar(unsigned labels)
{
    Bytes f = {0};
    for (unsigned n = 0; n < 2; n++) {
        if (labels == 2)
            byte(&f, 3 + n);
        byte(&f, 6 + n);
        for (unsigned i = 0; i < 3072; i++)
            byte(&f, (i * 7 + n) & 255);
    }
    return f;
}

static Bytes cifar10(void)
{
    return cifar(1);
}

static Bytes cifar100(void)
{
    return cifar(2);
}

static void png_chunk(Bytes *to, const char *type, Bytes body)
{
    Bytes c = {0};
    be32(to, (uint32_t)body.n);
    bytes_text(&c, type);
    join(&c, body);
    const uint32_t crc = crc32_of(c.b, c.n);
    join(to, c);
    be32(to, crc);
}

/* --- MATLAB 5 --- */

static void mat_element(Bytes *to, uint32_t type, Bytes body)
{
    le(to, type, 4), le(to, body.n, 4);
    join(to, body);
    while (to->n % 8)
        byte(to, 0);
}

/* An array of bytes; frees them. */
static Bytes mat_array(char name, unsigned rank, const uint32_t *dims, Bytes values)
{
    enum { INT8 = 1, UINT8 = 2, INT32 = 5, UINT32 = 6, CLASS_UINT8 = 9 };
    Bytes f = {0}, flags = {0}, sizes = {0}, text = {0};
    le(&flags, CLASS_UINT8, 8);
    for (unsigned i = 0; i < rank; i++)
        le(&sizes, dims[i], 4);
    byte(&text, (unsigned char)name);
    mat_element(&f, UINT32, flags);
    mat_element(&f, INT32, sizes);
    mat_element(&f, INT8, text);
    mat_element(&f, UINT8, values);
    return f;
}

enum { MAT_MATRIX = 14, MAT_COMPRESSED = 15, SVHN_IMAGES = 2 };

/* Pixel i of image n is i * 5 + n; the digits are 0 (written 10) and 1. */
static Bytes svhn(bool packed)
{
    static const uint32_t x_dims[] = {32, 32, 3, SVHN_IMAGES},
                          y_dims[] = {SVHN_IMAGES, 1};
    Bytes f = {0}, x = {0}, y = {0};
    bytes_text(&f, "MATLAB 5.0 MAT-file, made by a test");
    while (f.n < 124)
        byte(&f, ' ');
    byte(&f, 0), byte(&f, 1), byte(&f, 'I'), byte(&f, 'M');
    for (unsigned n = 0; n < SVHN_IMAGES; n++) {
        byte(&y, n ? n : 10);
        for (unsigned i = 0; i < 3072; i++)
            byte(&x, (i * 5 + n) & 255);
    }
    x = mat_array('X', 4, x_dims, x);
    y = mat_array('y', 2, y_dims, y);
    if (packed) { /* one whole element inside a zlib stream, which is not padded */
        Bytes inner = {0}, z = {0};
        mat_element(&inner, MAT_MATRIX, x);
        byte(&z, 0x78), byte(&z, 0x01);
        const uint32_t sum = adler32_of(inner.b, inner.n);
        join(&z, stored(inner));
        be32(&z, sum);
        le(&f, MAT_COMPRESSED, 4), le(&f, z.n, 4);
        join(&f, z);
    } else {
        mat_element(&f, MAT_MATRIX, x);
    }
    mat_element(&f, MAT_MATRIX, y);
    return f;
}

static Bytes svhn_plain(void)
{
    return svhn(false);
}

static Bytes svhn_packed(void)
{
    return svhn(true);
}

static Bytes png_sheet(void)
{
    Bytes f = {0}, head = {0}, rows = {0}, z = {0};
    bytes_add(&f, "\x89PNG\r\n\x1a\n", 8);
    be32(&head, 1024), be32(&head, 2);
    byte(&head, 8), byte(&head, 2), byte(&head, 0), byte(&head, 0), byte(&head, 0);
    png_chunk(&f, "IHDR", head);
    for (unsigned r = 0; r < 2; r++) {
        byte(&rows, 0);
        for (unsigned i = 0; i < 3072; i++)
            byte(&rows, (i + 100 * r) & 255);
    }
    byte(&z, 0x78), byte(&z, 0x01);
    const uint32_t sum = adler32_of(rows.b, rows.n);
    join(&z, stored(rows));
    be32(&z, sum);
    png_chunk(&f, "IDAT", z);
    png_chunk(&f, "IEND", (Bytes){0});
    return f;
}

const Sample samples[] = {
    {"two.aedat", "aedat2", aedat2},
    {"three.aedat", "aedat3", aedat3},
    {"four.aedat4", "aedat4", aedat4_plain},
    {"four_lz4.aedat4", "aedat4", aedat4_lz4},
    {"four_zstd.aedat4", "aedat4", aedat4_zstd},
    {"00001.bin", "nmnist", nmnist},
    {"events.txt", "text", text},
    {"e2vid.txt", "text", e2vid},
    {"train-labels-idx1-ubyte", "idx", idx_labels},
    {"train-images-idx3-ubyte", "idx", idx},
    {"train-images-idx3-ubyte.gz", "idx", idx_gz},
    {"data_batch_1.bin", "cifar", cifar10},
    {"train.bin", "cifar", cifar100},
    {"data_batch_2.png", "png_sheet", png_sheet},
    {"train_32x32.mat", "svhn", svhn_plain},
    {"test_32x32.mat", "svhn", svhn_packed},
    {NULL, NULL, NULL},
};

Bytes sample_make(const char *name)
{
    for (const Sample *s = samples; s->name; s++)
        if (!strcmp(s->name, name))
            return s->make();
    cr_assert_fail("no sample %s", name);
    return (Bytes){0};
}

/* --- files ---------------------------------------------------------------------------*/

char *scratch_write(const char *folder, const char *name, const void *data, size_t n)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    cr_assert(file && (n == 0 || fwrite(data, n, 1, file) == 1) && fclose(file) == 0,
              "%s cannot be written", path);
    return strdup(path);
}

Bytes bytes_of_file(const char *path, size_t limit)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s cannot be read", path);
    Bytes bytes = {malloc(limit), 0};
    bytes.n = fread(bytes.b, 1, limit, file);
    fclose(file);
    return bytes;
}
