// Playing for a host: blocks of any length at the host's sample rate, of inputs that stand until they are set again.
#include <cstdlib>
#include <new>

#ifndef WIDTH
#define WIDTH 4
#endif
#include "file.h"
#include "oscine_runtime.h"
#include "player.h"
#include "resample.h"

struct oscine_live {
    oscine_player* player;
    void* allocated;  // what oscine_live_free gives back; null where the memory is the caller's
    uint32_t sample_rate, latency, n_inputs;
    float** values;        // of each input
    const float** inputs;  // the same, or null where an input stands at its default
    Resampler<WIDTH>* resampler;
    char* memory;  // the player's
    size_t memory_size;
};

namespace {

constexpr uint64_t MOST_LIVE_BYTES = 1ull << 26;

// Take the memory of all that is not the player's, and of the player, from an arena.
int place(const oscine_engine* engine, const void* program, size_t n_bytes, uint32_t sample_rate, Arena& arena,
          oscine_live** result) {
    size_t player_size = 0;
    const int code = oscine_size_with(engine, program, n_bytes, &player_size);
    if (code != OSCINE_OK) return code;
    File file(program, n_bytes);
    file.open();
    const uint32_t rate = sample_rate ? sample_rate : file.header.sample_rate;
    const uint32_t hop = file.header.hop_length, n_inputs = file.header.n_inputs;
    if (!Resampler<WIDTH>::fits(file.header.sample_rate, rate)) return OSCINE_TOO_LARGE;
    oscine_live* live = arena.take<oscine_live>(1);
    float** values = arena.take<float*>(n_inputs);
    const float** inputs = arena.take<const float*>(n_inputs);
    for (uint32_t i = 0; i < n_inputs; i++) {
        float* of_input = arena.take<float>(file.input(i).size);
        if (live) values[i] = of_input;
    }
    Resampler<WIDTH>* resampler = arena.take<Resampler<WIDTH>>(1);
    if (resampler) {
        new (resampler) Resampler<WIDTH>(file.header.sample_rate, rate, hop, arena);
    } else {
        const Resampler<WIDTH> measured(file.header.sample_rate, rate, hop, arena);
    }
    if (arena.used() > MOST_LIVE_BYTES) return OSCINE_TOO_LARGE;
    char* memory = arena.take<char>(static_cast<int64_t>(player_size));
    if (!live) return OSCINE_OK;
    const uint64_t control_delay = static_cast<uint64_t>(file.header.latency) + hop;
    const uint64_t in_host_samples = (control_delay * rate + file.header.sample_rate / 2) / file.header.sample_rate;
    const uint64_t latency = in_host_samples + static_cast<uint64_t>(resampler->delay());
    if (latency > UINT32_MAX) return OSCINE_TOO_LARGE;
    *live = {nullptr, nullptr, rate, static_cast<uint32_t>(latency), n_inputs, values, inputs, resampler, memory, player_size};
    *result = live;
    return OSCINE_OK;
}

}  // namespace

extern "C" {

int oscine_live_size(const oscine_engine* engine, const void* program, size_t n_bytes, uint32_t sample_rate, size_t* needed) {
    if (!needed) return OSCINE_WRONG_ARGUMENT;
    *needed = 0;
    if (sample_rate && (sample_rate < LEAST_RATE || sample_rate > MOST_HOST_RATE)) return OSCINE_WRONG_ARGUMENT;
    Arena arena(nullptr);
    const int code = place(engine ? engine : oscine_find_engine(nullptr), program, n_bytes, sample_rate, arena, nullptr);
    if (code == OSCINE_OK) *needed = static_cast<size_t>(arena.used()) + Arena::ALIGNMENT - 1;
    return code;
}

int oscine_live_load(const oscine_engine* engine, const void* program, size_t n_bytes, uint32_t sample_rate, void* memory,
                     size_t memory_size, oscine_live** live) {
    if (!live) return OSCINE_WRONG_ARGUMENT;
    *live = nullptr;
    size_t needed = 0;
    const int measured = oscine_live_size(engine, program, n_bytes, sample_rate, &needed);
    if (measured != OSCINE_OK) return measured;
    void* allocated = nullptr;
    const int taken = take_memory(memory, memory_size, needed, &memory, &allocated);
    if (taken != OSCINE_OK) return taken;
    if (!engine) engine = oscine_find_engine(nullptr);
    Arena arena(Arena::align(memory));
    oscine_live* made = nullptr;
    int code = place(engine, program, n_bytes, sample_rate, arena, &made);
    if (code == OSCINE_OK) code = oscine_load_with(engine, program, n_bytes, made->memory, made->memory_size, &made->player);
    if (code != OSCINE_OK) {
        std::free(allocated);
        return code;
    }
    made->allocated = allocated;
    oscine_live_reset(made, 0);
    *live = made;
    return OSCINE_OK;
}

void oscine_live_free(oscine_live* live) {
    if (live) std::free(live->allocated);
}

int oscine_live_reset(oscine_live* live, int64_t seed) {
    if (!live) return OSCINE_WRONG_ARGUMENT;
    for (uint32_t i = 0; i < live->n_inputs; i++) live->inputs[i] = nullptr;
    live->resampler->start();
    return oscine_reset(live->player, seed);
}

int oscine_live_set(oscine_live* live, uint32_t input, const float* values) {
    if (!live || input >= live->n_inputs) return OSCINE_WRONG_ARGUMENT;
    if (values) std::memcpy(live->values[input], values, oscine_input_size(live->player, input) * sizeof(float));
    live->inputs[input] = values ? live->values[input] : nullptr;
    return OSCINE_OK;
}

int oscine_live_play(oscine_live* live, size_t n_samples, float* audio) {
    if (!live || (!audio && n_samples)) return OSCINE_WRONG_ARGUMENT;
    for (size_t n = 0; n < n_samples;) {
        if (!live->resampler->is_ready()) {
            oscine_play(live->player, live->inputs, live->n_inputs, 1, live->resampler->room());
            live->resampler->take();
        }
        n += static_cast<size_t>(live->resampler->read(audio + n, static_cast<int64_t>(n_samples - n)));
    }
    return OSCINE_OK;
}

uint32_t oscine_live_sample_rate(const oscine_live* live) { return live->sample_rate; }
uint32_t oscine_live_latency(const oscine_live* live) { return live->latency; }
const oscine_player* oscine_live_player(const oscine_live* live) { return live->player; }

}  // extern "C"
