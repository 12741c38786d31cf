/* Arrays in files: what is written is read, a file is whole or not there, and damage is
 * one sentence. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/rng.h"
#include "sim/store.h"
#include "tests/support.h"

enum { PATH = 128 };
static const char *folder;
static char path[PATH];

static void make_folder(void)
{
    folder = test_folder();
    snprintf(path, sizeof path, "%s/a.h5", folder);
}

TestSuite(store, .init = make_folder, .fini = test_folder_remove, .timeout = 60);

#define OK(expression) cr_assert_eq((expression), SIM_OK, "%s", sim_message())

static void expect_failure(SimStatus got, SimStatus wanted, const char *part)
{
    cr_expect_eq(got, wanted, "status %d, %s", (int)got, sim_message());
    cr_expect_not_null(strstr(sim_message(), part), "no \"%s\" in: %s", part,
                       sim_message());
    cr_expect_null(strchr(sim_message(), '\n'), "%s", sim_message());
}

static size_t files_in_folder(void)
{
    char command[128];
    size_t n = 0;
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", folder);
    FILE *const pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    cr_assert_eq(fscanf(pipe, "%zu", &n), 1);
    pclose(pipe);
    return n;
}

/* --- round trips -------------------------------------------------------------------- */

static const float weights[6] = {0.1f, -2.5f, 3e-38f, 1e38f, -0.0f, 7.0f};
static const uint64_t large[2] = {UINT64_MAX, 1};

static SimStore *begin_example(void)
{
    SimStore *store = NULL;
    const size_t dims[2] = {2, 3}, two[1] = {2}, rows[3] = {0, 2, 2};
    const uint16_t counts[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 65535};
    const int32_t scalar = -5;
    OK(sim_store_create(path, &store));
    OK(sim_store_write(store, "net/conv0.weight", SIM_F32, 2, dims, weights));
    OK(sim_store_write(store, "net/large", SIM_U64, 1, two, large));
    OK(sim_store_write(store, "scalar", SIM_I32, 0, NULL, &scalar));
    OK(sim_store_begin_rows(store, "frames", SIM_U16, 3, rows, 2));
    OK(sim_store_append_rows(store, "frames", 1, counts));
    OK(sim_store_append_rows(store, "frames", 0, counts));
    OK(sim_store_append_rows(store, "frames", 2, counts + 4));
    OK(sim_store_write_number(store, "net/large", "seed", 0.1));
    OK(sim_store_write_number(store, "net/large", "seed", 0.2)); /* replaces */
    return store;
}

static void write_example(void)
{
    SimStore *const store = begin_example();
    OK(sim_store_write_text(store, "", "experiment", "data: {path: \"\xc3\xa4\"}\n"));
    OK(sim_store_write_text(store, "groups/made", "note", ""));
    OK(sim_store_commit(store));
    sim_store_close(store);
}

Test(store, reads_what_was_written)
{
    SimStore *store = NULL;
    SimStoreInfo info;
    float f[6];
    uint64_t u[2];
    uint16_t counts[8];
    double number, doubles[6];
    int64_t scalar;
    char *text = NULL;
    write_example();
    cr_expect_eq(files_in_folder(), 1u, "a temporary file is left");
    OK(sim_store_open(path, &store));
    OK(sim_store_read(store, "net/conv0.weight", SIM_F32, 6, f));
    cr_expect_arr_eq(f, weights, sizeof weights);
    OK(sim_store_read(store, "net/conv0.weight", SIM_F64, 6, doubles));
    cr_expect_eq(doubles[2], (double)weights[2]);
    OK(sim_store_read(store, "net/large", SIM_U64, 2, u));
    cr_expect_arr_eq(u, large, sizeof large);
    OK(sim_store_read(store, "scalar", SIM_I64, 1, &scalar));
    cr_expect_eq(scalar, -5);

    OK(sim_store_info(store, "frames", &info));
    cr_expect_eq(info.type, SIM_U16);
    cr_expect_eq(info.n_dims, 3u);
    cr_expect(info.dims[0] == 3 && info.dims[1] == 2 && info.dims[2] == 2);
    cr_expect_eq(info.count, 12u);
    OK(sim_store_read_rows(store, "frames", SIM_U16, 1, 2, counts));
    cr_expect_eq(counts[0], 5);
    cr_expect_eq(counts[7], 65535);
    OK(sim_store_read_rows(store, "frames", SIM_U16, 3, 0, counts));
    OK(sim_store_info(store, "scalar", &info));
    cr_expect(info.n_dims == 0 && info.count == 1 && info.type == SIM_I32);

    OK(sim_store_read_text(store, "", "experiment", &text));
    cr_expect_str_eq(text, "data: {path: \"\xc3\xa4\"}\n");
    free(text);
    OK(sim_store_read_text(store, "groups/made", "note", &text));
    cr_expect_str_eq(text, "");
    free(text);
    OK(sim_store_read_number(store, "net/large", "seed", &number));
    cr_expect_eq(number, 0.2);
    cr_expect(sim_store_has(store, "net") && sim_store_has(store, "net/large"));
    cr_expect_not(sim_store_has(store, "net/larger/still"));
    cr_expect_not(sim_store_has(store, ""));
    cr_expect(sim_store_has_attribute(store, "", "experiment"));
    cr_expect_not(sim_store_has_attribute(store, "net", "experiment"));
    cr_expect_not(sim_store_has_attribute(store, "nowhere", "experiment"));
    sim_store_close(store);
}

/* No time of writing, no addresses: the same contents are the same bytes. */
Test(store, same_contents_same_bytes)
{
    char command[512];
    write_example();
    snprintf(command, sizeof command, "mv '%s' '%s/first.h5' && sleep 1.1", path, folder);
    cr_assert_eq(system(command), 0);
    write_example();
    snprintf(command, sizeof command, "cmp '%s' '%s/first.h5'", path, folder);
    cr_expect_eq(system(command), 0);
}

/* A text longer than the 64 kB that HDF5 keeps beside an object. */
Test(store, long_texts)
{
    enum { LONG = 1 << 18 };
    SimStore *store = NULL;
    char *const written = malloc(LONG + 1), *read = NULL;
    memset(written, 'a', LONG);
    written[LONG] = '\0';
    OK(sim_store_create(path, &store));
    OK(sim_store_write_text(store, "", "experiment", written));
    OK(sim_store_commit(store));
    sim_store_close(store);
    OK(sim_store_open(path, &store));
    OK(sim_store_read_text(store, "", "experiment", &read));
    cr_expect(strcmp(read, written) == 0);
    sim_store_close(store);
    free(written);
    free(read);
}

typedef struct Visited {
    char names[8][64];
    size_t n, stop_at;
} Visited;

static SimStatus note_name(void *argument, const char *name)
{
    Visited *const visited = argument;
    snprintf(visited->names[visited->n++], sizeof visited->names[0], "%s", name);
    return visited->n == visited->stop_at ? sim_fail(SIM_ERR_STOPPED, "enough") : SIM_OK;
}

Test(store, visits_arrays_in_order)
{
    SimStore *store = NULL;
    Visited all = {0}, net = {0}, first = {.stop_at = 1}, none = {0};
    write_example();
    OK(sim_store_open(path, &store));
    OK(sim_store_visit(store, "", note_name, &all));
    cr_expect_eq(all.n, 4u);
    cr_expect_str_eq(all.names[0], "frames");
    cr_expect_str_eq(all.names[1], "net/conv0.weight");
    cr_expect_str_eq(all.names[3], "scalar");
    OK(sim_store_visit(store, "net", note_name, &net));
    cr_expect_eq(net.n, 2u);
    cr_expect_str_eq(net.names[1], "net/large");
    cr_expect_eq(sim_store_visit(store, "", note_name, &first), SIM_ERR_STOPPED);
    cr_expect_eq(first.n, 1u);
    OK(sim_store_visit(store, "nowhere", note_name, &none));
    cr_expect_eq(none.n, 0u);
    sim_store_close(store);
}

/* --- whole or not at all ------------------------------------------------------------ */

Test(store, not_committed_leaves_the_old_file)
{
    SimStore *store = NULL;
    const size_t one[1] = {1};
    const float x = 1.0f;
    write_example();
    OK(sim_store_create(path, &store));
    OK(sim_store_write(store, "other", SIM_F32, 1, one, &x));
    SimStore *reader = NULL;
    OK(sim_store_open(path, &reader)); /* while the new one is under way */
    cr_expect(sim_store_has(reader, "frames"));
    sim_store_close(reader);
    sim_store_close(store);
    cr_expect_eq(files_in_folder(), 1u);
    OK(sim_store_open(path, &store));
    cr_expect(sim_store_has(store, "frames"));
    cr_expect_not(sim_store_has(store, "other"));
    sim_store_close(store);
}

Test(store, a_full_disk_keeps_the_old_file)
{
    enum { MANY = 1 << 18 };
    SimStore *store = NULL;
    const size_t dims[1] = {MANY};
    float *const x = calloc(MANY, sizeof *x);
    write_example();
    /* The kernel refuses to let a file grow past this, as on a full disk. */
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t before = limit.rlim_cur;
    signal(SIGXFSZ, SIG_IGN);
    limit.rlim_cur = 1 << 16;
    setrlimit(RLIMIT_FSIZE, &limit);
    OK(sim_store_create(path, &store));
    SimStatus status = sim_store_write(store, "x", SIM_F32, 1, dims, x);
    if (status == SIM_OK)
        status = sim_store_commit(store);
    expect_failure(status, SIM_ERR_IO, "disk full");
    sim_store_close(store);
    limit.rlim_cur = before;
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_expect_eq(files_in_folder(), 1u);
    OK(sim_store_open(path, &store));
    cr_expect(sim_store_has(store, "net/large"));
    sim_store_close(store);
    free(x);
}

/* --- what is wrong, in one sentence ------------------------------------------------- */

Test(store, sentences)
{
    SimStore *store = NULL, *other = NULL;
    SimStoreInfo info;
    float f[6];
    double number;
    char *text = NULL, name[PATH + 16];
    write_example();
    snprintf(name, sizeof name, "%s/none/b.h5", folder);
    expect_failure(sim_store_create(name, &other), SIM_ERR_IO, "No such file");
    expect_failure(sim_store_open(name, &other), SIM_ERR_IO, "No such file");
    expect_failure(sim_store_open(folder, &other), SIM_ERR_FORMAT, folder);
    snprintf(name, sizeof name, "%s/b.h5", folder);
    FILE *const file = fopen(name, "w");
    fputs("plain text", file);
    fclose(file);
    expect_failure(sim_store_open(name, &other), SIM_ERR_FORMAT, "not an HDF5 file");
    cr_expect_null(other);

    OK(sim_store_open(path, &store));
    expect_failure(sim_store_read(store, "net/no", SIM_F32, 6, f), SIM_ERR_FORMAT,
                   "net/no");
    expect_failure(sim_store_read(store, "net/no/deeper", SIM_F32, 6, f), SIM_ERR_FORMAT,
                   "net/no/deeper");
    expect_failure(sim_store_read(store, "net", SIM_F32, 6, f), SIM_ERR_FORMAT,
                   "not an array");
    expect_failure(sim_store_read(store, "net/conv0.weight", SIM_F32, 5, f),
                   SIM_ERR_SHAPE, "has 6 numbers, wanted 5");
    expect_failure(sim_store_read_rows(store, "frames", SIM_F32, 2, 2, f), SIM_ERR_SHAPE,
                   "has 3 rows");
    expect_failure(sim_store_read_rows(store, "frames", SIM_F32, 4, 0, f), SIM_ERR_SHAPE,
                   "has 3 rows");
    expect_failure(sim_store_read_rows(store, "scalar", SIM_F32, 0, 1, f), SIM_ERR_SHAPE,
                   "scalar");
    expect_failure(sim_store_info(store, "", &info), SIM_ERR_FORMAT, "no \"\"");
    expect_failure(sim_store_read_text(store, "net/large", "seed", &text), SIM_ERR_FORMAT,
                   "seed");
    expect_failure(sim_store_read_number(store, "", "experiment", &number),
                   SIM_ERR_FORMAT, "experiment");
    expect_failure(sim_store_read_number(store, "", "nothing", &number), SIM_ERR_FORMAT,
                   "nothing");
    cr_expect_null(text);
    sim_store_close(store);
    sim_store_close(NULL);
}

/* --- damage ------------------------------------------------------------------------- */

static SimStatus look(void *argument, const char *name)
{
    SimStore *const store = argument;
    SimStoreInfo info;
    const SimStatus status = sim_store_info(store, name, &info);
    if (status != SIM_OK || info.count > 1000)
        return SIM_OK; /* others go on */
    double *const values = malloc((info.count + 1) * sizeof *values);
    if (sim_store_read(store, name, SIM_F64, info.count, values) == SIM_OK && info.n_dims)
        (void)sim_store_read_rows(store, name, SIM_F64, 0, info.dims[0], values);
    free(values);
    return SIM_OK;
}

/* Opens, reads all and closes; returns whether all went well. */
static bool read_all(void)
{
    SimStore *store = NULL;
    double number;
    if (sim_store_open(path, &store) != SIM_OK) {
        cr_assert(strlen(sim_message()) > 0);
        return false;
    }
    bool good = sim_store_visit(store, "", look, store) == SIM_OK;
    if (sim_store_read_number(store, "net/large", "seed", &number) != SIM_OK)
        good = false;
    sim_store_close(store);
    return good;
}

static size_t size_of_file(void)
{
    struct stat about;
    cr_assert_eq(stat(path, &about), 0);
    return (size_t)about.st_size;
}

Test(store, cut_short_anywhere)
{
    write_example();
    cr_assert(read_all());
    const size_t n = size_of_file();
    for (size_t keep = n; keep > 0;) {
        keep -= keep > 128 ? 37 : 1;
        cr_assert_eq(truncate(path, (off_t)keep), 0);
        cr_expect_not(read_all(), "%zu of %zu bytes", keep, n);
    }
}

static size_t n_rows_seen;

static SimStatus look_at_rows(void *argument, const char *name)
{
    SimStore *const store = argument;
    SimStoreInfo info;
    size_t rows;
    if (sim_store_info(store, name, &info) != SIM_OK || info.n_dims == 0 ||
        info.count > 100000 || sim_store_rows(store, name, &rows) != SIM_OK)
        return SIM_OK;
    cr_assert_leq(rows, info.dims[0]);
    double *const values = malloc((info.count + 1) * sizeof *values);
    if (rows > 0)
        OK(sim_store_read_rows(store, name, SIM_F64, 0, rows, values));
    if (strcmp(name, "rows") == 0) {
        for (size_t i = 0; i < rows * info.dims[1]; i++)
            cr_assert_eq(values[i], (double)i);
        cr_assert_geq(rows, n_rows_seen, "a longer file has less");
        n_rows_seen = rows;
    }
    free(values);
    return SIM_OK;
}

/* Of a file cut anywhere, rows said to be there can be read and are those written. */
Test(store, part_of_a_file)
{
    enum { ROWS = 4000, COLUMNS = 3 };
    static float rows[ROWS * COLUMNS];
    const size_t dims[2] = {0, COLUMNS};
    SimStore *store = NULL;
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        rows[i] = (float)i;
    OK(sim_store_create_growing(path, &store));
    OK(sim_store_begin_rows(store, "rows", SIM_F32, 2, dims, 100));
    OK(sim_store_write_text(store, "rows", "units", "ms"));
    for (size_t i = 0; i < ROWS; i += 250)
        OK(sim_store_append_rows(store, "rows", 250, rows + i * COLUMNS));
    OK(sim_store_write(store, "last", SIM_F32, 2, (size_t[]){ROWS, COLUMNS}, rows));
    OK(sim_store_commit(store));
    sim_store_close(store);
    const size_t n = size_of_file();
    FILE *const file = fopen(path, "rb");
    unsigned char *const bytes = malloc(n);
    cr_assert(file && bytes && fread(bytes, 1, n, file) == n);
    fclose(file);
    const int fd = open(path, O_RDWR | O_TRUNC);
    size_t opened = 0;
    for (size_t keep = 0; keep < n; keep += 997) {
        cr_assert_eq(pwrite(fd, bytes, keep, 0), (ssize_t)keep);
        if (sim_store_open_part(path, &store) == SIM_OK) {
            opened++;
            (void)sim_store_visit(store, "", look_at_rows, store);
            sim_store_close(store);
        } else {
            cr_assert_gt(strlen(sim_message()), 0u);
        }
    }
    cr_expect_gt(opened, n / 997 / 2);
    cr_expect_eq(n_rows_seen, (size_t)ROWS);
    cr_assert_eq(pwrite(fd, bytes, n, 0), (ssize_t)n);
    OK(sim_store_open(path, &store));
    OK(sim_store_rows(store, "last", &n_rows_seen));
    cr_expect_eq(n_rows_seen, (size_t)ROWS);
    sim_store_close(store);
    close(fd);
    free(bytes);
}

/* Every byte in turn: never a crash, and what describes the arrays carries check sums.
 * Texts are left out: the library follows a damaged heap of theirs anywhere. */
Test(store, flipped_bytes)
{
    size_t noticed = 0, head = 0;
    const SimRng rng = {.seed = 3, .purpose = SIM_RNG_TEST};
    SimStore *const store = begin_example();
    OK(sim_store_commit(store));
    sim_store_close(store);
    cr_assert(read_all());
    const size_t n = size_of_file();
    const int fd = open(path, O_RDWR);
    cr_assert_geq(fd, 0);
    for (size_t i = 0; i < n; i++) {
        unsigned char was, flipped;
        cr_assert_eq(pread(fd, &was, 1, (off_t)i), 1);
        flipped = (unsigned char)(was ^ (1 + sim_rng_below(rng, i, 255)));
        cr_assert_eq(pwrite(fd, &flipped, 1, (off_t)i), 1);
        const bool good = read_all();
        noticed += !good;
        head += i < 48 && !good;
        cr_assert_eq(pwrite(fd, &was, 1, (off_t)i), 1);
    }
    cr_expect_eq(head, 48u, "the superblock: %zu of 48 flips noticed", head);
    cr_expect_gt(noticed, 200u, "only %zu of %zu flips noticed", noticed, n);
    close(fd);
}

/* --- threads ------------------------------------------------------------------------ */

static void *write_and_read(void *argument)
{
    char name[PATH + 32];
    const size_t dims[1] = {100};
    float x[100], y[100];
    for (size_t round = 0; round < 20; round++) {
        SimStore *store = NULL;
        snprintf(name, sizeof name, "%s/%zu.h5", folder, *(size_t *)argument);
        for (size_t i = 0; i < 100; i++)
            x[i] = (float)(i + 1000 * *(size_t *)argument);
        if (sim_store_create(name, &store) != SIM_OK ||
            sim_store_write(store, "x", SIM_F32, 1, dims, x) != SIM_OK ||
            sim_store_commit(store) != SIM_OK)
            return (void *)"not written";
        sim_store_close(store);
        if (sim_store_open(name, &store) != SIM_OK ||
            sim_store_read(store, "x", SIM_F32, 100, y) != SIM_OK ||
            memcmp(x, y, sizeof x) != 0)
            return (void *)"not read";
        sim_store_close(store);
    }
    return NULL;
}

Test(store, many_threads)
{
    enum { N = 4 };
    pthread_t threads[N];
    size_t numbers[N];
    for (size_t i = 0; i < N; i++) {
        numbers[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, write_and_read, &numbers[i]), 0);
    }
    for (size_t i = 0; i < N; i++) {
        void *answer = NULL;
        pthread_join(threads[i], &answer);
        cr_expect_null(answer, "%s", (const char *)answer);
    }
}
