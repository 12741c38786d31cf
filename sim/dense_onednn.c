/* sim/dense_onednn.c: the only file that knows oneDNN. */
#include "sim/dense.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <oneapi/dnnl/dnnl.h>

struct SimDense {
    SimDenseCall call;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive, reorder; /* reorder: weights into its order, or NULL */
    dnnl_memory_t a, b, c, bias, scratch, plain;
    size_t scratch_bytes, own_bytes; /* own: weights in oneDNN's order */
};

static SimStatus check(dnnl_status_t status, const char *what)
{
    return status == dnnl_success
               ? SIM_OK
               : sim_fail(status == dnnl_out_of_memory ? SIM_ERR_MEMORY
                                                       : SIM_ERR_UNSUPPORTED,
                          "the dense kernel library could not make a %s (its code %d)",
                          what, (int)status);
}

/* [O,I,h,w] as the library counts them, with the groups in front when there are any. */
typedef struct Descs {
    dnnl_memory_desc_t x, y, plain, any, bias;
} Descs;

static SimStatus describe(const SimConvShape *s, size_t images, Descs *d)
{
    SimStatus status = SIM_OK;
    const dnnl_dim_t n = (dnnl_dim_t)images, g = (dnnl_dim_t)s->groups;
    const dnnl_dim_t c = (dnnl_dim_t)s->c, k = (dnnl_dim_t)s->k;
    const dnnl_dim_t kh = (dnnl_dim_t)s->kh, kw = (dnnl_dim_t)s->kw;
    const dnnl_dims_t x = {n, c, (dnnl_dim_t)s->h, (dnnl_dim_t)s->w};
    const dnnl_dims_t y = {n, k, (dnnl_dim_t)s->oh, (dnnl_dim_t)s->ow};
    SIM_TRY(
        check(dnnl_memory_desc_init_by_tag(&d->x, 4, x, dnnl_f32, dnnl_nhwc), "layout"));
    SIM_TRY(
        check(dnnl_memory_desc_init_by_tag(&d->y, 4, y, dnnl_f32, dnnl_nhwc), "layout"));
    if (g == 1) {
        const dnnl_dims_t w = {k, c, kh, kw};
        SIM_TRY(check(dnnl_memory_desc_init_by_tag(&d->plain, 4, w, dnnl_f32, dnnl_hwio),
                      "layout"));
        SIM_TRY(check(
            dnnl_memory_desc_init_by_tag(&d->any, 4, w, dnnl_f32, dnnl_format_tag_any),
            "layout"));
    } else { /* ours is [kh,kw,c/g,k] with the k of one group adjacent: strides say so */
        const dnnl_dims_t w = {g, k / g, c / g, kh, kw};
        const dnnl_dims_t strides = {k / g, 1, k, kw * (c / g) * k, (c / g) * k};
        SIM_TRY(
            check(dnnl_memory_desc_init_by_strides(&d->plain, 5, w, dnnl_f32, strides),
                  "layout"));
        SIM_TRY(check(
            dnnl_memory_desc_init_by_tag(&d->any, 5, w, dnnl_f32, dnnl_format_tag_any),
            "layout"));
    }
    const dnnl_dims_t b = {k};
    SIM_TRY(
        check(dnnl_memory_desc_init_by_tag(&d->bias, 1, b, dnnl_f32, dnnl_a), "layout"));
out:
    return status;
}

static SimStatus make_primitive(SimDense *dense, const SimConvShape *s, const Descs *d,
                                bool bias, dnnl_primitive_desc_t *out)
{
    SimStatus status = SIM_OK;
    dnnl_convolution_desc_t desc;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t hint = NULL;
    const dnnl_dims_t strides = {(dnnl_dim_t)s->stride, (dnnl_dim_t)s->stride};
    const dnnl_dims_t before = {(dnnl_dim_t)s->pad, (dnnl_dim_t)s->pad};
    /* The library wants the padding at the far side that makes the sizes meet exactly. */
    const dnnl_dims_t after = {
        (dnnl_dim_t)((s->oh - 1) * s->stride + s->kh) - (dnnl_dim_t)(s->h + s->pad),
        (dnnl_dim_t)((s->ow - 1) * s->stride + s->kw) - (dnnl_dim_t)(s->w + s->pad)};
    SIM_TRY(check(dnnl_primitive_attr_create(&attr), "attribute"));
    SIM_TRY(
        check(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user),
              "attribute"));
    SIM_TRY(check(dnnl_convolution_forward_desc_init(
                      &desc, dnnl_forward_training, dnnl_convolution_direct, &d->x,
                      &d->any, bias ? &d->bias : NULL, &d->y, strides, before, after),
                  "convolution"));
    SIM_TRY(check(dnnl_primitive_desc_create(&hint, &desc, attr, dense->engine, NULL),
                  "convolution"));
    if (dense->call == SIM_DENSE_FORWARD) {
        *out = hint;
        hint = NULL;
        goto out;
    }
    SIM_TRY(check(dnnl_convolution_backward_data_desc_init(&desc, dnnl_convolution_direct,
                                                           &d->x, &d->any, &d->y, strides,
                                                           before, after),
                  "convolution backward"));
    SIM_TRY(check(dnnl_primitive_desc_create(out, &desc, attr, dense->engine, hint),
                  "convolution backward"));
out:
    if (hint)
        dnnl_primitive_desc_destroy(hint);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return status;
}

static SimStatus make_reorder(SimDense *dense, const dnnl_memory_desc_t *plain,
                              const dnnl_memory_desc_t *own)
{
    SimStatus status = SIM_OK;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_attr_t attr = NULL;
    SIM_TRY(check(dnnl_primitive_attr_create(&attr), "attribute"));
    SIM_TRY(check(dnnl_reorder_primitive_desc_create(&desc, plain, dense->engine, own,
                                                     dense->engine, attr),
                  "reorder"));
    SIM_TRY(check(dnnl_primitive_create(&dense->reorder, desc), "reorder"));
out:
    if (desc)
        dnnl_primitive_desc_destroy(desc);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return status;
}

static SimStatus make_memory(SimDense *dense, const dnnl_memory_desc_t *desc,
                             dnnl_memory_t *out)
{
    return check(dnnl_memory_create(out, desc, dense->engine, DNNL_MEMORY_NONE),
                 "memory");
}

SimStatus sim_dense_create(const SimConvShape *shape, size_t images, SimDenseCall call,
                           bool bias, SimDense **out)
{
    SimStatus status = SIM_OK;
    Descs d;
    dnnl_primitive_desc_t desc = NULL;
    SimDense *dense = calloc(1, sizeof *dense);
    if (!dense)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a convolution");
    dense->call = call;
    SIM_TRY(check(dnnl_engine_create(&dense->engine, dnnl_cpu, 0), "engine"));
    SIM_TRY(check(
        dnnl_stream_create(&dense->stream, dense->engine, dnnl_stream_default_flags),
        "stream"));
    SIM_TRY(describe(shape, images, &d));
    SIM_TRY(make_primitive(dense, shape, &d, bias, &desc));
    SIM_TRY(check(dnnl_primitive_create(&dense->primitive, desc), "convolution"));

    const dnnl_memory_desc_t *own =
        dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 0);
    const dnnl_memory_desc_t *pad =
        dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    const dnnl_memory_desc_t *first = call == SIM_DENSE_BACKWARD_INPUT ? &d.y : &d.x;
    const dnnl_memory_desc_t *last = call == SIM_DENSE_FORWARD ? &d.y : &d.x;
    dense->scratch_bytes = sim_align_up(pad ? dnnl_memory_desc_get_size(pad) : 0);
    if (!dnnl_memory_desc_equal(own, &d.plain)) {
        dense->own_bytes = sim_align_up(dnnl_memory_desc_get_size(own));
        SIM_TRY(make_reorder(dense, &d.plain, own));
        SIM_TRY(make_memory(dense, &d.plain, &dense->plain));
    }
    SIM_TRY(make_memory(dense, first, &dense->a));
    SIM_TRY(make_memory(dense, own, &dense->b));
    SIM_TRY(make_memory(dense, last, &dense->c));
    if (bias)
        SIM_TRY(make_memory(dense, &d.bias, &dense->bias));
    if (dense->scratch_bytes)
        SIM_TRY(make_memory(dense, pad, &dense->scratch));
    *out = dense;
    dense = NULL;
out:
    if (desc)
        dnnl_primitive_desc_destroy(desc);
    sim_dense_destroy(dense);
    return status;
}

void sim_dense_destroy(SimDense *dense)
{
    if (!dense)
        return;
    dnnl_memory_t *const memories[] = {&dense->a,    &dense->b,       &dense->c,
                                       &dense->bias, &dense->scratch, &dense->plain};
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
        if (*memories[i])
            dnnl_memory_destroy(*memories[i]);
    if (dense->primitive)
        dnnl_primitive_destroy(dense->primitive);
    if (dense->reorder)
        dnnl_primitive_destroy(dense->reorder);
    if (dense->stream)
        dnnl_stream_destroy(dense->stream);
    if (dense->engine)
        dnnl_engine_destroy(dense->engine);
    free(dense);
}

size_t sim_dense_scratch_bytes(const SimDense *dense)
{
    return dense->scratch_bytes;
}

size_t sim_dense_packed_bytes(const SimDense *dense)
{
    return dense->own_bytes;
}

/* What was planned cannot fail when it runs, save by a mistake of ours. */
static void must(dnnl_status_t status)
{
    assert(status == dnnl_success);
    (void)status;
}

static void point(dnnl_memory_t memory, const void *at)
{
    if (memory)
        must(dnnl_memory_set_data_handle(memory, (void *)(size_t)at));
}

void sim_dense_pack(SimDense *dense, const float *weights, void *packed)
{
    point(dense->plain, weights);
    point(dense->b, packed);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, dense->plain},
                                    {DNNL_ARG_TO, dense->b}};
    must(dnnl_primitive_execute(dense->reorder, dense->stream, 2, args));
}

void sim_dense_run(SimDense *dense, const float *a, const void *b, const float *bias,
                   float *c, void *scratch)
{
    static const int names[][3] = {
        [SIM_DENSE_FORWARD] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
        [SIM_DENSE_BACKWARD_INPUT] = {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS,
                                      DNNL_ARG_DIFF_SRC},
    };
    const int *name = names[dense->call];
    dnnl_exec_arg_t args[5] = {
        {name[0], dense->a}, {name[1], dense->b}, {name[2], dense->c}};
    int n = 3;
    point(dense->a, a);
    point(dense->b, b);
    point(dense->c, c);
    if (dense->bias) {
        point(dense->bias, bias);
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, dense->bias};
    }
    if (dense->scratch) {
        point(dense->scratch, scratch);
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, dense->scratch};
    }
    must(dnnl_primitive_execute(dense->primitive, dense->stream, n, args));
}

void sim_dense_product(size_t m, size_t n, size_t k, SimMatrix a, SimMatrix b,
                       bool accumulate, float *c, size_t c_row)
{
    must(dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', (dnnl_dim_t)m,
                    (dnnl_dim_t)n, (dnnl_dim_t)k, 1.0f, a.data, (dnnl_dim_t)a.row, b.data,
                    (dnnl_dim_t)b.row, accumulate ? 1.0f : 0.0f, c, (dnnl_dim_t)c_row));
}
