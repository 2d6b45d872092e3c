// Operations on audio: gain and delay.
#pragma once

#include "call.h"

namespace {

class Gain {
    const Wire audio, gain, y;
    const int64_t n;
    float before = 0;
    bool has_started = false;

   public:
    static bool fits(const Call& c) { return c.has(2, 0, 0, 0) && c.size(0) == c.output_size() && c.size(1) == 1; }
    static uint64_t work(const Call& c) { return 2 * static_cast<uint64_t>(c.output_size()); }
    Gain(const Call& c, Arena&) : audio(c.wire(0)), gain(c.wire(1)), y(c.output()), n(c.output_size()) {}
    void start(int64_t) { has_started = false; }
    void run() {
        const float now = *gain;
        if (!has_started) before = now;
        has_started = true;
        const float rise = now - before, length = static_cast<float>(n);
        for (int64_t i = 0; i < n; i++) y[i] = audio[i] * (before + static_cast<float>(i) / length * rise);
        before = now;
    }
};

class Delay {
    const Wire x, y;
    const int64_t n, length;
    Buffer<float> ring;
    int64_t at = 0;

   public:
    static bool fits(const Call& c) {
        return c.has(1, 1, 0, 0) && c.size(0) == c.output_size() && c.integer(0) >= 1 && c.integer(0) <= MOST_STATE;
    }
    static uint64_t work(const Call& c) { return static_cast<uint64_t>(c.output_size()); }
    Delay(const Call& c, Arena& arena)
        : x(c.wire(0)), y(c.output()), n(c.output_size()), length(c.integer(0)), ring(length, &arena) {}
    void start(int64_t) {
        ring.zero();
        at = 0;
    }
    void run() {
        for (int64_t i = 0; i < n; i++) {
            const float given = x[i];
            y[i] = ring[at];
            ring[at] = given;
            at = at + 1 == length ? 0 : at + 1;
        }
    }
};

}  // namespace
