// What the runtime as WebAssembly takes in place of wasi-libc's: mathematics without tables and memory that is never
// given back, which make the module a third smaller. Results are within some units of the last place of a double;
// arguments of sine and cosine are below a million.
#include <stddef.h>
#include <stdint.h>

namespace {

constexpr double LN2_HIGH = 0x1.62e42fefa38p-1, LN2_LOW = 0x1.ef35793c7673p-45, LOG2_E = 1.4426950408889634;
constexpr double HALF_PI[] = {0x1.921fb544p0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69};

union Bits {
    double value;
    uint64_t bits;
};

double power_of_two(int n) { return Bits{.bits = static_cast<uint64_t>(n + 1023) << 52}.value; }

// e^r · 2^n for |r| below 0.35: the series, then the exponent in two steps, so that results may be subnormal.
double scaled(double r, int n) {
    double sum = 1;
    for (int k = 14; k > 0; k--) sum = 1 + sum * r / k;
    return sum * power_of_two(n / 2) * power_of_two(n - n / 2);
}

// The exponent of x > 0 and log(x / 2^exponent), by the series of the inverse hyperbolic tangent.
double logarithm(double x, int& exponent) {
    Bits it{x};
    exponent = 0;
    if (it.bits >> 52 == 0) it.value *= power_of_two(54), exponent = -54;
    exponent += static_cast<int>(it.bits >> 52) - 1023;
    it.bits = (it.bits & 0xfffffffffffff) | 0x3ff0000000000000;
    if (it.value > 1.4142135623730951) it.value *= 0.5, exponent++;
    const double s = (it.value - 1) / (it.value + 1), z = s * s;
    double sum = 0;
    for (int k = 25; k > 1; k -= 2) sum = z * (sum + 1.0 / k);
    return 2 * s + 2 * s * sum;
}

// Whatever is no positive finite number has a logarithm of its own.
bool is_special(double x, double& result) {
    if (x > 0 && x <= __DBL_MAX__) return false;
    result = x == 0 ? -__builtin_inf() : x > 0 ? x : __builtin_nan("");
    return true;
}

double sine(double x, int quarters) {
    if (!(x - x == 0)) return __builtin_nan("");
    const double n = __builtin_rint(x / HALF_PI[0]);
    const double r = ((x - n * HALF_PI[0]) - n * HALF_PI[1]) - n * HALF_PI[2], z = r * r;
    const int64_t quarter = static_cast<int64_t>(n) + quarters;
    double sum = 1;
    for (int k = quarter & 1 ? 18 : 19; k > 1; k -= 2) sum = 1 - sum * z / (k * (k - 1));
    if (!(quarter & 1)) sum *= r;
    return quarter & 2 ? -sum : sum;
}

}  // namespace

extern "C" {

double exp(double x) {
    if (!(x < 709.8)) return x != x ? x : __builtin_inf();
    if (x < -746) return 0;
    const double n = __builtin_rint(x * LOG2_E);
    return scaled((x - n * LN2_HIGH) - n * LN2_LOW, static_cast<int>(n));
}

double exp2(double x) {
    if (!(x < 1024)) return x != x ? x : __builtin_inf();
    if (x < -1076) return 0;
    const double n = __builtin_rint(x);
    return scaled((x - n) * LN2_HIGH + (x - n) * LN2_LOW, static_cast<int>(n));
}

double log(double x) {
    double result;
    if (is_special(x, result)) return result;
    int exponent;
    const double of_fraction = logarithm(x, exponent);
    return exponent * LN2_HIGH + (of_fraction + exponent * LN2_LOW);
}

double log2(double x) {
    double result;
    if (is_special(x, result)) return result;
    int exponent;
    const double of_fraction = logarithm(x, exponent);
    return exponent + of_fraction * LOG2_E;
}

double log10(double x) { return log(x) * 0.4342944819032518; }

double pow(double x, double y) {
    if (y == 0 || x == 1) return 1;
    const bool is_whole = __builtin_rint(y) == y, is_odd = is_whole && __builtin_rint(y / 2) * 2 != y;
    if (x < 0 && !is_whole) return __builtin_nan("");
    const double size = exp2(y * log2(__builtin_fabs(x)));
    return x < 0 && is_odd ? -size : size;
}

double sin(double x) { return sine(x, 0); }
double cos(double x) { return sine(x, 1); }

// Each instance of the module holds one performer, whose memory goes when the instance does.
void* malloc(size_t n) {
    static uintptr_t next = 0;
    extern unsigned char __heap_base;
    if (!next) next = reinterpret_cast<uintptr_t>(&__heap_base);
    const uintptr_t begin = (next + 15) & ~static_cast<uintptr_t>(15), have = __builtin_wasm_memory_size(0) * 65536ul;
    const uintptr_t end = begin + n;
    if (end < begin) return nullptr;
    if (end > have && __builtin_wasm_memory_grow(0, (end - have + 65535) / 65536) == static_cast<size_t>(-1)) return nullptr;
    next = end;
    return reinterpret_cast<void*>(begin);
}

// No memory was used before, so it is all zero.
void* calloc(size_t n, size_t size) { return size && n > SIZE_MAX / size ? nullptr : malloc(n * size); }

void free(void*) {}

}  // extern "C"
