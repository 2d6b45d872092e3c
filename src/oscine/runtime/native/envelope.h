// A spectral envelope, read at the multiples of a frequency.
#pragma once

#include <cmath>

#include "call.h"

namespace {

// functional/envelope.py, read_envelope: y_k = x at (first + k) spacing, Hz. Amplitudes: √(2 spacing) 10^(x / 20), else x itself.
class Envelope {
    const Wire values, y;
    Wire spacing;
    const int64_t n_bands, n, first;
    const bool amplitudes;
    const double fixed, nyquist, per_mel;

    static double mel(double hz) { return 2595.0 * std::log10(1.0 + hz / 700.0); }

   public:
    static bool fits(const Call& c) {
        if (c.n_wires() < 1 || c.n_wires() > 2 || !c.has(c.n_wires(), 2, 1, 0)) return false;
        if (c.n_wires() == 2 && c.size(1) != 1) return false;
        return c.size(0) >= 2 && c.is_flag(0) && c.is_flag(1) && c.has_finite_numbers() && c.number(0) > 0;
    }
    static uint64_t work(const Call& c) { return 64 * static_cast<uint64_t>(c.output_size()); }
    Envelope(const Call& c, Arena&)
        : values(c.wire(0)), y(c.output()), n_bands(c.size(0)), n(c.output_size()), first(c.integer(0)),
          amplitudes(c.integer(1) != 0), fixed(c.number(0)), nyquist(c.sample_rate() / 2),
          per_mel(static_cast<double>(n_bands - 1) / mel(nyquist)) {
        if (c.n_wires() == 2) spacing = c.wire(1);
    }
    void start(int64_t) {}
    void run() {
        const double hz = spacing ? (*spacing > 1.0f ? *spacing : 1.0) : fixed;
        const double scale = std::sqrt(2 * hz);
        const float* x = values;
        for (int64_t k = 0; k < n; k++) {
            // The frequency is rounded to float32 as its oscillator's is.
            const double at = static_cast<float>(hz * static_cast<double>(first + k));
            const double place = mel(at < nyquist ? at : nyquist) * per_mel;
            int64_t below = static_cast<int64_t>(place);
            if (below > n_bands - 2) below = n_bands - 2;
            const double value = x[below] + (place - static_cast<double>(below)) * (static_cast<double>(x[below + 1]) - x[below]);
            y[k] = static_cast<float>(amplitudes ? scale * std::pow(10.0, value / 20) : value);
        }
    }
};

}  // namespace
