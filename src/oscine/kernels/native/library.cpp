#include <cstring>

#include "oscine.h"
#include "processor.h"

extern const oscine_kernels oscine_portable;
#if defined(__x86_64__)
extern const oscine_kernels oscine_avx2, oscine_avx512;
#endif

extern "C" int oscine_version(void) { return 3; }

extern "C" const oscine_kernels* oscine_find(const char* name) {
#if defined(__x86_64__)
    const Processor here;
    if (here.avx512 && !std::strcmp(name, oscine_avx512.name)) return &oscine_avx512;
    if (here.avx2 && !std::strcmp(name, oscine_avx2.name)) return &oscine_avx2;
#endif
    return std::strcmp(name, oscine_portable.name) ? nullptr : &oscine_portable;
}
