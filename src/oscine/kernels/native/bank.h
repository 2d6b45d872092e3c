// The bank of sines, forward and backward; see harmonic_bank.py for what it computes.
//
// With one phase for all partials, harmonic k sin(kφ), the partials are worked through in blocks of 2 J + 1
// around a centre m. From sin((m ± j)φ) = sin mφ cos jφ ± cos mφ sin jφ follows
//
//     Σ_j [a_{m+j} sin((m+j)φ) + a_{m−j} sin((m−j)φ)]
//         = sin mφ · Σ_j (a_{m+j} + a_{m−j}) cos jφ  +  cos mφ · Σ_j (a_{m+j} − a_{m−j}) sin jφ,
//
// so that two partials cost two multiply-adds, and the sines of 1 … J are shared by all blocks. The amplitudes
// run from one frame's to the next: both ends are summed apart and blended per sample. The centre's phase is an
// exact product of binary fractions, and J is small, so errors don't grow with the number of partials.
#pragma once

#include <algorithm>

#include "memory.h"
#include "oscine.h"
#include "simd.h"

namespace {

constexpr int REACH = 15;  // J at most
constexpr int LANES = REACH + 1;
constexpr int PAD = 4 * LANES;  // more than the last block reaches beyond the last partial

// A row of weights is divided by its sum only where that is above this; else it is silent. The subnormal numbers, which
// some machines flush to zero, lie far below.
constexpr double LEAST_SUM = 1e-30;

// How the partials 1 … n are cut into blocks.
struct Layout {
    int n_blocks, reach;
    explicit Layout(int n) {
        constexpr int most = 25;  // partials in a block: 4 blocks are 100
        n_blocks = (n + most - 1) / most;
        reach = n_blocks ? ((n + n_blocks - 1) / n_blocks) / 2 : 0;
    }
    int width() const { return 2 * reach + 1; }
    int centre(int block) const { return reach + 1 + block * width(); }
};

template <class T, int W, int MOST_BLOCKS>
class Bank {
    using S = Simd<T, W>;
    using V = typename S::V;
    using I = typename S::I;
    using Integer = typename S::Integer;
    static constexpr int STRIP = 4;  // vectors whose sums stay in registers
    static constexpr int ROW = 4 * LANES + 2;

    const oscine_bank& b;
    const int64_t n, n_padded, n_partials, n_sines;
    const T nyquist;
    Buffer<Integer> phase;
    Buffer<T> start, end, masked_start, masked_end, pairs, output, slope, grad_start, grad_end, pending;
    Buffer<T> low_sine, low_cosine, sums;

    static constexpr double TWO_PI = 6.283185307179586;

   public:
    // From an arena, it computes forward alone.
    explicit Bank(const oscine_bank& bank, Arena* arena = nullptr)
        : b(bank),
          n(bank.hop_length),
          n_padded((bank.hop_length + W * STRIP - 1) / (W * STRIP) * (W * STRIP)),
          n_partials(bank.n_partials),
          n_sines(bank.n_sines),
          nyquist(static_cast<T>(bank.nyquist)),
          phase(n_padded, arena),
          start(n_partials, arena),
          end(n_partials, arena),
          masked_start(n_partials + 2 * PAD, arena),
          masked_end(n_partials + 2 * PAD, arena),
          pairs(Layout(static_cast<int>(n_partials)).n_blocks * ROW, arena),
          output(n_padded, arena),
          slope(arena ? 0 : n_padded, arena) {}

    void forward(int64_t item, int64_t first, int64_t last) {
        amplitudes(item, first - 1, start.data());
        for (int64_t t = first; t < last; t++) {
            amplitudes(item, t, end.data());
            if (n_sines == 1)
                harmonics(item, t, false);
            else
                free_sines(item, t);
            T* audio = static_cast<T*>(b.audio) + (item * b.n_frames + t) * n;
            std::copy(output.begin(), output.begin() + n, audio);
            start.swap(end);
        }
    }

    // Gradients of the frames first … last − 1, and of the amplitudes of these frames (and those before frame 0).
    void backward(int64_t item, int64_t first, int64_t last) {
        grad_start.assign_zero(n_partials);
        grad_end.assign_zero(n_partials);
        pending.assign_zero(n_partials);
        amplitudes(item, first - 1, start.data());
        for (int64_t t = first; t < last; t++) {
            amplitudes(item, t, end.data());
            grad_frame(item, t, b.grad_polynomial != nullptr);
            if (t > first)
                finish_row(item, t - 1, true);
            else if (t == 0)
                std::copy(grad_start.begin(), grad_start.end(),
                          static_cast<T*>(b.grad_previous_amplitudes) + item * n_partials);
            pending.swap(grad_end);
            start.swap(end);
        }
        if (last < b.n_frames) {  // the last row is where the next frame starts, too
            amplitudes(item, last, end.data());
            grad_frame(item, last, false);
        }
        finish_row(item, last - 1, last < b.n_frames);
    }

    // The partials' amplitudes at the end of frame t: normalised over what is audible, unless they are given.
    void amplitudes(int64_t item, int64_t t, T* row) const {
        if (t < 0) {
            const T* before = static_cast<const T*>(b.previous_amplitudes) + item * n_partials;
            std::copy(before, before + n_partials, row);
            return;
        }
        const int64_t at = item * b.n_frames + t;
        const T* weights = static_cast<const T*>(b.weights) + at * n_partials;
        if (!b.amplitude) {
            std::copy(weights, weights + n_partials, row);
            return;
        }
        audible_weights(item, t, weights, row);
        const T total = sum(row);
        const T scale = static_cast<const T*>(b.amplitude)[at] / divisor(total);
        for (int64_t k = 0; k < n_partials; k++) row[k] *= scale;
    }

   private:
    static T divisor(T total) { return total > static_cast<T>(LEAST_SUM) ? total : T(1); }

    const T* frequency(int64_t item, int64_t t) const {
        return t < 0 ? static_cast<const T*>(b.previous_hz) + item * n_sines
                     : static_cast<const T*>(b.frequency_hz) + (item * b.n_frames + t) * n_sines;
    }

    const double* polynomial(int64_t item, int64_t t) const {
        return b.polynomial + (item * b.n_frames + t) * n_sines * 3;
    }

    // Number of the first partials that are below Nyquist, for one phase.
    int64_t n_audible(T hz) const {
        if (!(hz * static_cast<T>(n_partials) >= nyquist)) return n_partials;
        int64_t k = std::min<int64_t>(n_partials, static_cast<int64_t>(nyquist / hz) + 2);
        while (k > 0 && !(hz * static_cast<T>(k) < nyquist)) k--;
        return k;
    }

    void audible_weights(int64_t item, int64_t t, const T* weights, T* row) const {
        const T* hz = frequency(item, t);
        if (n_sines == 1) {
            const int64_t audible = n_audible(*hz);
            std::copy(weights, weights + audible, row);
            std::fill(row + audible, row + n_partials, T(0));
        } else {
            for (int64_t k = 0; k < n_partials; k++) row[k] = hz[k] < nyquist ? weights[k] : T(0);
        }
    }

    T sum(const T* row) const {
        V total = S::zero();
        int64_t k = 0;
        for (; k + W <= n_partials; k += W) total += S::load(row + k);
        T rest = S::sum(total);
        for (; k < n_partials; k++) rest += row[k];
        return rest;
    }

    // ---- one phase for all partials

    // Both ends' amplitudes of the partials that sound throughout the frame, between zeros.
    int prepare(int64_t item, int64_t t) {
        const T highest = std::max(*frequency(item, t), *frequency(item, t - 1));
        const int64_t audible = n_audible(highest);
        for (int side = 0; side < 2; side++) {
            const Buffer<T>* from = side ? &end : &start;
            Buffer<T>* to = side ? &masked_end : &masked_start;
            std::copy(from->begin(), from->begin() + audible, to->begin() + PAD);
            std::fill(to->begin() + PAD + audible, to->end(), T(0));
        }
        return static_cast<int>(audible);
    }

    // pairs[block][start sum, start difference, rise sum, rise difference][j − 1]; and the centres behind each.
    void fill_pairs(const Layout& layout) {
        pairs.resize(layout.n_blocks * ROW);
        for (int g = 0; g < layout.n_blocks; g++) {
            T* to = pairs.data() + g * ROW;
            const T* from = masked_start.data() + PAD + layout.centre(g) - 1;
            const T* goal = masked_end.data() + PAD + layout.centre(g) - 1;
            T up[LANES], down[LANES], up_rise[LANES], down_rise[LANES];
            for (int j = 0; j < LANES; j++) up[j] = from[1 + j];
            for (int j = 0; j < LANES; j++) down[j] = from[-1 - j];
            for (int j = 0; j < LANES; j++) up_rise[j] = goal[1 + j] - up[j];
            for (int j = 0; j < LANES; j++) down_rise[j] = goal[-1 - j] - down[j];
            for (int j = 0; j < LANES; j++) to[j] = up[j] + down[j];
            for (int j = 0; j < LANES; j++) to[LANES + j] = up[j] - down[j];
            for (int j = 0; j < LANES; j++) to[2 * LANES + j] = up_rise[j] + down_rise[j];
            for (int j = 0; j < LANES; j++) to[3 * LANES + j] = up_rise[j] - down_rise[j];
            to[4 * LANES] = from[0];
            to[4 * LANES + 1] = goal[0] - from[0];
        }
    }

    // output = Σ_k a_k sin(kφ), or with the numbers k multiplied in beforehand and `cosine`, Σ_k k a_k cos(kφ).
    void harmonics(int64_t item, int64_t t, bool cosine) {
        const Layout layout(prepare(item, t));
        const double* abc = polynomial(item, t);
        const T poison = static_cast<T>(0.0 * (abc[0] + abc[1] + abc[2]));  // NaN stays NaN
        if (layout.n_blocks == 0) {
            std::fill(output.begin(), output.end(), poison);
            return;
        }
        if (!cosine) phases(abc, 0, n_padded, phase.data());
        if (cosine)
            for (int64_t k = 0; k < n_partials; k++) {
                masked_start[PAD + k] *= static_cast<T>(k + 1);
                masked_end[PAD + k] *= static_cast<T>(k + 1);
            }
        fill_pairs(layout);
        bool more = false;
        for (int g = 0; g < layout.n_blocks; g += MOST_BLOCKS, more = true)
            blocks(layout, g, std::min(MOST_BLOCKS, layout.n_blocks - g), cosine, more);
        if (poison != 0)
            for (T& sample : output) sample += poison;
    }

    void blocks(const Layout& layout, int g, int count, bool cosine, bool more) {
        if (count == 4) blocks_of<std::min(4, MOST_BLOCKS)>(layout, g, cosine, more);
        if (count == 3) blocks_of<std::min(3, MOST_BLOCKS)>(layout, g, cosine, more);
        if (count == 2) blocks_of<std::min(2, MOST_BLOCKS)>(layout, g, cosine, more);
        if (count == 1) blocks_of<1>(layout, g, cosine, more);
    }

    template <int G>
    void blocks_of(const Layout& layout, int first_block, bool cosine, bool more) {
        const int reach = layout.reach;
        const T* coefficients = pairs.data() + first_block * ROW;
        const V ramp = lane_numbers();
        for (int64_t i = 0; i < n; i += W) {
            const I p = S::load(phase.data() + i);
            V s1, c1, giant_s, giant_c, leap_s = S::zero(), leap_c = S::zero();
            sincos<W>(p, s1, c1);
            sincos<W>(p * static_cast<Integer>(layout.centre(first_block)), giant_s, giant_c);
            if (G > 1) sincos<W>(p * static_cast<Integer>(layout.width()), leap_s, leap_c);
            V even[G], odd[G], even_rise[G], odd_rise[G];
            for (int g = 0; g < G; g++) {
                even[g] = S::fill(coefficients[g * ROW + 4 * LANES]);
                even_rise[g] = S::fill(coefficients[g * ROW + 4 * LANES + 1]);
                odd[g] = odd_rise[g] = S::zero();
            }
            V s = s1, c = c1;
            const T* pair = coefficients;
            for (int j = 0; j < reach; j++, pair++) {
#pragma GCC unroll 4
                for (int g = 0; g < G; g++) {
                    even[g] += c * pair[g * ROW];
                    odd[g] += s * pair[g * ROW + LANES];
                    even_rise[g] += c * pair[g * ROW + 2 * LANES];
                    odd_rise[g] += s * pair[g * ROW + 3 * LANES];
                }
                turn(s, c, s1, c1);
            }
            V still = S::zero(), rise = S::zero();
#pragma GCC unroll 4
            for (int g = 0; g < G; g++) {
                if (g > 0) turn(giant_s, giant_c, leap_s, leap_c);
                if (cosine) {
                    still += giant_c * even[g] - giant_s * odd[g];
                    rise += giant_c * even_rise[g] - giant_s * odd_rise[g];
                } else {
                    still += giant_s * even[g] + giant_c * odd[g];
                    rise += giant_s * even_rise[g] + giant_c * odd_rise[g];
                }
            }
            const V weight = (ramp + static_cast<T>(i)) * (T(1) / static_cast<T>(n));
            V total = still + weight * rise;
            if (more) total += S::load(output.data() + i);
            S::store(output.data() + i, total);
        }
    }

    // From the sine and cosine of an angle to those of the angle and another one.
    static void turn(V& s, V& c, V by_s, V by_c) {
        const V turned = s * by_c + c * by_s;
        c = c * by_c - s * by_s;
        s = turned;
    }

    static V lane_numbers() { return S::numbers_from_zero(); }

    // Gradients of one frame: of its polynomial (`whole`), of its start amplitudes and its end amplitudes.
    void grad_frame(int64_t item, int64_t t, bool whole) {
        const T* grad = static_cast<const T*>(b.grad_audio) + (item * b.n_frames + t) * n;
        if (n_sines != 1) {
            grad_free(item, t, grad, whole);
            return;
        }
        phases(polynomial(item, t), 0, n_padded, phase.data());
        if (whole) {
            harmonics(item, t, true);
            double moments[3] = {0, 0, 0};
            for (int64_t i = 0; i < n; i++) {
                const double slope = static_cast<double>(grad[i]) * static_cast<double>(output[i]);
                const double x = static_cast<double>(i);
                moments[0] += slope;
                moments[1] += slope * x;
                moments[2] += slope * x * x;
            }
            for (int m = 0; m < 3; m++) b.grad_polynomial[(item * b.n_frames + t) * 3 + m] = TWO_PI * moments[m];
        }
        grad_amplitudes(item, t, grad);
    }

    // Σ_i u_i sin((m ± j)φ_i) = Σ_i u_i sin mφ_i cos jφ_i ± Σ_i u_i cos mφ_i sin jφ_i, for the weights u of the
    // start and of the end: products of small matrices, samples inside.
    void grad_amplitudes(int64_t item, int64_t t, const T* grad) {
        std::fill(grad_start.begin(), grad_start.end(), T(0));
        std::fill(grad_end.begin(), grad_end.end(), T(0));
        const int audible =
            static_cast<int>(n_audible(std::max(*frequency(item, t), *frequency(item, t - 1))));
        const Layout layout(audible);
        if (layout.n_blocks == 0) return;
        const int reach = layout.reach, n_sums = layout.n_blocks * (2 + 4 * reach);
        constexpr int samples = STRIP * W;
        low_sine.resize((reach + 1) * samples);
        low_cosine.resize((reach + 1) * samples);
        sums.resize((n_sums + W) * W);
        for (int64_t first = 0; first < n; first += samples) {
            V giant_s[STRIP], giant_c[STRIP], leap_s[STRIP], leap_c[STRIP], from[STRIP], to[STRIP];
            for (int v = 0; v < STRIP; v++) {
                const I p = S::load(phase.data() + first + v * W);
                V s1, c1;
                sincos<W>(p, s1, c1);
                V s = s1, c = c1;
                for (int j = 0; j < reach; j++) {
                    S::store(&low_sine[j * samples + v * W], s);
                    S::store(&low_cosine[j * samples + v * W], c);
                    turn(s, c, s1, c1);
                }
                sincos<W>(p * static_cast<Integer>(layout.centre(0)), giant_s[v], giant_c[v]);
                sincos<W>(p * static_cast<Integer>(layout.width()), leap_s[v], leap_c[v]);
                T padded[W];
                for (int i = 0; i < W; i++) {
                    const int64_t at = first + v * W + i;
                    padded[i] = at < n ? grad[at] : T(0);
                }
                const V given = S::load(padded);
                to[v] = given * ((lane_numbers() + static_cast<T>(first + v * W)) * (T(1) / static_cast<T>(n)));
                from[v] = given - to[v];
            }
            T* sum = sums.data();
            for (int g = 0; g < layout.n_blocks; g++) {
                V u[STRIP], x[STRIP], y[STRIP], z[STRIP];
                V centre_start = S::zero(), centre_end = S::zero();
                for (int v = 0; v < STRIP; v++) {
                    u[v] = from[v] * giant_s[v];
                    x[v] = to[v] * giant_s[v];
                    y[v] = from[v] * giant_c[v];
                    z[v] = to[v] * giant_c[v];
                    centre_start += u[v];
                    centre_end += x[v];
                }
                if (first) {
                    centre_start += S::load(sum);
                    centre_end += S::load(sum + W);
                }
                S::store(sum, centre_start);
                S::store(sum + W, centre_end);
                sum += 2 * W;
                const T *sines = low_sine.data(), *cosines = low_cosine.data();
                for (int j = 0; j < reach; j++, sines += samples, cosines += samples, sum += 4 * W) {
                    V even = S::zero(), even_end = even, odd = even, odd_end = even;
                    if (first) {
                        even = S::load(sum);
                        even_end = S::load(sum + W);
                        odd = S::load(sum + 2 * W);
                        odd_end = S::load(sum + 3 * W);
                    }
#pragma GCC unroll 4
                    for (int v = 0; v < STRIP; v++) {
                        const V s = S::load(sines + v * W), c = S::load(cosines + v * W);
                        even += u[v] * c;
                        even_end += x[v] * c;
                        odd += y[v] * s;
                        odd_end += z[v] * s;
                    }
                    S::store(sum, even);
                    S::store(sum + W, even_end);
                    S::store(sum + 2 * W, odd);
                    S::store(sum + 3 * W, odd_end);
                }
                for (int v = 0; v < STRIP; v++) turn(giant_s[v], giant_c[v], leap_s[v], leap_c[v]);
            }
        }
        for (int i = 0; i < n_sums; i += W) S::totals(&sums[i * W], &sums[i]);
        const T* sum = sums.data();
        for (int g = 0; g < layout.n_blocks; g++, sum += 2 + 4 * reach) {
            const int centre = layout.centre(g) - 1;
            put(centre, audible, sum[0], sum[1]);
            for (int j = 0; j < reach; j++) {
                const T* one = sum + 2 + 4 * j;
                put(centre + j + 1, audible, one[0] + one[2], one[1] + one[3]);
                put(centre - j - 1, audible, one[0] - one[2], one[1] - one[3]);
            }
        }
    }

    void put(int partial, int audible, T at_start, T at_end) {
        if (partial < audible) {
            grad_start[partial] = at_start;
            grad_end[partial] = at_end;
        }
    }

    // From a row's amplitude gradient to amplitude and weights: row = amplitude · weights / Σ weights.
    void finish_row(int64_t item, int64_t t, bool with_start) {
        const int64_t at = item * b.n_frames + t;
        T* grad = static_cast<T*>(b.grad_weights) + at * n_partials;
        Buffer<T>& row = pending;
        if (with_start)
            for (int64_t k = 0; k < n_partials; k++) row[k] += grad_start[k];
        if (!b.amplitude) {
            std::copy(row.begin(), row.end(), grad);
            return;
        }
        const T* weights = static_cast<const T*>(b.weights) + at * n_partials;
        audible_weights(item, t, weights, grad);
        const T total = sum(grad), safe = divisor(total);
        T product = 0;
        V products = S::zero();
        int64_t k = 0;
        for (; k + W <= n_partials; k += W) products += S::load(row.data() + k) * S::load(grad + k);
        product = S::sum(products);
        for (; k < n_partials; k++) product += row[k] * grad[k];
        const T amplitude = static_cast<const T*>(b.amplitude)[at];
        // A row whose sum is infinite has amplitudes of zero, whatever its weights.
        if (std::isinf(safe)) product = 0;
        static_cast<T*>(b.grad_amplitude)[at] = product / safe;
        // A silent row has no share to divide by: only its own derivative counts.
        const T shift = total > static_cast<T>(LEAST_SUM) ? product / safe : T(0), scale = amplitude / safe;
        if (n_sines == 1) {
            const int64_t audible = n_audible(*frequency(item, t));
            for (k = 0; k < audible; k++) grad[k] = scale * (row[k] - shift);
            std::fill(grad + audible, grad + n_partials, T(0));
        } else {
            const T* hz = frequency(item, t);
            for (k = 0; k < n_partials; k++) grad[k] = hz[k] < nyquist ? scale * (row[k] - shift) : T(0);
        }
    }

    // ---- every partial with a phase of its own

    bool sounds(int64_t item, int64_t t, int64_t k) const {
        return std::max(frequency(item, t)[k], frequency(item, t - 1)[k]) < nyquist;
    }

    void free_sines(int64_t item, int64_t t) {
        std::fill(output.begin(), output.end(), T(0));
        const V ramp = lane_numbers();
        for (int64_t k = 0; k < n_partials; k++) {
            const double* abc = polynomial(item, t) + 3 * k;
            const T poison = static_cast<T>(0.0 * (abc[0] + abc[1] + abc[2]));
            if (!sounds(item, t, k)) {
                if (poison != 0)
                    for (T& sample : output) sample += poison;
                continue;
            }
            phases(abc, 0, n_padded, phase.data());
            const T from = start[k] + poison, rise = end[k] - start[k];
            for (int64_t i = 0; i < n; i += W) {
                V s, c;
                sincos<W>(S::load(phase.data() + i), s, c);
                const V weight = (ramp + static_cast<T>(i)) * (T(1) / static_cast<T>(n));
                S::store(output.data() + i, S::load(output.data() + i) + s * (weight * rise + from));
            }
        }
    }

    void grad_free(int64_t item, int64_t t, const T* grad, bool whole) {
        const V ramp = lane_numbers();
        std::copy(grad, grad + n, slope.begin());
        std::fill(slope.begin() + n, slope.end(), T(0));
        for (int64_t k = 0; k < n_partials; k++) {
            double moments[3] = {0, 0, 0};
            grad_start[k] = grad_end[k] = 0;
            if (sounds(item, t, k)) {
                phases(polynomial(item, t) + 3 * k, 0, n_padded, phase.data());
                V from = S::zero(), to = S::zero();
                for (int64_t i = 0; i < n; i += W) {
                    V s, c;
                    sincos<W>(S::load(phase.data() + i), s, c);
                    const V given = S::load(slope.data() + i);
                    const V weight = (ramp + static_cast<T>(i)) * (T(1) / static_cast<T>(n));
                    to += given * s * weight;
                    from += given * s * (T(1) - weight);
                    S::store(output.data() + i, given * c * (weight * (end[k] - start[k]) + start[k]));
                }
                grad_start[k] = S::sum(from);
                grad_end[k] = S::sum(to);
                if (whole)
                    for (int64_t i = 0; i < n; i++) {
                        const double x = static_cast<double>(i), y = static_cast<double>(output[i]);
                        moments[0] += y;
                        moments[1] += y * x;
                        moments[2] += y * x * x;
                    }
            }
            if (whole)
                for (int m = 0; m < 3; m++)
                    b.grad_polynomial[((item * b.n_frames + t) * n_sines + k) * 3 + m] = TWO_PI * moments[m];
        }
    }
};

}  // namespace
