// Which vectors this machine's processor and system know, from the processor itself: the compilers' own functions for it
// are empty in some of them (Zig's), and would leave the slowest form.
#pragma once

#if defined(__x86_64__) && !defined(OSCINE_ONE_ENGINE)
#include <cpuid.h>

#include <cstdint>

namespace {

struct Processor {
    bool avx2 = false;    // with fused multiply-add and half floats
    bool avx512 = false;  // F, DQ, BW and VL; then there is avx2 as well

    Processor() {
        uint32_t a = 0, b = 0, c = 0, d = 0;
        if (!__get_cpuid(1, &a, &b, &c, &d)) return;
        const bool fma = c >> 12 & 1, saves = c >> 27 & 1, avx = c >> 28 & 1, halves = c >> 29 & 1;
        if (!(fma && saves && avx && halves && __get_cpuid_count(7, 0, &a, &b, &c, &d))) return;
        // What the system keeps of each thread: the registers of 256 bits, and those of 512.
        uint32_t kept = 0, high = 0;
        __asm__(".byte 0x0f, 0x01, 0xd0" : "=a"(kept), "=d"(high) : "c"(0));  // xgetbv
        const bool keeps = (kept & 0x6) == 0x6;
        avx2 = keeps && (b >> 5 & 1);
#if defined(__APPLE__)
        const bool keeps_512 = keeps;  // macOS begins with it at a thread's first use
#else
        const bool keeps_512 = (kept & 0xe6) == 0xe6;
#endif
        avx512 = avx2 && keeps_512 && (b >> 16 & 1) && (b >> 17 & 1) && (b >> 30 & 1) && (b >> 31 & 1);
    }
};

}  // namespace
#endif
