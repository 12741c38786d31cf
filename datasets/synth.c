/* datasets/synth.c: what a modelled DVS128 sees of one moving image.
 *
 * Row by row: the row's log intensity at each sample of the path, then every pixel of the
 * row on its own through all rounds, then all events sorted by time.
 *
 *        *          the path of the image: a diamond, four straight legs at constant
 *      /   \        speed, amplitude in sensor pixels from the middle to a corner
 *     *     *
 *      \   /
 *        *  start
 */
#include "datasets/synth_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/list.h"
#include "sim/rng.h"

enum { SIDE = DATA_SYNTH_SIDE, PIXELS = DATA_SYNTH_PIXELS, LEVELS = DATA_SYNTH_LEVELS };
enum { LEGS = 4, MAX_LEG_SAMPLES = 64, MAX_SAMPLES = LEGS * MAX_LEG_SAMPLES };

static const double noise_on_share = 0.75; /* leak makes background events mostly ON */
static const uint32_t camera_stream = UINT32_MAX; /* the pattern of the camera itself */

#define FIELD(name) offsetof(DataSynthOptions, name)
/* clang-format off */
const SimOption data_synth_options[] = {
    {"name", SIM_OPTION_TEXT, FIELD(name), sizeof ((DataSynthOptions *)0)->name,
     .help = "files are <class>/<name>_<class>_<k>.aedat; empty: from the images"},
    {"per_class", SIM_OPTION_INT, FIELD(per_class), .initial = 0, .low = 0, .high = 1e6,
     .help = "recordings of each class; 0: all images"},
    {"seed", SIM_OPTION_INT, FIELD(seed), .initial = 0, .low = 0, .high = 9007199254740992.0,
     .help = "of the pixels' thresholds and the noise"},
    {"events", SIM_OPTION_INT, FIELD(events), .initial = 0, .low = 0, .high = 1e7,
     .help = "wanted mean of events per recording, sets the threshold; 0: off"},
    {"threshold", SIM_OPTION_FLOAT, FIELD(threshold), .initial = 0.15, .low = 0.01, .high = 5,
     .help = "contrast that makes an event, in ln(intensity)"},
    {"mismatch", SIM_OPTION_FLOAT, FIELD(mismatch), .initial = 0.03, .low = 0, .high = 0.3,
     .help = "deviation of the pixels' thresholds, relative"},
    {"floor", SIM_OPTION_FLOAT, FIELD(floor), .initial = 0.1, .low = 0.001, .high = 10,
     .help = "light of a black pixel; white is one more"},
    {"refractory_us", SIM_OPTION_FLOAT, FIELD(refractory_us), .initial = 500, .low = 0, .high = 1e6,
     .help = "time a pixel is held at reset after an event, microseconds"},
    {"noise_hz", SIM_OPTION_FLOAT, FIELD(noise_hz), .initial = 0.1, .low = 0, .high = 1000,
     .help = "background events of a pixel per second"},
    {"loops", SIM_OPTION_INT, FIELD(loops), .initial = 6, .low = 1, .high = 1000,
     .help = "rounds of the image"},
    {"loop_ms", SIM_OPTION_FLOAT, FIELD(loop_ms), .initial = 200, .low = 1, .high = 10000,
     .help = "time of one round, milliseconds"},
    {"amplitude", SIM_OPTION_FLOAT, FIELD(amplitude), .initial = 4, .low = 0.1, .high = 32,
     .help = "of the movement, sensor pixels from the middle to a corner"},
    {.name = NULL},
};
/* clang-format on */

SimStatus data_camera_create(const DataSynthOptions *options, DataCamera **out)
{
    const double length_us = (double)options->loops * options->loop_ms * 1000;
    if (length_us >= (double)INT32_MAX)
        return sim_fail(SIM_ERR_VALUE,
                        "loops, loop_ms: %lld rounds of %g ms are longer than the 35 "
                        "minutes that AEDAT 2.0 can hold",
                        (long long)options->loops, options->loop_ms);
    DataCamera *const camera = malloc(sizeof *camera);
    if (!camera)
        return sim_fail(SIM_ERR_MEMORY, "no memory for the camera");
    camera->options = *options;
    const SimRng rng = {(uint64_t)options->seed, SIM_RNG_SYNTH, 0, camera_stream};
    for (size_t i = 0; i < PIXELS; i++) {
        /* Never below a tenth: a pixel without a threshold would not stop. */
        const double on = 1 + options->mismatch * (double)sim_rng_normal(rng, 2 * i);
        const double off = 1 + options->mismatch * (double)sim_rng_normal(rng, 2 * i + 1);
        camera->on[i] = (float)fmax(on, 0.1);
        camera->off[i] = (float)fmax(off, 0.1);
    }
    for (size_t i = 0; i < LEVELS + 2; i++)
        camera->ln[i] = (float)log(options->floor + (double)i / LEVELS);
    *out = camera;
    return SIM_OK;
}

void data_camera_destroy(DataCamera *camera)
{
    free(camera);
}

/* --- one recording ---------------------------------------------------------------------
 */

typedef struct Tap { /* source pixel and weight of the next one */
    uint32_t at, next;
    float weight;
} Tap;

typedef struct Scene {
    const DataCamera *camera;
    double threshold;
    size_t samples; /* of one round */
    double step_us, refractory_us;
    size_t rounds;
    Tap x[MAX_SAMPLES][SIDE], y[MAX_SAMPLES][SIDE];
    float ln[MAX_SAMPLES + 1][SIDE]; /* of the row at hand; the last is the first */
} Scene;

typedef struct Key { /* an event while it is sorted */
    uint32_t t_us;
    uint32_t pixel_on; /* pixel << 1 | on */
} Key;

typedef struct Keys {
    Key *rows; /* owned */
    size_t n, room;
    bool full; /* no memory for more */
} Keys;

static void add(Keys *keys, double t_us, size_t pixel, bool on)
{
    if (!sim_list_reserve(&keys->rows, &keys->room, keys->n + 1, sizeof *keys->rows))
        keys->full = true;
    else
        keys->rows[keys->n++] = (Key){(uint32_t)t_us, (uint32_t)(pixel << 1 | on)};
}

/* Where sensor pixel i looks in an image of n pixels across, moved by `moved`; the edge
 * pixel goes on outside. */
static Tap tap_at(size_t i, double moved, size_t n)
{
    double from = ((double)i + 0.5 - moved) * (double)n / SIDE - 0.5;
    from = from < 0 ? 0 : from > (double)(n - 1) ? (double)(n - 1) : from;
    const uint32_t at = (uint32_t)from;
    return (Tap){at, at + 1 < n ? at + 1 : at, (float)(from - at)};
}

static void lay_path(Scene *scene, size_t h, size_t w)
{
    static const double corners[LEGS + 1][2] = {{0, 1}, {1, 0}, {0, -1}, {-1, 0}, {0, 1}};
    const double amplitude = scene->camera->options.amplitude;
    const size_t leg = scene->samples / LEGS;
    for (size_t p = 0; p < scene->samples; p++) {
        const double *const a = corners[p / leg], *const b = corners[p / leg + 1];
        const double share = (double)(p % leg) / (double)leg;
        const double dx = amplitude * (a[0] + share * (b[0] - a[0]));
        const double dy = amplitude * (a[1] + share * (b[1] - a[1]));
        for (size_t i = 0; i < SIDE; i++) {
            scene->x[p][i] = tap_at(i, dx, w);
            scene->y[p][i] = tap_at(i, dy, h);
        }
    }
}

/* The log intensity of one row at every sample of the path. `line` [w] is scratch. */
static void see_row(Scene *scene, size_t row, size_t w, const float *grey, float *line)
{
    const float *const ln = scene->camera->ln;
    for (size_t p = 0; p < scene->samples; p++) {
        const Tap v = scene->y[p][row];
        const float *const above = grey + v.at * w, *const below = grey + v.next * w;
        for (size_t j = 0; j < w; j++)
            line[j] = above[j] + v.weight * (below[j] - above[j]);
        for (size_t i = 0; i < SIDE; i++) {
            const Tap u = scene->x[p][i];
            const float light =
                (line[u.at] + u.weight * (line[u.next] - line[u.at])) * LEVELS;
            const uint32_t level = (uint32_t)light;
            const float rest = light - (float)level;
            scene->ln[p][i] = ln[level] + rest * (ln[level + 1] - ln[level]);
        }
    }
    memcpy(scene->ln[scene->samples], scene->ln[0], sizeof scene->ln[0]);
}

/* All rounds of one pixel, column i of the row at hand. */
static void watch(const Scene *scene, size_t i, size_t pixel, Keys *keys)
{
    const DataCamera *const camera = scene->camera;
    const float on = (float)scene->threshold * camera->on[pixel];
    const float off = (float)scene->threshold * camera->off[pixel];
    float low = scene->ln[0][i], high = low;
    for (size_t p = 1; p < scene->samples; p++) {
        const float l = scene->ln[p][i];
        low = l < low ? l : low;
        high = l > high ? l : high;
    }
    if (high - low < (on < off ? on : off))
        return;

    const double step = scene->step_us;
    float reset = scene->ln[0][i]; /* the level of the last reset */
    double free_us = -1;           /* held at reset until then; -1: not held */
    size_t at = 0;                 /* steps since the start */
    for (size_t round = 0; round < scene->rounds; round++)
        for (size_t p = 0; p < scene->samples; p++, at++) {
            const float from = scene->ln[p][i], to = scene->ln[p + 1][i];
            if (free_us < 0 && to - reset < on && reset - to < off)
                continue;
            const double start = (double)at * step, end = start + step;
            const double slope = (double)(to - from) / step;
            for (;;) {
                if (free_us >= 0) {
                    if (free_us >= end)
                        break;
                    reset = (float)((double)from + slope * (free_us - start));
                    free_us = -1;
                }
                const bool rises = to - reset >= on;
                if (!rises && reset - to < off)
                    break;
                const double level =
                    rises ? (double)reset + (double)on : (double)reset - (double)off;
                /* A crossing just before `start` can only be rounding. */
                const double t =
                    fmin(fmax(start + (level - (double)from) / slope, start), end);
                add(keys, t, pixel, rises);
                if (scene->refractory_us > 0)
                    free_us = t + scene->refractory_us;
                else
                    reset = (float)level;
            }
        }
}

static void add_noise(const Scene *scene, uint32_t stream, Keys *keys)
{
    const DataSynthOptions *const options = &scene->camera->options;
    const SimRng rng = {(uint64_t)options->seed, SIM_RNG_SYNTH, 0, stream};
    const double length_us = scene->step_us * (double)(scene->samples * scene->rounds);
    const double rate = options->noise_hz * PIXELS * 1e-6; /* events a microsecond */
    if (rate <= 0)
        return;
    double t = 0;
    for (uint64_t k = 0;; k++) {
        t -= log(1 - (double)sim_rng_uniform(rng, 3 * k)) / rate;
        if (t >= length_us || keys->full)
            return;
        add(keys, t, sim_rng_below(rng, 3 * k + 1, PIXELS),
            (double)sim_rng_uniform(rng, 3 * k + 2) < noise_on_share);
    }
}

/* By time, stable, so in the order of pixels within a microsecond: radix sort. */
static void sort(Key *rows, Key *scratch, size_t n)
{
    enum { BITS = 11, BINS = 1 << BITS };
    for (int shift = 0; shift < 32; shift += BITS) {
        size_t counts[BINS] = {0};
        for (size_t i = 0; i < n; i++)
            counts[rows[i].t_us >> shift & (BINS - 1)]++;
        for (size_t b = 0, sum = 0; b < BINS; b++) {
            const size_t count = counts[b];
            counts[b] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            scratch[counts[rows[i].t_us >> shift & (BINS - 1)]++] = rows[i];
        memcpy(rows, scratch, n * sizeof *rows);
    }
}

SimStatus data_camera_record(const DataCamera *camera, double threshold, size_t h,
                             size_t w, const float *grey, uint32_t stream,
                             DataEvent **events, size_t *n)
{
    SimStatus status = SIM_OK;
    const DataSynthOptions *const options = &camera->options;
    Keys keys = {0};
    Key *scratch = NULL;
    DataEvent *made = NULL;
    Scene *const scene = malloc(sizeof *scene);
    float *const line = malloc(w * sizeof *line);
    if (!scene || !line) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for a scene");
        goto out;
    }
    /* Two samples a pixel of the way, along the leg. */
    size_t leg = (size_t)ceil(2 * options->amplitude);
    leg = leg < 4 ? 4 : leg > MAX_LEG_SAMPLES ? MAX_LEG_SAMPLES : leg;
    scene->camera = camera;
    scene->threshold = threshold;
    scene->samples = LEGS * leg;
    scene->rounds = (size_t)options->loops;
    scene->step_us = options->loop_ms * 1000 / (double)scene->samples;
    scene->refractory_us = options->refractory_us;
    lay_path(scene, h, w);
    for (size_t row = 0; row < SIDE; row++) {
        see_row(scene, row, w, grey, line);
        for (size_t i = 0; i < SIDE; i++)
            watch(scene, i, row * SIDE + i, &keys);
    }
    add_noise(scene, stream, &keys);
    scratch = malloc((keys.n + 1) * sizeof *scratch);
    made = malloc((keys.n + 1) * sizeof *made);
    if (keys.full || !scratch || !made) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for %zu events", keys.n);
        goto out;
    }
    if (keys.n)
        sort(keys.rows, scratch, keys.n);
    for (size_t i = 0; i < keys.n; i++) {
        const uint32_t pixel = keys.rows[i].pixel_on >> 1;
        made[i] = (DataEvent){.t_us = keys.rows[i].t_us,
                              .x = (uint16_t)(pixel % SIDE),
                              .y = (uint16_t)(pixel / SIDE),
                              .on = keys.rows[i].pixel_on & 1};
    }
    *events = made;
    *n = keys.n;
    made = NULL;
out:
    free(scene);
    free(line);
    free(keys.rows);
    free(scratch);
    free(made);
    return status;
}

SimStatus data_synth_events(const DataSynthOptions *options, size_t h, size_t w,
                            const float *grey, uint32_t stream, DataEvent **events,
                            size_t *n)
{
    DataCamera *camera = NULL;
    SimStatus status = data_camera_create(options, &camera);
    if (status == SIM_OK)
        status =
            data_camera_record(camera, options->threshold, h, w, grey, stream, events, n);
    data_camera_destroy(camera);
    return status;
}
