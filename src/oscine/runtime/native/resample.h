// From one sample rate to another as the samples arrive: a windowed sinc, with a delay of whole output samples.
//
// Output m is the input at m · from / to − delay, in input samples: y = Σ_j x[i + j] h(j − fraction). The rows of a table are h at
// equal steps of the fraction; between two rows it is interpolated. Positions are counted in whole numbers, so nothing drifts.
#pragma once

#include <cmath>

#include "call.h"

namespace {

constexpr uint32_t LEAST_RATE = 4000, MOST_HOST_RATE = 768000;  // of a host, Hz

template <int W>
class Resampler {
    static constexpr int64_t LEAST_TAPS = 96, MOST_PHASES = 512;
    static constexpr double BETA = 8.96;         // of Kaiser's window: what is rejected is below −90 dB
    static constexpr double CUTOFF = 0.9405;     // of the lower Nyquist frequency; at that frequency itself rejection begins
    static constexpr double PI = 3.141592653589793;

    const int64_t from, to;  // the rates, by their greatest common divisor
    const int64_t n_block, n_taps, n_phases, n_delay, first_next;
    Buffer<float> table, samples;
    int64_t n_samples = 0;  // in `samples`
    int64_t next = 0;       // where the next output's first tap lies
    int64_t rest = 0;       // numerator of the fraction, over `to`

   public:
    // n_input: samples that arrive at once.
    Resampler(int64_t from_rate, int64_t to_rate, int64_t n_input, Arena& arena)
        : from(from_rate / divisor(from_rate, to_rate)), to(to_rate / divisor(from_rate, to_rate)), n_block(n_input),
          n_taps(from == to ? 1 : (LEAST_TAPS * (from > to ? from : to) / to + 7) / 4 * 4),
          n_phases(to < MOST_PHASES ? to : MOST_PHASES),
          n_delay(from == to ? 0 : (n_taps / 2 * to + from - 1) / from), first_next(from == to ? 0 : n_taps + from / to + 2),
          table(from == to ? 0 : (n_phases + 1) * n_taps, &arena), samples(first_next + n_taps + n_block, &arena) {
        if (arena.is_real() && from != to) fill_table();
    }

    // Whether the rates are close enough for a filter of a sensible length.
    static bool fits(int64_t from_rate, int64_t to_rate) { return from_rate / to_rate < 64; }

    int64_t delay() const { return n_delay; }

    void start() {
        samples.zero();
        n_samples = first_next;
        next = rest = 0;
        if (from == to) return;
        // Output 0 lies n_delay · from / to before input 0, which is samples[first_next].
        const int64_t whole = (n_delay * from + to - 1) / to;
        rest = whole * to - n_delay * from;
        next = first_next - whole - n_taps / 2 + 1;
    }

    bool is_ready() const { return next + n_taps <= n_samples; }

    // Where the next `n_input` samples go when it is not ready; `take` them afterwards, or as many of them as there are.
    float* room() {
        if (n_samples + n_block > samples.size()) {
            const int64_t n_kept = n_samples - next;
            std::memmove(samples.data(), &samples[next], static_cast<size_t>(n_kept) * sizeof(float));
            n_samples = n_kept;
            next = 0;
        }
        return &samples[n_samples];
    }

    void take() { take(n_block); }
    void take(int64_t n) { n_samples += n; }

    // Input samples up to and with the last one that the output at position `p`, in output samples of the sound, is made of.
    int64_t n_needed(int64_t p) const { return p * from / to + (from == to ? 0 : n_taps / 2) + 1; }

    // Write up to `count` samples and return how many there were.
    int64_t read(float* output, int64_t count) {
        int64_t n = 0;
        if (from == to) {
            n = count < n_samples - next ? count : n_samples - next;
            std::memcpy(output, &samples[next], static_cast<size_t>(n) * sizeof(float));
            next += n;
            return n;
        }
        for (; n < count && is_ready(); n++) {
            const int64_t scaled = rest * n_phases, phase = scaled / to;
            const float fraction = static_cast<float>(scaled - phase * to) / static_cast<float>(to);
            const float* row = &table[phase * n_taps];
            const float here = dot<W>(row, &samples[next], n_taps);
            output[n] = fraction > 0 ? here + fraction * (dot<W>(row + n_taps, &samples[next], n_taps) - here) : here;
            rest += from;
            next += rest / to;
            rest %= to;
        }
        return n;
    }

   private:
    static int64_t divisor(int64_t a, int64_t b) { return b == 0 ? a : divisor(b, a % b); }

    static double bessel(double x) {  // I_0
        double term = 1, sum = 1;
        for (int k = 1; k < 40; k++) sum += term *= x * x / (4.0 * k * k);
        return sum;
    }

    void fill_table() {
        const double stretch = from > to ? static_cast<double>(from) / static_cast<double>(to) : 1.0;
        // The window reaches over all taps but the first and the last, for every fraction.
        const double half = static_cast<double>(n_taps) / 2 - 1;
        for (int64_t phase = 0; phase <= n_phases; phase++) {
            float* row = &table[phase * n_taps];
            double sum = 0;
            for (int pass = 0; pass < 2; pass++)
                for (int64_t j = 0; j < n_taps; j++) {
                    const double u = static_cast<double>(j - n_taps / 2 + 1) - static_cast<double>(phase) / static_cast<double>(n_phases);
                    const double x = PI * u * CUTOFF / stretch, inside = 1 - (u / half) * (u / half);
                    const double h = inside <= 0 ? 0 : (std::fabs(x) < 1e-9 ? 1 : std::sin(x) / x) * bessel(BETA * std::sqrt(inside));
                    if (pass == 0) {
                        sum += h;
                    } else {
                        row[j] = static_cast<float>(h / sum);  // a constant stays what it is
                    }
                }
        }
    }
};

}  // namespace
