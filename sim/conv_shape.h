/* sim/conv_shape.h: the sizes of a convolution. */
#pragma once

#include <stddef.h>

typedef struct SimConvShape {
    size_t n;           /* images in a step */
    size_t h, w, c;     /* input */
    size_t oh, ow, k;   /* output */
    size_t kh, kw;      /* kernel */
    size_t stride, pad; /* the same in both directions */
    size_t groups;      /* divides c and k */
} SimConvShape;
