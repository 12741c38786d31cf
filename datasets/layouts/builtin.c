/* datasets/layouts/builtin.c: small problems in two dimensions, made rather than read.
 *
 *     builtin:NAME[,noise=R][,samples=N][,seed=S]
 *
 * A sample is one frame of 1 x 1 x 2 numbers. The logic problems lie around the corners
 * of the unit square, spread evenly over discs of radius `noise`; the moons (two half
 * circles that reach into each other) have normal noise. Training and test part are two
 * draws of `samples` points, classes as even as the problem allows. */
#include "datasets/set_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/option.h"

typedef struct Options {
    double noise;
    int64_t samples, seed;
} Options;

#define FIELD(name) offsetof(Options, name)
/* clang-format off */
static const SimOption rows[] = {
    {"noise", SIM_OPTION_FLOAT, FIELD(noise), .initial = -1, .low = 0, .high = 0.5, .help = "radius around the corners, or deviation from the moons"},
    {"samples", SIM_OPTION_INT, FIELD(samples), .initial = 400, .low = 4, .high = 1000000, .help = "points of the training part; the test part has as many"},
    {"seed", SIM_OPTION_INT, FIELD(seed), .initial = 0, .low = 0, .high = 9007199254740992.0, .help = "of the points"},
    {0},
};
/* clang-format on */

static const float pi = 3.14159265358979f;

typedef struct Problem {
    const char *name;
    double noise;             /* where none is given */
    unsigned char corners[4]; /* class of (0,0), (1,0), (0,1), (1,1) */
    bool is_moons;
} Problem;

static const Problem problems[] = {
    {"xor", 0.2, {0, 1, 1, 0}, false}, {"and", 0.2, {0, 0, 0, 1}, false},
    {"or", 0.2, {0, 1, 1, 1}, false},  {"xnor", 0.2, {1, 0, 0, 1}, false},
    {"moons", 0.1, {0}, true},
};
enum { N_PROBLEMS = sizeof problems / sizeof *problems };

static const char prefix[] = "builtin:";

bool data_is_builtin(const char *path)
{
    return strncmp(path, prefix, sizeof prefix - 1) == 0;
}

static SimStatus find_problem(const char *path, const char *name, const Problem **out)
{
    const char *names[N_PROBLEMS + 1] = {0};
    for (size_t i = 0; i < N_PROBLEMS; i++) {
        names[i] = problems[i].name;
        if (strcmp(problems[i].name, name) == 0) {
            *out = &problems[i];
            return SIM_OK;
        }
    }
    return sim_unknown(name, names, NULL, "%s: no built-in set is called", path);
}

static SimStatus read_path(const char *path, const Problem **problem, Options *options)
{
    SimStatus status = SIM_OK;
    char text[DATA_PATH_SIZE], *save = NULL;
    sim_options_init(rows, options);
    snprintf(text, sizeof text, "%s", path + sizeof prefix - 1);
    const char *const name = strtok_r(text, ",", &save);
    SIM_TRY(find_problem(path, name ? name : "", problem));
    options->noise = (*problem)->noise;
    for (char *key; (key = strtok_r(NULL, ",", &save));) {
        char *const equal = strchr(key, '=');
        if (!equal)
            return sim_fail(SIM_ERR_VALUE,
                            "%s: wanted key=value after the name, as noise=0.1, got "
                            "\"%s\"",
                            path, key);
        *equal = '\0';
        status = sim_option_set(rows, options, key, equal + 1);
        if (status != SIM_OK) {
            sim_fail_within(status, "%s", path);
            goto out;
        }
    }
out:
    return status;
}

/* Point `i` of a part, [2], and its class. */
static uint32_t make_point(const Problem *problem, const Options *options, DataPart part,
                           uint64_t i, float *xy)
{
    const SimRng rng = {(uint64_t)options->seed, SIM_RNG_SYNTH, (uint32_t)part,
                        (uint32_t)(problem - problems)};
    const float noise = (float)options->noise;
    if (problem->is_moons) {
        const uint32_t moon = (uint32_t)(i % 2);
        const float angle = pi * sim_rng_uniform(rng, 3 * i);
        const float x = cosf(angle), y = sinf(angle);
        xy[0] = (moon ? 1.0f - x : x) + noise * sim_rng_normal(rng, 3 * i + 1);
        xy[1] = (moon ? 0.5f - y : y) + noise * sim_rng_normal(rng, 3 * i + 2);
        return moon;
    }
    const float radius = noise * sqrtf(sim_rng_uniform(rng, 3 * i));
    const float angle = 2.0f * pi * sim_rng_uniform(rng, 3 * i + 1);
    const size_t corner = i % 4;
    xy[0] = (float)(corner & 1) + radius * cosf(angle);
    xy[1] = (float)(corner >> 1) + radius * sinf(angle);
    return problem->corners[corner];
}

static SimStatus list(DataListing *listing)
{
    static const struct {
        DataPart part;
        const char *name;
    } parts[] = {{DATA_TRAIN, "train"}, {DATA_TEST, "test"}};
    SimStatus status = SIM_OK;
    const Problem *problem = NULL;
    Options options;
    uint32_t number;
    if (!data_is_builtin(listing->path))
        return SIM_OK;
    SIM_TRY(read_path(listing->path, &problem, &options));
    listing->kind = DATA_IMAGES;
    listing->shape[0] = listing->shape[1] = 1;
    listing->shape[2] = 2;
    listing->values = calloc((size_t)options.samples * 4, sizeof *listing->values);
    if (!listing->values)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for %lld points", listing->path,
                        (long long)options.samples);
    SIM_TRY(data_listing_class(listing, "0", &number));
    SIM_TRY(data_listing_class(listing, "1", &number));
    for (size_t p = 0; p < 2; p++)
        for (uint64_t i = 0; i < (uint64_t)options.samples; i++) {
            const uint64_t at = p * (uint64_t)options.samples + i;
            char name[32];
            snprintf(name, sizeof name, "%s-%07llu", parts[p].name,
                     (unsigned long long)i);
            const uint32_t label =
                make_point(problem, &options, parts[p].part, i, listing->values + 2 * at);
            SIM_TRY(
                data_listing_add(listing, name, listing->path, at, label, parts[p].part));
        }
out:
    return status;
}

const DataLayout data_layout_builtin = {
    .name = "builtin",
    .summary = "builtin:xor, and, or, xnor, moons: points in two dimensions, made here",
    .list = list,
};
