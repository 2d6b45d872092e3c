// A player as the C interface sees it, and what an instruction set's engine offers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "file.h"
#include "oscine_runtime.h"

struct oscine_engine {
    const char* name;
    // Both for bytes that `File::identify` has accepted; `load` into memory as large as `size` says, 64-byte aligned.
    int (*size)(const void* program, size_t n_bytes, uint64_t* needed);
    int (*load)(const void* program, size_t n_bytes, void* memory, oscine_player** player);
    void (*reset)(oscine_player* player, int64_t seed);
    void (*play)(oscine_player* player, const float* const* inputs, size_t n_frames, float* audio);
};

// The memory to load into: the caller's if it is large enough, or new where the caller gives none, which `allocated` then is.
inline int take_memory(void* given, size_t given_size, size_t needed, void** memory, void** allocated) {
    *allocated = given ? nullptr : std::malloc(needed);
    *memory = given ? given : *allocated;
    return !*memory || (given && given_size < needed) ? OSCINE_NO_MEMORY : OSCINE_OK;
}

// Its numbers lie behind it in the same memory.
struct oscine_player {
    const oscine_engine* engine;
    void* allocated;  // what oscine_free gives back; null where the memory is the caller's
    uint32_t sample_rate, hop_length, latency, weight_bits, n_inputs, n_steps;
    int64_t seed;
    void* workspace;     // Workspace
    uint32_t output;     // where the audio lies in it
    const void* inputs;  // InputRecord[n_inputs]
    float* held;         // the last good value of every number of every input
    const void* steps;   // Step[n_steps]
    const char* metadata;
    size_t metadata_size;
};
