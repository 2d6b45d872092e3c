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

#ifdef __aarch64__
constexpr bool ON_AARCH64 = true;
#else
constexpr bool ON_AARCH64 = false;
#endif

// y = bias + matrix · x for a range of a tensor's rows.
template <int W>
class Matrix {
    using S = Simd<float, W>;
    using V = typename S::V;
    // Vectors of rows in a panel, and frames at once: the sums of all of them stay in registers, of which a machine has 32 or 16.
    static constexpr bool HAS_32_REGISTERS = W == 16 || ON_AARCH64;
    static constexpr int VECTORS = HAS_32_REGISTERS || W == 1 ? 8 : 6, FRAMES = HAS_32_REGISTERS ? 3 : 2;

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
        const uint64_t first = static_cast<uint64_t>(first_row * n_in);
        int64_t to = 0;
        for (int64_t panel = 0; panel < n_out; panel += VECTORS * W) {
            const int64_t width = padded(n_out - panel) < VECTORS * W ? padded(n_out - panel) : VECTORS * W;
            for (int64_t column = 0; column < n_in; column++)
                for (int64_t i = 0; i < width; i++, to++) {
                    const uint64_t at = static_cast<uint64_t>((panel + i) * n_in + column);
                    if (panel + i >= n_out)
                        is_half ? void(half[to] = 0) : void(wide[to] = 0);
                    else if (is_half)
                        half[to] = read<uint16_t>(c.file.at(record.at) + 2 * (first + at));
                    else
                        wide[to] = c.file.element(record, first + at);
                }
        }
    }

    void times(const float* x, float* y) const { times(x, y, 0, 1); }

    // For several frames, whose x and y are `stride` numbers apart; each has the same bits as alone.
    void times(const float* x, float* y, int64_t stride, int64_t n_frames) const {
        if constexpr (LOADS_HALVES)
            if (is_half) return product(half, x, y, stride, n_frames);
        product(wide, x, y, stride, n_frames);
    }

   private:
    template <class T>
    void product(const T* from, const float* x, float* y, int64_t stride, int64_t n_frames) const {
        const float* sums = bias;
        for (int64_t left = n_out; left > 0; left -= VECTORS * W) {
            const int64_t n_vectors = left < VECTORS * W ? padded(left) / W : VECTORS;
            int64_t frame = 0;
            for (; frame + FRAMES <= n_frames; frame += FRAMES)
                panel_of<FRAMES, VECTORS>(n_vectors, from, x + frame * stride, sums, y + frame * stride, stride, left);
            for (; frame < n_frames; frame++)
                panel_of<1, VECTORS>(n_vectors, from, x + frame * stride, sums, y + frame * stride, stride, left);
            from += n_vectors * W * n_in;
            sums += VECTORS * W;
            y += VECTORS * W;
        }
    }

    template <int F, int N, class T>
    void panel_of(int64_t n_vectors, const T* from, const float* x, const float* sums, float* y, int64_t stride, int64_t left) const {
        if constexpr (N > 1)
            if (n_vectors < N) return panel_of<F, N - 1>(n_vectors, from, x, sums, y, stride, left);
        panel<F, N>(from, x, sums, y, stride, left);
    }

    // A panel of N vectors of rows; few of them take several columns side by side, since a sum waits for the one before.
    template <int F, int N, class T>
    void panel(const T* from, const float* x, const float* sums, float* y, int64_t stride, int64_t left) const {
        constexpr int COLUMNS = VECTORS / N;
        V total[F][COLUMNS][N];
        for (int f = 0; f < F; f++)
            for (int c = 0; c < COLUMNS; c++)
                for (int v = 0; v < N; v++) total[f][c][v] = c ? S::zero() : S::load(sums + v * W);
        int64_t column = 0;
        for (; column + COLUMNS <= n_in; column += COLUMNS)
#pragma GCC unroll 8
            for (int c = 0; c < COLUMNS; c++, from += N * W)
#pragma GCC unroll 8
                for (int v = 0; v < N; v++) {
                    const V weight = weights<W>(from + v * W);
#pragma GCC unroll 4
                    for (int f = 0; f < F; f++) total[f][c][v] += weight * x[f * stride + column + c];
                }
        for (; column < n_in; column++, from += N * W)
#pragma GCC unroll 8
            for (int v = 0; v < N; v++) {
                const V weight = weights<W>(from + v * W);
#pragma GCC unroll 4
                for (int f = 0; f < F; f++) total[f][0][v] += weight * x[f * stride + column];
            }
        for (int f = 0; f < F; f++)
#pragma GCC unroll 8
            for (int v = 0; v < N; v++) {
                for (int c = 1; c < COLUMNS; c++) total[f][0][v] += total[f][c][v];
                store_some<W>(y + f * stride + v * W, total[f][0][v], left - v * W);
            }
    }
};

template <int W>
class Linear {
    const Wire x, y;
    const Matrix<W> matrix;

   public:
    static bool fits(const Call& c) {
        return c.has(1, 0, 0, 2) && c.is_tensor(0, c.output_size(), c.size(0)) && c.is_tensor(1, 1, c.output_size());
    }
    static uint64_t work(const Call& c) { return c.tensor(0).n_elements; }
    Linear(const Call& c, Arena& arena) : x(c.wire(0)), y(c.output()), matrix(c, 0, 1, 0, c.output_size(), arena) {}
    void start(int64_t) {}
    void run(int64_t n_frames) { matrix.times(x.of(0), y.of(0), y.stride(), n_frames); }
};

}  // namespace
