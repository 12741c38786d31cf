/* nets/layers/routing_internal.h: votes, and how output capsules choose among them.
 *
 *     vote[j,i] = W[j,i] u[i]                        i of I inputs, j of J outputs
 *     R times:  s[j] = sum over i of c[j,i] vote[j,i] + bias[j],   v[j] = squash(s[j])
 *
 * with c = 1/J first, then softmax over j of the logits b:
 *
 *     RBA   b[j,i] = vote[j,i] . V[j], V the sum of all v so far. (The agreements of the
 *           iterations add up; by linearity so may the v.)
 *     SDA   the vote is shortened to |u[i]| where it is longer; b[j,i] = t |V[j] -
 * vote[j,i]| with V the last v; t < 0 from the mean distance d_o, such that a vote at
 * half of it gets probability 0.9 (Peer, Stabinger, Rodriguez-Sanchez 2018)
 *
 * So all that an iteration needs of those before it is V, a pose per output capsule: no
 * number per pair of capsules is ever stored beyond the pairs of one input capsule. Votes
 * are made in registers wherever they are needed, forward and backward.
 *
 * 16 images lie side by side (sim/kernels.h), T steps of N images are T N images. Work is
 * cut by input capsules into parts; sums over inputs are summed per part and combined in
 * order. */
#pragma once

#include "nets/layers.h"
#include "nets/layers/squash_internal.h"
#include "sim/arena.h"

enum {
    LANES = SIM_CAPSULE_IMAGES,
    MOST_PARTS = 16,
    MOST_ITERATIONS = 16,
    MOST_TERMS = 2 * MOST_ITERATIONS - 1 /* of the gradient of a vote */
};

typedef struct Routing {
    const NetLayerRun *run;
    const NetCapsules *o;
    const SimKernels *kernels;
    SimCapsules shape;
    size_t inputs, iterations;   /* I, R */
    size_t images, step, groups; /* T N, N, groups of LANES */
    size_t parts, part;          /* tasks, and input capsules of one */
    size_t poses, pairs;         /* floats of a group: J P LANES, J LANES */
    size_t r;                    /* the iteration under way, from 0 */

    float *u; /* [groups,I,D,LANES] */
    float *s; /* [R,groups,J,P,LANES]; kept from forward to backward, or made again */
    float *t; /* [R,groups,LANES] SDA */
    float *v; /* [R,groups,J,P,LANES] V as iteration r sees it; none for r = 0 */
    float *partial; /* [parts,groups,J,P,LANES] */
    float *spread;  /* [parts,groups,LANES] SDA: sums of distances */

    /* Backward. */
    float *ds;               /* [R,groups,J,P,LANES] */
    float *dv;               /* [groups,J,P,LANES] of the V of this iteration */
    float *spread_pairs;     /* [parts,groups,J,LANES] SDA */
    float *ds_rows, *v_rows; /* [R,images,J,P] */
    size_t n_terms;          /* of the gradient of a vote */
    float *blocks;           /* [threads, block] */
    size_t block;
} Routing;

/* What `saved` holds; 0 where it would not be small beside the input. */
size_t net_routing_saved_bytes(const NetLayerPlan *plan);
size_t net_routing_scratch_bytes(const NetLayerPlan *plan);

/* On the scratch of the run. */
Routing net_routing_open(const NetLayerRun *run, bool backward);

/* s, t and v of all iterations. */
void net_routing_forward(Routing *routing);
/* v again from s. */
void net_routing_recall(Routing *routing);
/* dx and gradients, after one of the two. */
void net_routing_backward(Routing *routing);

/* --- pieces that both directions use ---------------------------------------------------
 */

static inline float *net_routing_at(float *of, size_t r, size_t g, const Routing *q)
{
    return of + (r * q->groups + g) * q->poses;
}

static inline const float *net_routing_weights(const Routing *q, size_t i)
{
    const SimCapsules s = q->shape;
    return q->run->params[0] + i * s.outputs * s.pose_in * s.pose_out;
}

static inline const float *net_routing_input(const Routing *q, size_t i, size_t g)
{
    return q->u + (g * q->inputs + i) * q->shape.pose_in * LANES;
}

/* First and one past the last input capsule of a part. */
static inline size_t net_routing_part(const Routing *q, size_t index, size_t *end)
{
    const size_t first = index * q->part;
    *end = first + q->part < q->inputs ? first + q->part : q->inputs;
    return first;
}

/* SDA: |u|^2 of the lanes, |vote|^2 [pairs], and what a vote is multiplied with. */
void net_routing_shorten(const Routing *q, const float *w, const float *u, float *lengths,
                         float *squares, float *scale);
/* c [pairs] of iteration r. SDA: `scale` as above; distances [pairs] unless NULL. */
void net_routing_coefficients(const Routing *q, size_t r, size_t g, const float *w,
                              const float *u, const float *scale, float *distances,
                              float *c);
/* dv, ds of one iteration: ds[r] = squash'(s[r]) dv, for group g. */
void net_routing_squash_back(const Routing *q, size_t r, size_t g, const float *dv);
