/* sim/dense.h: dense convolution as oneDNN does it; the only door to that library.
 *
 * Channels-last activations [N,H,W,C], weights [KH,KW,C/groups,K]. One object is planned
 * for a number of images; whoever has more calls it several times. Used by sim/conv.c. */
#pragma once

#include "sim/arena.h"
#include "sim/conv.h"

typedef struct SimDense SimDense;

typedef enum SimDenseCall {
    SIM_DENSE_FORWARD,        /* a = x, b = weights, c = y */
    SIM_DENSE_BACKWARD_INPUT, /* a = dy, b = weights, c = dx */
    SIM_DENSE_CALLS
} SimDenseCall;

/* `images` per call (shape->n is not looked at). Owned by the caller. */
SimStatus sim_dense_create(const SimConvShape *shape, size_t images, SimDenseCall call,
                           bool bias, SimDense **out);
void sim_dense_destroy(SimDense *dense); /* accepts NULL */
size_t sim_dense_scratch_bytes(const SimDense *dense);

/* The weights in oneDNN's own order, written once for many calls: into `packed`, of
 * sim_dense_packed_bytes (0: the call takes weights as they are). */
size_t sim_dense_packed_bytes(const SimDense *dense);
void sim_dense_pack(SimDense *dense, const float *weights, void *packed);

/* Overwrites c. `b` is packed weights where the call has them; scratch 64-byte aligned.
 */
void sim_dense_run(SimDense *dense, const float *a, const void *b, const float *bias,
                   float *c, void *scratch);

/* c [m,n] = (accumulate: c +) op(a) op(b), row after row: op(a) [m,k] lies as [k,m]
 * where transposed, op(b) [k,n] as [n,k]. On the calling thread alone inside a team. */
typedef struct SimMatrix {
    const float *data;
    size_t row; /* floats from row to row */
    bool transposed;
} SimMatrix;
void sim_dense_product(size_t m, size_t n, size_t k, SimMatrix a, SimMatrix b,
                       bool accumulate, float *c, size_t c_row);
