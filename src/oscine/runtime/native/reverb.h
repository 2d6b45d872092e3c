// Convolution with a long impulse response as the samples arrive, without delay; functional/convolution.py says how.
//
// The first segment of the response is convolved directly. Of the others the spectra are multiplied with those of past
// segments of the signal; these products are spread over the segment, so that no block is much dearer than the next.
#pragma once

#include <cmath>

#include "call.h"

namespace {

// The transform of N complex numbers, N a power of two: Stockham's, which needs no reordering.
class Fourier {
    const int64_t n;
    Buffer<float> cosine, sine, other_re, other_im;

   public:
    Fourier(int64_t length, Arena& arena)
        : n(length), cosine(length, &arena), sine(length, &arena), other_re(length, &arena), other_im(length, &arena) {
        if (!arena.is_real()) return;
        for (int64_t i = 0; i < n; i++) {
            const double angle = -6.283185307179586 * static_cast<double>(i) / static_cast<double>(n);
            cosine[i] = static_cast<float>(std::cos(angle));
            sine[i] = static_cast<float>(std::sin(angle));
        }
    }

    // In place. With real and imaginary parts exchanged it is the inverse, n times too large.
    void transform(Buffer<float>& re, Buffer<float>& im) {
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
            re.swap(other_re);
            im.swap(other_im);
        }
    }
};

template <int W>
class Convolve {
    using S = Simd<float, W>;
    static constexpr int64_t SEGMENT = 512, BINS = SEGMENT + 1, TILE = 4;

    const float* x;
    float* y;
    const int64_t n, n_taps, n_head, n_further;
    const float* taps;
    Fourier fourier;
    Buffer<float> filters_re, filters_im, past_re, past_im, recent, pending, re, im, sum_re, sum_im;
    int64_t position = 0, newest = 0, n_summed = 0;

   public:
    static bool fits(const Call& c) {
        if (!c.has(1, 0, 0, 1) || c.size(0) != c.output_size()) return false;
        const TensorRecord taps = c.tensor(0);
        return taps.rows == 1 && taps.n_elements <= MOST_STATE;
    }

    static uint64_t work(const Call& c) {
        const uint64_t n_taps = c.tensor(0).n_elements, n = static_cast<uint64_t>(c.output_size());
        return (SEGMENT + 64) * n + 4 * (n_taps / SEGMENT) * (n + SEGMENT);
    }
    Convolve(const Call& c, Arena& arena)
        : x(c.wire(0)), y(c.output()), n(c.output_size()), n_taps(static_cast<int64_t>(c.tensor(0).n_elements)),
          n_head(n_taps < SEGMENT ? n_taps : SEGMENT), n_further(n_taps > SEGMENT ? (n_taps - 1) / SEGMENT : 0),
          taps(c.constant(0, arena)), fourier(2 * SEGMENT, arena), filters_re(n_further * BINS, &arena),
          filters_im(n_further * BINS, &arena), past_re(n_further * BINS, &arena), past_im(n_further * BINS, &arena),
          recent(2 * SEGMENT + W * TILE, &arena), pending(SEGMENT, &arena), re(2 * SEGMENT, &arena), im(2 * SEGMENT, &arena),
          sum_re(BINS, &arena), sum_im(BINS, &arena) {
        if (!arena.is_real()) return;
        for (int64_t part = 0; part < n_further; part++) {
            const int64_t first = (part + 1) * SEGMENT, count = n_taps - first < SEGMENT ? n_taps - first : SEGMENT;
            re.zero();
            im.zero();
            std::memcpy(re.data(), taps + first, static_cast<size_t>(count) * sizeof(float));
            fourier.transform(re, im);
            // The inverse transform's 1 / n is in the filters.
            for (int64_t bin = 0; bin < BINS; bin++) {
                filters_re[part * BINS + bin] = re[bin] / static_cast<float>(2 * SEGMENT);
                filters_im[part * BINS + bin] = im[bin] / static_cast<float>(2 * SEGMENT);
            }
        }
    }

    void start(int64_t) {
        for (Buffer<float>* one : {&past_re, &past_im, &recent, &pending, &sum_re, &sum_im}) one->zero();
        position = newest = 0;
        n_summed = 1;
    }

    void run() {
        std::memcpy(y, x, static_cast<size_t>(n) * sizeof(float));
        float* audio = y;
        for (int64_t left = n; left > 0;) {
            const int64_t count = left < SEGMENT - position ? left : SEGMENT - position;
            // `recent` holds the segment before and this one's samples so far.
            std::memcpy(&recent[SEGMENT + position], audio, static_cast<size_t>(count) * sizeof(float));
            direct(audio, count);
            audio += count;
            left -= count;
            position += count;
            // The products with the older segments, as many as the time that has passed of this segment.
            const int64_t due = 1 + (n_further - 1) * position / SEGMENT;
            // When it has ended, the segment in slot `newest` will be one segment old.
            for (; n_summed < due; n_summed++) add_product(n_summed, (newest + n_summed - 1) % n_further);
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
                for (int v = 0; v < TILE; v++) total[v] += S::load(at + v * W - j) * taps[j];
            float lanes[W * TILE];
            for (int v = 0; v < TILE; v++) S::store(lanes + v * W, total[v]);
            const int64_t last = W * TILE < count - i ? W * TILE : count - i;
            for (int64_t s = 0; s < last; s++) audio[i + s] = lanes[s] + pending[position + i + s];
        }
    }

    // Add filter `part` times the segment in a slot.
    void add_product(int64_t part, int64_t slot) {
        const float *hr = &filters_re[part * BINS], *hi = &filters_im[part * BINS];
        const float *xr = &past_re[slot * BINS], *xi = &past_im[slot * BINS];
        float *yr = sum_re.data(), *yi = sum_im.data();
        for (int64_t bin = 0; bin < BINS; bin++) {
            yr[bin] += xr[bin] * hr[bin] - xi[bin] * hi[bin];
            yi[bin] += xr[bin] * hi[bin] + xi[bin] * hr[bin];
        }
    }

    void end_segment() {
        position = 0;
        if (n_further > 0) {
            std::memcpy(re.data(), recent.data(), 2 * SEGMENT * sizeof(float));
            im.zero();
            fourier.transform(re, im);
            newest = (newest + n_further - 1) % n_further;
            std::memcpy(&past_re[newest * BINS], re.data(), BINS * sizeof(float));
            std::memcpy(&past_im[newest * BINS], im.data(), BINS * sizeof(float));
            add_product(0, newest);
            std::memcpy(re.data(), sum_re.data(), BINS * sizeof(float));
            std::memcpy(im.data(), sum_im.data(), BINS * sizeof(float));
            for (int64_t bin = 1; bin < SEGMENT; bin++) {
                re[2 * SEGMENT - bin] = re[bin];
                im[2 * SEGMENT - bin] = -im[bin];
            }
            fourier.transform(im, re);
            std::memcpy(pending.data(), &re[SEGMENT], SEGMENT * sizeof(float));
            sum_re.zero();
            sum_im.zero();
            n_summed = 1;
        }
        std::memcpy(recent.data(), &recent[SEGMENT], SEGMENT * sizeof(float));
    }
};

}  // namespace
