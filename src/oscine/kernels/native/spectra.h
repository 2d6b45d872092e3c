// The spectral distance's own arithmetic, on frames and spectra that are still in the cache; the transforms between
// are a library's. functional/spectral_distance.py says what is computed.
#pragma once

#include <algorithm>

#include "oscine.h"
#include "simd.h"

namespace {

template <int W>
class Spectra {
    using S = Simd<float, W>;
    using V = typename S::V;
    typedef int32_t I __attribute__((vector_size(W * 4)));

    static V square_root(V x) {
        for (int i = 0; i < W; i++) x[i] = std::sqrt(x[i]);
        return x;
    }

    // Natural logarithm of positive numbers: the exponent's, and a polynomial (Cephes) for the mantissa.
    static V logarithm(V x) {
        const I bits = (I)x;
        I exponent = (bits >> 23) - 126;
        V m = (V)((bits & 0x007FFFFF) | 0x3F000000);  // in [0.5, 1)
        const I small = m < 0.707106781f;
        exponent += small;  // −1 where small
        m = m + ((V)((I)m & small)) - 1.0f;
        const V e = __builtin_convertvector(exponent, V), z = m * m;
        V y = m * 7.0376836292e-2f - 1.1514610310e-1f;
        y = y * m + 1.1676998740e-1f;
        y = y * m - 1.2420140846e-1f;
        y = y * m + 1.4249322787e-1f;
        y = y * m - 1.6668057665e-1f;
        y = y * m + 2.0000714765e-1f;
        y = y * m - 2.4999993993e-1f;
        y = y * m + 3.3333331174e-1f;
        y = y * m * z;
        y += e * -2.12194440e-4f;
        y += z * -0.5f;
        return m + y + e * 0.693359375f;
    }

   public:
    // frames[f][i] = window[i] · signal[f · hop + i].
    static void cut(const float* signal, const float* window, int64_t n_fft, int64_t hop, int64_t n_frames, float* frames) {
        for (int64_t f = 0; f < n_frames; f++, signal += hop, frames += n_fft)
            for (int64_t i = 0; i < n_fft; i++) frames[i] = signal[i] * window[i];
    }

    // total[f · hop + i] += window[i] · frames[f][i].
    static void add(const float* frames, const float* window, int64_t n_fft, int64_t hop, int64_t n_frames, float* total) {
        for (int64_t f = 0; f < n_frames; f++, total += hop, frames += n_fft)
            for (int64_t i = 0; i < n_fft; i++) total[i] += frames[i] * window[i];
    }

    // The distance of two spectra [frame][bin][re, im], and the first one turned into its gradient, ready for an
    // inverse transform of real frames: a bin that stands for a conjugate pair counts half.
    static double compare(const oscine_spectra* s, float* predicted, const float* truth) {
        const int64_t n = s->n_bins;
        double total = 0;
        for (int64_t f = 0; f < s->n_frames; f++, predicted += 2 * n, truth += 2 * n) {
            V linear = S::zero(), log = S::zero();
            int64_t bin = 0;
            for (; bin + W <= n; bin += W) bins(s, predicted + 2 * bin, truth + 2 * bin, linear, log);
            if (bin < n) {  // the last few, between zeros, which differ by nothing
                float one[2 * W] = {}, other[2 * W] = {};
                std::copy(predicted + 2 * bin, predicted + 2 * n, one);
                std::copy(truth + 2 * bin, truth + 2 * n, other);
                bins(s, one, other, linear, log);
                std::copy(one, one + 2 * (n - bin), predicted + 2 * bin);
            }
            total += static_cast<double>(s->linear) * S::sum(linear) + static_cast<double>(s->log) * S::sum(log);
            predicted[0] *= 2;
            predicted[1] *= 2;
            if (s->has_nyquist) {
                predicted[2 * n - 2] *= 2;
                predicted[2 * n - 1] *= 2;
            }
        }
        return total;
    }

   private:
    static void bins(const oscine_spectra* s, float* predicted, const float* truth, V& linear, V& log) {
        V re, im, true_re, true_im;
        S::split(S::load(predicted), S::load(predicted + W), re, im);
        S::split(S::load(truth), S::load(truth + W), true_re, true_im);
        const V magnitude = square_root(re * re + im * im);
        const V goal = square_root(true_re * true_re + true_im * true_im);
        const V difference = magnitude - goal;
        const I down = difference < 0;
        const V raised = magnitude + s->epsilon;
        const V ratio = logarithm(raised / (goal + s->epsilon));
        linear += down ? -difference : difference;
        log += ratio < 0 ? -ratio : ratio;
        // Where the prediction is exactly zero its direction is undefined, and so is multiplied by zero; the least
        // divisor keeps the slope finite.
        const V safe = magnitude < 1e-30f ? S::fill(1e-30f) : magnitude;
        const V slope = (0.5f * s->linear + 0.5f * s->log / raised) / safe;
        const V none = S::zero();
        const V signed_slope = difference == none ? none : (down ? -slope : slope);
        S::merge(re * signed_slope, im * signed_slope, predicted);
    }
};

}  // namespace
