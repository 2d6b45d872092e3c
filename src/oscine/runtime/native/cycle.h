// A cycle by its Fourier coefficients, read at f0: functional/wavetable.py, a frame at a time.
#pragma once

#include <cmath>

#include "call.h"

namespace {

template <int W>
class Cycle {
    using S = Simd<float, W>;
    using V = typename S::V;
    static constexpr int64_t BLOCK = 16;  // partials that follow from each other by turning, before the next exact one

    const Wire f0_hz, amplitude, cycle, y;
    const int64_t n_partials, hop;
    const double rate;
    Buffer<float> from, to;  // cosines, then sines
    Buffer<int32_t> phase;
    double start_phase = 0;
    float previous_hz = 0;
    bool has_started = false;

   public:
    static bool fits(const Call& c) {
        return c.has(3, 0, 0, 0) && c.output_size() == c.hop() && c.size(0) == 1 && c.size(1) == 1 && c.size(2) >= 2 &&
               c.size(2) % 2 == 0 && c.size(2) <= (1 << 16);
    }
    static uint64_t work(const Call& c) { return static_cast<uint64_t>((4 * c.size(2) + 16) * c.hop()); }
    Cycle(const Call& c, Arena& arena)
        : f0_hz(c.wire(0)), amplitude(c.wire(1)), cycle(c.wire(2)), y(c.output()), n_partials(c.size(2) / 2), hop(c.hop()),
          rate(c.sample_rate()), from(2 * n_partials, &arena), to(2 * n_partials, &arena), phase(hop + W, &arena) {}

    void start(int64_t) {
        start_phase = 0;
        has_started = false;
    }

    void run() {
        const float hz = *f0_hz, level = *amplitude;
        for (int64_t k = 0; k < 2 * n_partials; k++) to[k] = level * cycle[k];
        if (!has_started) {
            previous_hz = hz;
            std::memcpy(from.data(), to.data(), static_cast<size_t>(2 * n_partials) * sizeof(float));
            has_started = true;
        }
        // functional/phase.py: linear frequency, quadratic phase.
        const double length = static_cast<double>(hop), before = previous_hz / rate, now = hz / rate;
        const double polynomial[3] = {start_phase, before, (now - before) / (2 * length)};
        start_phase += length * (before + now) / 2;
        start_phase -= std::floor(start_phase);
        phases(polynomial, 0, hop, phase.data());
        const int64_t n_audible = audible(hz > previous_hz ? hz : previous_hz);
        const float poison = 0.0f * (hz + previous_hz);  // NaN stays NaN
        for (int64_t i = 0; i < hop; i += W) store_some<W>(y + i, samples(i, n_audible) + poison, hop - i);
        previous_hz = hz;
        from.swap(to);
    }

   private:
    // Number of the first partials that are below Nyquist.
    int64_t audible(float hz) const {
        const float nyquist = static_cast<float>(rate / 2);
        int64_t k = n_partials;
        while (k > 0 && !(hz * static_cast<float>(k) < nyquist)) k--;
        return k;
    }

    V samples(int64_t i, int64_t n_audible) const {
        const typename S::I p = S::load(phase.data() + i);
        V s1, c1, first = S::zero(), last = S::zero();
        sincos<W>(p, s1, c1);
        const float *from_cosines = from.data(), *from_sines = from_cosines + n_partials;
        const float *to_cosines = to.data(), *to_sines = to_cosines + n_partials;
        for (int64_t k = 0; k < n_audible; k += BLOCK) {
            V s, c;
            sincos<W>(p * static_cast<int32_t>(k + 1), s, c);
            const int64_t end = k + BLOCK < n_audible ? k + BLOCK : n_audible;
            for (int64_t j = k; j < end; j++) {
                first += c * from_cosines[j] + s * from_sines[j];
                last += c * to_cosines[j] + s * to_sines[j];
                const V turned = s * c1 + c * s1;
                c = c * c1 - s * s1;
                s = turned;
            }
        }
        const V weight = (S::numbers_from_zero() + static_cast<float>(i)) * (1.0f / static_cast<float>(hop));
        return first + weight * (last - first);
    }
};

}  // namespace
