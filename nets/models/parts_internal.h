/* nets/models/parts_internal.h: what architectures are put together from. */
#pragma once

#include "nets/layers.h"
#include "nets/model.h"

/* What stays the same over a net. */
typedef struct NetParts {
    NetGraph *graph;
    NetConv conv; /* bias, init, gain; sizes come per call */
    NetNorm norm;
    NeuronSpec neuron;
} NetParts;

/* A convolution with as many channels as `units` neurons want: a dendrite joins branches.
 */
int net_part_conv(const NetParts *parts, int from, size_t units, size_t kernel,
                  size_t stride, const char *name, ...)
    __attribute__((format(printf, 6, 7)));
int net_part_norm(const NetParts *parts, int from, const char *name, ...)
    __attribute__((format(printf, 3, 4)));
int net_part_spike(const NetParts *parts, int from, const char *name, ...)
    __attribute__((format(printf, 3, 4)));

/* "64x2,128x2/2": stages of `blocks` residual blocks of a width, the first with a stride;
 * a trailing "a" has the shortcut pool before it projects. */
typedef struct NetStage {
    size_t width, blocks, stride;
    bool average_shortcut;
} NetStage;

enum { NET_MAX_STAGES = 16 };

/* `text` if not empty, else the stages of ResNet-18 or -34 from `width`. */
SimStatus net_part_stages(const char *text, int64_t depth, int64_t width,
                          NetStage stages[NET_MAX_STAGES], size_t *n);

/* Global average, linear to classes * voters, vote. Marks the output. */
void net_part_head(const NetParts *parts, int from, size_t classes, size_t voters,
                   const NetLinear *linear);

/* No soma and, where there is one, a rectifier as dendrite. */
void net_part_classical(NeuronSpec *spec);

/* The next number of units, from `units` on, that the dendrite can have: an ensemble of
 * three gives a multiple of three. And the outputs that the layer before them needs. */
size_t net_part_units(const NeuronSpec *spec, size_t units);
size_t net_part_inputs(const NeuronSpec *spec, size_t units);
/* `apart` of that layer: its branches, where inputs are dealt out among them; else 0. */
int64_t net_part_apart(const NeuronSpec *spec);

/* Widths times a factor, at least 1: of one number, and of every number in `text` that
 * stands at its start or behind a comma ("64,P,128", "64x2,128x2/2"). A text that would
 * not fit stays as it is. */
void net_part_widen_number(int64_t *width, double factor);
void net_part_widen(char *text, size_t size, double factor);
void net_part_widen_evenly(char *text, size_t size, double factor); /* to even numbers */

/* The events, or the image at every step. */
int net_part_input(const NetParts *parts, const NetModelInput *input);
