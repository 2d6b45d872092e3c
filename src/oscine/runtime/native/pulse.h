// A band-limited pulse train in closed form: functional/pulse.py, a frame at a time.
#pragma once

#include <cmath>

#include "call.h"

namespace {

class PulseTrain {
    static constexpr double PI = 3.141592653589793;

    const Wire f0_hz, amplitude, y;
    const int64_t hop;
    const double rate;
    const bool is_odd;
    double phase = 0;
    float previous_hz = 0, previous_amplitude = 0;
    bool has_started = false;

   public:
    static bool fits(const Call& c) {
        return c.has(2, 1, 0, 0) && c.output_size() == c.hop() && c.size(0) == 1 && c.size(1) == 1 && c.is_flag(0);
    }
    static uint64_t work(const Call& c) { return 128 * static_cast<uint64_t>(c.hop()); }
    PulseTrain(const Call& c, Arena&)
        : f0_hz(c.wire(0)), amplitude(c.wire(1)), y(c.output()), hop(c.hop()), rate(c.sample_rate()), is_odd(c.integer(0) == 1) {}

    void start(int64_t) {
        phase = 0;
        has_started = false;
    }

    void run() {
        const float hz = *f0_hz, level = *amplitude;
        if (!has_started) {
            previous_hz = hz;
            previous_amplitude = level;
            has_started = true;
        }
        const double length = static_cast<double>(hop), before = previous_hz / rate, now = hz / rate;
        const double curve = (now - before) / (2 * length), rise = static_cast<double>(hz) - previous_hz;
        for (int64_t i = 0; i < hop; i++) {
            const double x = static_cast<double>(i), turns = phase + x * (before + x * curve);
            const double here = previous_hz + x / length * rise;
            const double highest = rate / 2 / (here < 1e-3 ? 1e-3 : here);
            const float gain = previous_amplitude + static_cast<float>(x / length) * (level - previous_amplitude);
            y[i] = gain * static_cast<float>(cosines(turns - std::floor(turns), highest));
        }
        phase += length * (before + now) / 2;
        phase -= std::floor(phase);
        previous_hz = hz;
        previous_amplitude = level;
    }

   private:
    // The cosines up to harmonic `highest`, a real number, at the power of one.
    double cosines(double turns, double highest) const {
        if (highest < 1) return 0;
        if (!is_odd) {
            const double n = std::floor(highest), below = (sine_ratio(2 * n - 1, turns - std::round(turns)) - 1) / 2;
            return (below + (highest - n) * std::cos(2 * PI * n * turns)) / std::sqrt(highest);
        }
        const double power = (highest + 1) / 2, n = std::floor(power), half = std::round(2 * turns);
        const double sign = half == 1 ? -1 : 1;
        const double below = sign * sine_ratio(2 * n - 2, 2 * turns - half) / 2;
        return (below + (power - n) * std::cos(2 * PI * (2 * n - 1) * turns)) / std::sqrt(power);
    }

    // sin(nπφ) / sin(πφ), n at 0.
    static double sine_ratio(double n, double turns) {
        return std::fabs(turns) < 1e-9 ? n : std::sin(PI * n * turns) / std::sin(PI * turns);
    }
};

}  // namespace
