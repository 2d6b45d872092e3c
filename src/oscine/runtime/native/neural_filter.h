// Dilated convolutions on samples: processors/neural_filter.py, a frame at a time and a layer after the other.
#pragma once

#include "call.h"

namespace {

template <int W>
class NeuralFilter {
    using S = Simd<float, W>;
    using V = typename S::V;
    static constexpr int SAMPLES = 8;  // at once: their sums stay in registers

    const Wire audio, offsets, y;
    const int64_t n, channels, width, taps;  // width: channels, padded to whole vectors
    const uint32_t n_layers;
    float *input, *output, *weight;          // weight: [layer][tap][channel in][channel out]
    Buffer<float> from, to, last;            // offsets at the last frame and this one, [layer][channel]; h_L
    Buffer<float>* known;                    // of each layer, samples of its input, [sample][channel]
    int64_t *past, *end;                     // of each layer: samples that it keeps; where its newest one ends
    bool has_started = false;

    static int64_t padded(int64_t size) { return (size + W - 1) / W * W; }

   public:
    static bool fits(const Call& c) {
        const int64_t n_layers = c.n_integers();
        if (n_layers < 1 || !c.has(2, c.n_integers(), 0, 3) || c.size(0) != c.output_size()) return false;
        const int64_t channels = c.tensor(0).columns, columns = c.tensor(1).columns;
        if (channels > (1 << 16) || !c.is_tensor(0, 1, channels) || !c.is_tensor(2, 1, channels) || c.size(1) != n_layers * channels)
            return false;
        if (columns % channels || !c.is_tensor(1, n_layers * channels, columns)) return false;
        // What all layers remember, in numbers.
        const int64_t most = MOST_STATE / padded(channels), kept = columns / channels - 1;
        int64_t total = 0;
        for (uint32_t i = 0; i < c.n_integers(); i++) {
            if (c.integer(i) < 1 || c.integer(i) > MOST_STATE || kept > MOST_STATE) return false;
            total += kept * c.integer(i);
            if (total > most) return false;
        }
        return true;
    }
    static uint64_t work(const Call& c) {
        const uint64_t samples = static_cast<uint64_t>(c.output_size());
        return samples * (c.tensor(1).n_elements + 16 * static_cast<uint64_t>(c.size(1)));
    }
    NeuralFilter(const Call& c, Arena& arena)
        : audio(c.wire(0)), offsets(c.wire(1)), y(c.output()), n(c.output_size()), channels(c.tensor(0).columns),
          width(padded(channels)), taps(c.tensor(1).columns / channels), n_layers(c.n_integers()), input(arena.take<float>(width)),
          output(arena.take<float>(width)), weight(arena.take<float>(n_layers * taps * channels * width)),
          from(n_layers * width, &arena), to(n_layers * width, &arena), last(n * width, &arena),
          known(arena.take<Buffer<float>>(n_layers)), past(arena.take<int64_t>(n_layers)), end(arena.take<int64_t>(n_layers)) {
        for (uint32_t l = 0; l < n_layers; l++) {
            const int64_t kept = (taps - 1) * c.integer(l), size = (2 * kept + n) * width;
            if (!arena.is_real()) {
                Buffer<float> measured(size, &arena);
                continue;
            }
            new (&known[l]) Buffer<float>(size, &arena);
            past[l] = kept;
        }
        if (!arena.is_real()) return;
        for (int64_t j = 0; j < width; j++) {
            input[j] = j < channels ? c.element(0, 0, j) : 0.0f;
            output[j] = j < channels ? c.element(2, 0, j) : 0.0f;
        }
        float* at = weight;
        for (int64_t l = 0; l < n_layers; l++)
            for (int64_t column = 0; column < taps * channels; column++)
                for (int64_t j = 0; j < width; j++) *at++ = j < channels ? c.element(1, l * channels + j, column) : 0.0f;
    }
    void start(int64_t) {
        for (uint32_t l = 0; l < n_layers; l++) {
            known[l].zero();
            end[l] = past[l];
        }
        has_started = false;
    }
    void run() {
        for (int64_t l = 0; l < n_layers; l++)
            for (int64_t j = 0; j < channels; j++) to[l * width + j] = offsets[l * channels + j];
        if (!has_started) std::memcpy(from.data(), to.data(), static_cast<size_t>(n_layers * width) * sizeof(float));
        has_started = true;
        float* x = place(0);
        for (int64_t t = 0; t < n; t++)
            for (int64_t j = 0; j < width; j += W) S::store(x + t * width + j, S::load(input + j) * audio[t]);
        for (uint32_t l = 0; l < n_layers; l++) {
            float* next = l + 1 < n_layers ? place(l + 1) : last.data();
            int64_t t = 0;
            for (; t + SAMPLES <= n; t += SAMPLES) layer<SAMPLES>(l, x, next, t);
            for (; t < n; t++) layer<1>(l, x, next, t);
            x = next;
        }
        for (int64_t t = 0; t < n; t++) {
            V total = S::zero();
            for (int64_t j = 0; j < width; j += W) total += S::load(output + j) * S::load(x + t * width + j);
            y[t] = audio[t] + S::sum(total);
        }
        from.swap(to);
    }

   private:
    // Where a layer's next samples go; those before them are its past.
    float* place(uint32_t l) {
        if ((end[l] + n) * width > known[l].size()) {
            std::memmove(known[l].data(), known[l].data() + (end[l] - past[l]) * width, static_cast<size_t>(past[l] * width) * sizeof(float));
            end[l] = past[l];
        }
        float* at = known[l].data() + end[l] * width;
        end[l] += n;
        return at;
    }

    template <int N>
    void layer(uint32_t l, const float* x, float* next, int64_t t) const {
        const int64_t dilation = taps > 1 ? past[l] / (taps - 1) : 0;
        for (int64_t j = 0; j < width; j += W) {
            V sums[N];
            const V before = S::load(&from[l * width + j]), rise = S::load(&to[l * width + j]) - before;
            for (int i = 0; i < N; i++) sums[i] = before + rise * (static_cast<float>(t + i) / static_cast<float>(n));
            const float* w = weight + l * taps * channels * width + j;
            for (int64_t k = 0; k < taps; k++) {
                const float* at = x + (t - (taps - 1 - k) * dilation) * width;
                for (int64_t c = 0; c < channels; c++, w += width) {
                    const V one = S::load(w);
#pragma GCC unroll 8
                    for (int i = 0; i < N; i++) sums[i] += one * at[i * width + c];
                }
            }
            for (int i = 0; i < N; i++) {
                const int64_t place = (t + i) * width + j;
                S::store(next + place, S::load(x + place) + tanh_of<float, W>(sums[i]));
            }
        }
    }
};

}  // namespace
