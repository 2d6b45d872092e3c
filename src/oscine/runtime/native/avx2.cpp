#if defined(__x86_64__)
// The standard headers first: the target is for our own code alone.
#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif
#define OSCINE_ENGINE oscine_engine_avx2
#define OSCINE_TEXT "avx2"
#define WIDTH 8
#define OSCINE_LOADS_HALVES 1
#define BLOCKS 2
#include "engine.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
