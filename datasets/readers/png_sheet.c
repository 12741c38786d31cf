/* datasets/readers/png_sheet.c: CIFAR-10 as PNG sheets; the only file that includes png.
 *
 * A sheet is an 8-bit RGB picture 1024 wide: row i is image i, its 32x32 pixels one after
 * the other. Labels are JSON beside it, [6,9,9,...]: train_lables.json holds those of
 * data_batch_1.png, then _2 and so on, test_lables.json those of test_batch.png. Rows are
 * unpacked as they are asked for, and kept. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/file_internal.h"

enum { SIDE = 32, WIDTH = SIDE * SIDE, ROW = 3 * WIDTH, CLASSES = 10 };
enum { JSON_LIMIT = 16 << 20, MAX_RATIO = 1100 }; /* deflate packs 1032:1 at best */

static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static int probe(const DataProbe *p)
{
    if (p->head_size < 33 || memcmp(p->head, signature, 8) ||
        memcmp(p->head + 12, "IHDR", 4))
        return 0;
    const bool sheet = data_be32(p->head + 16) == WIDTH && data_be32(p->head + 20) > 0 &&
                       p->head[24] == 8 && p->head[25] == 2 && p->head[28] == 0;
    return sheet ? 2 : 0;
}

#ifdef APICAL_PNG

#include <png.h>

typedef struct State {
    png_structp png;
    png_infop info;
    jmp_buf failed;
    char why[128];
    bool is_read_error; /* sim_fail has the sentence */
    SimStatus read_status;
    uint8_t *rows; /* [n_images, ROW], owned; the first `ready` are unpacked */
    uint64_t ready;
    uint8_t *labels; /* [n_images], owned; NULL: none */
} State;

static void on_error(png_structp png, png_const_charp text)
{
    State *s = png_get_error_ptr(png);
    snprintf(s->why, sizeof s->why, "%s", text);
    longjmp(s->failed, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

static void on_read(png_structp png, png_bytep data, size_t size)
{
    DataFile *file = png_get_io_ptr(png);
    State *s = file->state;
    s->read_status = data_read_all(file, size, data, "more of the PNG picture");
    if (s->read_status != SIM_OK) {
        s->is_read_error = true;
        longjmp(s->failed, 1);
    }
}

static SimStatus why(DataFile *file)
{
    const State *s = file->state;
    if (s->is_read_error)
        return s->read_status;
    return data_bad(file, file->at, "the PNG picture is damaged (%s); fetch it again",
                    s->why);
}

/* No variable of this frame changes between setjmp and longjmp. */
static SimStatus read_header(DataFile *file)
{
    State *s = file->state;
    if (setjmp(s->failed))
        return why(file);
    s->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, s, on_error, on_warning);
    s->info = s->png ? png_create_info_struct(s->png) : NULL;
    if (!s->info)
        return sim_fail(SIM_ERR_MEMORY, "%s: out of memory", file->path);
    png_set_read_fn(s->png, file, on_read);
    png_set_user_limits(s->png, WIDTH, 0x7fffffff);
    png_set_chunk_malloc_max(s->png, 1 << 20);
    png_read_info(s->png, s->info);
    png_read_update_info(s->png, s->info);
    if (png_get_rowbytes(s->png, s->info) != ROW)
        return data_bad(file, 16, "expected rows of %d bytes, found %zu; not a sheet",
                        ROW, (size_t)png_get_rowbytes(s->png, s->info));
    return SIM_OK;
}

static SimStatus read_rows(DataFile *file, uint64_t until)
{
    State *s = file->state;
    if (setjmp(s->failed))
        return why(file);
    while (s->ready < until) {
        png_read_row(s->png, s->rows + s->ready * ROW, NULL);
        s->ready++;
    }
    return SIM_OK;
}

/* Labels first .. first + n of a JSON list of small numbers. */
static SimStatus parse_labels(const char *path, const char *text, uint64_t first,
                              uint64_t n, uint8_t *labels)
{
    uint64_t index = 0;
    const char *at = text + strspn(text, " \t\r\n");
    if (*at != '[')
        return sim_fail(SIM_ERR_FORMAT,
                        "%s: byte 0: expected a JSON list of labels, \"[\"", path);
    for (at++; index < first + n; index++) {
        at += strspn(at, " \t\r\n,");
        char *end;
        const unsigned long label = strtoul(at, &end, 10);
        if (end == at || label >= CLASSES)
            return sim_fail(SIM_ERR_FORMAT,
                            "%s: byte %zu: expected label %llu of %llu, below %d; fetch "
                            "the file again",
                            path, (size_t)(at - text), (unsigned long long)index + 1,
                            (unsigned long long)(first + n), CLASSES);
        if (index >= first)
            labels[index - first] = (uint8_t)label;
        at = end;
    }
    return SIM_OK;
}

static SimStatus read_labels(DataFile *file)
{
    static const char *const words[] = {"lables", "labels"};
    SimStatus status = SIM_OK;
    State *s = file->state;
    const char *slash = strrchr(file->path, '/'), *name = slash ? slash + 1 : file->path;
    const int folder = (int)(name - file->path);
    unsigned batch = 1;
    const bool train = sscanf(name, "data_batch_%u", &batch) == 1 && batch >= 1;
    if (!train && strncmp(name, "test_batch", 10))
        return SIM_OK;

    char path[4096];
    char *text = NULL;
    FILE *json = NULL;
    for (size_t i = 0; i < 2 && !json; i++) {
        snprintf(path, sizeof path, "%.*s%s_%s.json", folder, file->path,
                 train ? "train" : "test", words[i]);
        json = fopen(path, "rb");
    }
    if (!json)
        return SIM_OK;
    text = calloc(1, JSON_LIMIT + 1);
    s->labels = malloc(file->info.n_images);
    if (!text || !s->labels) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: out of memory", path);
        goto out;
    }
    (void)fread(text, 1, JSON_LIMIT, json);
    const uint64_t n = file->info.n_images, first = train ? (batch - 1) * n : 0;
    SIM_TRY(parse_labels(path, text, first, n, s->labels));
    file->info.has_labels = true;
out:
    free(text);
    fclose(json);
    return status;
}

static SimStatus open_file(DataFile *file)
{
    unsigned char head[24];
    SimStatus status = SIM_OK;
    SIM_TRY(data_read_all(file, sizeof head, head, "a PNG header"));
    data_seek(file, 0);
    const uint64_t height = data_be32(head + 20);
    if (height > file->size * MAX_RATIO / ROW + 1)
        return data_bad(file, 20,
                        "expected no more images than %llu bytes can hold, found %llu; "
                        "the file is cut off or damaged, fetch it again",
                        (unsigned long long)file->size, (unsigned long long)height);
    State *s = calloc(1, sizeof *s);
    if (!s)
        return sim_fail(SIM_ERR_MEMORY, "%s: out of memory", file->path);
    file->state = s;
    file->info.width = file->info.height = SIDE;
    file->info.channels = 3;
    file->info.n_images = height;
    snprintf(file->info.detail, sizeof file->info.detail, "sheet of one image a row");
    SIM_TRY(read_header(file));
    s->rows = malloc(height * ROW); /* touched only as far as unpacked */
    if (!s->rows)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for %llu images", file->path,
                        (unsigned long long)height);
    SIM_TRY(read_labels(file));
out:
    return status;
}

static SimStatus image(DataFile *file, uint64_t index, uint8_t *pixels, uint32_t *label)
{
    State *s = file->state;
    if (index >= file->info.n_images)
        return sim_fail(SIM_ERR_VALUE, "%s: expected an image below %llu, asked for %llu",
                        file->path, (unsigned long long)file->info.n_images,
                        (unsigned long long)index);
    if (pixels) {
        if (s->is_read_error || s->why[0])
            return why(file);
        const SimStatus status = read_rows(file, index + 1);
        if (status != SIM_OK)
            return status;
        memcpy(pixels, s->rows + index * ROW, ROW);
    }
    *label = s->labels ? s->labels[index] : (uint32_t)DATA_NO_LABEL;
    return SIM_OK;
}

static void close_file(DataFile *file)
{
    State *s = file->state;
    png_destroy_read_struct(&s->png, &s->info, NULL);
    free(s->rows);
    free(s->labels);
    free(s);
}

#else

static SimStatus open_file(DataFile *file)
{
    return sim_fail(SIM_ERR_UNSUPPORTED,
                    "%s: byte 0: a PNG sheet, and this build is without libpng; build "
                    "with it (-Dpng=enabled), or use CIFAR-10's binary batches",
                    file->path);
}

static SimStatus image(DataFile *file, uint64_t index, uint8_t *pixels, uint32_t *label)
{
    (void)index, (void)pixels, (void)label;
    return open_file(file);
}

static void close_file(DataFile *file)
{
    (void)file;
}

#endif

const DataReader data_reader_png_sheet = {
    .name = "png_sheet",
    .summary = "CIFAR-10 as PNG sheets, one image a row, labels in JSON beside",
    .kind = DATA_IMAGES,
    .probe = probe,
    .open = open_file,
    .image = image,
    .close = close_file,
};
