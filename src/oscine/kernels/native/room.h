// Convolution with a long impulse response as the samples arrive, without delay; functional/convolution.py says how.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "simd.h"

namespace {

// The transform of N complex numbers, N a power of two: Stockham's, which needs no reordering.
class Fourier {
    const int64_t n;
    std::vector<float> cosine, sine, other_re, other_im;

   public:
    explicit Fourier(int64_t length) : n(length), cosine(length), sine(length), other_re(length), other_im(length) {
        for (int64_t i = 0; i < n; i++) {
            cosine[i] = static_cast<float>(std::cos(-6.283185307179586 * static_cast<double>(i) / static_cast<double>(n)));
            sine[i] = static_cast<float>(std::sin(-6.283185307179586 * static_cast<double>(i) / static_cast<double>(n)));
        }
    }

    // In place. With real and imaginary parts exchanged it is the inverse, n times too large.
    void transform(std::vector<float>& re, std::vector<float>& im) {
        for (int64_t half = n / 2, stride = 1; half > 0; half /= 2, stride *= 2) {
            for (int64_t p = 0; p < half; p++) {
                const float wr = cosine[p * stride], wi = sine[p * stride];
                const float *ar = &re[stride * p], *ai = &im[stride * p];
                const float *br = &re[stride * (p + half)], *bi = &im[stride * (p + half)];
                float *cr = &other_re[2 * stride * p], *ci = &other_im[2 * stride * p];
                float *dr = cr + stride, *di = ci + stride;
                for (int64_t q = 0; q < stride; q++) {
                    const float xr = ar[q] - br[q], xi = ai[q] - bi[q];
                    cr[q] = ar[q] + br[q];
                    ci[q] = ai[q] + bi[q];
                    dr[q] = xr * wr - xi * wi;
                    di[q] = xr * wi + xi * wr;
                }
            }
            std::swap(re, other_re);
            std::swap(im, other_im);
        }
    }
};

template <int W>
class Room {
    using S = Simd<float, W>;
    static constexpr int64_t SEGMENT = 512, BINS = SEGMENT + 1, TILE = 4;

    const int64_t n_head, n_further;
    Fourier fourier;
    std::vector<float> head, filters_re, filters_im, past_re, past_im, recent, pending, re, im;
    int64_t position = 0, newest = 0;

   public:
    Room(const float* taps, int64_t n_taps)
        : n_head(std::min(n_taps, SEGMENT)),
          n_further(n_taps > SEGMENT ? (n_taps - 1) / SEGMENT : 0),
          fourier(2 * SEGMENT),
          head(taps, taps + n_head),
          filters_re(n_further * BINS),
          filters_im(n_further * BINS),
          past_re(n_further * BINS),
          past_im(n_further * BINS),
          recent(2 * SEGMENT + W * TILE),
          pending(SEGMENT),
          re(2 * SEGMENT),
          im(2 * SEGMENT) {
        for (int64_t part = 0; part < n_further; part++) {
            const int64_t first = (part + 1) * SEGMENT;
            std::fill(re.begin(), re.end(), 0.0f);
            std::fill(im.begin(), im.end(), 0.0f);
            std::copy(taps + first, taps + std::min(first + SEGMENT, n_taps), re.begin());
            fourier.transform(re, im);
            // The inverse transform's 1 / n is in the filters.
            for (int64_t bin = 0; bin < BINS; bin++) {
                filters_re[part * BINS + bin] = re[bin] / static_cast<float>(2 * SEGMENT);
                filters_im[part * BINS + bin] = im[bin] / static_cast<float>(2 * SEGMENT);
            }
        }
    }

    // In place.
    void process(float* audio, int64_t n) {
        while (n > 0) {
            const int64_t count = std::min(n, SEGMENT - position);
            // `recent` holds the segment before and this one's samples so far.
            std::copy(audio, audio + count, &recent[SEGMENT + position]);
            direct(audio, count);
            audio += count;
            n -= count;
            position += count;
            if (position == SEGMENT) end_segment();
        }
    }

   private:
    void direct(float* audio, int64_t count) {
        for (int64_t i = 0; i < count; i += W * TILE) {
            typename S::V total[TILE];
            for (int v = 0; v < TILE; v++) total[v] = S::zero();
            const float* at = &recent[SEGMENT + position + i];
            for (int64_t j = 0; j < n_head; j++)
#pragma GCC unroll 4
                for (int v = 0; v < TILE; v++) total[v] += S::load(at + v * W - j) * head[j];
            float lanes[W * TILE];
            for (int v = 0; v < TILE; v++) S::store(lanes + v * W, total[v]);
            const int64_t last = std::min<int64_t>(W * TILE, count - i);
            for (int64_t s = 0; s < last; s++) audio[i + s] = lanes[s] + pending[position + i + s];
        }
    }

    // What all past segments give to the next one: products of spectra, of which only now there is a new one.
    void end_segment() {
        position = 0;
        if (n_further > 0) {
            newest = (newest + n_further - 1) % n_further;
            std::copy(recent.begin(), recent.begin() + 2 * SEGMENT, re.begin());
            std::fill(im.begin(), im.end(), 0.0f);
            fourier.transform(re, im);
            std::copy(re.begin(), re.begin() + BINS, &past_re[newest * BINS]);
            std::copy(im.begin(), im.begin() + BINS, &past_im[newest * BINS]);
            std::fill(re.begin(), re.end(), 0.0f);
            std::fill(im.begin(), im.end(), 0.0f);
            for (int64_t part = 0; part < n_further; part++) {
                const float *hr = &filters_re[part * BINS], *hi = &filters_im[part * BINS];
                const int64_t slot = (newest + part) % n_further;
                const float *xr = &past_re[slot * BINS], *xi = &past_im[slot * BINS];
                float *yr = re.data(), *yi = im.data();
                for (int64_t bin = 0; bin < BINS; bin++) {
                    yr[bin] += xr[bin] * hr[bin] - xi[bin] * hi[bin];
                    yi[bin] += xr[bin] * hi[bin] + xi[bin] * hr[bin];
                }
            }
            for (int64_t bin = 1; bin < SEGMENT; bin++) {
                re[2 * SEGMENT - bin] = re[bin];
                im[2 * SEGMENT - bin] = -im[bin];
            }
            fourier.transform(im, re);
            std::copy(re.begin() + SEGMENT, re.begin() + 2 * SEGMENT, pending.begin());
        }
        std::copy(recent.begin() + SEGMENT, recent.begin() + 2 * SEGMENT, recent.begin());
    }
};

}  // namespace
