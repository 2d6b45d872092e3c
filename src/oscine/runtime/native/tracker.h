// The live tracker: which period a sound has, every 4 ms. analysis/pitch/live.py is the same in numpy.
#pragma once

#include "periodicity.h"
#include "pitch_network.h"

namespace {

template <int W>
class Tracker {
    static constexpr int64_t N_TAPS = 8, N_RECENT = 60;
    // The function between a lag's neighbours, at quarters of a sample, is made of the lags SIDE to either side.
    static constexpr int64_t SIDE = 4, N_SIDES = 2 * SIDE + 1, PER_SAMPLE = 4, N_FINE = 2 * PER_SAMPLE + 1;
    static constexpr double BINS_PER_OCTAVE = 24, HIGHEST_HZ = 2093.0045, RATE = 16000;
    // How likely the pitch leaps in 4 ms, moves to the next bin, and a pitch begins or ends.
    static constexpr float LEAP = 0.1f, MOVE = 0.2f, CHANGE = 0.1f;
    // From which probability of voicing on f0 follows the sound, and does so over that many bins or more.
    static constexpr float CLEAR = 0.5f, CLEAR_AFTER_A_LEAP = 0.9f;
    static constexpr int64_t LEAST_LEAP = 13;
    static constexpr float LEAST_LEVEL = 0.2f;  // −75 dB
    static constexpr double NEAR = 1.045;  // three quarters of a semitone

    Periodicity<W> periodicity;
    PitchNetwork<W> network;
    Buffer<float> fine;           // [N_FINE][N_SIDES]
    Buffer<float> taps;           // of the bins that lie closer than a sample
    Buffer<int32_t> first, last;  // of each bin, whole lags
    int64_t n_close = 0;
    float belief[N_BINS], recent_db[N_RECENT];
    int64_t n_heard = 0;
    double bin_lags[N_BINS];
    int64_t held = -1;  // the most probable bin of the last clear frame
    bool is_seen = false;

   public:
    static constexpr int64_t LENGTH = Periodicity<W>::LENGTH;

    float confidence = 0;

    explicit Tracker(Arena& arena)
        : periodicity(arena), network(arena), fine(N_FINE * N_SIDES, &arena), taps(N_BINS * N_TAPS, &arena), first(N_BINS, &arena), last(N_BINS, &arena) {
        if (!arena.is_real()) return;
        for (int64_t i = 0; i < N_FINE; i++)
            for (int64_t j = 0; j < N_SIDES; j++)
                fine[i * N_SIDES + j] = interpolation(static_cast<double>(j - SIDE) - static_cast<double>(i) / PER_SAMPLE + 1);
        const double half_bin = std::pow(2.0, 0.5 / BINS_PER_OCTAVE);
        for (int64_t bin = 0; bin < N_BINS; bin++) {
            const double lag = RATE / HIGHEST_HZ * std::pow(2.0, static_cast<double>(bin) / BINS_PER_OCTAVE);
            bin_lags[bin] = lag;
            first[bin] = static_cast<int32_t>(std::ceil(lag / half_bin));
            last[bin] = static_cast<int32_t>(std::floor(lag * half_bin));
            if (lag * (half_bin - 1 / half_bin) >= 1) continue;
            n_close = bin + 1;
            first[bin] = static_cast<int32_t>(std::floor(lag)) - static_cast<int32_t>(N_TAPS) / 2 + 1;
            for (int64_t i = 0; i < N_TAPS; i++) taps[bin * N_TAPS + i] = interpolation(static_cast<double>(first[bin] + i) - lag);
        }
    }

    void start() {
        network.start();
        for (float& one : belief) one = 1.0f / N_BINS;
        for (float& one : recent_db) one = -100;
        n_heard = 0;
        confidence = 0;
        held = -1;
        is_seen = false;
    }

    bool is_voiced() const { return confidence >= 0.5f; }

    // Whether there is a pitch and the newest frame shows it; otherwise f0 is to be held.
    bool is_clear() const { return is_seen; }

    // Take the frame that ends with the newest sample.
    void step(const float* samples) {
        periodicity.compute(samples);
        to_bins(periodicity.of_long, network.room(0));
        to_bins(periodicity.of_short, network.room(1));
        const float level_db = 10 * std::log10(periodicity.power + 1e-10f);
        recent_db[n_heard++ % N_RECENT] = level_db;
        float loudest_db = level_db;
        for (const float one : recent_db) loudest_db = one > loudest_db ? one : loudest_db;
        const float above = (level_db + 80) / 25;
        const float scalars[4] = {(level_db - loudest_db) / 20, above < 0 ? 0 : (above > 1 ? 1 : above),
                                  periodicity.of_long[Periodicity<W>::SHORTEST_LAG],
                                  periodicity.of_short[Periodicity<W>::SHORTEST_LAG]};
        network.run(scalars);
        if (scalars[1] < LEAST_LEVEL) network.voicing = 0;
        follow();
    }

    // The lag near that of the last clear frame at which a frame repeats itself best, between two samples.
    float refined(const float* samples) {
        constexpr int64_t FIRST = Periodicity<W>::SHORTEST_LAG, LAST = Periodicity<W>::LAGS;
        const double lag = bin_lags[held < 0 ? 0 : held];
        int64_t low = static_cast<int64_t>(lag / NEAR) - 1, high = static_cast<int64_t>(lag * NEAR) + 2;
        low = low < FIRST ? FIRST : low;
        high = high > LAST - SIDE ? LAST - SIDE : high;
        periodicity.compute(samples, low + 1 - SIDE, high - 1 + SIDE);
        const float* n = periodicity.of_long.data();
        int64_t best = low + 1;
        for (int64_t i = low + 1; i < high; i++)
            if (n[i] > n[best]) best = i;
        if (n[best - 1] > n[best] || n[best + 1] > n[best]) return static_cast<float>(lag);
        float near[N_FINE];
        for (int64_t i = 0; i < N_FINE; i++) {
            near[i] = 0;
            for (int64_t j = 0; j < N_SIDES; j++) near[i] += fine[i * N_SIDES + j] * n[best - SIDE + j];
        }
        int64_t highest = 1;
        for (int64_t i = 2; i + 1 < N_FINE; i++)
            if (near[i] > near[highest]) highest = i;
        const float fall = near[highest - 1] - near[highest], rise = near[highest + 1] - near[highest], bend = fall + rise;
        const float offset = bend < -1e-12f ? 0.5f * (fall - rise) / bend : 0.0f;
        const float step = static_cast<float>(highest) + (offset < -0.5f ? -0.5f : (offset > 0.5f ? 0.5f : offset));
        const float found = static_cast<float>(best) + step / PER_SAMPLE - 1;
        return found > lag / NEAR && found < lag * NEAR ? found : static_cast<float>(lag);
    }

   private:
    // A sinc under a window of N_TAPS samples.
    static float interpolation(double u) {
        if (std::fabs(u) >= 0.5 * N_TAPS) return 0;
        const double x = 3.141592653589793 * u, c = std::cos(x / N_TAPS);
        return static_cast<float>((std::fabs(x) < 1e-9 ? 1 : std::sin(x) / x) * c * c);
    }

    void to_bins(const Buffer<float>& n, float* bins) const {
        for (int64_t bin = 0; bin < N_BINS; bin++) {
            float value = bin < n_close ? 0 : -2;
            if (bin < n_close)
                for (int64_t i = 0; i < N_TAPS; i++) value += taps[bin * N_TAPS + i] * n[first[bin] + i];
            else
                for (int32_t lag = first[bin]; lag <= last[bin]; lag++) value = n[lag] > value ? n[lag] : value;
            bins[bin] = value;
        }
    }

    // A step of two Bayesian filters: of having a pitch, and of the pitch. A frame that the network calls unvoiced says nothing
    // about the pitch.
    void follow() {
        const bool is_told = network.voicing >= CLEAR;
        const float likely = confidence * (1 - CHANGE) + (1 - confidence) * CHANGE;
        const float yes = likely * network.voicing, no = (1 - likely) * (1 - network.voicing);
        confidence = yes / (yes + no);
        float moved[N_BINS], sum = 0;
        for (int64_t bin = 0; bin < N_BINS; bin++) {
            const float below = bin > 0 ? belief[bin - 1] : 0, above = bin + 1 < N_BINS ? belief[bin + 1] : 0;
            const float stays = MOVE * (below + above) + (1 - 2 * MOVE) * belief[bin];
            moved[bin] = ((1 - LEAP) * stays + LEAP / N_BINS) * (is_told ? network.pitch[bin] : 1.0f);
            sum += moved[bin];
        }
        for (int64_t bin = 0; bin < N_BINS; bin++) belief[bin] = sum > 1e-30f ? moved[bin] / sum : 1.0f / N_BINS;
        const int64_t best = most_probable();
        const bool is_leap = held >= 0 && (best - held >= LEAST_LEAP || held - best >= LEAST_LEAP);
        is_seen = is_voiced() && network.voicing >= (is_leap ? CLEAR_AFTER_A_LEAP : CLEAR);
        if (is_seen) held = best;
    }

    int64_t most_probable() const {
        int64_t best = 0;
        for (int64_t bin = 1; bin < N_BINS; bin++)
            if (belief[bin] > belief[best]) best = bin;
        return best;
    }
};

}  // namespace
