// Operations that make sound: banks of sines and noise.
#pragma once

#include <cmath>

#include "bank.h"
#include "call.h"
#include "noise.h"

namespace {

// functional/harmonic.py, a frame at a time. FREE: every partial has a frequency of its own, its amplitude is given, and a phase may be.
template <int W, int MOST_BLOCKS, bool FREE>
class Sines {
    const Wire f0_hz, weights, y;
    Wire amplitude, inharmonicity, offset;
    const int64_t n_partials, n_sines, hop;
    const double rate;
    Buffer<float> hz, previous_hz, amplitudes, previous_offset;
    Buffer<double> phase, polynomial;
    oscine_bank description{};
    Bank<float, W, MOST_BLOCKS> bank;
    bool has_started = false;

    static const oscine_bank& describe(oscine_bank& b, const Call& c, int64_t partials, int64_t sines) {
        b.batch = b.n_frames = 1;
        b.hop_length = c.hop();
        b.n_partials = partials;
        b.n_sines = sines;
        b.nyquist = c.sample_rate() / 2;
        return b;
    }
    static int64_t partials_of(const Call& c) { return c.size(FREE ? 1 : 2); }
    static int64_t sines_of(const Call& c) { return FREE || c.integer(0) ? partials_of(c) : 1; }

   public:
    static bool fits(const Call& c) {
        if (c.output_size() != c.hop()) return false;
        if (FREE) {
            const bool phased = c.n_wires() == 3;
            return c.has(phased ? 3 : 2, 0, 0, 0) && c.size(0) == c.size(1) && c.size(0) <= (1 << 16) &&
                   (!phased || c.size(2) == c.size(0));
        }
        if (c.n_integers() != 2 || !c.is_flag(0) || !c.is_flag(1)) return false;
        const uint32_t extra = static_cast<uint32_t>(c.integer(0) + c.integer(1));
        if (!c.has(3 + extra, 2, 0, 0) || c.size(0) != 1 || c.size(1) != 1 || c.size(2) > (1 << 16)) return false;
        for (uint32_t i = 0; i < extra; i++)
            if (c.size(3 + i) != 1) return false;
        return true;
    }
    static uint64_t work(const Call& c) {
        const uint64_t partials = static_cast<uint64_t>(partials_of(c)), hop = static_cast<uint64_t>(c.hop());
        return (sines_of(c) > 1 ? 16 : 4) * (partials + 8) * hop;
    }
    Sines(const Call& c, Arena& arena)
        : f0_hz(c.wire(0)), weights(c.wire(FREE ? 1 : 2)), y(c.output()), n_partials(partials_of(c)), n_sines(sines_of(c)),
          hop(c.hop()), rate(c.sample_rate()), hz(n_sines, &arena), previous_hz(n_sines, &arena), amplitudes(n_partials, &arena),
          previous_offset(FREE ? n_sines : 1, &arena), phase(n_sines, &arena), polynomial(3 * n_sines, &arena),
          bank(describe(description, c, n_partials, n_sines), &arena) {
        if (!FREE) {
            amplitude = c.wire(1);
            if (c.integer(0)) inharmonicity = c.wire(3);
            if (c.integer(1)) offset = c.wire(c.integer(0) ? 4 : 3);
        } else if (c.n_wires() == 3) {
            offset = c.wire(2);
        }
        description.polynomial = polynomial.data();
        description.frequency_hz = hz.data();
        description.previous_hz = previous_hz.data();
        description.previous_amplitudes = amplitudes.data();
    }

    void start(int64_t) {
        phase.zero();
        has_started = false;
    }

    void run() {
        description.amplitude = amplitude ? static_cast<const float*>(amplitude) : nullptr;
        description.weights = weights;
        description.audio = y;
        for (int64_t k = 0; k < n_sines; k++) hz[k] = frequency(k);
        if (!has_started) {
            std::memcpy(previous_hz.data(), hz.data(), static_cast<size_t>(n_sines) * sizeof(float));
            bank.amplitudes(0, 0, amplitudes.data());
            remember_offset();
            has_started = true;
        }
        // functional/phase.py: linear frequency, quadratic phase.
        const double length = static_cast<double>(hop);
        for (int64_t k = 0; k < n_sines; k++) {
            const double before = previous_hz[k] / rate, now = hz[k] / rate;
            const double times = FREE || n_sines == 1 ? 1.0 : static_cast<double>(k + 1);
            const int64_t own = FREE ? k : 0;
            const double from = offset ? times * previous_offset[own] : 0, to = offset ? times * offset[own] : 0;
            polynomial[3 * k] = phase[k] + from;
            polynomial[3 * k + 1] = before + (to - from) / length;
            polynomial[3 * k + 2] = (now - before) / (2 * length);
            phase[k] += length * (before + now) / 2;
            phase[k] -= std::floor(phase[k]);
        }
        bank.forward(0, 0, 1);
        bank.amplitudes(0, 0, amplitudes.data());
        std::memcpy(previous_hz.data(), hz.data(), static_cast<size_t>(n_sines) * sizeof(float));
        remember_offset();
    }

   private:
    void remember_offset() {
        if (offset) std::memcpy(previous_offset.data(), offset, static_cast<size_t>(FREE ? n_sines : 1) * sizeof(float));
    }
    float frequency(int64_t k) const {
        if (FREE) return f0_hz[k];
        if (!inharmonicity) return *f0_hz;
        // In double, so that every machine rounds to the same float32: a difference would add up over the phase.
        const double number = static_cast<double>(k + 1);
        return static_cast<float>(*f0_hz * number * std::sqrt(1 + *inharmonicity * number * number));
    }
};

template <int W>
class NoiseStep {
    const Wire taps, y;
    const int64_t n_taps, hop;
    const uint64_t seed_offset;
    Buffer<float> previous;
    Noise<float, W> noise;
    int64_t seed = 0, sample = 0;
    bool has_started = false;

   public:
    static bool fits(const Call& c) {
        return c.has(1, 1, 0, 0) && c.output_size() == c.hop() && c.size(0) <= (1 << 16);
    }
    static uint64_t work(const Call& c) { return static_cast<uint64_t>((2 * c.size(0) + 8) * c.hop()); }
    NoiseStep(const Call& c, Arena& arena)
        : taps(c.wire(0)), y(c.output()), n_taps(c.size(0)), hop(c.hop()), seed_offset(static_cast<uint64_t>(c.integer(0))),
          previous(n_taps, &arena), noise(hop, n_taps, &arena) {}
    void start(int64_t with) {
        seed = static_cast<int64_t>(static_cast<uint64_t>(with) + seed_offset);
        sample = 0;
        has_started = false;
    }
    void run() {
        if (!has_started) std::memcpy(previous.data(), taps, static_cast<size_t>(n_taps) * sizeof(float));
        has_started = true;
        noise.listen(seed, sample);
        sample += hop;
        noise.filter(previous.data(), taps, y);
        std::memcpy(previous.data(), taps, static_cast<size_t>(n_taps) * sizeof(float));
    }
};

// Small random movement of many values; functional/shimmer.py says what is computed.
class Shimmer {
    const Wire y;
    const int64_t n;
    const uint32_t n_periods;
    const float* depths;  // [period][channel]
    int64_t* periods;
    uint32_t key = 0;
    int64_t frame = 0;

   public:
    static bool fits(const Call& c) {
        if (c.n_integers() < 1 || !c.has(0, c.n_integers(), 0, 1)) return false;
        for (uint32_t i = 0; i < c.n_integers(); i++)
            if (c.integer(i) < 1 || c.integer(i) > MOST_STATE) return false;
        return c.is_tensor(0, c.n_integers(), c.output_size());
    }
    static uint64_t work(const Call& c) { return 32 * c.tensor(0).n_elements; }
    Shimmer(const Call& c, Arena& arena)
        : y(c.output()), n(c.output_size()), n_periods(c.n_integers()), depths(c.constant(0, arena)),
          periods(arena.take<int64_t>(c.n_integers())) {
        if (periods)
            for (uint32_t i = 0; i < n_periods; i++) periods[i] = c.integer(i);
    }
    void start(int64_t seed) {
        key = noise_key(seed);
        frame = 0;
    }
    void run() {
        std::memset(y, 0, static_cast<size_t>(n) * sizeof(float));
        for (uint32_t p = 0; p < n_periods; p++) {
            const double angle = 1.5707963267948966 * static_cast<double>(frame % periods[p]) / static_cast<double>(periods[p]);
            const float before = static_cast<float>(1.7320508075688772 * std::cos(angle));
            const float after = static_cast<float>(1.7320508075688772 * std::sin(angle));
            const uint64_t first = (static_cast<uint64_t>(p + 1) << 48) + static_cast<uint64_t>(frame / periods[p] * n);
            const float* depth = depths + p * n;
            for (int64_t i = 0; i < n; i++) {
                const uint64_t number = first + static_cast<uint64_t>(i);
                y[i] += depth[i] * (before * white<float>(key, number) + after * white<float>(key, number + static_cast<uint64_t>(n)));
            }
        }
        frame++;
    }
};

}  // namespace
