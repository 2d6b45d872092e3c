// White noise that is a function of its seed and the sample's number, through a symmetric filter that moves from
// frame to frame, forward and backward; noise.py and functional/noise.py say what is computed. The filters are so
// short that the sum as it is written takes less than the transforms around a product would.
#pragma once

#include <algorithm>

#include "memory.h"
#include "oscine.h"
#include "simd.h"

namespace {

inline uint32_t scramble(uint32_t x) {
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    return x ^ (x >> 16);
}

// White noise in [−1, 1]: the value of a number, for a key that belongs to a seed.
inline uint32_t noise_key(int64_t seed) {
    const uint32_t low = static_cast<uint32_t>(seed), high = static_cast<uint32_t>(static_cast<uint64_t>(seed) >> 32);
    return scramble(low ^ scramble(high));
}

template <class T>
T white(uint32_t key, uint64_t number) {
    const uint32_t upper = static_cast<uint32_t>(number >> 32);
    const uint32_t word = scramble(scramble(static_cast<uint32_t>(number) ^ key) ^ scramble(upper ^ ~key));
    return static_cast<T>(static_cast<int32_t>(word)) * static_cast<T>(4.656612873077393e-10);
}

template <class T, int W>
class Noise {
    using S = Simd<T, W>;
    using V = typename S::V;
    static constexpr int TILE = 4;

    const int64_t hop, reach, padded;
    Buffer<T> noise, reversed, lanes;

   public:
    // From an arena, it computes forward alone.
    Noise(int64_t hop_length, int64_t n_taps, Arena* arena = nullptr)
        : hop(hop_length),
          reach(n_taps - 1),
          padded((n_taps + W * TILE - 1) / (W * TILE) * (W * TILE)),
          noise(hop + 2 * padded + W * TILE, arena),
          reversed(arena ? 0 : noise.size(), arena),
          lanes(arena ? 0 : 2 * padded, arena) {}

    // The frame's noise, in [−1, 1], from number `first` on, and `reach` samples more on either side.
    void listen(int64_t seed, int64_t first) {
        const uint32_t key = noise_key(seed);
        for (int64_t i = 0; i < hop + 2 * reach; i++) noise[i] = white<T>(key, static_cast<uint64_t>(first - reach + i));
    }

    // What the two filters make of it, blended from one to the other.
    void filter(const T* from_taps, const T* to_taps, T* audio) {
        for (int64_t i = 0; i < hop; i += W * TILE) {
            const T* at = &noise[reach + i];
            V from[TILE], to[TILE];
            for (int v = 0; v < TILE; v++) {
                from[v] = S::load(at + v * W) * from_taps[0];
                to[v] = S::load(at + v * W) * to_taps[0];
            }
            for (int64_t j = 1; j <= reach; j++)
#pragma GCC unroll 4
                for (int v = 0; v < TILE; v++) {
                    const V both = S::load(at + v * W - j) + S::load(at + v * W + j);
                    from[v] += both * from_taps[j];
                    to[v] += both * to_taps[j];
                }
            T first[W * TILE], last[W * TILE];
            for (int v = 0; v < TILE; v++) S::store(first + v * W, from[v]);
            for (int v = 0; v < TILE; v++) S::store(last + v * W, to[v]);
            for (int64_t s = 0; s < std::min<int64_t>(W * TILE, hop - i); s++)
                audio[i + s] = first[s] + static_cast<T>(i + s) / static_cast<T>(hop) * (last[s] - first[s]);
        }
    }

    // The gradients of both filters' taps, from the audio's.
    void gradients(const T* grad, T* from_taps, T* to_taps) {
        const int64_t size = hop + 2 * reach;
        for (int64_t i = 0; i < size; i++) reversed[i] = noise[size - 1 - i];
        for (int64_t j = 0; j <= reach; j += W * TILE) {
            V from[TILE] = {}, to[TILE] = {};
            for (int64_t i = 0; i < hop; i++) {
                const T last = grad[i] * (static_cast<T>(i) / static_cast<T>(hop)), first = grad[i] - last;
                const T *after = &noise[reach + i + j], *before = &reversed[size - 1 - reach - i + j];
#pragma GCC unroll 4
                for (int v = 0; v < TILE; v++) {
                    const V both = S::load(after + v * W) + S::load(before + v * W);
                    from[v] += both * first;
                    to[v] += both * last;
                }
            }
            for (int v = 0; v < TILE; v++) S::store(&lanes[j + v * W], from[v]);
            for (int v = 0; v < TILE; v++) S::store(&lanes[padded + j + v * W], to[v]);
        }
        std::copy_n(lanes.begin(), reach + 1, from_taps);
        std::copy_n(lanes.data() + padded, reach + 1, to_taps);
        from_taps[0] /= 2;
        to_taps[0] /= 2;
    }
};

template <class T, int W>
void noise_forward(const oscine_noise& n, int64_t item) {
    Noise<T, W> work(n.hop_length, n.n_taps);
    for (int64_t t = 0; t < n.n_frames; t++) {
        const int64_t at = item * n.n_frames + t;
        const T* taps = static_cast<const T*>(n.taps) + at * n.n_taps;
        const T* before = t ? taps - n.n_taps : static_cast<const T*>(n.previous) + item * n.n_taps;
        work.listen(n.seed[item], n.sample[item] + t * n.hop_length);
        work.filter(before, taps, static_cast<T*>(n.audio) + at * n.hop_length);
    }
}

template <class T, int W>
void noise_backward(const oscine_noise& n, int64_t item) {
    Noise<T, W> work(n.hop_length, n.n_taps);
    Buffer<T> before(n.n_taps);
    for (int64_t t = 0; t < n.n_frames; t++) {
        const int64_t at = item * n.n_frames + t;
        T* taps = static_cast<T*>(n.grad_taps) + at * n.n_taps;
        work.listen(n.seed[item], n.sample[item] + t * n.hop_length);
        work.gradients(static_cast<const T*>(n.grad_audio) + at * n.hop_length, before.data(), taps);
        if (t == 0)
            std::copy(before.begin(), before.end(), static_cast<T*>(n.grad_previous) + item * n.n_taps);
        else
            for (int64_t j = 0; j < n.n_taps; j++) taps[j - n.n_taps] += before[j];
    }
}

}  // namespace
