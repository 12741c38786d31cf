/* "apical capsules" from outside: the pictures it draws of a small net, pixel by pixel
 * where the pixels are known, and its table. */
#include <criterion/criterion.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "sim/rng.h"
#include "tests/support.h"

enum { SIDE = 12, TRAIN = 32, TEST = 8, POSE = 6, SWEEP = 11, TILE = 2 * SIDE + 2 };
enum { IMAGES = 3, SAMPLE = 1 };

static const char *folder;
static char output[1 << 16]; /* of the last run, both streams */

static const char experiment[] = "data: {path: set, split: given}\n"
                                 "model: {name: mocapsnet, channels: 8, kernel: 3, "
                                 "primary_pose: 4, capsules: 4, pose: 4, class_pose: 6, "
                                 "blocks: 1, decoder: \"16\"}\n"
                                 "train: {epochs: 1, batch: 8, loss: margin, optimiser: "
                                 "adam, lr: 0.01, plots: false, threads: 1}\n";

/* A bar on the left (class 0) or on the right, of another gray in each image. */
static unsigned char pixel(int part, size_t image, size_t y, size_t x)
{
    const SimRng rng = {.seed = 7, .purpose = SIM_RNG_TEST, .stream = (uint32_t)part};
    const bool in_bar = y > 1 && x / 3 == (image % 2 ? 3 : 0);
    return (unsigned char)(in_bar ? 155 + sim_rng_below(rng, image, 100) : 20 * (y == 0));
}

static FILE *create(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *const file = fopen(path, "wb");
    cr_assert_not_null(file);
    return file;
}

static void write_part(int part, size_t n)
{
    static const char *const names[][2] = {
        {"set/train-images-idx3-ubyte", "set/train-labels-idx1-ubyte"},
        {"set/t10k-images-idx3-ubyte", "set/t10k-labels-idx1-ubyte"}};
    const unsigned char head[2][16] = {
        {0, 0, 8, 3, 0, 0, 0, (unsigned char)n, 0, 0, 0, SIDE, 0, 0, 0, SIDE},
        {0, 0, 8, 1, 0, 0, 0, (unsigned char)n}};
    FILE *const images = create(names[part][0]), *const labels = create(names[part][1]);
    cr_assert_eq(fwrite(head[0], 1, 16, images), 16);
    cr_assert_eq(fwrite(head[1], 1, 8, labels), 8);
    for (size_t i = 0; i < n; i++) {
        for (size_t at = 0; at < SIDE * SIDE; at++)
            fputc(pixel(part, i, at / SIDE, at % SIDE), images);
        fputc((int)(i % 2), labels);
    }
    cr_assert_eq(fclose(images), 0);
    cr_assert_eq(fclose(labels), 0);
}

/* Runs a shell command in the folder with $A the program; returns the exit code. */
static int shell(const char *command)
{
    char whole[1024];
    const char *const root = getenv("APICAL_BUILD_ROOT");
    if (!root)
        cr_skip_test("APICAL_BUILD_ROOT is not set");
    snprintf(whole, sizeof whole, "cd '%s' && A='%s/cli/apical' && { %s; } 2>&1", folder,
             root, command);
    FILE *const pipe = popen(whole, "r");
    cr_assert_not_null(pipe);
    const size_t n = fread(output, 1, sizeof output - 1, pipe);
    output[n] = '\0';
    const int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void make_folder(void)
{
    folder = test_folder();
    cr_assert_eq(shell("mkdir set"), 0);
    write_part(0, TRAIN);
    write_part(1, TEST);
    FILE *const file = create("e.yaml");
    cr_assert_geq(fputs(experiment, file), 0);
    cr_assert_eq(fclose(file), 0);
}

TestSuite(capsules, .init = make_folder, .fini = test_folder_remove);

typedef struct Picture {
    size_t w, h;
    unsigned char *rgb; /* owned, [h,w,3] */
} Picture;

static Picture read_picture(const char *name)
{
    char path[128];
    png_image png = {.version = PNG_IMAGE_VERSION};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert(png_image_begin_read_from_file(&png, path), "%s: %s", name, png.message);
    png.format = PNG_FORMAT_RGB;
    Picture out = {png.width, png.height, malloc(PNG_IMAGE_SIZE(png))};
    cr_assert(png_image_finish_read(&png, NULL, out.rgb, 0, NULL), "%s: %s", name,
              png.message);
    return out;
}

/* The gray of pixel y, x of a tile. */
static int gray(const Picture *p, size_t row, size_t column, size_t y, size_t x)
{
    const size_t at = (2 + row * TILE + 2 * y) * p->w + 2 + column * TILE + 2 * x;
    const unsigned char *const rgb = p->rgb + 3 * at;
    cr_assert_eq(rgb[0], rgb[1]);
    cr_assert_eq(rgb[0], rgb[2]);
    cr_assert_eq(rgb[0], rgb[3], "every pixel is drawn twice as large");
    return rgb[0];
}

/* Pixels that differ between a tile of a and one of b. */
static size_t differing(const Picture *a, size_t row_a, size_t column_a, const Picture *b,
                        size_t row_b, size_t column_b)
{
    size_t n = 0;
    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x < SIDE; x++)
            n += gray(a, row_a, column_a, y, x) != gray(b, row_b, column_b, y, x);
    return n;
}

Test(capsules, pictures_and_table_of_a_net)
{
    cr_assert_eq(shell("\"$A\" train e.yaml --out run"), 0, "%s", output);
    cr_assert_eq(shell("\"$A\" capsules run --out pictures --images 3 --sweep 1"), 0,
                 "%s", output);
    cr_expect(strstr(output, "pictures/reconstructions.png"), "%s", output);

    Picture made = read_picture("pictures/reconstructions.png"),
            poses = read_picture("pictures/poses.png");
    cr_assert_eq(made.w, 2 + IMAGES * TILE);
    cr_assert_eq(made.h, 2 + 2 * TILE);
    cr_assert_eq(poses.w, 2 + SWEEP * TILE);
    cr_assert_eq(poses.h, 2 + POSE * TILE);
    for (size_t i = 0; i < IMAGES; i++)
        for (size_t y = 0; y < SIDE; y++)
            for (size_t x = 0; x < SIDE; x++)
                cr_assert_eq(gray(&made, 0, i, y, x), pixel(1, i, y, x),
                             "image %zu, pixel %zu, %zu", i, y, x);
    for (size_t d = 0; d < POSE; d++) {
        cr_expect_eq(differing(&poses, d, SWEEP / 2, &made, 1, SAMPLE), 0,
                     "number %zu of the pose not moved: not the reconstruction", d);
        cr_expect_gt(differing(&poses, d, 0, &poses, d, SWEEP - 1), 0,
                     "number %zu of the pose moved: nothing changes", d);
    }
    free(made.rgb);
    free(poses.rgb);

    /* Squashed poses are shorter than 1, and three images are at most three bundles. */
    static const char *const layers[] = {"\nprimary ", "\ncaps1 ", "\nblock1.caps1 ",
                                         "\nblock1.caps2 ", "\ncaps2 "};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        const char *const row = strstr(output, layers[i]);
        double length, spread, entropy;
        unsigned bundles, images;
        cr_assert_not_null(row, "%s in %s", layers[i], output);
        cr_assert_eq(sscanf(row, "%*s %lf %lf %u/%u %lf", &length, &spread, &bundles,
                            &images, &entropy),
                     5, "%s", row);
        cr_expect(length > 0.0 && length < 1.0, "%s", row);
        cr_expect(spread >= 0.0 && spread < 1.5, "%s", row);
        cr_expect(bundles >= 1 && bundles <= IMAGES && images == IMAGES, "%s", row);
        cr_expect(bundles < images || entropy == 0.0, "%s", row);
    }
}

Test(capsules, without_a_decoder_the_table_alone)
{
    cr_assert_eq(shell("\"$A\" train e.yaml --set model.reconstruction=0 --out run"), 0,
                 "%s", output);
    cr_assert_eq(shell("\"$A\" capsules run --out pictures"), 0, "%s", output);
    cr_expect(strstr(output, "\nblock1.caps2 "), "%s", output);
    cr_expect_neq(shell("test -e pictures"), 0, "pictures of what decoder?");
    cr_expect_eq(shell("sed 's/^model:.*/model: {name: mlp}/' e.yaml >mlp.yaml && "
                       "\"$A\" train mlp.yaml --out mlp"),
                 0, "%s", output);
    cr_expect_eq(shell("\"$A\" capsules mlp --out pictures"), 1, "%s", output);
    cr_expect(strstr(output, "no capsules"), "%s", output);
}

Test(capsules, an_image_that_is_not_there)
{
    cr_assert_eq(shell("\"$A\" train e.yaml --out run"), 0, "%s", output);
    cr_expect_eq(shell("\"$A\" capsules run --sweep 9"), 1, "%s", output);
    cr_expect(strstr(output, "8 images"), "%s", output);
    cr_expect_eq(shell("\"$A\" capsules run --images 0"), 2, "%s", output);
}
