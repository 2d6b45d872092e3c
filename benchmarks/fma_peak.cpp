// Prints how many multiply-adds of float32 one core does in a second, at best.
#include <chrono>
#include <cstdio>

#if defined(__AVX512F__)
constexpr int BYTES = 64;
#elif defined(__AVX__)
constexpr int BYTES = 32;
#else
constexpr int BYTES = 16;
#endif
typedef float Vector __attribute__((vector_size(BYTES)));

int main() {
    constexpr int CHAINS = 14, STEPS = 1 << 19;  // more than latency × units: no chain waits for itself
    volatile float seen_factor = 0.999f, seen_term = 0.001f;  // or the compiler would know the result
    const Vector factor = seen_factor - Vector{}, term = seen_term - Vector{};
    double best = 0;
    for (int trial = 0; trial < 200; trial++) {
        Vector sums[CHAINS];
        for (int chain = 0; chain < CHAINS; chain++) sums[chain] = float(chain) - Vector{};  // no two alike
        const auto begin = std::chrono::steady_clock::now();
        for (int step = 0; step < STEPS; step++)
            for (int chain = 0; chain < CHAINS; chain++) sums[chain] = sums[chain] * factor + term;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        for (const Vector& sum : sums) seen_term = sum[0];
        const double rate = double(STEPS) * CHAINS * (BYTES / sizeof(float)) / took.count();
        best = rate > best ? rate : best;
    }
    std::printf("%.0f\n", best);
}
