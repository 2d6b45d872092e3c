// The live tracker's network: from periodicity on lags that are spaced like pitches to the probability of each pitch, and of
// having one. analysis/pitch/live.py is the same in torch, and says why it is so.
#pragma once

#include <cmath>

#include "half.h"
#include "memory.h"
#include "pitch_weights.h"
#include "simd.h"

namespace {

constexpr int64_t N_BINS = 132;

// Numbers of some channels on the bins, for some past frames; beyond the bins, and before the first frame, they are 0.
class PitchFrames {
    const int64_t n_channels, n_frames;
    Buffer<float> values;
    int64_t newest = 0;

   public:
    static constexpr int64_t MARGIN = 48, STRIDE = MARGIN + N_BINS + MARGIN;

    PitchFrames(int64_t channels, int64_t frames, Arena& arena)
        : n_channels(channels), n_frames(frames), values(channels * frames * STRIDE, &arena) {}

    void start() { values.zero(); }
    void advance() { newest = newest + 1 == n_frames ? 0 : newest + 1; }
    float* now(int64_t channel) { return ago(channel, 0); }
    float* ago(int64_t channel, int64_t frames) {
        const int64_t frame = newest - frames < 0 ? newest - frames + n_frames : newest - frames;
        return &values[(frame * n_channels + channel) * STRIDE + MARGIN];
    }
};

// A convolution over past frames and over bins, and what is negative set to 0.
template <int W>
class PitchConvolution {
    using S = Simd<float, W>;
    using V = typename S::V;
    static constexpr int64_t ROWS = 4, VECTORS = 3;  // whose sums stay in registers
    static_assert(N_BINS % (VECTORS * W) == 0, "the bins are whole vectors");

    const int64_t n_in, n_out, n_times, n_lags, time_step, lag_step;
    Buffer<float> weight;  // [out / ROWS][in][time][lag][ROWS]
    const float* bias;

   public:
    PitchFrames input;

    // `weights` is [out][in][time][lag] in 16 bits, the oldest time first.
    PitchConvolution(const uint16_t* weights, const float* biases, int64_t in, int64_t out, int64_t times, int64_t lags,
                     int64_t time_dilation, int64_t lag_dilation, Arena& arena)
        : n_in(in), n_out(out), n_times(times), n_lags(lags), time_step(time_dilation), lag_step(lag_dilation),
          weight(in * out * times * lags, &arena), bias(biases), input(in, (times - 1) * time_dilation + 1, arena) {
        if (!arena.is_real()) return;
        const int64_t n = n_in * n_times * n_lags;
        for (int64_t row = 0; row < n_out; row++)
            for (int64_t i = 0; i < n; i++) weight[(row / ROWS * n + i) * ROWS + row % ROWS] = from_half(weights[row * n + i]);
    }

    // output(channel) is where its bins go.
    template <class Output>
    void run(const Output& output) {
        for (int64_t row = 0; row < n_out; row += ROWS)
            for (int64_t bin = 0; bin < N_BINS; bin += VECTORS * W) {
                V sums[ROWS][VECTORS];
                for (int r = 0; r < ROWS; r++)
                    for (int v = 0; v < VECTORS; v++) sums[r][v] = S::fill(bias[row + r]);
                const float* w = &weight[row * n_in * n_times * n_lags];
                for (int64_t channel = 0; channel < n_in; channel++)
                    for (int64_t time = 0; time < n_times; time++) {
                        const float* x = input.ago(channel, (n_times - 1 - time) * time_step) + bin - n_lags / 2 * lag_step;
                        for (int64_t lag = 0; lag < n_lags; lag++, x += lag_step, w += ROWS) {
                            const V a = S::load(x), b = S::load(x + W), c = S::load(x + 2 * W);
#pragma GCC unroll 4
                            for (int r = 0; r < ROWS; r++) {
                                sums[r][0] += a * w[r];
                                sums[r][1] += b * w[r];
                                sums[r][2] += c * w[r];
                            }
                        }
                    }
                for (int r = 0; r < ROWS; r++)
                    for (int v = 0; v < VECTORS; v++) {
                        const V sum = sums[r][v];
                        S::store(output(row + r) + bin + v * W, sum > S::zero() ? sum : S::zero());
                    }
            }
    }
};

template <int W>
class PitchNetwork {
    static constexpr int64_t N = PitchWeights::CHANNELS, N_VOICING = PitchWeights::VOICING, N_SCALARS = 4;
    PitchConvolution<W> first, second, third, fourth, fifth;
    PitchFrames last;

   public:
    float pitch[N_BINS];  // probabilities, of which the sum is 1
    float voicing = 0;    // probability

    explicit PitchNetwork(Arena& arena)
        : first(PitchWeights::CONVOLUTION_0, PitchWeights::BIAS_0, 2, N, 3, 5, 1, 1, arena),
          second(PitchWeights::CONVOLUTION_1, PitchWeights::BIAS_1, N, N, 1, 9, 1, 12, arena),
          third(PitchWeights::CONVOLUTION_2, PitchWeights::BIAS_2, N, N, 3, 3, 2, 1, arena),
          fourth(PitchWeights::CONVOLUTION_3, PitchWeights::BIAS_3, N, N, 1, 9, 1, 12, arena),
          fifth(PitchWeights::CONVOLUTION_4, PitchWeights::BIAS_4, N, N, 3, 3, 4, 1, arena), last(N, 1, arena) {}

    void start() {
        PitchFrames* const all[] = {&first.input, &second.input, &third.input, &fourth.input, &fifth.input, &last};
        for (PitchFrames* one : all) one->start();
    }

    // Where the next frame's input goes: of the long window, and of the short one.
    float* room(int64_t window) { return first.input.now(window); }

    void run(const float* scalars) {
        first.run([this](int64_t channel) { return second.input.now(channel); });
        second.run([this](int64_t channel) { return third.input.now(channel); });
        third.run([this](int64_t channel) { return fourth.input.now(channel); });
        fourth.run([this](int64_t channel) { return fifth.input.now(channel); });
        fifth.run([this](int64_t channel) { return last.now(channel); });
        first.input.advance();
        third.input.advance();
        fifth.input.advance();
        choose();
        decide(scalars);
    }

   private:
    void choose() {
        float highest = -1e30f;
        for (int64_t bin = 0; bin < N_BINS; bin++) {
            float logit = PitchWeights::PITCH_BIAS[0];
            for (int64_t c = 0; c < N; c++) logit += PitchWeights::PITCH[c] * last.now(c)[bin];
            pitch[bin] = logit;
            highest = logit > highest ? logit : highest;
        }
        float sum = 0;
        for (float& one : pitch) sum += one = std::exp(one - highest);
        for (float& one : pitch) one /= sum;
    }

    void decide(const float* scalars) {
        float given[2 * N + 1 + N_SCALARS];
        float highest = 0;
        for (const float one : pitch) highest = one > highest ? one : highest;
        for (int64_t c = 0; c < N; c++) {
            float at_pitch = 0, mean = 0;
            for (int64_t bin = 0; bin < N_BINS; bin++) at_pitch += pitch[bin] * last.now(c)[bin], mean += last.now(c)[bin];
            given[c] = at_pitch;
            given[N + c] = mean / static_cast<float>(N_BINS);
        }
        given[2 * N] = highest;
        for (int64_t i = 0; i < N_SCALARS; i++) given[2 * N + 1 + i] = scalars[i];
        float logit = PitchWeights::VOICED_BIAS[0];
        for (int64_t row = 0; row < N_VOICING; row++) {
            float sum = PitchWeights::HIDDEN_BIAS[row];
            for (int64_t i = 0; i < 2 * N + 1 + N_SCALARS; i++) sum += PitchWeights::HIDDEN[row * (2 * N + 1 + N_SCALARS) + i] * given[i];
            logit += PitchWeights::VOICED[row] * (sum > 0 ? sum : 0);
        }
        voicing = 1 / (1 + std::exp(-logit));
    }
};

}  // namespace
