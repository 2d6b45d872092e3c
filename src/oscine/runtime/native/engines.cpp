// Which engines this build has, and which of them this machine can run.
#include <cstring>

#include "player.h"
#include "processor.h"

extern const oscine_engine oscine_engine_portable;
#if defined(__x86_64__) && !defined(OSCINE_ONE_ENGINE)
extern const oscine_engine oscine_engine_avx2, oscine_engine_avx512;
#endif

extern "C" const oscine_engine* oscine_find_engine(const char* name) {
#if defined(__x86_64__) && !defined(OSCINE_ONE_ENGINE)
    const Processor here;
    if (here.avx512 && (!name || !std::strcmp(name, oscine_engine_avx512.name))) return &oscine_engine_avx512;
    if (here.avx2 && (!name || !std::strcmp(name, oscine_engine_avx2.name))) return &oscine_engine_avx2;
#endif
    return !name || !std::strcmp(name, oscine_engine_portable.name) ? &oscine_engine_portable : nullptr;
}
