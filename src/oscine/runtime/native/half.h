// Numbers of 16 bits, as weights are stored.
#pragma once

#include <cstdint>
#include <cstring>

namespace {

inline float from_half(uint16_t half) {
    const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16, exponent = (half >> 10) & 31, rest = half & 1023;
    uint32_t bits;
    if (exponent == 31) {
        bits = sign | 0x7F800000u | rest << 13;
    } else if (exponent == 0) {
        const float value = static_cast<float>(rest) * 5.9604644775390625e-08f;
        std::memcpy(&bits, &value, 4);
        bits |= sign;
    } else {
        bits = sign | (exponent + 112) << 23 | rest << 13;
    }
    float result;
    std::memcpy(&result, &bits, 4);
    return result;
}

}  // namespace
