// Operations on the values of one frame: arithmetic, activations, norms.
#pragma once

#include <cmath>

#include "call.h"

namespace {

class Concatenate {
    struct Part {
        Wire from;
        int64_t size;
    };
    Part* parts;
    const Wire to;
    const uint32_t n;

   public:
    static bool fits(const Call& c) {
        int64_t total = 0;
        for (uint32_t i = 0; i < c.n_wires(); i++) total += c.size(i);
        return c.n_wires() >= 1 && c.has(c.n_wires(), 0, 0, 0) && total == c.output_size();
    }
    static uint64_t work(const Call& c) { return static_cast<uint64_t>(c.output_size()); }
    Concatenate(const Call& c, Arena& arena) : parts(arena.take<Part>(c.n_wires())), to(c.output()), n(c.n_wires()) {
        if (parts)
            for (uint32_t i = 0; i < n; i++) parts[i] = {c.wire(i), c.size(i)};
    }
    void start(int64_t) {}
    void run() {
        float* at = to;
        for (uint32_t i = 0; i < n; at += parts[i++].size)
            std::memcpy(at, parts[i].from, static_cast<size_t>(parts[i].size) * sizeof(float));
    }
};

// y_i = f(x_i), f a class with `fits(const Call&)` for its NUMBERS, `Function(const Call&)` and an operator on vectors.
template <int W, class Function, uint32_t NUMBERS>
class Map {
    const Wire x, y;
    const int64_t n;
    const Function function;

   public:
    static bool fits(const Call& c) {
        return c.has(1, 0, NUMBERS, 0) && c.has_finite_numbers() && c.size(0) == c.output_size() && Function::fits(c);
    }
    static uint64_t work(const Call& c) { return 16 * static_cast<uint64_t>(c.output_size()); }
    Map(const Call& c, Arena&) : x(c.wire(0)), y(c.output()), n(c.output_size()), function(c) {}
    void start(int64_t) {}
    void run() {
        for (int64_t i = 0; i < n; i += W) store_some<W>(y + i, function(load_some<W>(x + i, n - i)), n - i);
    }
};

template <int W>
struct AffineOf {
    using V = typename Simd<float, W>::V;
    float scale, offset;
    static bool fits(const Call&) { return true; }
    explicit AffineOf(const Call& c) : scale(static_cast<float>(c.number(0))), offset(static_cast<float>(c.number(1))) {}
    V operator()(V x) const { return x * scale + offset; }
};

template <int W>
struct MidiOf {
    using V = typename Simd<float, W>::V;
    static bool fits(const Call&) { return true; }
    explicit MidiOf(const Call&) {}
    V operator()(V x) const {
        float lanes[W];
        Simd<float, W>::store(lanes, x);
        for (int i = 0; i < W; i++) lanes[i] = 69.0f + 12.0f * std::log2(lanes[i] > 1e-30f ? lanes[i] / 440.0f : 1.0f);
        return Simd<float, W>::load(lanes);
    }
};

template <int W>
struct SaturateOf {
    using V = typename Simd<float, W>::V;
    float half;
    static bool fits(const Call&) { return true; }
    explicit SaturateOf(const Call& c) : half(static_cast<float>(c.number(0))) {}
    V operator()(V x) const { return x / (x + half); }
};

template <int W>
struct LeakyReluOf {
    using V = typename Simd<float, W>::V;
    float slope;
    static bool fits(const Call&) { return true; }
    explicit LeakyReluOf(const Call& c) : slope(static_cast<float>(c.number(0))) {}
    V operator()(V x) const { return x > Simd<float, W>::zero() ? x : x * slope; }
};

template <int W>
struct SiluOf {
    using V = typename Simd<float, W>::V;
    static bool fits(const Call&) { return true; }
    explicit SiluOf(const Call&) {}
    V operator()(V x) const { return x * sigmoid<float, W>(x); }
};

template <int W>
struct TanhOf {
    using V = typename Simd<float, W>::V;
    static bool fits(const Call&) { return true; }
    explicit TanhOf(const Call&) {}
    V operator()(V x) const { return tanh_of<float, W>(x); }
};

template <int W>
struct SigmoidOf {
    using V = typename Simd<float, W>::V;
    float minimum, rise;
    static bool fits(const Call&) { return true; }
    explicit SigmoidOf(const Call& c)
        : minimum(static_cast<float>(c.number(0))), rise(static_cast<float>(c.number(1) - c.number(0))) {}
    V operator()(V x) const { return sigmoid<float, W>(x) * rise + minimum; }
};

template <int W>
struct LogSigmoidOf {
    using V = typename Simd<float, W>::V;
    float minimum, rise;
    static bool fits(const Call& c) { return c.number(0) > 0 && c.number(1) > 0; }
    explicit LogSigmoidOf(const Call& c)
        : minimum(static_cast<float>(c.number(0))),
          rise(static_cast<float>(std::log(c.number(1) / c.number(0)))) {}
    V operator()(V x) const { return Exponential<float>::template of<W>(sigmoid<float, W>(x) * rise) * minimum; }
};

// maximum · σ(x)^ln(exponent) + threshold, by σ(x)^p = exp(−p softplus(−x)) and softplus(−x) = max(−x, 0) + ln(1 + e^−|x|).
template <int W>
struct ExpSigmoidOf {
    using S = Simd<float, W>;
    using V = typename S::V;
    float maximum, power, threshold;
    static bool fits(const Call& c) { return c.number(1) > 0; }
    explicit ExpSigmoidOf(const Call& c)
        : maximum(static_cast<float>(c.number(0))),
          power(static_cast<float>(std::log(c.number(1)))),
          threshold(static_cast<float>(c.number(2))) {}
    V operator()(V x) const {
        const V size = x < S::zero() ? -x : x;
        const V softplus = (x < S::zero() ? -x : S::zero()) + log_one_to_two<W>(Exponential<float>::template of<W>(-size) + 1.0f);
        const V exponent = softplus * -power;
        // Below e^−87 the exponential is no longer 0; the threshold is far above that.
        return Exponential<float>::template of<W>(exponent) * maximum + threshold;
    }
};

template <int W>
class Softmax {
    const Wire x, y;
    const int64_t n;

   public:
    static bool fits(const Call& c) { return c.has(1, 0, 0, 0) && c.size(0) == c.output_size(); }
    static uint64_t work(const Call& c) { return 16 * static_cast<uint64_t>(c.output_size()); }
    Softmax(const Call& c, Arena&) : x(c.wire(0)), y(c.output()), n(c.output_size()) {}
    void start(int64_t) {}
    void run() { softmax(x, y, n); }

    static void softmax(const float* x, float* y, int64_t n) {
        float most = x[0];
        for (int64_t i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
        float total = 0;
        for (int64_t i = 0; i < n; i += W)
            store_some<W>(y + i, Exponential<float>::template of<W>(load_some<W>(x + i, n - i) - most), n - i);
        for (int64_t i = 0; i < n; i++) total += y[i];
        for (int64_t i = 0; i < n; i++) y[i] /= total;
    }
};

template <int W>
class LayerNorm {
    using S = Simd<float, W>;
    using V = typename S::V;
    const Wire x, y;
    const int64_t n;
    const float epsilon;
    const float *weight, *bias;

   public:
    static bool fits(const Call& c) {
        const int64_t n = c.output_size();
        return c.has(1, 0, 1, 2) && c.number(0) > 0 && c.number(0) < 1 && c.size(0) == n && c.is_tensor(0, 1, n) && c.is_tensor(1, 1, n);
    }
    static uint64_t work(const Call& c) { return 4 * static_cast<uint64_t>(c.output_size()); }
    LayerNorm(const Call& c, Arena& arena)
        : x(c.wire(0)), y(c.output()), n(c.output_size()), epsilon(static_cast<float>(c.number(0))), weight(c.constant(0, arena)),
          bias(c.constant(1, arena)) {}
    void start(int64_t) {}
    void run() {
        V total = S::zero();
        for (int64_t i = 0; i < n; i += W) total += load_some<W>(x + i, n - i);
        const float mean = S::sum(total) / static_cast<float>(n);
        V squares = S::zero();
        int64_t i = 0;
        for (; i + W <= n; i += W) {
            const V from_mean = S::load(x + i) - mean;
            squares += from_mean * from_mean;
        }
        float sum = S::sum(squares);
        for (; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
        const float scale = 1.0f / std::sqrt(sum / static_cast<float>(n) + epsilon);
        for (i = 0; i < n; i++) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
    }
};

template <bool PRODUCT>
class Combine {
    const Wire x, y, z;
    const int64_t n;

   public:
    static bool fits(const Call& c) { return c.has(2, 0, 0, 0) && c.size(0) == c.output_size() && c.size(1) == c.output_size(); }
    static uint64_t work(const Call& c) { return static_cast<uint64_t>(c.output_size()); }
    Combine(const Call& c, Arena&) : x(c.wire(0)), y(c.wire(1)), z(c.output()), n(c.output_size()) {}
    void start(int64_t) {}
    void run() {
        for (int64_t i = 0; i < n; i++) z[i] = PRODUCT ? x[i] * y[i] : x[i] + y[i];
    }
};

}  // namespace
