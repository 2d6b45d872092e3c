// Convolution with a long impulse response as the samples arrive, without delay; functional/convolution.py says how.
//
// The first taps are convolved directly. The others are cut into segments, short ones and behind them long ones, whose
// spectra are multiplied with those of past segments of the signal; these products are spread over the present segment, so
// that no block is much dearer than the next.
//
// A product of spectra wraps around what is convolved. What wraps is thrown away (overlap-save), so it may as well change
// its sign. That makes a real signal x of 2 S samples a complex one of S: modulo z^S − i, z^S is i, so x is
// x[n] + i x[n + S]; with z = ω u, ω = e^(iπ / 2S), it is modulo u^S − 1, where the Fourier transform of S numbers multiplies.
// Its spectrum has no halves that mirror each other, and its order does not matter.
#pragma once

#include <cmath>

#include "call.h"

namespace {

// The spectrum of 2 S real numbers, S a power of two and at least two vectors, in an order of its own.
//
// Every step of the transform (Pease's) takes pairs from the two halves and stores them side by side, the inverse the other
// way round, so that all loads and stores are of whole vectors.
template <int W, int64_t S>
class Spectrum {
    using Vec = Simd<float, W>;
    using V = typename Vec::V;
    static constexpr int64_t HALF = S / 2;
    static constexpr int STEPS = [] {
        int steps = 0;
        for (int64_t n = S; n > 1; n /= 2) steps++;
        return steps;
    }();

    Buffer<float> turn_re, turn_im;    // of each step and pair: e^(−2πi (pair >> step) / (S >> step))
    Buffer<float> twist_re, twist_im;  // ω^n
    Buffer<float> re, im, next_re, next_im;

   public:
    explicit Spectrum(Arena& arena)
        : turn_re(STEPS * HALF, &arena), turn_im(STEPS * HALF, &arena), twist_re(S, &arena), twist_im(S, &arena), re(S, &arena),
          im(S, &arena), next_re(S, &arena), next_im(S, &arena) {
        if (!arena.is_real()) return;
        constexpr double PI = 3.141592653589793;
        for (int step = 0; step < STEPS; step++)
            for (int64_t pair = 0; pair < HALF; pair++) {
                const double angle = -2 * PI * static_cast<double>(pair >> step) / static_cast<double>(S >> step);
                turn_re[step * HALF + pair] = static_cast<float>(std::cos(angle));
                turn_im[step * HALF + pair] = static_cast<float>(std::sin(angle));
            }
        for (int64_t n = 0; n < S; n++) {
            const double angle = PI * static_cast<double>(n) / static_cast<double>(2 * S);
            twist_re[n] = static_cast<float>(std::cos(angle));
            twist_im[n] = static_cast<float>(std::sin(angle));
        }
    }

    void forward(const float* x, float* to_re, float* to_im) {
        for (int64_t n = 0; n < S; n += W) {
            const V a = Vec::load(x + n), b = Vec::load(x + S + n), c = Vec::load(&twist_re[n]), s = Vec::load(&twist_im[n]);
            Vec::store(&re[n], a * c - b * s);
            Vec::store(&im[n], a * s + b * c);
        }
        for (int step = 0; step < STEPS; step++) {
            const float *wr = &turn_re[step * HALF], *wi = &turn_im[step * HALF];
            for (int64_t i = 0; i < HALF; i += W) {
                const V ar = Vec::load(&re[i]), ai = Vec::load(&im[i]), br = Vec::load(&re[i + HALF]), bi = Vec::load(&im[i + HALF]);
                const V xr = ar - br, xi = ai - bi, c = Vec::load(wr + i), s = Vec::load(wi + i);
                Vec::merge(ar + br, xr * c - xi * s, &next_re[2 * i]);
                Vec::merge(ai + bi, xr * s + xi * c, &next_im[2 * i]);
            }
            re.swap(next_re);
            im.swap(next_im);
        }
        std::memcpy(to_re, re.data(), S * sizeof(float));
        std::memcpy(to_im, im.data(), S * sizeof(float));
    }

    // The second S of the 2 S real numbers, S times too large.
    void inverse(const float* from_re, const float* from_im, float* second) {
        std::memcpy(re.data(), from_re, S * sizeof(float));
        std::memcpy(im.data(), from_im, S * sizeof(float));
        for (int step = STEPS - 1; step >= 0; step--) {
            const float *wr = &turn_re[step * HALF], *wi = &turn_im[step * HALF];
            for (int64_t i = 0; i < HALF; i += W) {
                V ar, ai, xr, xi;
                Vec::split(Vec::load(&re[2 * i]), Vec::load(&re[2 * i + W]), ar, xr);
                Vec::split(Vec::load(&im[2 * i]), Vec::load(&im[2 * i + W]), ai, xi);
                const V c = Vec::load(wr + i), s = Vec::load(wi + i), br = xr * c + xi * s, bi = xi * c - xr * s;
                Vec::store(&next_re[i], ar + br);
                Vec::store(&next_im[i], ai + bi);
                Vec::store(&next_re[i + HALF], ar - br);
                Vec::store(&next_im[i + HALF], ai - bi);
            }
            re.swap(next_re);
            im.swap(next_im);
        }
        for (int64_t n = 0; n < S; n += W) {
            const V a = Vec::load(&re[n]), b = Vec::load(&im[n]), c = Vec::load(&twist_re[n]), s = Vec::load(&twist_im[n]);
            Vec::store(second + n, b * c - a * s);
        }
    }
};

// What taps S … end − 1 make of the signal, in segments of S samples.
template <int W, int64_t S>
class Partitions {
    using Vec = Simd<float, W>;
    using V = typename Vec::V;

    const int64_t n_parts;
    Spectrum<W, S> spectrum;
    Buffer<float> filters_re, filters_im, past_re, past_im, recent, pending, sum_re, sum_im;
    int64_t position = 0, newest = 0, n_summed = 1;

   public:
    static constexpr int64_t BEYOND = 4 * W;  // numbers behind the present segment that may be read

    Partitions(const float* taps, int64_t end, Arena& arena)
        : n_parts(end > S ? (end - 1) / S : 0), spectrum(arena), filters_re(n_parts * S, &arena), filters_im(n_parts * S, &arena),
          past_re(n_parts * S, &arena), past_im(n_parts * S, &arena), recent(2 * S + BEYOND, &arena), pending(S, &arena),
          sum_re(S, &arena), sum_im(S, &arena) {
        if (!arena.is_real()) return;
        for (int64_t part = 0; part < n_parts; part++) {
            const int64_t first = (part + 1) * S;
            recent.zero();
            // The inverse transform makes numbers S times too large.
            for (int64_t i = 0; i < S && first + i < end; i++) recent[i] = taps[first + i] / static_cast<float>(S);
            spectrum.forward(recent.data(), &filters_re[part * S], &filters_im[part * S]);
        }
    }

    void start() {
        Buffer<float>* const remembered[] = {&past_re, &past_im, &recent, &pending, &sum_re, &sum_im};
        for (Buffer<float>* one : remembered) one->zero();
        position = newest = 0;
        n_summed = 1;
    }

    int64_t left_in_segment() const { return S - position; }

    // Take the next samples, no more than are left in the segment, and add what past segments make of them to y.
    // Returns where the samples lie; in front of them are S more at least.
    const float* take(const float* x, int64_t count, float* y) {
        float* now = &recent[S + position];
        std::memcpy(now, x, static_cast<size_t>(count) * sizeof(float));
        for (int64_t i = 0; i < count; i++) y[i] += pending[position + i];
        position += count;
        return now;
    }

    // After `take`: the products with the older segments, as many as the time that has passed of this segment.
    void work() {
        const int64_t due = 1 + (n_parts - 1) * position / S;
        // When it has ended, the segment in slot `newest` will be one segment old.
        for (; n_summed < due; n_summed++) add_product(n_summed, (newest + n_summed - 1) % n_parts);
        if (position == S) end_segment();
    }

   private:
    // Add filter `part` times the segment in a slot.
    void add_product(int64_t part, int64_t slot) {
        const float *hr = &filters_re[part * S], *hi = &filters_im[part * S];
        const float *xr = &past_re[slot * S], *xi = &past_im[slot * S];
        float *yr = sum_re.data(), *yi = sum_im.data();
        for (int64_t i = 0; i < S; i += W) {
            const V ar = Vec::load(hr + i), ai = Vec::load(hi + i), br = Vec::load(xr + i), bi = Vec::load(xi + i);
            Vec::store(yr + i, Vec::load(yr + i) + br * ar - bi * ai);
            Vec::store(yi + i, Vec::load(yi + i) + br * ai + bi * ar);
        }
    }

    void end_segment() {
        position = 0;
        if (n_parts > 0) {
            newest = (newest + n_parts - 1) % n_parts;
            spectrum.forward(recent.data(), &past_re[newest * S], &past_im[newest * S]);
            add_product(0, newest);
            spectrum.inverse(sum_re.data(), sum_im.data(), pending.data());
            sum_re.zero();
            sum_im.zero();
            n_summed = 1;
        }
        std::memcpy(recent.data(), &recent[S], S * sizeof(float));
    }
};

template <int W>
class Convolve {
    using S = Simd<float, W>;
    static constexpr int64_t SHORT = 64, LONG = 512, TILE = 4;

    const Wire x, y;
    const int64_t n, n_taps, n_head;
    const float* taps;
    Partitions<W, SHORT> near;
    Partitions<W, LONG> far;

   public:
    static bool fits(const Call& c) {
        if (!c.has(1, 0, 0, 1) || c.size(0) != c.output_size()) return false;
        const TensorRecord taps = c.tensor(0);
        return taps.rows == 1 && taps.n_elements <= MOST_STATE;
    }
    static uint64_t work(const Call& c) {
        const uint64_t n_taps = c.tensor(0).n_elements, n = static_cast<uint64_t>(c.output_size());
        return 256 * n + 4 * (n_taps / LONG) * (n + LONG);
    }
    Convolve(const Call& c, Arena& arena)
        : x(c.wire(0)), y(c.output()), n(c.output_size()), n_taps(static_cast<int64_t>(c.tensor(0).n_elements)),
          n_head(n_taps < SHORT ? n_taps : SHORT), taps(c.constant(0, arena)), near(taps, n_taps < LONG ? n_taps : LONG, arena),
          far(taps, n_taps, arena) {}

    void start(int64_t) {
        near.start();
        far.start();
    }

    void run() {
        std::memset(y, 0, static_cast<size_t>(n) * sizeof(float));
        for (int64_t i = 0; i < n;) {
            // A short segment ends wherever a long one does.
            const int64_t count = n - i < near.left_in_segment() ? n - i : near.left_in_segment();
            far.take(x + i, count, y + i);
            direct(near.take(x + i, count, y + i), count, y + i);
            near.work();
            far.work();
            i += count;
        }
    }

   private:
    // Add the first taps' convolution; the samples have the past in front.
    void direct(const float* samples, int64_t count, float* to) const {
        for (int64_t i = 0; i < count; i += W * TILE) {
            typename S::V total[TILE];
            for (int v = 0; v < TILE; v++) total[v] = S::zero();
            for (int64_t j = 0; j < n_head; j++)
#pragma GCC unroll 4
                for (int v = 0; v < TILE; v++) total[v] += S::load(samples + i + v * W - j) * taps[j];
            for (int v = 0; v < TILE && i + v * W < count; v++) {
                const int64_t at = i + v * W;
                store_some<W>(to + at, load_some<W>(to + at, count - at) + total[v], count - at);
            }
        }
    }
};

}  // namespace
