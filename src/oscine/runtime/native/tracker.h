// Which period a sound has, every 4 ms, from its periodicity.
#pragma once

#include "periodicity.h"

namespace {

template <int W>
class Tracker {
    Periodicity<W> periodicity;

   public:
    static constexpr int64_t LENGTH = Periodicity<W>::LENGTH;

    float lag = 36.36f;  // of the last voiced frame, in samples
    float confidence = 0;

    explicit Tracker(Arena& arena) : periodicity(arena) {}

    void start() {
        lag = 36.36f;
        confidence = 0;
    }

    bool is_voiced() const { return confidence >= 0.5f; }

    // Take the frame that ends with the newest sample.
    void step(const float* samples) {
        periodicity.compute(samples);
        const float* n = periodicity.of_long.data();
        float highest = 0;
        for (int64_t i = 9; i < 340; i++)
            if (n[i] >= n[i - 1] && n[i] > n[i + 1] && n[i] > highest) highest = n[i];
        confidence = highest < 0 ? 0 : (highest > 1 ? 1 : highest);
        if (!is_voiced()) return;
        for (int64_t i = 9; i < 340; i++)
            if (n[i] >= n[i - 1] && n[i] > n[i + 1] && n[i] > 0.85f * highest) {
                lag = static_cast<float>(i);
                return;
            }
    }

    // The lag near the last one at which a frame repeats itself, between two samples.
    float refined(const float* samples) {
        constexpr int64_t FIRST = Periodicity<W>::SHORTEST_LAG, LAST = Periodicity<W>::LAGS;
        constexpr float NEAR = 1.045f;  // three quarters of a semitone
        int64_t low = static_cast<int64_t>(lag / NEAR) - 1, high = static_cast<int64_t>(lag * NEAR) + 2;
        low = low < FIRST ? FIRST : low;
        high = high > LAST ? LAST : high;
        periodicity.compute(samples, low, high);
        const float* n = periodicity.of_long.data();
        int64_t best = low + 1;
        for (int64_t i = low + 1; i < high; i++)
            if (n[i] > n[best]) best = i;
        const float before = n[best - 1], here = n[best], after = n[best + 1];
        if (before > here || after > here || here <= 0) return lag;
        return static_cast<float>(best) + peak(before, here, after);
    }

   private:
    // Where a cosine through three values is highest.
    static float peak(float before, float here, float after) {
        const float c = 0.5f * (before + after) / here, sine = std::sqrt(c < 1 ? 1 - c * c : 0.0f);
        if (!(sine > 1e-4f) || c < 0) return 0;
        const float turn = std::atan2(after - before, 2 * here * sine), step = std::atan2(sine, c);
        const float offset = turn / step;
        return offset < -0.5f ? -0.5f : (offset > 0.5f ? 0.5f : offset);
    }
};

}  // namespace
