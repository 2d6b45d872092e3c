#include "oscine.h"

#include <cstring>

extern const oscine_kernels oscine_portable;
#if defined(__x86_64__)
extern const oscine_kernels oscine_avx2, oscine_avx512;
#endif

extern "C" int oscine_version(void) { return 3; }

extern "C" const oscine_kernels* oscine_find(const char* name) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    if (avx512 && !std::strcmp(name, oscine_avx512.name)) return &oscine_avx512;
    if (avx2 && !std::strcmp(name, oscine_avx2.name)) return &oscine_avx2;
#endif
    return std::strcmp(name, oscine_portable.name) ? nullptr : &oscine_portable;
}
