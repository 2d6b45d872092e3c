// The recurrent half of a GRU, over all frames, forward and backward; see gru.py for what it computes.
//
// A frame is one small product, hidden (batch × H) times weight (H × 3 H), and a few element-wise functions. A
// library called once for each of them spends its time in the calls; here the product's rows stay in
// registers, the weights in the cache, and nothing is allocated.
#pragma once

#include <algorithm>
#include <vector>

#include "oscine.h"
#include "simd.h"

namespace {

// VECTORS of columns by ROWS of sums stay in the registers.
template <class T, int W, int VECTORS>
class Gru {
    static constexpr int ROWS = 6;
    using S = Simd<T, W>;
    using V = typename S::V;

    const oscine_gru& g;
    const int64_t size, width;  // hidden units; the same, up to whole vectors
    std::vector<T> transposed, bias, recurrent, hidden;

   public:
    explicit Gru(const oscine_gru& gru)
        : g(gru), size(gru.hidden_size), width((gru.hidden_size + W - 1) / W * W) {}

    void forward(int64_t first, int64_t last) {
        const int64_t rows = last - first;
        const T* weight = static_cast<const T*>(g.weight);
        const T* given_bias = static_cast<const T*>(g.bias);
        transposed.assign(size * 3 * width, T(0));
        bias.assign(3 * width, T(0));
        for (int64_t gate = 0; gate < 3; gate++)
            for (int64_t out = 0; out < size; out++) {
                bias[gate * width + out] = given_bias[gate * size + out];
                for (int64_t in = 0; in < size; in++)
                    transposed[in * 3 * width + gate * width + out] = weight[(gate * size + out) * size + in];
            }
        recurrent.resize(rows * 3 * width);
        hidden.assign(rows * width, T(0));
        for (int64_t r = 0; r < rows; r++)
            std::copy_n(static_cast<const T*>(g.initial) + (first + r) * size, size, &hidden[r * width]);
        std::vector<T> in(3 * width, T(0)), keep(4 * width);
        for (int64_t t = 0; t < g.n_frames; t++) {
            product(hidden.data(), width, size, transposed.data(), 3 * width, bias.data(), recurrent.data(), rows);
            for (int64_t r = 0; r < rows; r++) {
                const int64_t at = (first + r) * g.n_frames + t;
                const T* gates = static_cast<const T*>(g.gates) + at * 3 * size;
                for (int64_t gate = 0; gate < 3; gate++) std::copy_n(gates + gate * size, size, &in[gate * width]);
                T* h = &hidden[r * width];
                const T* rec = &recurrent[r * 3 * width];
                for (int64_t i = 0; i < width; i += W) {
                    const V reset = sigmoid<T, W>(S::load(&in[i]) + S::load(rec + i));
                    const V update = sigmoid<T, W>(S::load(&in[width + i]) + S::load(rec + width + i));
                    const V candidate = S::load(rec + 2 * width + i);
                    const V fresh = tanh_of<T, W>(S::load(&in[2 * width + i]) + reset * candidate);
                    S::store(h + i, fresh + update * (S::load(h + i) - fresh));
                    S::store(&keep[i], reset);
                    S::store(&keep[width + i], update);
                    S::store(&keep[2 * width + i], fresh);
                    S::store(&keep[3 * width + i], candidate);
                }
                std::copy_n(h, size, static_cast<T*>(g.output) + at * size);
                if (g.kept)
                    for (int64_t part = 0; part < 4; part++)
                        std::copy_n(&keep[part * width], size,
                                    static_cast<T*>(g.kept) + (at * 4 + part) * size);
            }
        }
    }

    void backward(int64_t first, int64_t last) {
        const int64_t rows = last - first;
        // The weight as it is, columns filled up to whole vectors.
        transposed.assign(3 * size * width, T(0));
        for (int64_t row = 0; row < 3 * size; row++)
            std::copy_n(static_cast<const T*>(g.weight) + row * size, size, &transposed[row * width]);
        bias.assign(width, T(0));
        recurrent.assign(rows * 3 * size, T(0));
        hidden.assign(rows * width, T(0));  // the gradient of the hidden state
        std::vector<T> carried(rows * width, T(0));
        for (int64_t t = g.n_frames - 1; t >= 0; t--) {
            for (int64_t r = 0; r < rows; r++) {
                const int64_t at = (first + r) * g.n_frames + t;
                const T* kept = static_cast<const T*>(g.kept) + at * 4 * size;
                const T* before = t > 0 ? static_cast<const T*>(g.output) + (at - 1) * size
                                        : static_cast<const T*>(g.initial) + (first + r) * size;
                const T* grad_output = static_cast<const T*>(g.grad_output) + at * size;
                T* grad_gates = static_cast<T*>(g.grad_gates) + at * 3 * size;
                T* grad_recurrent = static_cast<T*>(g.grad_recurrent) + at * 3 * size;
#pragma GCC ivdep
                for (int64_t i = 0; i < size; i++) {
                    const T reset = kept[i], update = kept[size + i], fresh = kept[2 * size + i];
                    const T grad = hidden[r * width + i] + carried[r * width + i] + grad_output[i];
                    const T of_fresh = grad * (1 - update) * (1 - fresh * fresh);
                    const T of_update = grad * (before[i] - fresh) * update * (1 - update);
                    const T of_reset = of_fresh * kept[3 * size + i] * reset * (1 - reset);
                    grad_gates[i] = grad_recurrent[i] = of_reset;
                    grad_gates[size + i] = grad_recurrent[size + i] = of_update;
                    grad_gates[2 * size + i] = of_fresh;
                    grad_recurrent[2 * size + i] = of_fresh * reset;
                    carried[r * width + i] = grad * update;
                }
                std::copy_n(grad_recurrent, 3 * size, &recurrent[r * 3 * size]);
            }
            product(recurrent.data(), 3 * size, 3 * size, transposed.data(), width, bias.data(), hidden.data(), rows);
        }
        for (int64_t r = 0; r < rows; r++)
            for (int64_t i = 0; i < size; i++)
                static_cast<T*>(g.grad_initial)[(first + r) * size + i] =
                    hidden[r * width + i] + carried[r * width + i];
    }

   private:
    // y[rows][columns] = bias + x[rows][inner] · matrix[inner][columns]; columns are whole vectors.
    static void product(const T* x, int64_t stride, int64_t inner, const T* matrix, int64_t columns, const T* bias,
                        T* y, int64_t rows) {
        for (int64_t column = 0; column < columns; column += VECTORS * W) {
            const int64_t left = std::min<int64_t>(VECTORS, (columns - column) / W);
            const T* m = matrix + column;
            for (int64_t r = 0; r < rows; r += ROWS) {
                const T* from = x + r * stride;
                T* to = y + r * columns + column;
                switch (std::min<int64_t>(ROWS, rows - r)) {
                    case 1: tile<1>(from, stride, inner, m, columns, bias + column, to, left); break;
                    case 2: tile<2>(from, stride, inner, m, columns, bias + column, to, left); break;
                    case 3: tile<3>(from, stride, inner, m, columns, bias + column, to, left); break;
                    case 4: tile<4>(from, stride, inner, m, columns, bias + column, to, left); break;
                    case 5: tile<5>(from, stride, inner, m, columns, bias + column, to, left); break;
                    default: tile<ROWS>(from, stride, inner, m, columns, bias + column, to, left);
                }
            }
        }
    }

    template <int R>
    static void tile(const T* x, int64_t stride, int64_t inner, const T* matrix, int64_t columns, const T* bias, T* y,
                     int64_t vectors) {
        if (vectors == VECTORS)
            tile_of<R, VECTORS>(x, stride, inner, matrix, columns, bias, y);
        else
            for (int64_t v = 0; v < vectors; v++)
                tile_of<R, 1>(x, stride, inner, matrix + v * W, columns, bias + v * W, y + v * W);
    }

    template <int R, int N>
    static void tile_of(const T* x, int64_t stride, int64_t inner, const T* matrix, int64_t columns, const T* bias,
                        T* y) {
        V total[R][N];
        for (int r = 0; r < R; r++)
            for (int v = 0; v < N; v++) total[r][v] = S::load(bias + v * W);
        for (int64_t k = 0; k < inner; k++, matrix += columns) {
#pragma GCC unroll 8
            for (int v = 0; v < N; v++) {
                const V row = S::load(matrix + v * W);
#pragma GCC unroll 8
                for (int r = 0; r < R; r++) total[r][v] += row * x[r * stride + k];
            }
        }
        for (int r = 0; r < R; r++)
            for (int v = 0; v < N; v++) S::store(y + r * columns + v * W, total[r][v]);
    }
};

}  // namespace
