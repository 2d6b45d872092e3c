// A player as the C interface sees it, and what an instruction set's engine offers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "file.h"
#include "oscine_runtime.h"

struct oscine_engine {
    const char* name;
    int (*size)(const void* program, size_t n_bytes, size_t* needed);
    int (*load)(const void* program, size_t n_bytes, void* memory, oscine_player** player);
    void (*reset)(oscine_player* player, int64_t seed);
    void (*play)(oscine_player* player, const float* const* inputs, size_t n_frames, float* audio);
};

// Its numbers lie behind it in the same memory.
struct oscine_player {
    const oscine_engine* engine;
    void* allocated;  // what oscine_free gives back; null where the memory is the caller's
    uint32_t sample_rate, hop_length, latency, n_inputs, n_steps, n_values;
    int64_t seed;
    float* values;
    const float* output;
    const void* inputs;  // InputRecord[n_inputs]
    float* held;         // the last good value of every number of every input
    const void* steps;   // Step[n_steps]
    const char* metadata;
    size_t metadata_size;
};

// The engine that is best on this machine, and the one of a name, null where there is none (engines.cpp).
const oscine_engine* oscine_best_engine(void);
extern "C" OSCINE_EXPORT const oscine_engine* oscine_find_engine(const char* name);

// As oscine_load, with an engine of the caller's choice.
extern "C" OSCINE_EXPORT int oscine_load_with(const oscine_engine* engine, const void* program, size_t n_bytes, void* memory,
                                              size_t memory_size, oscine_player** player);
