// An instrument that plays frame by frame: what models/instrument.py's `step` computes, for one voice and without
// a call, an allocation or a copy in between. tests/models hold it to `step`.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "bank.h"
#include "noise.h"
#include "oscine.h"
#include "room.h"
#include "simd.h"

namespace {

// y = bias + matrix · x, the rows of the matrix one after the other, as torch has them.
template <int W>
void matrix_vector(const float* matrix, const float* bias, const float* x, int64_t n_in, int64_t n_out, float* y) {
    using S = Simd<float, W>;
    constexpr int ROWS = 8;  // read side by side, so that as many loads are under way
    int64_t row = 0;
    for (; row + ROWS <= n_out; row += ROWS, matrix += ROWS * n_in) {
        typename S::V total[ROWS];
        for (int r = 0; r < ROWS; r++) total[r] = S::zero();
        int64_t i = 0;
        for (; i + W <= n_in; i += W) {
            const typename S::V given = S::load(x + i);
#pragma GCC unroll 8
            for (int r = 0; r < ROWS; r++) total[r] += S::load(matrix + r * n_in + i) * given;
        }
        for (int r = 0; r < ROWS; r++) {
            float sum = S::sum(total[r]);
            for (int64_t rest = i; rest < n_in; rest++) sum += matrix[r * n_in + rest] * x[rest];
            y[row + r] = sum + bias[row + r];
        }
    }
    for (; row < n_out; row++, matrix += n_in) {
        float sum = 0;
        for (int64_t i = 0; i < n_in; i++) sum += matrix[i] * x[i];
        y[row] = sum + bias[row];
    }
}

template <int W, int BLOCKS_>
class Player {
    using S = Simd<float, W>;
    using V = typename S::V;

    const oscine_instrument d;
    std::vector<float> hidden, gates, recurrent, seen, work, other, raw;
    std::vector<float> weights, amplitudes, magnitudes, taps, previous_taps, hissing, nothing;
    Noise<float, W> noise;
    std::unique_ptr<Room<W>> room;
    oscine_bank bank{};  // points to the following
    std::unique_ptr<Bank<float, W, BLOCKS_>> sines;
    double phase = 0, polynomial[3] = {};
    float current_hz = 0, previous_hz = 0, amplitude = 0;
    int64_t sample = 0;
    bool started = false;

    static int64_t padded(int64_t n) { return (n + W - 1) / W * W; }

   public:
    explicit Player(const oscine_instrument& description)
        : d(description),
          hidden(padded(d.hidden_size)),
          gates(3 * d.hidden_size + W),
          recurrent(3 * d.hidden_size + W),
          raw(padded(1 + d.n_harmonics + d.n_bands)),
          weights(padded(d.n_harmonics)),
          amplitudes(d.n_harmonics),
          magnitudes(padded(d.n_bands)),
          taps(d.n_bands),
          previous_taps(d.n_bands),
          hissing(d.hop_length),
          nothing(d.n_bands),
          noise(d.hop_length, d.n_bands) {
        int64_t widest = std::max<int64_t>(2, d.hidden_size), side = d.n_before ? 0 : 2;
        for (int64_t i = 0; i < 2 * d.n_before; i++) widest = std::max(widest, d.before[i].n_out);
        if (d.n_before) side = 2 * d.before[d.n_before - 1].n_out;
        for (int64_t i = 0; i < d.n_after; i++) widest = std::max(widest, d.after[i].n_out);
        seen.resize(side);
        work.resize(std::max(widest, d.hidden_size + side));
        other.resize(work.size());
        bank.batch = bank.n_frames = bank.n_sines = 1;
        bank.hop_length = d.hop_length;
        bank.n_partials = d.n_harmonics;
        bank.nyquist = static_cast<double>(d.sample_rate) / 2;
        bank.polynomial = polynomial;
        bank.frequency_hz = &current_hz;
        bank.previous_hz = &previous_hz;
        bank.amplitude = &amplitude;
        bank.weights = weights.data();
        bank.previous_amplitudes = amplitudes.data();
        sines.reset(new Bank<float, W, BLOCKS_>(bank));
        if (d.room) room.reset(new Room<W>(d.room, d.n_taps));
    }

    void play(const float* f0_hz, const float* loudness_db, int64_t n_frames, float* audio) {
        for (int64_t t = 0; t < n_frames; t++, audio += d.hop_length) {
            control(f0_hz[t], loudness_db[t]);
            harmonics(f0_hz[t], audio);
            hiss(audio);
            if (room) room->process(audio, d.hop_length);
            previous_hz = f0_hz[t];
            started = true;
        }
    }

   private:
    // ---- the controller

    void control(float f0_hz, float loudness_db) {
        // hz_to_midi(f0) / 127 and dB / 80 + 1.
        const float features[2] = {(69.0f + 12.0f * std::log2(f0_hz / 440.0f)) / 127.0f, loudness_db / 80.0f + 1.0f};
        if (d.n_before == 0) std::copy(features, features + 2, seen.begin());
        for (int64_t input = 0; input < (d.n_before ? 2 : 0); input++) {
            const oscine_dense* layers = d.before + input * d.n_before;
            const float* result = stack(layers, d.n_before, features + input);
            std::copy(result, result + layers[d.n_before - 1].n_out, &seen[input * layers[d.n_before - 1].n_out]);
        }
        dense(*d.gates, seen.data(), gates.data());
        const int64_t size = d.hidden_size;
        matrix_vector<W>(d.recurrent_weight, d.recurrent_bias, hidden.data(), size, 3 * size, recurrent.data());
        for (int64_t i = 0; i < size; i += W) {
            // Lanes beyond the last unit read their neighbours' numbers and are overwritten or never read.
            const V reset = sigmoid<float, W>(S::load(&gates[i]) + S::load(&recurrent[i]));
            const V update = sigmoid<float, W>(S::load(&gates[size + i]) + S::load(&recurrent[size + i]));
            const V fresh = tanh_of<float, W>(S::load(&gates[2 * size + i]) + reset * S::load(&recurrent[2 * size + i]));
            S::store(&hidden[i], fresh + update * (S::load(&hidden[i]) - fresh));
        }
        const float* result = hidden.data();
        if (d.n_after) {
            std::vector<float>& both = work;
            std::copy(hidden.begin(), hidden.begin() + size, both.begin());
            std::copy(seen.begin(), seen.end(), both.begin() + size);
            result = stack(d.after, d.n_after, both.data());
        }
        dense(*d.head, result, raw.data());
    }

    const float* stack(const oscine_dense* layers, int64_t n, const float* x) {
        float* to = x == work.data() ? other.data() : work.data();
        for (int64_t i = 0; i < n; i++) {
            dense(layers[i], x, to);
            x = to;
            to = to == work.data() ? other.data() : work.data();
        }
        return x;
    }

    static void dense(const oscine_dense& layer, const float* x, float* y) {
        matrix_vector<W>(layer.weight, layer.bias, x, layer.n_in, layer.n_out, y);
        if (!layer.norm_weight) return;
        const int64_t n = layer.n_out;
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < n; i++) mean += y[i];
        mean /= static_cast<double>(n);
        const float centre = static_cast<float>(mean);
        for (int64_t i = 0; i < n; i++) variance += (y[i] - centre) * (y[i] - centre);
        const float scale = static_cast<float>(1.0 / std::sqrt(variance / static_cast<double>(n) + layer.epsilon));
        const float slope = static_cast<float>(layer.slope);
        for (int64_t i = 0; i < n; i++) {
            const float value = (y[i] - centre) * scale * layer.norm_weight[i] + layer.norm_bias[i];
            y[i] = value > 0 ? value : slope * value;
        }
    }

    // The activation exp_sigmoid of functional/activations.py: maximum · σ(x)^ln 10 + 1e-7.
    void curve(int which, const float* from, int64_t n, float* to) const {
        for (int64_t i = 0; i < n; i++) {
            const double x = from[i] + d.bias[which];
            const double softplus = x < 0 ? std::log1p(std::exp(x)) - x : std::log1p(std::exp(-x));
            to[i] = static_cast<float>(d.maximum[which] * std::exp(-2.302585092994046 * softplus) + 1e-7);
        }
    }

    // ---- the synthesisers

    void harmonics(float f0_hz, float* audio) {
        current_hz = f0_hz;
        curve(0, &raw[0], 1, &amplitude);
        curve(1, &raw[1], d.n_harmonics, weights.data());
        if (!started) previous_hz = f0_hz;
        // functional/phase.py: linear frequency, quadratic phase.
        const double rate = static_cast<double>(d.sample_rate), hop = static_cast<double>(d.hop_length);
        const double before = previous_hz / rate, now = f0_hz / rate;
        polynomial[0] = phase;
        polynomial[1] = before;
        polynomial[2] = (now - before) / (2 * hop);
        phase += hop * (before + now) / 2;
        phase -= std::floor(phase);

        bank.audio = audio;
        if (!started) sines->amplitudes(0, 0, amplitudes.data());
        sines->forward(0, 0, 1);
        sines->amplitudes(0, 0, amplitudes.data());
    }

    void hiss(float* audio) {
        curve(2, &raw[1 + d.n_harmonics], d.n_bands, magnitudes.data());
        matrix_vector<W>(d.filters, nothing.data(), magnitudes.data(), d.n_bands, d.n_bands, taps.data());
        if (!started) previous_taps = taps;
        noise.listen(d.seed, sample);
        sample += d.hop_length;
        noise.filter(previous_taps.data(), taps.data(), hissing.data());
        for (int64_t i = 0; i < d.hop_length; i++) audio[i] += hissing[i];
        std::swap(taps, previous_taps);
    }
};

}  // namespace
