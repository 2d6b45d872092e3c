// The C interface: it chooses the instruction set and hands the call to that engine.
#include <cstdlib>
#include <cstring>

#include "oscine_runtime.h"
#include "player.h"

extern "C" {

int oscine_runtime_version(void) { return 1; }

const char* oscine_error_text(int code) {
    switch (code) {
        case OSCINE_OK: return "No error.";
        case OSCINE_NOT_A_PROGRAM: return "This is not a program file of Oscine.";
        case OSCINE_OTHER_VERSION: return "The program was written for a later version of the runtime; update it.";
        case OSCINE_DAMAGED: return "The program file is damaged: its sha256 is not that of its bytes.";
        case OSCINE_INVALID: return "The program file is invalid: its sizes or arguments do not belong together.";
        case OSCINE_TOO_LARGE: return "The program asks for more than the runtime allows.";
        case OSCINE_NO_MEMORY: return "There is not enough memory for the player.";
        case OSCINE_WRONG_ARGUMENT: return "An argument is null or out of its range.";
        default: return "Unknown error.";
    }
}

int oscine_size(const void* program, size_t n_bytes, size_t* needed) {
    return program && needed ? oscine_best_engine()->size(program, n_bytes, needed) : OSCINE_WRONG_ARGUMENT;
}

int oscine_load(const void* program, size_t n_bytes, void* memory, size_t memory_size, oscine_player** player) {
    return oscine_load_with(oscine_best_engine(), program, n_bytes, memory, memory_size, player);
}

int oscine_load_with(const oscine_engine* engine, const void* program, size_t n_bytes, void* memory, size_t memory_size,
                     oscine_player** player) {
    if (!engine || !program || !player) return OSCINE_WRONG_ARGUMENT;
    *player = nullptr;
    size_t needed = 0;
    const int measured = engine->size(program, n_bytes, &needed);
    if (measured != OSCINE_OK) return measured;
    void* allocated = nullptr;
    if (!memory) {
        allocated = std::malloc(needed + 64);
        if (!allocated) return OSCINE_NO_MEMORY;
        memory = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(allocated) + 63) / 64 * 64);
    } else if (memory_size < needed) {
        return OSCINE_NO_MEMORY;
    } else if (reinterpret_cast<uintptr_t>(memory) % 64 != 0) {
        return OSCINE_WRONG_ARGUMENT;
    }
    const int loaded = engine->load(program, n_bytes, memory, player);
    if (loaded != OSCINE_OK) {
        std::free(allocated);
        return loaded;
    }
    (*player)->engine = engine;
    (*player)->allocated = allocated;
    return OSCINE_OK;
}

void oscine_free(oscine_player* player) {
    if (player) std::free(player->allocated);
}

int oscine_reset(oscine_player* player, int64_t seed) {
    if (!player) return OSCINE_WRONG_ARGUMENT;
    player->engine->reset(player, seed);
    return OSCINE_OK;
}

int oscine_play(oscine_player* player, const float* const* inputs, size_t n_inputs, size_t n_frames, float* audio) {
    if (!player || (!audio && n_frames) || (inputs && n_inputs != player->n_inputs)) return OSCINE_WRONG_ARGUMENT;
    player->engine->play(player, inputs, n_frames, audio);
    return OSCINE_OK;
}

uint32_t oscine_sample_rate(const oscine_player* player) { return player->sample_rate; }
uint32_t oscine_hop_length(const oscine_player* player) { return player->hop_length; }
uint32_t oscine_latency(const oscine_player* player) { return player->latency; }
uint32_t oscine_n_inputs(const oscine_player* player) { return player->n_inputs; }

static const InputRecord* input_of(const oscine_player* player, uint32_t input) {
    return input < player->n_inputs ? static_cast<const InputRecord*>(player->inputs) + input : nullptr;
}

const char* oscine_input_name(const oscine_player* player, uint32_t input) {
    const InputRecord* one = input_of(player, input);
    return one ? one->name : nullptr;
}
uint32_t oscine_input_size(const oscine_player* player, uint32_t input) {
    const InputRecord* one = input_of(player, input);
    return one ? one->size : 0;
}
float oscine_input_default(const oscine_player* player, uint32_t input) {
    const InputRecord* one = input_of(player, input);
    return one ? one->initial : 0;
}
float oscine_input_minimum(const oscine_player* player, uint32_t input) {
    const InputRecord* one = input_of(player, input);
    return one ? one->minimum : 0;
}
float oscine_input_maximum(const oscine_player* player, uint32_t input) {
    const InputRecord* one = input_of(player, input);
    return one ? one->maximum : 0;
}

const char* oscine_metadata(const oscine_player* player, size_t* n_bytes) {
    if (n_bytes) *n_bytes = player->metadata_size;
    return player->metadata;
}

}  // extern "C"
