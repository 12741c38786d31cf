/* datasets/synth.h: images made into recordings of an event camera.
 *
 * After the way CIFAR10-DVS was made (Li et al., Frontiers in Neuroscience 2017,
 * "repeated closed-loop smooth" movement): the image, enlarged to fill the field of view,
 * moves along a closed loop in front of a DVS128. Modelled:
 *
 *     image --grey, bilinear--> 128 x 128 --moved along a diamond--> L(t) = ln(floor + I)
 *
 * and per pixel: an ON (OFF) event when L has risen (fallen) by that pixel's threshold
 * since its last reset; thresholds differ from pixel to pixel by a fixed pattern; after
 * an event the pixel is held at reset for the refractory time; background events come at
 * random. Event times are solved for, not stepped: L is linear between path samples.
 * Not modelled: the refresh of the monitor, the optics' blur, temperature. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datasets/reader.h"
#include "sim/option.h"
#include "sim/status.h"

enum { DATA_SYNTH_SIDE = 128 }; /* pixels of a DVS128 */

typedef struct DataSynthOptions {
    char name[64];     /* files are <class>/<name>_<class>_<k>.aedat; empty: the name of
                          the image folder, cifar10 for CIFAR-10 */
    int64_t per_class; /* recordings of each class, in the order of the images; 0: all */
    int64_t seed;
    int64_t events;   /* wanted mean per recording, the threshold is found from the
                         images; 0: as the threshold gives */
    double threshold; /* nominal contrast, in ln(intensity) */
    double mismatch;  /* deviation of the pixels' thresholds, relative */
    double floor;     /* light of a black pixel, white is floor + 1 */
    double refractory_us;
    double noise_hz;  /* background events of a pixel */
    int64_t loops;    /* how often the image goes round */
    double loop_ms;   /* one round */
    double amplitude; /* half the diagonal of the diamond, sensor pixels */
} DataSynthOptions;

extern const SimOption data_synth_options[];

/* One recording of one image `grey` [h,w] in 0..1; `stream` keys the noise. *events is
 * owned by the caller (free), sorted by time, upright (y down). The same arguments give
 * the same events. */
SimStatus data_synth_events(const DataSynthOptions *options, size_t h, size_t w,
                            const float *grey, uint32_t stream, DataEvent **events,
                            size_t *n);

typedef struct DataSynthReport {
    size_t recordings, classes;
    uint64_t events;  /* in all recordings */
    double threshold; /* used; differs from the options' where `events` was set */
    size_t kept;      /* recordings that were there already */
} DataSynthReport;

/* Every image of `images` (anything data_set_open understands as images) becomes
 * <folder>/<class>/<name>_<class>_<k>.aedat, in parallel; the bytes do not depend on the
 * number of threads. `<folder>/synth.txt` states the options. A run that was stopped goes
 * on where it was when repeated with the same options; other options in a folder that
 * holds recordings fail. `progress` may be NULL; it returns false to stop
 * (SIM_ERR_STOPPED). */
SimStatus data_synth_folder(const char *images, const char *folder,
                            const DataSynthOptions *options, int n_threads,
                            bool (*progress)(void *argument, size_t done, size_t of),
                            void *argument, DataSynthReport *out);
