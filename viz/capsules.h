/* viz/capsules.h: the inside of capsule layers, which nets do not keep: routing done
 * again for one image, and the decoder run on any pose. */
#pragma once

#include "nets/layers.h"
#include "viz/subject.h"

/* Coefficients of every iteration, by the definition in nets/layers/routing_internal.h.
 */
typedef struct VizRouting {                   /* zeroed: empty */
    size_t inputs, outputs, pose, iterations; /* I, J, P, R */
    float *coefficients; /* owned, [R,I,J]: c as iteration r uses it; sums to 1 over J */
    float *poses;        /* owned, [R,J,P]: v after iteration r */
    float *votes;        /* owned, [I,J,P] */
    float *logits;       /* owned, [I,J] */
} VizRouting;

/* weights [I,J,D,P], bias [J,P] or NULL, u [I,D]. Takes over and grows the memory of a
 * former call. Fails without memory. */
SimStatus viz_routing_run(const NetCapsules *options, size_t inputs, const float *weights,
                          const float *bias, const float *u, VizRouting *routing);
void viz_routing_destroy(VizRouting *routing);

/* The layers behind a net's capsule mask, as a net of their own. */
typedef struct VizDecoder VizDecoder;

/* *out NULL where the net has none. The subject must outlive it. */
SimStatus viz_decoder_create(const VizSubject *subject, VizDecoder **out);
void viz_decoder_destroy(VizDecoder *decoder);       /* accepts NULL */
size_t viz_decoder_poses(const VizDecoder *decoder); /* J P numbers go in */
/* The picture it makes of poses [J,P], all zero but one capsule; [n], borrowed until the
 * next call. */
const float *viz_decoder_run(VizDecoder *decoder, const float *poses, size_t *n);
