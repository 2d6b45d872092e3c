// How much a sound at 16 kHz is itself again after each lag: the normalised difference function.
//
//     n(lag) = 2 Σ_j x[j] x[j − lag] / (Σ_j x[j]² + Σ_j x[j − lag]²)
//
// over the newest 32 ms, and over the newest 16 ms of them; 1 for a period, about 0 for noise (McLeod and Wyvill, 2005).
#pragma once

#include <cmath>
#include <cstdint>

#include "memory.h"
#include "simd.h"

namespace {

template <int W>
class Periodicity {
    using S = Simd<float, W>;
    using V = typename S::V;
    static constexpr int64_t AT_ONCE = 4;          // lags
    static constexpr float LEAST_POWER = 1e-10f;  // −100 dB: what lies below is nearly silence

   public:
    static constexpr int64_t LONG = 512, SHORT = 256, SHORTEST_LAG = 4, LAGS = 352;
    static constexpr int64_t LENGTH = LONG + LAGS;  // samples, the newest last

   private:
    Buffer<float> x;

   public:
    Buffer<float> of_long, of_short;  // n of lags 0 … LAGS; those below SHORTEST_LAG are not computed
    float power = 0;                  // of the newest 32 ms, the mean left out

    explicit Periodicity(Arena& arena) : x(LENGTH, &arena), of_long(LAGS + 1, &arena), of_short(LAGS + 1, &arena) {}

    void compute(const float* samples) { compute(samples, SHORTEST_LAG, LAGS); }

    // For some lags alone, at least AT_ONCE.
    void compute(const float* samples, int64_t first, int64_t last) {
        double mean = 0;
        for (int64_t i = 0; i < LENGTH; i++) mean += static_cast<double>(samples[i]);
        const float offset = static_cast<float>(mean / LENGTH);
        for (int64_t i = 0; i < LENGTH; i++) x[i] = samples[i] - offset;

        const float *newest = &x[LENGTH - SHORT], *older = &x[LENGTH - LONG];
        for (int64_t lag = first; lag <= last; lag += AT_ONCE) {
            const int64_t from = lag + AT_ONCE - 1 <= last ? lag : last - AT_ONCE + 1;
            V sums[AT_ONCE] = {};
            add(newest, SHORT, from, sums);
            for (int64_t i = 0; i < AT_ONCE; i++) of_short[from + i] = 2 * S::sum(sums[i]);
            add(older, LONG - SHORT, from, sums);
            for (int64_t i = 0; i < AT_ONCE; i++) of_long[from + i] = 2 * S::sum(sums[i]);
        }
        const double of_newest = energy(newest, SHORT), of_all = of_newest + energy(older, LONG - SHORT);
        power = static_cast<float>(of_all / LONG);
        double shifted_short = of_newest, shifted_long = of_all;
        for (int64_t lag = 1; lag <= last; lag++) {
            const double left = square(x[LENGTH - lag]);
            shifted_short += square(x[LENGTH - SHORT - lag]) - left;
            shifted_long += square(x[LENGTH - LONG - lag]) - left;
            if (lag < first) continue;
            of_short[lag] /= static_cast<float>(of_newest + shifted_short) + 2 * LEAST_POWER * SHORT;
            of_long[lag] /= static_cast<float>(of_all + shifted_long) + 2 * LEAST_POWER * LONG;
        }
    }

   private:
    static double square(float value) { return static_cast<double>(value) * static_cast<double>(value); }

    static double energy(const float* from, int64_t n) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++) sum += square(from[i]);
        return sum;
    }

    // The products with the samples that are `lag` … lag + AT_ONCE − 1 before; n is a multiple of every W.
    static void add(const float* from, int64_t n, int64_t lag, V* sums) {
        V s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
        for (int64_t i = 0; i < n; i += W) {
            const V here = S::load(from + i);
            const float* before = from + i - lag;
            s0 += here * S::load(before);
            s1 += here * S::load(before - 1);
            s2 += here * S::load(before - 2);
            s3 += here * S::load(before - 3);
        }
        sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
    }
};

}  // namespace
