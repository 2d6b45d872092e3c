// From one sample rate to another as the samples arrive: a low-pass filter of minimum phase, with a declared delay of whole output
// samples.
//
// Output m is y[m] = Σ_i x[i] h(m · from / to − i − shift), where h begins at 0, so no input beyond m · from / to is needed. Low
// frequencies are late by DELAY samples of the lower rate; the shift rounds that up to whole output samples. The rows of a table are
// h at equal steps of the fraction; between two rows it is interpolated. Positions are counted in whole numbers, so nothing drifts.
//
// h has the least delay that its magnitude allows. Oppenheim and Schafer, Discrete-Time Signal Processing: with L = log |H|, the
// cepstrum of minimum phase is ĉ[k] = 2/π ∫ L(ω) cos kω dω, and h follows from n h[n] = Σ_k k ĉ[k] h[n − k].
#pragma once

#include <cmath>

#include "call.h"

namespace {

constexpr uint32_t LEAST_RATE = 4000, MOST_HOST_RATE = 768000;  // of a host, Hz

template <int W>
class Resampler {
    static constexpr int64_t LEAST_TAPS = 128, MOST_PHASES = 512;  // taps in samples of the lower rate
    // |H| falls as a Gaussian's integral does, and is 90 dB down from the lower Nyquist frequency on.
    static constexpr double CUTOFF = 0.936, SLOPE = 0.015;  // of the lower Nyquist frequency
    static constexpr double FLOOR_DB = -115;
    static constexpr double DELAY = 2.71;        // of low frequencies, in samples of the lower rate
    static constexpr int64_t PER_SAMPLE = 8;     // values of h in a sample of the lower rate
    static constexpr int64_t N_VALUES = LEAST_TAPS * PER_SAMPLE;
    static constexpr double PI = 3.141592653589793;

    const int64_t from, to;  // the rates, by their greatest common divisor
    const int64_t n_block, n_taps, n_phases, n_delay, first_next;
    Buffer<float> table, samples;
    Buffer<double> response, slopes;  // h, and k ĉ[k]
    int64_t n_samples = 0;  // in `samples`
    int64_t next = 0;       // where the next output's first tap lies
    int64_t rest = 0;       // numerator of the fraction, over `to`

   public:
    // n_input: samples that arrive at once.
    Resampler(int64_t from_rate, int64_t to_rate, int64_t n_input, Arena& arena)
        : from(from_rate / divisor(from_rate, to_rate)), to(to_rate / divisor(from_rate, to_rate)), n_block(n_input),
          n_taps(from == to ? 1 : (LEAST_TAPS * (from > to ? from : to) / to + 3) / 4 * 4), n_phases(to < MOST_PHASES ? to : MOST_PHASES),
          n_delay(from == to ? 0 : static_cast<int64_t>(std::ceil(DELAY * stretch() * ratio()))), first_next(n_taps - 1),
          table(from == to ? 0 : (n_phases + 1) * n_taps, &arena), samples(first_next + n_taps + n_block, &arena),
          response(from == to ? 0 : N_VALUES, &arena), slopes(from == to ? 0 : N_VALUES, &arena) {
        if (arena.is_real() && from != to) fill_table();
    }

    // Whether the rates are close enough for a filter of a sensible length.
    static bool fits(int64_t from_rate, int64_t to_rate) { return from_rate / to_rate < 64; }

    int64_t delay() const { return n_delay; }

    void start() {
        samples.zero();
        n_samples = first_next;
        next = rest = 0;
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
    int64_t n_needed(int64_t p) const { return (p + n_delay) * from / to + 1; }

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

    // Input samples in a sample of the lower rate, and output samples in one of the input.
    double stretch() const { return from > to ? static_cast<double>(from) / static_cast<double>(to) : 1; }
    double ratio() const { return static_cast<double>(to) / static_cast<double>(from); }

    void fill_table() {
        make_response();
        const double shift = static_cast<double>(n_delay) / ratio() - DELAY * stretch();
        for (int64_t phase = 0; phase <= n_phases; phase++) {
            float* row = &table[phase * n_taps];
            const double fraction = static_cast<double>(phase) / static_cast<double>(n_phases) - shift;
            double sum = 0;
            for (int64_t j = 0; j < n_taps; j++) {
                const double value = response_at((static_cast<double>(n_taps - 1 - j) + fraction) / stretch());
                row[j] = static_cast<float>(value);
                sum += value;
            }
            for (int64_t j = 0; j < n_taps; j++) row[j] = static_cast<float>(row[j] / sum);  // a constant stays what it is
        }
    }

    // h, times a constant, at PER_SAMPLE values in a sample of the lower rate.
    void make_response() {
        constexpr int STEPS = 128;
        constexpr double WIDEST = 6;  // in SLOPEs to each side
        slopes.zero();
        double magnitude = 1, before = 0;  // |H| and its logarithm at the left end of a step
        for (int i = 0; i < STEPS; i++) {
            const double step = 2 * WIDEST / STEPS, left = WIDEST * (2.0 * i / STEPS - 1), middle = left + step / 2;
            magnitude -= step / 6 * (gaussian(left) + 4 * gaussian(middle) + gaussian(left + step));  // Simpson's rule
            const double now = std::log(magnitude + std::pow(10.0, FLOOR_DB / 20)), rise = now - before;
            const double angle = (CUTOFF + SLOPE * middle) * PI / static_cast<double>(PER_SAMPLE);
            // By parts, k ∫ L(ω) cos kω dω = −∫ L'(ω) sin kω dω.
            for (int64_t k = 1; k < N_VALUES; k++) slopes[k] -= 2 / PI * rise * std::sin(static_cast<double>(k) * angle);
            before = now;
        }
        response[0] = 1;
        for (int64_t n = 1; n < N_VALUES; n++) {
            double total = 0;
            for (int64_t k = 1; k <= n; k++) total += slopes[k] * response[n - k];
            response[n] = total / static_cast<double>(n);
        }
    }

    static double gaussian(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * PI); }

    // h at a time in samples of the lower rate, by a polynomial through the six values around it.
    double response_at(double time) const {
        const double x = time * static_cast<double>(PER_SAMPLE), below = std::floor(x);
        const int64_t first = static_cast<int64_t>(below) - 2;
        double total = 0;
        for (int64_t i = 0; i < 6; i++) {
            if (first + i < 0 || first + i >= N_VALUES) continue;
            double weight = response[first + i];
            for (int64_t k = 0; k < 6; k++)
                if (k != i) weight *= (x - below + static_cast<double>(2 - k)) / static_cast<double>(i - k);
            total += weight;
        }
        return total;
    }
};

}  // namespace
