// Products of a matrix and a vector, which are most of what a network costs.
//
// The matrix is laid out anew at load, so that it is read from end to end: panels of a few vectors of rows, in each the
// columns one after the other. A row's sum stays in one lane, so that nothing is summed across lanes, and the weights pass
// through the registers once. Where the processor converts float16 as it loads, such weights stay so in memory, and large
// networks, which memory is too slow for, take half the time.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "call.h"

namespace {

// W weights as a vector.
template <int W>
typename Simd<float, W>::V weights(const float* from) {
    return Simd<float, W>::load(from);
}

#if defined(OSCINE_LOADS_HALVES) && WIDTH == 16
constexpr bool LOADS_HALVES = true;
template <int W>
typename Simd<float, W>::V weights(const uint16_t* from) {
    return (typename Simd<float, W>::V)_mm512_maskz_cvtph_ps(0xFFFF, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
#elif defined(OSCINE_LOADS_HALVES) && WIDTH == 8
constexpr bool LOADS_HALVES = true;
template <int W>
typename Simd<float, W>::V weights(const uint16_t* from) {
    return (typename Simd<float, W>::V)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
#elif defined(__aarch64__) && WIDTH == 4
constexpr bool LOADS_HALVES = true;
template <int W>
typename Simd<float, W>::V weights(const uint16_t* from) {
    return (typename Simd<float, W>::V)vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from)));
}
#else
// Float16 weights are widened at load.
constexpr bool LOADS_HALVES = false;
template <int W>
typename Simd<float, W>::V weights(const uint16_t*) {
    return Simd<float, W>::zero();
}
#endif

constexpr uint32_t NO_BIAS = 0xFFFFFFFF;

// y = bias + matrix · x for a range of a tensor's rows.
template <int W>
class Matrix {
    using S = Simd<float, W>;
    using V = typename S::V;
    static constexpr int VECTORS = 8;  // in a panel; their sums stay in registers

    const int64_t n_in, n_out;
    const bool is_half;
    float* wide = nullptr;
    uint16_t* half = nullptr;
    float* bias;

    static int64_t padded(int64_t n) { return (n + W - 1) / W * W; }

   public:
    // Rows first_row … first_row + rows − 1 of tensor `weight`, and as many numbers of tensor `bias_at`, or NO_BIAS.
    Matrix(const Call& c, uint32_t weight, uint32_t bias_at, int64_t first_row, int64_t rows, Arena& arena)
        : n_in(c.tensor(weight).columns), n_out(rows), is_half(LOADS_HALVES && c.tensor(weight).is_half()),
          bias(arena.take<float>(padded(rows))) {
        const int64_t n = padded(n_out) * n_in;
        if (is_half)
            half = arena.take<uint16_t>(n);
        else
            wide = arena.take<float>(n);
        if (!arena.is_real()) return;
        for (int64_t i = 0; i < padded(n_out); i++) bias[i] = i < n_out && bias_at != NO_BIAS ? c.element(bias_at, 0, first_row + i) : 0.0f;
        const TensorRecord record = c.tensor(weight);
        const uint8_t* from = c.file.at(record.at) + static_cast<uint64_t>(first_row * n_in) * record.width();
        int64_t to = 0;
        for (int64_t panel = 0; panel < n_out; panel += VECTORS * W) {
            const int64_t width = padded(n_out - panel) < VECTORS * W ? padded(n_out - panel) : VECTORS * W;
            for (int64_t column = 0; column < n_in; column++)
                for (int64_t i = 0; i < width; i++, to++) {
                    const uint64_t at = static_cast<uint64_t>((panel + i) * n_in + column);
                    if (panel + i >= n_out)
                        is_half ? void(half[to] = 0) : void(wide[to] = 0);
                    else if (is_half)
                        half[to] = read<uint16_t>(from + 2 * at);
                    else
                        wide[to] = record.is_half() ? from_half(read<uint16_t>(from + 2 * at)) : read<float>(from + 4 * at);
                }
        }
    }

    void times(const float* x, float* y) const { is_half ? product(half, x, y) : product(wide, x, y); }

   private:
    template <class T>
    void product(const T* from, const float* x, float* y) const {
        const float* sums = bias;
        for (int64_t left = n_out; left > 0; left -= VECTORS * W) {
            switch (left < VECTORS * W ? padded(left) / W : VECTORS) {
                case 1: from = panel<1>(from, x, sums, y, left); break;
                case 2: from = panel<2>(from, x, sums, y, left); break;
                case 3: from = panel<3>(from, x, sums, y, left); break;
                case 4: from = panel<4>(from, x, sums, y, left); break;
                case 5: from = panel<5>(from, x, sums, y, left); break;
                case 6: from = panel<6>(from, x, sums, y, left); break;
                case 7: from = panel<7>(from, x, sums, y, left); break;
                default: from = panel<8>(from, x, sums, y, left);
            }
            sums += VECTORS * W;
            y += VECTORS * W;
        }
    }

    // A panel of N vectors of rows; few of them take several columns side by side, since a sum waits for the one before.
    template <int N, class T>
    const T* panel(const T* from, const float* x, const float* sums, float* y, int64_t left) const {
        constexpr int COLUMNS = N > 4 ? 1 : N > 2 ? 2 : N > 1 ? 4 : 8;
        V total[COLUMNS][N];
        for (int c = 0; c < COLUMNS; c++)
            for (int v = 0; v < N; v++) total[c][v] = c ? S::zero() : S::load(sums + v * W);
        int64_t column = 0;
        for (; column + COLUMNS <= n_in; column += COLUMNS)
#pragma GCC unroll 8
            for (int c = 0; c < COLUMNS; c++, from += N * W)
#pragma GCC unroll 8
                for (int v = 0; v < N; v++) total[c][v] += weights<W>(from + v * W) * x[column + c];
        for (; column < n_in; column++, from += N * W)
#pragma GCC unroll 8
            for (int v = 0; v < N; v++) total[0][v] += weights<W>(from + v * W) * x[column];
#pragma GCC unroll 8
        for (int v = 0; v < N; v++) {
            for (int c = 1; c < COLUMNS; c++) total[0][v] += total[c][v];
            store_some<W>(y + v * W, total[0][v], left - v * W);
        }
        return from;
    }
};

template <int W>
class Linear {
    const float* x;
    float* y;
    const Matrix<W> matrix;

   public:
    static bool fits(const Call& c) {
        return c.has(1, 0, 0, 2) && c.is_tensor(0, c.output_size(), c.size(0)) && c.is_tensor(1, 1, c.output_size());
    }
    static uint64_t work(const Call& c) { return c.tensor(0).n_elements; }
    Linear(const Call& c, Arena& arena) : x(c.wire(0)), y(c.output()), matrix(c, 0, 1, 0, c.output_size(), arena) {}
    void start(int64_t) {}
    void run() { matrix.times(x, y); }
};

}  // namespace
