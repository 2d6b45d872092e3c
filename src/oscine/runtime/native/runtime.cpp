// The C interface: it chooses the instruction set and hands the call to that engine.
#include <cstdlib>
#include <cstring>

#include "memory.h"
#include "oscine_runtime.h"
#include "player.h"

extern "C" {

int oscine_runtime_version(void) { return 3; }

const char* oscine_error_text(int code) {
    switch (code) {
        case OSCINE_OK: return "No error.";
        case OSCINE_NOT_A_PROGRAM: return "This is not a program file of Oscine.";
        case OSCINE_OTHER_VERSION: return "The program file is of another version of the format; update the runtime or write the program again.";
        case OSCINE_DAMAGED: return "The program file is damaged: its sha256 is not that of its bytes.";
        case OSCINE_INVALID: return "The program file is invalid: its sizes or arguments do not belong together.";
        case OSCINE_TOO_LARGE: return "The program asks for more than the runtime allows.";
        case OSCINE_NO_MEMORY: return "There is not enough memory for the player.";
        case OSCINE_WRONG_ARGUMENT: return "An argument is null or out of its range.";
        case OSCINE_UNKNOWN_OPERATION: return "The program has an operation that this runtime does not know; update it.";
        default: return "Unknown error.";
    }
}

int oscine_size(const void* program, size_t n_bytes, size_t* needed) {
    return oscine_size_with(oscine_find_engine(nullptr), program, n_bytes, needed);
}

int oscine_load(const void* program, size_t n_bytes, void* memory, size_t memory_size, oscine_player** player) {
    return oscine_load_with(oscine_find_engine(nullptr), program, n_bytes, memory, memory_size, player);
}

int oscine_size_with(const oscine_engine* engine, const void* program, size_t n_bytes, size_t* needed) {
    if (!engine || !program || !needed) return OSCINE_WRONG_ARGUMENT;
    *needed = 0;
    const int identified = File(program, n_bytes).identify();
    if (identified != OSCINE_OK) return identified;
    uint64_t measured = 0;
    const int code = engine->size(program, n_bytes, &measured);
    if (code == OSCINE_OK) *needed = static_cast<size_t>(measured) + Arena::ALIGNMENT - 1;
    return code;
}

int oscine_load_with(const oscine_engine* engine, const void* program, size_t n_bytes, void* memory, size_t memory_size,
                     oscine_player** player) {
    if (!player) return OSCINE_WRONG_ARGUMENT;
    *player = nullptr;
    size_t needed = 0;
    const int measured = oscine_size_with(engine, program, n_bytes, &needed);
    if (measured != OSCINE_OK) return measured;
    void* allocated = nullptr;
    const int taken = take_memory(memory, memory_size, needed, &memory, &allocated);
    if (taken != OSCINE_OK) return taken;
    const int loaded = engine->load(program, n_bytes, Arena::align(memory), player);
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
uint32_t oscine_weight_bits(const oscine_player* player) { return player->weight_bits; }
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
