/* cli/data_verify.c: "apical data verify": every file of a folder read to its end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/data_internal.h"
#include "cli/digest.h"
#include "cli/human.h"
#include "cli/inspect.h"

enum { PATH_SIZE = 1024 };

/* --- CIFAR10-DVS as it is published (figshare) ----------------------------------------
 */

enum { CIFAR_CLASSES = 10, CIFAR_PER_CLASS = 1000 };
static const struct {
    const char *name, *md5; /* of <name>.zip */
} cifar[CIFAR_CLASSES] = {
    {"airplane", "0afd5c4bf9ae06af762a77b180354fdd"},
    {"automobile", "8438dfeba3bc970c94962d995b1b9bdd"},
    {"bird", "a9c207c91c55b9dc2002dc21c684d785"},
    {"cat", "52c63c677c2b15fa5146a8daf4d56687"},
    {"deer", "b6bf21f6c04d21ba4e23fc3e36c8a4a3"},
    {"dog", "f379ebdf6703d16e0a690782e62639c3"},
    {"frog", "cad6ed91214b1c7388a5f6ee56d08803"},
    {"horse", "e7cbbf77bec584ffbf913f00e682782a"},
    {"ship", "41c7bd7d6b251be82557c6cce9a7d5c9"},
    {"truck", "89f3922fd147d9aeff89e76a2b0b70a7"},
};

typedef struct Report {
    size_t good, broken, other; /* files; other: neither events nor images */
    uint64_t events, images;
    uint64_t out_of_range, backward;
    size_t empty;    /* recordings without events */
    size_t bad_sums; /* SHA256SUMS, MD5 of zips */
    size_t good_sums;
    bool is_terminal;
    size_t seen;
} Report;

/* --- one file ----------------------------------------------------------------------- */

static bool has_ending(const char *path, const char *ending)
{
    const size_t a = strlen(path), b = strlen(ending);
    return a >= b && strcmp(path + a - b, ending) == 0;
}

/* Only names that promise events or images make an unknown content a broken file: a
 * folder may hold notes, lists and scripts beside its data. */
static bool promises_data(const char *path)
{
    static const char *const endings[] = {".aedat", ".aedat2",   ".aedat4",
                                          ".bin",   ".bs2",      ".png",
                                          "-ubyte", "-ubyte.gz", ".aedat31"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (has_ending(path, endings[i]))
            return true;
    return false;
}

static void complain(Report *report, const char *sentence)
{
    if (report->is_terminal)
        fputs("\r\033[K", stdout);
    printf("  broken: %s\n", sentence);
    report->broken++;
}

/* The members of an archive, one after the other. */
typedef struct Archive {
    Report *report;
    const char *path;
} Archive;

static SimStatus verify_file(void *argument, const char *path);

static SimStatus verify_member(void *argument, const char *name, uint64_t size)
{
    const Archive *const archive = argument;
    char member[2 * PATH_SIZE];
    (void)size;
    snprintf(member, sizeof member, "%s:%s", archive->path, name);
    return verify_file(archive->report, member);
}

static SimStatus verify_file(void *argument, const char *path)
{
    Report *const report = argument;
    CliInspection found;
    if (report->is_terminal && ++report->seen % 16 == 0) {
        printf("\r  %zu files read\033[K", report->seen);
        fflush(stdout);
    }
    for (size_t i = 0; i < CIFAR_CLASSES; i++) {
        char zip[32], hex[SIM_HASH_TEXT];
        snprintf(zip, sizeof zip, "/%s.zip", cifar[i].name);
        if (!has_ending(path, zip))
            continue;
        if (cli_digest_file(SIM_MD5, path, hex) != SIM_OK) {
            complain(report, sim_message());
        } else if (strcmp(hex, cifar[i].md5) != 0) {
            printf("  broken: %s: MD5 %s, published is %s: download it again\n", path,
                   hex, cifar[i].md5);
            report->bad_sums++;
        } else {
            printf("  %s: MD5 as published; unzip it here\n", path);
            report->good_sums++;
        }
        return SIM_OK;
    }
    if (has_ending(path, ".tar")) {
        Archive archive = {report, path};
        bool is_tar = false;
        if (data_tar_visit(path, &is_tar, verify_member, &archive) != SIM_OK)
            complain(report, sim_message());
        if (is_tar)
            return SIM_OK;
    }
    DataFile *file = NULL;
    if (!promises_data(path)) {
        if (data_file_open(path, DATA_AXES_JAER, &file) != SIM_OK) {
            report->other++;
            return SIM_OK;
        }
        data_file_close(file);
    }
    if (cli_inspect(path, DATA_AXES_JAER, &found) != SIM_OK) {
        complain(report, sim_message());
        return SIM_OK;
    }
    if (found.health.bytes_left > 0) {
        char sentence[PATH_SIZE + 120];
        snprintf(sentence, sizeof sentence,
                 "%s: cut off, %llu bytes of an incomplete record at the end", path,
                 (unsigned long long)found.health.bytes_left);
        complain(report, sentence);
        return SIM_OK;
    }
    report->good++;
    report->events += found.events.events;
    report->images += found.info.n_images;
    report->out_of_range += found.health.out_of_range;
    report->backward += found.events.backward;
    report->empty += found.info.kind == DATA_EVENTS && found.events.events == 0;
    return SIM_OK;
}

/* --- sums --------------------------------------------------------------------------- */

/* The form of sha256sum: 64 hexadecimal digits, two characters, a path. */
static SimStatus verify_sums(const char *folder, Report *report)
{
    char path[PATH_SIZE], line[PATH_SIZE + 80];
    snprintf(path, sizeof path, "%s/SHA256SUMS", folder);
    FILE *const list = fopen(path, "r");
    if (!list)
        return errno == ENOENT ? SIM_OK
                               : sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, list)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strlen(line) < 67 || strspn(line, "0123456789abcdef") != 64)
            continue;
        char file[2 * PATH_SIZE], hex[SIM_HASH_TEXT];
        snprintf(file, sizeof file, "%s/%s", folder, line + 66);
        line[64] = '\0';
        if (access(file, R_OK) != 0) {
            printf("  missing: %s is in SHA256SUMS: %s\n", file, strerror(errno));
            report->bad_sums++;
        } else if (cli_digest_file(SIM_SHA256, file, hex) != SIM_OK) {
            complain(report, sim_message());
        } else if (strcmp(hex, line) != 0) {
            printf("  changed: %s is not what SHA256SUMS says\n", file);
            report->bad_sums++;
        } else {
            report->good_sums++;
        }
    }
    fclose(list);
    return SIM_OK;
}

/* How many of the 10 x 1,000 recordings are there; false: this is another set. */
static bool count_cifar(const char *folder, size_t *missing)
{
    char path[PATH_SIZE];
    *missing = 0;
    for (size_t k = 0; k < CIFAR_CLASSES; k++) {
        snprintf(path, sizeof path, "%s/%s", folder, cifar[k].name);
        if (!cli_is_folder(path))
            return false;
    }
    for (size_t k = 0; k < CIFAR_CLASSES; k++) {
        size_t absent = 0;
        for (int i = 0; i < CIFAR_PER_CLASS; i++) {
            bool there = false;
            for (int version = 0; version < 2 && !there; version++) {
                snprintf(path, sizeof path, "%s/%s/cifar10_%s_%d.aedat%s", folder,
                         cifar[k].name, cifar[k].name, i, version ? "4" : "");
                there = access(path, F_OK) == 0;
            }
            absent += !there;
        }
        if (absent > 0)
            printf("  %-11s %zu of %d recordings\n", cifar[k].name,
                   CIFAR_PER_CLASS - absent, CIFAR_PER_CLASS);
        *missing += absent;
    }
    return true;
}

/* --- the command -------------------------------------------------------------------- */

static error_t parse(int key, char *text, struct argp_state *state)
{
    const char **const folder = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (*folder)
            argp_error(state, "wanted one folder or file, not more");
        *folder = text;
        return 0;
    case ARGP_KEY_END:
        if (!*folder)
            argp_error(state, "wanted a folder or file");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int run(int argc, char **argv)
{
    static const struct argp argp = {
        NULL,
        parse,
        "FOLDER",
        "Reads every recording and image below a folder to its end and lists the broken "
        "ones. Compares SHA256SUMS where there is one, the ten zip files of CIFAR10-DVS "
        "with their published MD5, and counts its recordings.",
        NULL,
        NULL,
        NULL};
    const char *folder = NULL;
    cli_parse(&argp, argc, argv, &folder);

    Report report = {.is_terminal = isatty(STDOUT_FILENO) != 0};
    printf("%s\n", folder);
    if (cli_walk(folder, verify_file, &report) != SIM_OK ||
        (cli_is_folder(folder) && verify_sums(folder, &report) != SIM_OK))
        return cli_failed(argv[0]);
    if (report.is_terminal)
        fputs("\r\033[K", stdout);

    size_t missing = 0;
    const bool is_cifar = cli_is_folder(folder) && count_cifar(folder, &missing);
    CliHuman a, b, c;
    printf("  %s files good (%s events, %s images), %zu broken\n",
           cli_human_digits(a, report.good), cli_human_digits(b, report.events),
           cli_human_digits(c, report.images), report.broken);
    if (report.other > 0)
        printf("  %zu other %s, not looked into\n", report.other,
               report.other == 1 ? "file" : "files");
    if (report.good_sums + report.bad_sums > 0)
        printf("  %zu check sums agree, %zu do not\n", report.good_sums, report.bad_sums);
    if (report.empty > 0)
        printf("  %zu without any event\n", report.empty);
    if (report.out_of_range > 0)
        printf("  %s events lie outside their sensor; they are left out\n",
               cli_human_digits(a, report.out_of_range));
    if (report.backward > 0)
        printf("  %s times step back; frames by time take them where they stand\n",
               cli_human_digits(a, report.backward));
    if (is_cifar && missing == 0)
        puts("  CIFAR10-DVS is complete: 10 classes of 1,000 recordings");
    else if (is_cifar)
        printf("  of CIFAR10-DVS %s of 10,000 recordings are missing; a smaller set "
               "trains too, but its\n  accuracy does not compare with published ones\n",
               cli_human_digits(a, missing));
    if (report.good + report.broken + report.good_sums + report.bad_sums == 0) {
        fprintf(stderr,
                "%s: %s holds no recording or image that is understood; \"apical "
                "data list\" names the formats\n",
                argv[0], folder);
        return CLI_FAILED;
    }
    if (report.broken + report.bad_sums > 0) {
        puts("  What to do: fetch the files listed above again, or remove them; training "
             "leaves\n  broken recordings out and says so");
        return CLI_FAILED;
    }
    return CLI_OK;
}

const CliCommand cli_data_verify = {
    .name = "verify",
    .arguments = "FOLDER",
    .summary = "reads every file, compares check sums, lists what is broken",
    .run = run,
};
