#if defined(__x86_64__)
// The standard headers first: the target is for our own code alone.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define OSCINE_NAME oscine_avx2
#define OSCINE_TEXT "avx2"
#define WIDTH 8
#define BLOCKS 2
#include "variant.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
