/* datasets/readers/svhn.c: the cropped digits of SVHN, train_32x32.mat and its sisters;
 * the only file that includes matio.
 *
 *     X    uint8 [32,32,3,n], rows fastest: one image is 3 planes of 32 columns
 *     y    [n,1], the digit; 0 is written as 10
 *
 * Netzer et al., "Reading digits in natural images with unsupervised feature learning",
 * 2011. The arrays are packed, so a file is unpacked whole when it is opened: 225 MB for
 * the 73,257 images of the training part. */
#include <string.h>

#include "datasets/file_internal.h"

#ifdef APICAL_MATIO

#include <matio.h>
#include <stdlib.h>

enum { SIDE = 32, CHANNELS = 3, PLANE = SIDE * SIDE, PIXELS = CHANNELS * PLANE };
enum { MOST = 1 << 20, DIGITS = 10 }; /* images: more than all that were published */

typedef struct State {
    matvar_t *images, *labels; /* owned */
} State;

static SimStatus check_images(const DataFile *file, const matvar_t *x)
{
    if (!x || x->rank != 4 || x->class_type != MAT_C_UINT8 || x->isComplex ||
        x->dims[0] != SIDE || x->dims[1] != SIDE || x->dims[2] != CHANNELS ||
        x->dims[3] < 1 || x->dims[3] > MOST)
        return data_bad(
            file, 0,
            "expected the images of SVHN, an array X of 32 x 32 x 3 x n bytes; "
            "other MATLAB files are not read");
    return SIM_OK;
}

static SimStatus check_labels(const DataFile *file, const matvar_t *y, size_t n)
{
    if (!y || y->rank != 2 || y->isComplex || y->dims[0] != n || y->dims[1] != 1 ||
        (y->class_type != MAT_C_UINT8 && y->class_type != MAT_C_DOUBLE))
        return data_bad(file, 0, "expected the labels of SVHN, an array y of %zu x 1", n);
    return SIM_OK;
}

static uint32_t digit(const matvar_t *y, uint64_t i)
{
    const double label = y->class_type == MAT_C_DOUBLE ? ((const double *)y->data)[i]
                                                       : ((const uint8_t *)y->data)[i];
    return label >= 1 && label <= DIGITS ? (uint32_t)label % DIGITS : DIGITS;
}

static SimStatus read_data(const DataFile *file, mat_t *mat, matvar_t *array, size_t size)
{
    if (Mat_VarReadDataAll(mat, array) != 0 || !array->data || array->nbytes != size)
        return data_bad(file, 0, "the array %s is damaged or cut off; fetch it again",
                        array->name);
    return SIM_OK;
}

static SimStatus read_arrays(DataFile *file, mat_t *mat, State *state)
{
    state->images = Mat_VarReadInfo(mat, "X");
    SimStatus status = check_images(file, state->images);
    if (status != SIM_OK)
        return status;
    const size_t n = state->images->dims[3];
    state->labels = Mat_VarReadInfo(mat, "y");
    SIM_TRY(check_labels(file, state->labels, n));
    const size_t each = state->labels->class_type == MAT_C_DOUBLE ? sizeof(double) : 1;
    SIM_TRY(read_data(file, mat, state->labels, n * each));
    for (size_t i = 0; i < n; i++)
        if (digit(state->labels, i) == DIGITS) {
            status = data_bad(file, 0, "the label of image %zu is none of 1 to 10", i);
            goto out;
        }
    status = read_data(file, mat, state->images, n * PIXELS);
out:
    return status;
}

static void close_file(DataFile *file)
{
    State *const state = file->state;
    Mat_VarFree(state->images);
    Mat_VarFree(state->labels);
    free(state);
}

static SimStatus open_file(DataFile *file)
{
    if (file->base != 0)
        return data_bad(file, 0, "a MATLAB file in an archive; unpack it first");
    State *const state = calloc(1, sizeof *state);
    if (!state)
        return sim_fail(SIM_ERR_MEMORY, "%s: out of memory", file->path);
    file->state = state;
    mat_t *const mat = Mat_Open(file->path, MAT_ACC_RDONLY);
    if (!mat)
        return data_bad(file, 0, "the header is damaged; fetch it again");
    const SimStatus status = read_arrays(file, mat, state);
    Mat_Close(mat);
    if (status != SIM_OK)
        return status;
    DataInfo *const info = &file->info;
    info->width = info->height = SIDE;
    info->channels = CHANNELS;
    info->n_images = state->images->dims[3];
    info->has_labels = true;
    snprintf(info->detail, sizeof info->detail, "SVHN, cropped digits");
    return SIM_OK;
}

static SimStatus image(DataFile *file, uint64_t index, uint8_t *pixels, uint32_t *label)
{
    const State *const state = file->state;
    if (index >= file->info.n_images)
        return sim_fail(SIM_ERR_VALUE, "%s: expected an image below %llu, asked for %llu",
                        file->path, (unsigned long long)file->info.n_images,
                        (unsigned long long)index);
    const uint8_t *const from = (const uint8_t *)state->images->data + index * PIXELS;
    for (size_t y = 0; pixels && y < SIDE; y++)
        for (size_t x = 0; x < SIDE; x++)
            for (size_t c = 0; c < CHANNELS; c++)
                pixels[(y * SIDE + x) * CHANNELS + c] = from[c * PLANE + x * SIDE + y];
    *label = digit(state->labels, index);
    return SIM_OK;
}

#else

static SimStatus open_file(DataFile *file)
{
    return sim_fail(SIM_ERR_UNSUPPORTED,
                    "%s: byte 0: a MATLAB file, and this build is without matio; build "
                    "with it (-Dmatio=enabled)",
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

static int probe(const DataProbe *p)
{
    static const char mark[] = "MATLAB 5.0";
    return p->head_size >= sizeof mark && !memcmp(p->head, mark, sizeof mark - 1) ? 2 : 0;
}

const DataReader data_reader_svhn = {
    .name = "svhn",
    .summary = "MATLAB files of SVHN's cropped digits (train_32x32.mat)",
    .kind = DATA_IMAGES,
    .probe = probe,
    .open = open_file,
    .image = image,
    .close = close_file,
};
