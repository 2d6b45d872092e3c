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
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c,prefer-vector-width=512")
#endif
#define OSCINE_ENGINE oscine_engine_avx512
#define OSCINE_TEXT "avx512"
#define WIDTH 16
#define OSCINE_LOADS_HALVES 1
#define BLOCKS 4
#include "engine.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
