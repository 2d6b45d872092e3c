// Vectors of W numbers in the compiler's own extension (GCC, Clang), and the sine and cosine on them.
//
// This header is compiled once for each instruction set; everything is in an anonymous namespace, so that no
// linker can merge the variants.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

template <class T>
struct Fixed;  // an integer as wide as T: a phase in turns, as a binary fraction
template <>
struct Fixed<float> {
    using type = int32_t;
};
template <>
struct Fixed<double> {
    using type = int64_t;
};

template <class T, int W>
struct Simd {
    using Integer = typename Fixed<T>::type;
    typedef T V __attribute__((vector_size(W * sizeof(T))));
    typedef Integer I __attribute__((vector_size(W * sizeof(T))));
    typedef T Loose __attribute__((vector_size(W * sizeof(T)), aligned(sizeof(T)), may_alias));
    typedef Integer LooseI __attribute__((vector_size(W * sizeof(T)), aligned(sizeof(T)), may_alias));

    static V load(const T* from) { return *reinterpret_cast<const Loose*>(from); }
    static I load(const Integer* from) { return *reinterpret_cast<const LooseI*>(from); }
    static void store(T* to, V value) { *reinterpret_cast<Loose*>(to) = value; }
    static V zero() { return V{}; }
    static V fill(T value) { return V{} + value; }

    // The same bits as another type, and the nearest numbers to integers.
    static I bits(V x) { return (I)x; }
    static V from_bits(I x) { return (V)x; }
    static V number(I x) { return __builtin_convertvector(x, V); }
    // 0 or −1, from what a comparison gives.
    template <class Comparison>
    static I mask(Comparison x) {
        return (I)x;
    }
    static V numbers_from_zero() {
        V numbers{};
        for (int i = 0; i < W; i++) numbers[i] = static_cast<T>(i);
        return numbers;
    }

    // Pairs one after the other, 2 W numbers, to the first ones and the second ones; and back.
    static void split(V a, V b, V& first, V& second) {
#if defined(__GNUC__) && !defined(__clang__)
        I even, odd;
        for (int i = 0; i < W; i++) even[i] = 2 * i;
        for (int i = 0; i < W; i++) odd[i] = 2 * i + 1;
        first = __builtin_shuffle(a, b, even);
        second = __builtin_shuffle(a, b, odd);
#else
        for (int i = 0; i < W / 2; i++) first[i] = a[2 * i], first[W / 2 + i] = b[2 * i];
        for (int i = 0; i < W / 2; i++) second[i] = a[2 * i + 1], second[W / 2 + i] = b[2 * i + 1];
#endif
    }

    static void merge(V first, V second, T* pairs) {
#if defined(__GNUC__) && !defined(__clang__)
        I low, high;
        for (int i = 0; i < W; i++) low[i] = i / 2 + (i % 2) * W;
        for (int i = 0; i < W; i++) high[i] = W / 2 + i / 2 + (i % 2) * W;
        store(pairs, __builtin_shuffle(first, second, low));
        store(pairs + W, __builtin_shuffle(first, second, high));
#else
        for (int i = 0; i < W; i++) pairs[2 * i] = first[i], pairs[2 * i + 1] = second[i];
#endif
    }

    // The sums of a's neighbours, then of b's: log2(W) such steps make W vectors one vector of their totals.
    static V fold(V a, V b) {
        V even, odd;
        split(a, b, even, odd);
        return even + odd;
    }

    // Total of the lanes of each of W vectors that lie one after the other, in place: W totals in front.
    static void totals(const T* from, T* to) {
        V rows[W];
        for (int i = 0; i < W; i++) rows[i] = load(from + i * W);
#pragma GCC unroll 4
        for (int n = W / 2; n > 0; n /= 2)
#pragma GCC unroll 8
            for (int i = 0; i < n; i++) rows[i] = fold(rows[2 * i], rows[2 * i + 1]);
        store(to, rows[0]);
    }

    static T sum(V x) {
        for (int n = W; n > 1; n /= 2) x = fold(x, x);
        return x[0];
    }
};

// One float is a vector of one: for chips without vectors.
template <>
struct Simd<float, 1> {
    using Integer = int32_t;
    typedef float V;
    typedef int32_t I;
    static V load(const float* from) { return *from; }
    static I load(const int32_t* from) { return *from; }
    static void store(float* to, V value) { *to = value; }
    static V zero() { return 0; }
    static V fill(float value) { return value; }
    static I bits(V x) {
        I result;
        std::memcpy(&result, &x, sizeof result);
        return result;
    }
    static V from_bits(I x) {
        V result;
        std::memcpy(&result, &x, sizeof result);
        return result;
    }
    static V number(I x) { return static_cast<float>(x); }
    static I mask(bool x) { return x ? -1 : 0; }
    static V numbers_from_zero() { return 0; }
    static void split(V a, V b, V& first, V& second) {
        first = a;
        second = b;
    }
    static void merge(V first, V second, float* pairs) {
        pairs[0] = first;
        pairs[1] = second;
    }
    static void totals(const float* from, float* to) { *to = *from; }
    static V fold(V a, V) { return a; }
    static float sum(V x) { return x; }
};

template <int W>
struct Unsigned {
    typedef uint32_t type __attribute__((vector_size(W * 4)));
};
template <>
struct Unsigned<1> {
    typedef uint32_t type;
};

// sin and cos of 2π p, p a fraction of a turn. The nearest quarter turn is an integer operation and exact; on the
// ±45° that are left, Taylor's polynomials are within a rounding of the truth.
template <int W>
inline void sincos(typename Simd<float, W>::I p, typename Simd<float, W>::V& s, typename Simd<float, W>::V& c) {
    using S = Simd<float, W>;
    using U = typename Unsigned<W>::type;
    const U shifted = (U)p + 0x20000000u;
    const U quarter = shifted >> 30;
    const typename S::I rest = (typename S::I)((U)p - (quarter << 30));
    const typename S::V x = S::number(rest) * static_cast<float>(6.283185307179586 / 4294967296.0);
    const typename S::V x2 = x * x;
    typename S::V sine = x2 * 2.7557319e-06f - 1.9841270e-04f;
    sine = sine * x2 + 8.3333333e-03f;
    sine = sine * x2 - 1.6666667e-01f;
    sine = (sine * x2) * x + x;
    typename S::V cosine = x2 * 2.4801587e-05f - 1.3888889e-03f;
    cosine = cosine * x2 + 4.1666667e-02f;
    cosine = cosine * x2 - 0.5f;
    cosine = cosine * x2 + 1.0f;
    const typename S::I swapped = S::mask((quarter & 1) == 1);
    const typename S::V first = swapped ? cosine : sine, second = swapped ? sine : cosine;
    // Signs: the sine's is quarter 2 and 3, the cosine's quarter 1 and 2.
    s = S::from_bits(S::bits(first) ^ (typename S::I)((quarter & 2) << 30));
    c = S::from_bits(S::bits(second) ^ (typename S::I)(((quarter + 1) & 2) << 30));
}

template <int W>
inline void sincos(typename Simd<double, W>::I p, typename Simd<double, W>::V& s, typename Simd<double, W>::V& c) {
    for (int i = 0; i < W; i++) {
        const double angle = static_cast<double>(p[i]) * (6.283185307179586 / 18446744073709551616.0);
        s[i] = std::sin(angle);
        c[i] = std::cos(angle);
    }
}

template <class T>
struct Exponential;

template <>
struct Exponential<float> {
    // e^x = 2^n · e^r, |r| ≤ ln 2 / 2, by a polynomial; what would underflow is the smallest normal number.
    template <int W>
    static typename Simd<float, W>::V of(typename Simd<float, W>::V x) {
        using S = Simd<float, W>;
        const typename S::V low = S::fill(-87.0f), high = S::fill(87.0f);
        const typename S::V given = x;
        x = x < low ? low : x;
        x = x > high ? high : x;
        // Adding 1.5 · 2^23 rounds to the nearest integer.
        const typename S::V shifted = x * 1.44269504f + 12582912.0f;
        const typename S::V n = shifted - 12582912.0f;
        typename S::V r = x - n * 0.693359375f;
        r = r + n * 2.12194440e-4f;
        typename S::V y = r * 1.9875691500e-4f + 1.3981999507e-3f;
        y = y * r + 8.3334519073e-3f;
        y = y * r + 4.1665795894e-2f;
        y = y * r + 1.6666665459e-1f;
        y = y * r + 5.0000001201e-1f;
        y = y * r * r + r + 1.0f;
        const typename S::I exponent = (typename S::I)((typename Unsigned<W>::type)S::bits(shifted) << 23);
        const typename S::V result = S::from_bits(S::bits(y) + exponent);
        return given == given ? result : given;
    }
};

// ln x for 1 ≤ x ≤ 2, within 1e-7.
template <int W>
inline typename Simd<float, W>::V log_one_to_two(typename Simd<float, W>::V x) {
    using S = Simd<float, W>;
    const typename S::I high = S::mask(x > S::fill(1.41421356f));
    const typename S::V r = (high ? x * 0.5f : x) - 1.0f;
    typename S::V y = r * 7.0376836292e-2f - 1.1514610310e-1f;
    y = y * r + 1.1676998740e-1f;
    y = y * r - 1.2420140846e-1f;
    y = y * r + 1.4249322787e-1f;
    y = y * r - 1.6668057665e-1f;
    y = y * r + 2.0000714765e-1f;
    y = y * r - 2.4999993993e-1f;
    y = y * r + 3.3333331174e-1f;
    const typename S::V r2 = r * r;
    const typename S::V result = y * r * r2 - r2 * 0.5f + r;
    return high ? result + 0.69314718f : result;
}

template <>
struct Exponential<double> {
    template <int W>
    static typename Simd<double, W>::V of(typename Simd<double, W>::V x) {
        for (int i = 0; i < W; i++) x[i] = std::exp(x[i]);
        return x;
    }
};

template <class T, int W>
inline typename Simd<T, W>::V sigmoid(typename Simd<T, W>::V x) {
    return T(1) / (T(1) + Exponential<T>::template of<W>(-x));
}

template <class T, int W>
inline typename Simd<T, W>::V tanh_of(typename Simd<T, W>::V x) {
    return T(2) * sigmoid<T, W>(T(2) * x) - T(1);
}

// The quadratic a + b i + c i² in turns, wrapped, as binary fractions.
inline void phases(const double* abc, int64_t first, int64_t n, int32_t* out) {
    const double a = abc[0] - std::floor(abc[0]), b = abc[1], c = abc[2];
    for (int64_t j = 0; j < n; j++) {
        const double i = static_cast<double>(static_cast<int32_t>(first + j));
        double turn = a + i * (b + i * c);
        turn -= std::floor(turn);
        turn = turn >= 0 && turn < 1 ? turn : 0;  // NaN, and what was rounded up to a whole turn
        // [0, 1) to [−2^31, 2^31), half a turn off, which the flipped highest bit puts right.
        out[j] = static_cast<int32_t>((turn - 0.5) * 4294967296.0) ^ INT32_MIN;
    }
}

inline void phases(const double* abc, int64_t first, int64_t n, int64_t* out) {
    const double a = abc[0] - std::floor(abc[0]), b = abc[1], c = abc[2];
    for (int64_t j = 0; j < n; j++) {
        const double i = static_cast<double>(first + j);
        double turn = a + i * (b + i * c);
        turn -= std::floor(turn);
        turn = turn >= 0 && turn < 1 ? turn : 0;
        out[j] = static_cast<int64_t>((turn - 0.5) * 18446744073709551616.0) ^ INT64_MIN;
    }
}

}  // namespace
