// Sines that move each other's phase: functional/fm.py, a frame at a time.
#pragma once

#include <cmath>

#include "call.h"

namespace {

class FrequencyModulation {
    static constexpr double PI = 3.141592653589793, SPREAD = 2, FAINT = 0.1, FADE = 10;
    static constexpr int64_t MOST_OPERATORS = 16;

    const Wire f0_hz, levels, y;
    const int64_t n, hop;
    const double rate;
    double ratios[MOST_OPERATORS], phase[MOST_OPERATORS];
    uint32_t modulators[MOST_OPERATORS];  // a bit for each
    uint32_t modulated[MOST_OPERATORS];
    float previous_hz = 0, previous[MOST_OPERATORS], limited[MOST_OPERATORS];
    bool has_started = false;

   public:
    static bool fits(const Call& c) {
        if (c.n_wires() != 2) return false;
        const int64_t n = c.size(1);
        if (n < 1 || n > MOST_OPERATORS || !c.has(2, static_cast<uint32_t>(n), static_cast<uint32_t>(n), 0)) return false;
        if (c.output_size() != c.hop() || c.size(0) != 1 || !c.has_finite_numbers()) return false;
        for (int64_t i = 0; i < n; i++) {
            // Modulators have larger numbers than what they modulate, so that nothing modulates itself.
            const int64_t mask = c.integer(static_cast<uint32_t>(i));
            if (mask < 0 || mask >= (1LL << n) || mask & ((2LL << i) - 1)) return false;
            if (!(c.number(static_cast<uint32_t>(i)) > 0)) return false;
        }
        return true;
    }
    static uint64_t work(const Call& c) { return 48 * static_cast<uint64_t>(c.size(1) * c.hop()); }
    FrequencyModulation(const Call& c, Arena&)
        : f0_hz(c.wire(0)), levels(c.wire(1)), y(c.output()), n(c.size(1)), hop(c.hop()), rate(c.sample_rate()) {
        for (int64_t i = 0; i < n; i++) {
            ratios[i] = c.number(static_cast<uint32_t>(i));
            modulators[i] = static_cast<uint32_t>(c.integer(static_cast<uint32_t>(i)));
            modulated[i] = 0;
        }
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++)
                if (modulators[i] >> j & 1) modulated[j] |= 1u << i;
    }

    void start(int64_t) {
        for (double& one : phase) one = 0;
        has_started = false;
    }

    void run() {
        const float hz = *f0_hz;
        limit(hz);
        if (!has_started) {
            previous_hz = hz;
            for (int64_t i = 0; i < n; i++) previous[i] = limited[i];
            has_started = true;
        }
        const double length = static_cast<double>(hop);
        double before[MOST_OPERATORS], curve[MOST_OPERATORS], sounds[MOST_OPERATORS];
        for (int64_t i = 0; i < n; i++) {
            before[i] = previous_hz * ratios[i] / rate;
            curve[i] = (hz * ratios[i] / rate - before[i]) / (2 * length);
        }
        for (int64_t at = 0; at < hop; at++) {
            const double x = static_cast<double>(at), weight = x / length;
            double heard = 0;
            for (int64_t i = n - 1; i >= 0; i--) {
                const double turns = phase[i] + x * (before[i] + x * curve[i]);
                double angle = 2 * PI * (turns - std::floor(turns));
                for (uint32_t left = modulators[i], j = 0; left; left >>= 1, j++)
                    if (left & 1) angle += sounds[j];
                const double from = previous[i];
                sounds[i] = (from + weight * (limited[i] - from)) * std::sin(angle);
                if (!modulated[i]) heard += sounds[i];
            }
            y[at] = static_cast<float>(heard);
        }
        for (int64_t i = 0; i < n; i++) {
            phase[i] += length * (before[i] + hz * ratios[i] / rate) / 2;
            phase[i] -= std::floor(phase[i]);
            previous[i] = limited[i];
        }
        previous_hz = hz;
    }

   private:
    // `limit_fm_levels`.
    void limit(float f0) {
        const double hz = f0 < 1e-3 ? 1e-3 : f0, nyquist = rate / 2;
        double room[MOST_OPERATORS], sidebands[MOST_OPERATORS];
        uint32_t carriers[MOST_OPERATORS];
        for (int64_t i = 0; i < n; i++) {
            const double own = ratios[i] * hz, level = levels[i];
            if (!modulated[i]) {
                room[i] = own < nyquist ? nyquist - own : 0;
                carriers[i] = 1u << i;
                sidebands[i] = 1;
                const double fade = FADE * room[i] / nyquist;
                limited[i] = static_cast<float>(level * (fade < 1 ? fade : 1));
                continue;
            }
            double times = 0, left = HUGE_VAL;
            carriers[i] = 0;
            for (int64_t j = 0; j < i; j++)
                if (modulated[i] >> j & 1) {
                    carriers[i] |= carriers[j];
                    if (sidebands[j] > times) times = sidebands[j];
                }
            for (int64_t j = 0; j < i; j++)
                if (carriers[i] >> j & 1 && room[j] < left) left = room[j];
            const double most = left > own ? (left / own - 1) / SPREAD / (times > 1e-9 ? times : 1e-9) : 0;
            const double index = level > most ? most : level, depth = times * index;
            sidebands[i] = SPREAD * depth + (depth < FAINT ? depth / FAINT : 1);
            limited[i] = static_cast<float>(index);
            for (int64_t j = 0; j < i; j++)
                if (carriers[i] >> j & 1) room[j] = room[j] > sidebands[i] * own ? room[j] - sidebands[i] * own : 0;
        }
    }
};

}  // namespace
