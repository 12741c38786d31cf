/* tests/viz/synthetic.c: steps by formula. */
#include "tests/viz/synthetic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "neurons/neuron.h"

typedef struct Synthetic {
    VizSource source; /* first: the source is the object */
    VizSubject subject;
    SyntheticOptions options;
    NeuronSpec spec;
} Synthetic;

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static double uniform(uint64_t a, uint64_t b, uint64_t c)
{
    return (double)(mix(a * 0x9e3779b97f4a7c15u + mix(b * 0x2545f4914f6cdd1du + c)) >>
                    11) *
           0x1p-53;
}

/* A membrane that charges up and is reset: below 1, and above at a spike. */
double synthetic_membrane(const SyntheticOptions *options, size_t layer, size_t step,
                          uint64_t neuron)
{
    if (synthetic_fires(options, layer, step, neuron))
        return 1.0 + 0.25 * uniform(layer, step + 1000, neuron);
    return -0.3 + 1.2 * uniform(layer, step + 2000, neuron);
}

bool synthetic_fires(const SyntheticOptions *options, size_t layer, size_t step,
                     uint64_t neuron)
{
    const double of_neuron = 2 * options->rate * uniform(layer, 77, neuron % 1000);
    return uniform(layer, step, neuron) < of_neuron;
}

static void fill_layer(const Synthetic *s, size_t row, size_t k, const VizWants *wants,
                       VizStepBuffer *out)
{
    const VizLayer *const layer = &s->subject.layers[row];
    const size_t n = layer->h * layer->w * layer->c;
    const bool wanted = wants->layer == (int)row;
    if (layer->spiking) {
        const size_t words = sim_words(layer->c);
        memset(out->spikes[row], 0, layer->h * layer->w * words * sizeof(uint64_t));
        for (uint64_t i = 0; i < n; i++)
            if (synthetic_fires(&s->options, row, k, i)) {
                const uint64_t channel = i % layer->c;
                out->spikes[row][i / layer->c * words + channel / 64] |= 1ull
                                                                         << channel % 64;
                out->n_spikes[row]++;
            }
        out->spike_views[row] = out->spikes[row];
        if (wanted && s->options.potential) {
            for (uint64_t i = 0; i < n; i++)
                out->potential[i] = (float)synthetic_membrane(&s->options, row, k, i);
            out->step.potential = out->potential;
        }
        return;
    }
    float *const values = out->values[row] ? out->values[row]
                          : wanted         ? out->wanted
                                           : NULL;
    if (!values)
        return;
    for (uint64_t i = 0; i < n; i++)
        values[i] = (float)(2 * uniform(row, k, i) - 1);
    out->value_views[row] = values;
}

static SimStatus make(VizSource *source, size_t k, const VizWants *wants,
                      const atomic_bool *stop, VizStepBuffer *out)
{
    const Synthetic *const s = (const Synthetic *)source;
    (void)stop;
    viz_step_buffer_clear(out, &s->subject, k, wants);
    for (size_t i = 0; i < s->subject.input_h * s->subject.input_w; i++) {
        const double x = (double)(i % s->subject.input_w),
                     y = (double)(i / s->subject.input_w);
        const double d = hypot(x - 6 - (double)k, y - 16);
        out->input[2 * i] = d < 5 ? (float)(5 - d) : 0;
        out->input[2 * i + 1] = d > 5 && d < 7 ? 1 : 0;
    }
    out->step.input = out->input;
    for (size_t row = 0; row < SYNTHETIC_LAYERS; row++)
        fill_layer(s, row, k, wants, out);
    for (size_t c = 0; c < SYNTHETIC_CLASSES; c++) {
        /* Class 5 leads until step SYNTHETIC_SETTLED, then the label does for good. */
        out->scores[c] = (float)(0.1 * (double)c / SYNTHETIC_CLASSES);
        if (c == 5)
            out->scores[c] = k < SYNTHETIC_SETTLED / 2 ? 1 : 0;
        if (c == SYNTHETIC_LABEL)
            out->scores[c] = k < SYNTHETIC_SETTLED / 2 ? 0.1f : 0.9f;
    }
    out->step.scores = out->scores;
    for (size_t i = 0; i < wants->n_picks; i++) {
        const VizPick pick = wants->picks[i];
        const VizLayer *const layer = &s->subject.layers[pick.layer];
        if (!layer->spiking)
            continue;
        const size_t row = (size_t)pick.layer;
        out->step.fired[i] = synthetic_fires(&s->options, row, k, pick.neuron);
        if (s->options.potential)
            out->step.picked[i] =
                (float)synthetic_membrane(&s->options, row, k, pick.neuron);
        out->step.n_branches[i] = row == SYNTHETIC_DEEP ? 2 : 1;
        for (size_t b = 0; b < out->step.n_branches[i]; b++)
            out->step.branches[i][b] =
                (float)sin(0.5 * (double)k + (double)b + (double)pick.neuron);
    }
    return SIM_OK;
}

static void close_source(VizSource *source)
{
    Synthetic *const s = (Synthetic *)source;
    viz_subject_destroy(&s->subject);
    free(s);
}

SimStatus synthetic_source_create(const SyntheticOptions *options, VizSource **out)
{
    static const VizLayer layers[SYNTHETIC_LAYERS] = {
        [SYNTHETIC_INPUT] = {.name = "input", .kind = "input", .h = 32, .w = 32, .c = 2},
        [SYNTHETIC_CONV] = {.name = "conv1",
                            .kind = "conv",
                            .h = 16,
                            .w = 16,
                            .c = 12,
                            .n_inputs = 1,
                            .inputs = {0},
                            .parameters = 216,
                            .macs = 55296},
        [SYNTHETIC_WIDE] = {.name = "spike1",
                            .kind = "neuron",
                            .h = 16,
                            .w = 16,
                            .c = 12,
                            .n_inputs = 1,
                            .inputs = {1},
                            .spiking = true},
        [SYNTHETIC_DEEP] = {.name = "stage2.block1.spike2",
                            .kind = "neuron",
                            .h = 6,
                            .w = 6,
                            .c = 80,
                            .n_inputs = 1,
                            .inputs = {2},
                            .spiking = true},
        [SYNTHETIC_DENSE] = {.name = "readout",
                             .kind = "linear",
                             .h = 1,
                             .w = 1,
                             .c = SYNTHETIC_CLASSES,
                             .n_inputs = 1,
                             .inputs = {3},
                             .parameters = 28800,
                             .macs = 28800},
    };
    static const char *const names[SYNTHETIC_CLASSES] = {
        "airplane", "automobile", "bird",  "cat",  "deer",
        "dog",      "frog",       "horse", "ship", "truck"};
    Synthetic *const s = calloc(1, sizeof *s);
    if (!s)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a synthetic source");
    const SimStatus status = viz_subject_create(SYNTHETIC_LAYERS, SYNTHETIC_STEPS,
                                                SYNTHETIC_CLASSES, &s->subject);
    if (status != SIM_OK) {
        free(s);
        return status;
    }
    s->options = *options;
    s->spec = neuron_spec_default();
    VizSubject *const subject = &s->subject;
    memcpy(subject->layers, layers, sizeof layers);
    for (size_t i = 0; i < SYNTHETIC_LAYERS; i++) {
        VizLayer *const layer = &subject->layers[i];
        layer->node = (int)i;
        layer->threshold = layer->spiking ? 1 : NAN;
        layer->is_neuron = layer->has_spikes = layer->spiking;
        layer->has_potential = layer->spiking && options->potential;
        layer->spec = layer->spiking ? &s->spec : NULL;
    }
    for (size_t i = 0; i < SYNTHETIC_CLASSES; i++)
        subject->classes[i] = strdup(names[i]);
    for (size_t k = 0; k <= SYNTHETIC_STEPS; k++)
        subject->edges_us[k] = (int64_t)k * (options->timed ? 5000 : VIZ_NOMINAL_US);
    snprintf(subject->title, sizeof subject->title, "%s",
             options->title ? options->title : "synthetic net");
    snprintf(subject->input, sizeof subject->input, "a moving disc");
    subject->label = SYNTHETIC_LABEL;
    subject->timed = options->timed;
    subject->input_h = subject->input_w = 32;
    subject->input_c = 2;
    s->source = (VizSource){.subject = subject, .make = make, .close = close_source};
    *out = &s->source;
    return SIM_OK;
}

/* --- letters ------------------------------------------------------------------------ */

enum { GLYPHS = 95 + 4 };

const VizFonts *synthetic_fonts(void)
{
    static const uint16_t more[] = {0xb1, 0xd7, 0x2013, 0x2026};
    static const int heights[VIZ_FONTS] = {13, 16, 16, 22};
    static uint8_t coverage[32 * 32];
    static VizGlyph glyphs[VIZ_FONTS][GLYPHS];
    static VizFonts fonts;
    if (fonts.scale > 0)
        return &fonts;
    memset(coverage, 255, sizeof coverage);
    for (int kind = 0; kind < VIZ_FONTS; kind++) {
        const int height = heights[kind], width = height / 2;
        for (size_t i = 0; i < GLYPHS; i++)
            glyphs[kind][i] = (VizGlyph){.code = i < 95 ? 32 + (uint32_t)i : more[i - 95],
                                         .advance = (int16_t)width,
                                         .top = 2,
                                         .w = i ? (uint16_t)(width - 1) : 0,
                                         .h = i ? (uint16_t)(height - 4) : 0};
        fonts.kinds[kind] = (VizFont){height, height - 3, glyphs[kind], GLYPHS, coverage};
    }
    fonts.scale = 1;
    return &fonts;
}
