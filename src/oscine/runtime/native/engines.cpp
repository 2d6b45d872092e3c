// Which engines this build has, and which of them this machine can run.
#include <cstring>

#include "player.h"

extern const oscine_engine oscine_engine_portable;
#if defined(__x86_64__) && !defined(OSCINE_ONE_ENGINE)
extern const oscine_engine oscine_engine_avx2, oscine_engine_avx512;
#endif

extern "C" const oscine_engine* oscine_find_engine(const char* name) {
#if defined(__x86_64__) && !defined(OSCINE_ONE_ENGINE)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    if (avx512 && (!name || !std::strcmp(name, oscine_engine_avx512.name))) return &oscine_engine_avx512;
    if (avx2 && (!name || !std::strcmp(name, oscine_engine_avx2.name))) return &oscine_engine_avx2;
#endif
    return !name || !std::strcmp(name, oscine_engine_portable.name) ? &oscine_engine_portable : nullptr;
}
