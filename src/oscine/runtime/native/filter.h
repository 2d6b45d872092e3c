// Filters that move from frame to frame: functional/filter.py, a frame at a time.
#pragma once

#include <cmath>

#include "call.h"
#include "dense.h"

namespace {

// The taps of the minimum-phase filter of band magnitudes. With the causal cepstrum ĉ, H = exp Σ ĉ[k] z^−k; its
// derivative gives the power series n h[n] = Σ_k k ĉ[k] h[n−k].
template <int W>
class MinimumPhase {
    using S = Simd<float, W>;

    const Wire magnitudes, taps;
    const int64_t n_bands, n_taps;
    const float offset;
    const Matrix<W> matrix;
    Buffer<float> logarithms, slopes, reversed;

   public:
    static bool fits(const Call& c) {
        return c.has(1, 0, 1, 1) && c.number(0) > 0 && c.number(0) < 1 && c.size(0) >= 2 && c.size(0) <= (1 << 13) &&
               c.output_size() <= (1 << 16) && c.is_tensor(0, c.size(0), c.size(0));
    }
    static uint64_t work(const Call& c) { return static_cast<uint64_t>(c.size(0) * (c.size(0) + c.output_size() + 16)); }
    MinimumPhase(const Call& c, Arena& arena)
        : magnitudes(c.wire(0)), taps(c.output()), n_bands(c.size(0)), n_taps(c.output_size()),
          offset(static_cast<float>(c.number(0))), matrix(c, 0, NO_BIAS, 0, n_bands, arena), logarithms(n_bands, &arena),
          slopes(n_bands + W, &arena), reversed(n_taps + n_bands + W, &arena) {}
    void start(int64_t) {}
    void run() {
        for (int64_t j = 0; j < n_bands; j++) logarithms[j] = std::log(magnitudes[j] + offset);
        // slopes[k − 1] = k ĉ[k], the even cepstrum's two sides on one.
        float* cepstrum = slopes.data();
        matrix.times(logarithms.data(), cepstrum);
        taps[0] = std::exp(cepstrum[0]);
        for (int64_t k = 1; k < n_bands; k++) slopes[k - 1] = 2.0f * static_cast<float>(k) * cepstrum[k];
        slopes[n_bands - 1] = 0;
        // h backwards, so that a sum is a product of two rows; beyond h[0] there are zeros.
        reversed.zero();
        reversed[n_taps - 1] = taps[0];
        for (int64_t n = 1; n < n_taps; n++) {
            const float* past = &reversed[n_taps - n];
            typename S::V total = S::zero();
            for (int64_t k = 0; k < n_bands - 1; k += W) total += S::load(&slopes[k]) * S::load(past + k);
            taps[n] = S::sum(total) / static_cast<float>(n);
            reversed[n_taps - 1 - n] = taps[n];
        }
    }
};

// The audio through a filter that goes from the last frame's taps to this one's.
template <int W>
class MovingFilter {
    using S = Simd<float, W>;
    using V = typename S::V;
    static constexpr int TILE = 4;

    const Wire audio, taps, y;
    const int64_t hop, n_taps, n_recent;
    const bool is_symmetric;
    Buffer<float> known, previous;
    bool has_started = false;

   public:
    static bool fits(const Call& c) {
        return c.has(2, 1, 0, 0) && c.size(0) == c.output_size() && c.size(1) >= 1 && c.size(1) <= (1 << 16) &&
               c.is_flag(0);
    }
    static uint64_t work(const Call& c) { return static_cast<uint64_t>((2 * c.size(1) + 8) * c.output_size()); }
    MovingFilter(const Call& c, Arena& arena)
        : audio(c.wire(0)), taps(c.wire(1)), y(c.output()), hop(c.output_size()), n_taps(c.size(1)),
          n_recent((n_taps - 1) * (c.integer(0) == 1 ? 2 : 1)), is_symmetric(c.integer(0) == 1),
          known(n_recent + hop + W * TILE, &arena), previous(n_taps, &arena) {}
    void start(int64_t) {
        known.zero();
        has_started = false;
    }
    void run() {
        if (!has_started) std::memcpy(previous.data(), taps, static_cast<size_t>(n_taps) * sizeof(float));
        has_started = true;
        std::memcpy(known.data() + n_recent, audio, static_cast<size_t>(hop) * sizeof(float));
        for (int64_t i = 0; i < hop; i += W * TILE) tile(i);
        std::memmove(known.data(), known.data() + hop, static_cast<size_t>(n_recent) * sizeof(float));
        std::memcpy(previous.data(), taps, static_cast<size_t>(n_taps) * sizeof(float));
    }

   private:
    void tile(int64_t i) {
        // The sample at the filter's first tap, or at its middle one.
        const float* at = known.data() + i + (is_symmetric ? n_taps - 1 : n_recent);
        V from[TILE], to[TILE];
        for (int v = 0; v < TILE; v++) {
            from[v] = S::load(at + v * W) * previous[0];
            to[v] = S::load(at + v * W) * taps[0];
        }
        for (int64_t j = 1; j < n_taps; j++)
#pragma GCC unroll 4
            for (int v = 0; v < TILE; v++) {
                V given = S::load(at + v * W - j);
                if (is_symmetric) given += S::load(at + v * W + j);
                from[v] += given * previous[j];
                to[v] += given * taps[j];
            }
        for (int v = 0; v < TILE; v++) {
            const int64_t first = i + v * W;
            if (first >= hop) return;
            const V weight = (S::numbers_from_zero() + static_cast<float>(first)) * (1.0f / static_cast<float>(hop));
            store_some<W>(y + first, from[v] + weight * (to[v] - from[v]), hop - first);
        }
    }
};

}  // namespace
