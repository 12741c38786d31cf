/* sim/kernels/neuron_ref.c: neurons, the plain way: one after the other. */
#include "sim/kernels/kernels_internal.h"

#include <math.h>
#include <string.h>

#include "sim/tensor.h"

/* e^x to 2 ulp for x in [-87, 88] (Cephes expf); outside, its value at the nearer end. */
static float exp_plain(float x)
{
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    const float shifted = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: rounds to whole */
    const float n = shifted - 12582912.0f;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = (p * r) * r + r + 1.0f;
    uint32_t bits; /* 2^n: the low bits of the shifted number are n */
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + (127u << 23);
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

static float slope_of(SimSurrogate kind, float alpha, float scale, float x)
{
    switch (kind) {
    case SIM_SURROGATE_ATAN: {
        const float t = (1.57079633f * alpha) * x;
        return (scale * (alpha * 0.5f)) / (1.0f + t * t);
    }
    case SIM_SURROGATE_SIGMOID: {
        const float e = exp_plain(-fabsf(alpha * x)), q = 1.0f + e;
        return (scale * alpha) * e / (q * q);
    }
    case SIM_SURROGATE_FAST_SIGMOID: {
        const float q = alpha * fabsf(x) + 1.0f;
        return scale / (q * q);
    }
    case SIM_SURROGATE_TRIANGLE: {
        const float t = alpha - (alpha * alpha) * fabsf(x);
        return t > 0.0f ? scale * t : 0.0f;
    }
    case SIM_SURROGATE_RECTANGLE:
        return fabsf(x) < 0.5f / alpha ? scale * alpha : 0.0f;
    case SIM_SURROGATE_GAUSSIAN: {
        const float t = alpha * x;
        return (scale * (alpha * 0.564189584f)) * exp_plain(-(t * t));
    }
    case SIM_SURROGATE_EXPONENTIAL:
        return (scale * (alpha * 0.5f)) * exp_plain(-fabsf(alpha * x));
    case SIM_SURROGATE_LEAKY_RECTANGLE:
        return fabsf(x) < 0.5f / alpha ? scale * alpha : scale * 0.01f;
    case SIM_SURROGATE_CIRCLE: {
        const float t = alpha * x, q = 1.0f + t * t;
        return scale / (q * sqrtf(q));
    }
    case SIM_SURROGATE_MULTI_GAUSSIAN: {
        const float t = alpha * x, left = (t - 1.0f) * 0.166666667f,
                    right = (t + 1.0f) * 0.166666667f;
        const float flanks =
            exp_plain(-0.5f * (left * left)) + exp_plain(-0.5f * (right * right));
        return (scale * alpha) *
               (0.229391811f * exp_plain(-0.5f * (t * t)) - 0.00498677850f * flanks);
    }
    case SIM_N_SURROGATES:
        break;
    }
    return 0.0f;
}

static void surrogate_slope(SimSurrogate kind, float alpha, float scale, size_t n,
                            const float *x, float *slope)
{
    for (size_t i = 0; i < n; i++)
        slope[i] = slope_of(kind, alpha, scale, x[i]);
}

static bool fires(const SimLif *m, float h)
{
    return m->strict ? h > m->threshold : h >= m->threshold;
}

/* What the decay meets, from the potential before the reset. */
static float settle(const SimLif *m, float h)
{
    if (!fires(m, h))
        return h;
    if (m->reset == SIM_RESET_HARD)
        return 0.0f;
    if (m->reset == SIM_RESET_SOFT && !m->next_step)
        return h - m->threshold;
    return h;
}

/* `v`: after the reset, or where that is late, before it. */
static float charge(const SimLif *m, size_t channel, float x, float v)
{
    if (!m->next_step)
        return m->decay[channel] * v + m->gain[channel] * x;
    const float h = m->decay[channel] * settle(m, v) + m->gain[channel] * x;
    return m->reset == SIM_RESET_SOFT && fires(m, v) ? h - m->threshold : h;
}

static float current(const SimLif *m, size_t t, size_t channel, float x)
{
    const size_t at = t * m->affine.step + channel;
    return m->affine.scale ? m->affine.scale[at] * x + m->affine.shift[at] : x;
}

static float number(SimNumbers x, size_t i)
{
    return x.bf16 ? sim_bf16_value(((const uint16_t *)x.at)[i])
                  : ((const float *)x.at)[i];
}

static void lif_forward(const SimLif *m, size_t nt, size_t stride, size_t pixels,
                        size_t c, SimNumbers x, float *v, float *h_out, uint64_t *spikes,
                        uint64_t *active)
{
    const size_t words = (c + 63) / 64;
    for (size_t t = 0; t < nt; t++)
        for (size_t p = 0; p < pixels; p++) {
            const size_t word = (t * stride + p) * words;
            if (spikes)
                memset(spikes + word, 0, words * sizeof *spikes);
            if (active)
                memset(active + word, 0, words * sizeof *active);
        }
    for (size_t p = 0; p < pixels; p++)
        for (size_t i = 0; i < c; i++) {
            const uint64_t bit = UINT64_C(1) << (i % 64);
            float state = m->at_rest ? 0.0f : v[p * c + i];
            for (size_t t = 0; t < nt; t++) {
                const size_t word = (t * stride + p) * words, at = (t * stride + p) * c;
                const float h = charge(m, i, current(m, t, i, number(x, at + i)), state);
                state = m->next_step ? h : settle(m, h);
                if (h_out)
                    h_out[at + i] = h;
                if (spikes && fires(m, h))
                    spikes[word + i / 64] |= bit;
                if (active &&
                    slope_of(m->surrogate, m->alpha, m->scale, h - m->threshold) > 0.0f)
                    active[word + i / 64] |= bit;
            }
            if (v)
                v[p * c + i] = state;
        }
}

/* The gradient of h from what it is worth later; formulas in neuron.inc. */
static float back_of(const SimLif *m, float h, float slope, float decayed, float later,
                     float d_v)
{
    const float one = fires(m, h) ? 0.0f : 1.0f;
    float back = m->next_step ? decayed : decayed + d_v;
    if (m->reset == SIM_RESET_HARD)
        back = back * (m->detach ? one : one - h * slope);
    else if (m->reset == SIM_RESET_SOFT && !m->detach && m->next_step)
        back = back - (m->threshold * slope) * later;
    else if (m->reset == SIM_RESET_SOFT && !m->detach)
        back = back * (1.0f - m->threshold * slope);
    return m->next_step ? back + d_v : back;
}

static void put_number(SimNumbers y, size_t i, float value)
{
    if (y.bf16)
        ((uint16_t *)y.at)[i] = sim_bf16_of(value);
    else
        ((float *)y.at)[i] = value;
}

static void give(const SimNeuronBack *b, size_t at, float d)
{
    if (b->d_x.at)
        put_number(b->d_x, at, b->accumulate ? number(b->d_x, at) + d : d);
}

static void lif_backward(const SimLif *m, size_t nt, size_t stride, size_t pixels,
                         size_t c, SimNumbers x, const float *v_start,
                         const SimNeuronBack *b, float *scratch)
{
    float *h = scratch; /* [nt] */
    for (size_t p = 0; p < pixels; p++)
        for (size_t i = 0; i < c; i++) {
            const size_t step = stride * c, first = p * c + i;
            size_t at = first;
            float v = v_start ? v_start[first] : 0.0f;
            const float start = m->next_step ? settle(m, v) : v;
            float later = b->later[0] ? b->later[0][first] : 0.0f;
            for (size_t t = 0; t < nt; t++, at += step) {
                h[t] = charge(m, i, current(m, t, i, number(x, at)), v);
                v = m->next_step ? h[t] : settle(m, h[t]);
            }
            for (size_t t = nt; t-- > 0;) {
                at -= step;
                const float slope =
                    slope_of(m->surrogate, m->alpha, m->scale, h[t] - m->threshold);
                const float back = back_of(m, h[t], slope, m->decay[i] * later, later,
                                           b->d_v.at ? number(b->d_v, at) : 0.0f);
                later = number(b->d_y, at) * slope + back;
                give(b, at, m->gain[i] * later);
                if (b->d_trained) {
                    double *const sums = b->d_trained + t * 2 * c + i;
                    const float u = t > 0 ? settle(m, h[t - 1]) : start;
                    sums[0] += (double)later * (double)u;
                    sums[c] += (double)later * (double)current(m, t, i, number(x, at));
                }
            }
            if (b->later[0])
                b->later[0][first] = later;
        }
}

/* v and b in place; returns the threshold of the step. */
static float alif_step(const SimAlif *m, float x, float *v, float *b)
{
    const bool fired = *v > m->b0 + m->beta * *b;
    *b = m->rho * *b + (fired ? 1.0f - m->rho : 0.0f);
    const float threshold = m->b0 + m->beta * *b;
    *v = (m->alpha * *v + (1.0f - m->alpha) * x) - (fired ? threshold : 0.0f);
    return threshold;
}

static void alif_forward(const SimAlif *m, size_t nt, size_t stride, size_t pixels,
                         size_t c, SimNumbers x, float *v, float *b, float *h,
                         uint64_t *spikes, uint64_t *active)
{
    const size_t words = (c + 63) / 64;
    for (size_t t = 0; t < nt; t++)
        for (size_t p = 0; p < pixels; p++) {
            const size_t word = (t * stride + p) * words, at = (t * stride + p) * c;
            if (spikes)
                memset(spikes + word, 0, words * sizeof *spikes);
            if (active)
                memset(active + word, 0, words * sizeof *active);
            for (size_t i = 0; i < c; i++) {
                float *v_i = v + p * c + i;
                const float threshold =
                    alif_step(m, number(x, at + i), v_i, b + p * c + i);
                const uint64_t bit = UINT64_C(1) << (i % 64);
                if (h)
                    h[at + i] = *v_i;
                if (spikes && *v_i > threshold)
                    spikes[word + i / 64] |= bit;
                if (active && slope_of(m->surrogate, m->slope_alpha, m->slope_scale,
                                       *v_i - threshold) > 0.0f)
                    active[word + i / 64] |= bit;
            }
        }
}

static void alif_backward(const SimAlif *m, size_t nt, size_t stride, size_t pixels,
                          size_t c, SimNumbers x, const float *v_start,
                          const float *b_start, const SimNeuronBack *back, float *scratch)
{
    float *over = scratch, *threshold = scratch + nt; /* [nt] each */
    for (size_t p = 0; p < pixels; p++)
        for (size_t i = 0; i < c; i++) {
            const size_t step = stride * c, first = p * c + i;
            size_t at = first;
            float v = v_start ? v_start[first] : 0.0f,
                  b = b_start ? b_start[first] : 0.0f;
            float left[SIM_LATER] = {0.0f}; /* of v, of b; the threshold of that step */
            const float over_before = v - (m->b0 + m->beta * b);
            for (size_t k = 0; k < SIM_LATER && back->later[k]; k++)
                left[k] = back->later[k][first];
            for (size_t t = 0; t < nt; t++, at += step) {
                threshold[t] = alif_step(m, number(x, at), &v, &b);
                over[t] = v - threshold[t];
            }
            float g_v = left[0], g_b = left[1], later = left[2];
            for (size_t t = nt; t-- > 0;) {
                at -= step;
                float d_s = number(back->d_y, at) + (1.0f - m->rho) * g_b;
                if (!m->detach)
                    d_s = d_s - later * g_v;
                const float seen =
                    d_s * slope_of(m->surrogate, m->slope_alpha, m->slope_scale, over[t]);
                float d_h = m->alpha * g_v + seen;
                if (back->d_v.at)
                    d_h = d_h + number(back->d_v, at);
                const float before = t > 0 ? over[t - 1] : over_before;
                const float d_threshold = -seen - (before > 0.0f ? d_h : 0.0f);
                g_b = m->rho * g_b + m->beta * d_threshold;
                g_v = d_h;
                later = threshold[t];
                give(back, at, (1.0f - m->alpha) * d_h);
            }
            left[0] = g_v, left[1] = g_b, left[2] = later;
            for (size_t k = 0; k < SIM_LATER && back->later[k]; k++)
                back->later[k][first] = left[k];
        }
}

void sim_neuron_init_ref(SimKernels *kernels)
{
    kernels->lif_forward = lif_forward;
    kernels->lif_backward = lif_backward;
    kernels->alif_forward = alif_forward;
    kernels->alif_backward = alif_backward;
    kernels->surrogate_slope = surrogate_slope;
}
