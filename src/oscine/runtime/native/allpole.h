// A moving all-pole filter: functional/allpole.py, a frame at a time. The lattice is that of the kernels.
#pragma once

#include <cmath>

#include "call.h"
#include "lattice.h"

namespace {

template <int W>
class AllpoleStep {
    static constexpr double MOST = 1 - 1e-7, LOUDEST = 1e30;

    const Wire audio, reflection, y;
    const int64_t order;
    Buffer<double> from, to;
    Lattice<(W > 4 ? W / 2 : 2)> lattice;
    bool has_started = false;

   public:
    static bool fits(const Call& c) {
        return c.has(2, 0, 0, 0) && c.size(0) == c.output_size() && c.size(1) >= 1 && c.size(1) <= (1 << 16);
    }
    static uint64_t work(const Call& c) {
        return static_cast<uint64_t>((10 * c.size(1) + 8) * c.output_size() + 128 * c.size(1));
    }
    AllpoleStep(const Call& c, Arena& arena)
        : audio(c.wire(0)), reflection(c.wire(1)), y(c.output()), order(c.size(1)), from(order, &arena), to(order, &arena),
          lattice(order, c.output_size(), false, &arena) {}
    void start(int64_t) {
        lattice.state.zero();
        has_started = false;
    }
    void run() {
        for (int64_t m = 0; m < order; m++) {
            const double k = reflection[m];
            to[m] = std::asin(k < -MOST ? -MOST : k > MOST ? MOST : k);
        }
        if (!has_started) std::memcpy(from.data(), to.data(), static_cast<size_t>(order) * sizeof(double));
        has_started = true;
        lattice.forward(from.data(), to.data(), static_cast<const float*>(audio), static_cast<float*>(y));
        from.swap(to);
        // A filter that was given NaN or ±∞ starts anew; it would never lose them.
        for (int64_t m = 0; m < order; m++)
            if (!(std::fabs(lattice.state[m]) < LOUDEST)) lattice.state[m] = 0;
    }
};

}  // namespace
