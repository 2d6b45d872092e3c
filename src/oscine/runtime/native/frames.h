// Operations on values over frames: what networks remember.
#pragma once

#include <cmath>

#include "call.h"
#include "dense.h"
#include "values.h"

namespace {

template <int W>
class GruStep {
    using S = Simd<float, W>;
    const Wire gates, y;
    const int64_t n;
    const Matrix<W> reset_of, update_of, fresh_of;
    Buffer<float> hidden, recurrent;

   public:
    static bool fits(const Call& c) {
        const int64_t n = c.output_size();
        return c.has(1, 0, 0, 2) && c.size(0) == 3 * n && c.is_tensor(0, 3 * n, n) && c.is_tensor(1, 1, 3 * n);
    }
    static uint64_t work(const Call& c) { return c.tensor(0).n_elements + 64 * static_cast<uint64_t>(c.output_size()); }
    GruStep(const Call& c, Arena& arena)
        : gates(c.wire(0)), y(c.output()), n(c.output_size()), reset_of(c, 0, 1, 0, n, arena), update_of(c, 0, 1, n, n, arena),
          fresh_of(c, 0, 1, 2 * n, n, arena), hidden(n, &arena), recurrent(3 * n, &arena) {}
    void start(int64_t) { hidden.zero(); }
    void run() {
        float *h = hidden.data(), *r = recurrent.data();
        reset_of.times(h, r);
        update_of.times(h, r + n);
        fresh_of.times(h, r + 2 * n);
        for (int64_t i = 0; i < n; i += W) {
            const int64_t left = n - i;
            const auto at = [&](const float* from, int64_t gate) { return load_some<W>(from + gate * n + i, left); };
            const typename S::V reset = sigmoid<float, W>(at(gates, 0) + at(r, 0));
            const typename S::V update = sigmoid<float, W>(at(gates, 1) + at(r, 1));
            const typename S::V fresh = tanh_of<float, W>(at(gates, 2) + reset * at(r, 2));
            const typename S::V before = at(h, 0);
            store_some<W>(h + i, fresh + update * (before - fresh), left);
        }
        std::memcpy(y, h, static_cast<size_t>(n) * sizeof(float));
    }
};

// The last frames of a wire, in a ring.
class Ring {
    Buffer<float> frames;
    const int64_t size, length;
    int64_t newest = 0;

   public:
    Ring(int64_t frame_size, int64_t n_frames, Arena& arena) : frames(frame_size * n_frames, &arena), size(frame_size), length(n_frames) {}
    void start() {
        frames.zero();
        newest = 0;
    }
    void push(const float* from) {
        newest = newest + 1 == length ? 0 : newest + 1;
        std::memcpy(&frames[newest * size], from, static_cast<size_t>(size) * sizeof(float));
    }
    // The frame of so many frames ago, less than `n_frames`.
    const float* ago(int64_t lag) const {
        const int64_t at = newest - lag;
        return frames.data() + (at < 0 ? at + length : at) * size;
    }
};

class History {
    const Wire x, y;
    const int64_t n;
    const uint32_t n_lags;
    int64_t* lags;
    Ring ring;

    static int64_t longest(const Call& c) {
        int64_t most = 0;
        for (uint32_t i = 0; i < c.n_integers(); i++) most = c.integer(i) > most ? c.integer(i) : most;
        return most;
    }

   public:
    static bool fits(const Call& c) {
        if (c.n_integers() < 1 || !c.has(1, c.n_integers(), 0, 0)) return false;
        for (uint32_t i = 0; i < c.n_integers(); i++)
            if (c.integer(i) < 0 || c.integer(i) >= MOST_STATE) return false;
        return c.output_size() == c.n_integers() * c.size(0) && longest(c) + 1 <= MOST_STATE / c.size(0);
    }
    static uint64_t work(const Call& c) { return static_cast<uint64_t>(c.size(0) + c.output_size()); }
    History(const Call& c, Arena& arena)
        : x(c.wire(0)), y(c.output()), n(c.size(0)), n_lags(c.n_integers()), lags(arena.take<int64_t>(c.n_integers())),
          ring(c.size(0), longest(c) + 1, arena) {
        if (lags)
            for (uint32_t i = 0; i < n_lags; i++) lags[i] = c.integer(i);
    }
    void start(int64_t) { ring.start(); }
    void run() {
        ring.push(x);
        for (uint32_t i = 0; i < n_lags; i++) std::memcpy(y + i * n, ring.ago(lags[i]), static_cast<size_t>(n) * sizeof(float));
    }
};

class Depthwise {
    const Wire x, y;
    const int64_t n, taps;
    float* weight;  // [tap][channel]
    const float* bias;
    Ring ring;

   public:
    static bool fits(const Call& c) {
        const int64_t n = c.output_size();
        return c.has(1, 1, 0, 2) && c.size(0) == n && c.integer(0) >= 1 && c.is_tensor(0, n, c.integer(0)) && c.is_tensor(1, 1, n);
    }
    static uint64_t work(const Call& c) { return c.tensor(0).n_elements; }
    Depthwise(const Call& c, Arena& arena)
        : x(c.wire(0)), y(c.output()), n(c.output_size()), taps(c.integer(0)), weight(arena.take<float>(n * taps)),
          bias(c.constant(1, arena)), ring(n, taps, arena) {
        if (weight)
            for (int64_t j = 0; j < taps; j++)
                for (int64_t channel = 0; channel < n; channel++) weight[j * n + channel] = c.element(0, channel, j);
    }
    void start(int64_t) { ring.start(); }
    void run() {
        ring.push(x);
        std::memcpy(y, bias, static_cast<size_t>(n) * sizeof(float));
        for (int64_t j = 0; j < taps; j++) {
            const float *frame = ring.ago(taps - 1 - j), *tap = weight + j * n;
            for (int64_t channel = 0; channel < n; channel++) y[channel] += tap[channel] * frame[channel];
        }
    }
};

template <int W>
class AttentionStep {
    const Wire query, key, value, y;
    const int64_t n, heads, context, depth;
    const float* slopes;
    Ring keys, values;
    Buffer<float> scores;
    int64_t n_seen = 0;

   public:
    static bool fits(const Call& c) {
        const int64_t n = c.output_size();
        if (!c.has(3, 2, 0, 1) || c.size(0) != n || c.size(1) != n || c.size(2) != n) return false;
        const int64_t heads = c.integer(0), context = c.integer(1);
        return heads >= 1 && heads <= n && n % heads == 0 && context >= 1 && context <= MOST_STATE / n &&
               c.is_tensor(0, 1, heads);
    }
    static uint64_t work(const Call& c) {
        return static_cast<uint64_t>(2 * c.integer(1) * c.output_size()) + 16 * static_cast<uint64_t>(c.integer(0) * c.integer(1));
    }
    AttentionStep(const Call& c, Arena& arena)
        : query(c.wire(0)), key(c.wire(1)), value(c.wire(2)), y(c.output()), n(c.output_size()), heads(c.integer(0)),
          context(c.integer(1)), depth(n / heads), slopes(c.constant(0, arena)), keys(n, context, arena),
          values(n, context, arena), scores(context, &arena) {}
    void start(int64_t) {
        keys.start();
        values.start();
        n_seen = 0;
    }
    void run() {
        keys.push(key);
        values.push(value);
        n_seen = n_seen < context ? n_seen + 1 : context;
        const float scale = 1.0f / std::sqrt(static_cast<float>(depth));
        for (int64_t h = 0; h < heads; h++) {
            const float* q = query + h * depth;
            for (int64_t ago = 0; ago < n_seen; ago++) {
                scores[ago] = dot<W>(q, keys.ago(ago) + h * depth, depth) * scale - slopes[h] * static_cast<float>(ago);
            }
            Softmax<W>::softmax(scores.data(), scores.data(), n_seen);
            float* to = y + h * depth;
            for (int64_t i = 0; i < depth; i++) to[i] = 0;
            for (int64_t ago = 0; ago < n_seen; ago++) {
                const float* v = values.ago(ago) + h * depth;
                for (int64_t i = 0; i < depth; i++) to[i] += scores[ago] * v[i];
            }
        }
    }
};

}  // namespace
