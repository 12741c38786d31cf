/* nets/layers/flatten.c: pixels into channels, in the order H, W, C. Spikes stay spikes.
 */
#include <string.h>

#include "nets/layers.h"
#include "nets/layers/rows_internal.h"

static SimStatus plan(NetLayerPlan *plan)
{
    plan->out = plan->in[0];
    plan->out.c = plan->in[0].h * plan->in[0].w * plan->in[0].c;
    plan->out.h = plan->out.w = 1;
    plan->out_form = plan->in_form[0];
    plan->out_most = plan->in_most[0];
    plan->by_step = true;
    plan->passes_gradient[0] = true;
    return SIM_OK;
}

/* The bits of an image end to end: a pixel begins where the one before ends, not at a
 * word of its own. */
static void append_pixels(size_t pixels, size_t c, const uint64_t *x, uint64_t *y)
{
    const size_t words = sim_words(c);
    memset(y, 0, sim_words(pixels * c) * sizeof *y);
    for (size_t p = 0; p < pixels; p++)
        for (size_t i = 0; i < words; i++) {
            const uint64_t bits = x[p * words + i]; /* zero past c */
            const size_t at = p * c + i * SIM_WORD_BITS;
            const size_t word = at / SIM_WORD_BITS, shift = at % SIM_WORD_BITS;
            y[word] |= bits << shift;
            if (shift && bits >> (SIM_WORD_BITS - shift))
                y[word + 1] |= bits >> (SIM_WORD_BITS - shift);
        }
}

static void forward(const NetLayerRun *run)
{
    const SimShape in = run->x[0].shape;
    const size_t pixels = in.h * in.w, words = pixels * sim_words(in.c);
    if (run->x[0].form == SIM_DENSE) {
        memcpy(run->y.f32, run->x[0].f32, sim_shape_count(run->y.shape) * sizeof(float));
        return;
    }
    for (size_t image = 0; image < in.t * in.n; image++)
        append_pixels(pixels, in.c, run->x[0].bits + image * words,
                      run->y.bits + image * sim_words(pixels * in.c));
}

const NetLayer net_layer_flatten = {
    .name = "flatten",
    .summary = "pixels into channels",
    .min_inputs = 1,
    .max_inputs = 1,
    .plan = plan,
    .forward = forward,
    .backward = net_pass_backward,
};
