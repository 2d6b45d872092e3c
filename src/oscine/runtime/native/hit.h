// What begins with a hit: functional/hit.py, modes.py and transient.py, a frame at a time.
#pragma once

#include <cmath>

#include "call.h"

namespace {

// Where the samples of a frame lie in their hits. A frame has at most two spans: the hit before goes on until the next one
// begins.
class SinceOnset {
    const double rate;
    const int64_t hop;
    double age = 0, last = -1;

   public:
    struct Span {
        int64_t first, end;
        double since;  // samples since the onset at the first one; negative before the first hit
        bool begins;   // a hit begins with it
        bool follows;  // another hit sounded at the sample before
    };
    Span spans[2];
    int n_spans = 0;

    explicit SinceOnset(const Call& c) : rate(c.sample_rate()), hop(c.hop()) {}
    void start() {
        age = 0;
        last = -1;
    }
    void go_on(float onset_s) {
        const double before = age, length = static_cast<double>(hop);
        age = static_cast<double>(onset_s > 0 ? onset_s : 0.0f) * rate;
        const double now = age - length;
        const int64_t first = now >= 0 ? 0 : age > 0 ? hop - static_cast<int64_t>(std::floor(age)) : hop;
        n_spans = 0;
        if (first > 0) add(0, first, before > 0 ? before : now);
        if (first < hop) add(first, hop, now + static_cast<double>(first));
    }

   private:
    void add(int64_t first, int64_t end, double since) {
        spans[n_spans++] = {first, end, since, since >= 0 && (last < 0 || since < last), last >= 0};
        last = since + static_cast<double>(end - first - 1);
    }
};

class OnsetGate {
    const Wire audio, onset_s, y;
    SinceOnset hit;

   public:
    static bool fits(const Call& c) {
        return c.has(2, 0, 0, 0) && c.size(0) == c.hop() && c.size(1) == 1 && c.output_size() == c.hop();
    }
    static uint64_t work(const Call& c) { return 4 * static_cast<uint64_t>(c.hop()); }
    OnsetGate(const Call& c, Arena&) : audio(c.wire(0)), onset_s(c.wire(1)), y(c.output()), hit(c) {}
    void start(int64_t) { hit.start(); }
    void run() {
        hit.go_on(*onset_s);
        for (int s = 0; s < hit.n_spans; s++) {
            const SinceOnset::Span& span = hit.spans[s];
            for (int64_t i = span.first; i < span.end; i++) {
                const double since = span.since + static_cast<double>(i - span.first);
                const bool is_open = since >= 1 || (span.follows && i == span.first);
                y[i] = is_open ? audio[i] : since <= 0 ? 0.0f : audio[i] * static_cast<float>(since);
            }
        }
    }
};

class Modes {
    static constexpr double TURN = 6.283185307179586, SHORTEST_S = 1e-6, SILENT = 1e-12;

    const Wire onset_s, hz, decays, amplitudes, phases, y;
    const int64_t n, hop;
    const double rate;
    SinceOnset hit;
    Buffer<double> held;  // frequencies, decays, amplitudes, phases
    Buffer<double> sum;

   public:
    static bool fits(const Call& c) {
        if (!c.has(5, 0, 0, 0) || c.size(0) != 1 || c.output_size() != c.hop()) return false;
        for (uint32_t i = 2; i < 5; i++)
            if (c.size(i) != c.size(1)) return false;
        return c.size(1) <= (1 << 16);
    }
    static uint64_t work(const Call& c) { return 8 * static_cast<uint64_t>(c.size(1)) * static_cast<uint64_t>(c.hop() + 32); }
    Modes(const Call& c, Arena& arena)
        : onset_s(c.wire(0)), hz(c.wire(1)), decays(c.wire(2)), amplitudes(c.wire(3)), phases(c.wire(4)), y(c.output()),
          n(c.size(1)), hop(c.hop()), rate(c.sample_rate()), hit(c), held(4 * n, &arena), sum(hop, &arena) {}
    void start(int64_t) {
        hit.start();
        held.zero();
    }
    void run() {
        hit.go_on(*onset_s);
        sum.zero();
        for (int s = 0; s < hit.n_spans; s++) {
            const SinceOnset::Span& span = hit.spans[s];
            if (span.begins) hold();
            if (span.since >= 0)
                for (int64_t k = 0; k < n; k++) add(k, span);
        }
        for (int64_t i = 0; i < hop; i++) y[i] = static_cast<float>(sum[i]);
    }

   private:
    void hold() {
        const float* given[] = {hz, decays, amplitudes, phases};
        for (int64_t kind = 0; kind < 4; kind++)
            for (int64_t k = 0; k < n; k++) held[kind * n + k] = given[kind][k];
    }

    // One sinusoid: exact where the span begins, and turned from sample to sample.
    void add(int64_t k, const SinceOnset::Span& span) {
        const double decay = held[n + k] > SHORTEST_S ? held[n + k] : SHORTEST_S, time = span.since / rate;
        const double level = held[2 * n + k] * std::exp(-time / decay), turns = held[k] * time + held[3 * n + k];
        if (!(std::fabs(level) > SILENT)) return;
        const double angle = TURN * (turns - std::round(turns)), turn = TURN * held[k] / rate;
        const double fall = std::exp(-1 / (decay * rate)), by_cosine = fall * std::cos(turn), by_sine = fall * std::sin(turn);
        double sine = level * std::sin(angle), cosine = level * std::cos(angle);
        for (int64_t i = span.first; i < span.end; i++) {
            sum[i] += sine;
            const double next = sine * by_cosine + cosine * by_sine;
            cosine = cosine * by_cosine - sine * by_sine;
            sine = next;
        }
    }
};

class Transient {
    static constexpr double PI = 3.141592653589793;
    static constexpr int64_t REACH = 4;

    const Wire onset_s, taps, y;
    const int64_t n, hop;
    SinceOnset hit;
    Buffer<float> held;

   public:
    static bool fits(const Call& c) { return c.has(2, 0, 0, 0) && c.size(0) == 1 && c.output_size() == c.hop(); }
    static uint64_t work(const Call& c) { return static_cast<uint64_t>(c.size(1)) + 16 * static_cast<uint64_t>(c.hop()); }
    Transient(const Call& c, Arena& arena)
        : onset_s(c.wire(0)), taps(c.wire(1)), y(c.output()), n(c.size(1)), hop(c.hop()), hit(c), held(n, &arena) {}
    void start(int64_t) {
        hit.start();
        held.zero();
    }
    void run() {
        hit.go_on(*onset_s);
        std::memset(y, 0, static_cast<size_t>(hop) * sizeof(float));
        for (int s = 0; s < hit.n_spans; s++) {
            const SinceOnset::Span& span = hit.spans[s];
            if (span.begins) std::memcpy(held.data(), taps, static_cast<size_t>(n) * sizeof(float));
            // The last sample that a tap reaches.
            const double left = static_cast<double>(n + 2 * REACH) - span.since;
            if (span.since < 0 || left <= 0) continue;
            float weights[2 * REACH];
            const int64_t whole = static_cast<int64_t>(std::floor(span.since));
            const double share = span.since - std::floor(span.since);
            for (int64_t j = 0; j < 2 * REACH; j++) weights[j] = weight(share + static_cast<double>(j - REACH));
            for (int64_t i = span.first; i < span.end; i++) {
                const int64_t newest = whole + i - span.first;
                float total = 0;
                for (int64_t j = 0; j < 2 * REACH; j++) {
                    const int64_t tap = newest - j;
                    if (tap >= 0 && tap < n) total += weights[j] * held[tap];
                }
                y[i] = total;
                if (newest >= n + 2 * REACH) break;
            }
        }
    }

   private:
    static float weight(double distance) {
        const double cosine = std::cos(PI / (2 * REACH) * distance);
        const double sinc = distance == 0 ? 1 : std::sin(PI * distance) / (PI * distance);
        return static_cast<float>(sinc * cosine * cosine);
    }
};

}  // namespace
