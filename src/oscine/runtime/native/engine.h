// One instruction set's engine: loading a program and playing it. Included by a file that has set the target, OSCINE_ENGINE,
// WIDTH (floats in a vector) and BLOCKS (blocks of partials whose sums fit into the registers).
#pragma once

#include "operations.h"
#include "player.h"

namespace {

struct Step {
    void* operation;
    void (*run)(void*, Workspace&, int64_t n_frames);
    void (*start)(void*, int64_t);
};

using Table = Operations<WIDTH, BLOCKS>;

// What any file may ask for: bytes of memory, beside eight times its own size, and multiplications in a frame, roughly.
// Both are many times what a large instrument needs; a chip with less memory sets them lower.
#ifndef OSCINE_FREE_BYTES
#define OSCINE_FREE_BYTES (1ull << 28)
#endif
#ifndef OSCINE_MOST_WORK
#define OSCINE_MOST_WORK (1ull << 30)
#endif
constexpr uint64_t MOST_BYTES = 1ull << 30;

// Frames that are computed together where a call asks for so many: large matrices are then read once for several frames.
// A chip that plays a frame at a time anyway saves memory by 1.
#ifndef OSCINE_FRAMES
#define OSCINE_FRAMES 6
#endif

// Take all memory of a player from the arena, and fill it if the arena is real.
int build(const File& file, Arena& arena, oscine_player** result) {
    const Header& header = file.header;
    const uint64_t in_proportion = OSCINE_FREE_BYTES + 8 * static_cast<uint64_t>(file.size());
    const uint64_t most_bytes = in_proportion < MOST_BYTES ? in_proportion : MOST_BYTES;
    oscine_player* player = arena.take<oscine_player>(1);
    Workspace* space = arena.take<Workspace>(1);
    float* values = arena.take<float>(OSCINE_FRAMES * static_cast<int64_t>(header.n_values));
    if (space) *space = {values, values, header.n_values};
    InputRecord* inputs = arena.take<InputRecord>(header.n_inputs);
    float* held = arena.take<float>(header.n_values);
    char* metadata = arena.take<char>(static_cast<int64_t>(header.metadata_size));
    Step* steps = arena.take<Step>(header.n_operations);
    uint32_t first_argument = 0, first_tensor = 0;
    uint64_t work = 0;
    for (uint32_t i = 0; i < header.n_operations; i++) {
        const OperationRecord record = file.operation(i);
        const Kind* kind = Table::find(record.kind);
        if (!kind) return OSCINE_UNKNOWN_OPERATION;
        const Call call{file, record, first_argument, first_tensor, space};
        if (!kind->fits(call)) return OSCINE_INVALID;
        work += kind->work(call);
        if (work > OSCINE_MOST_WORK) return OSCINE_TOO_LARGE;
        void* operation = kind->place(call, arena);
        if (arena.used() > most_bytes) return OSCINE_TOO_LARGE;
        if (steps) steps[i] = {operation, kind->run, kind->start};
        first_argument += record.n_arguments();
        first_tensor += record.n_tensors;
    }
    if (!arena.is_real()) return OSCINE_OK;
    uint32_t bits = 32;
    for (uint32_t i = 0; i < header.n_tensors; i++)
        if (file.tensor(i).is_int8())
            bits = 8;
        else if (file.tensor(i).is_half() && bits > 16)
            bits = 16;
    for (uint32_t i = 0; i < header.n_inputs; i++) inputs[i] = file.input(i);
    std::memcpy(metadata, file.at(header.metadata_at), static_cast<size_t>(header.metadata_size));
    *player = {};
    player->sample_rate = header.sample_rate;
    player->hop_length = header.hop_length;
    player->latency = header.latency;
    player->weight_bits = bits;
    player->n_inputs = header.n_inputs;
    player->n_steps = header.n_operations;
    player->workspace = space;
    player->output = header.output;
    player->inputs = inputs;
    player->held = held;
    player->steps = steps;
    player->metadata = metadata;
    player->metadata_size = static_cast<size_t>(header.metadata_size);
    *result = player;
    return OSCINE_OK;
}

int engine_size(const void* program, size_t n_bytes, uint64_t* needed) {
    File file(program, n_bytes);
    const int code = file.open();
    if (code != OSCINE_OK) return code;
    Arena arena(nullptr);
    const int built = build(file, arena, nullptr);
    *needed = arena.used();
    return built;
}

void engine_reset(oscine_player* player, int64_t seed) {
    player->seed = seed;
    Workspace& space = *static_cast<Workspace*>(player->workspace);
    std::memset(space.first, 0, OSCINE_FRAMES * static_cast<size_t>(space.n_values) * sizeof(float));
    const InputRecord* inputs = static_cast<const InputRecord*>(player->inputs);
    float* held = player->held;
    for (uint32_t i = 0; i < player->n_inputs; i++)
        for (uint32_t j = 0; j < inputs[i].size; j++) *held++ = inputs[i].initial;
    const Step* steps = static_cast<const Step*>(player->steps);
    for (uint32_t i = 0; i < player->n_steps; i++) steps[i].start(steps[i].operation, seed);
}

// The memory was measured by `engine_size` for the same bytes.
int engine_load(const void* program, size_t n_bytes, void* memory, oscine_player** player) {
    File file(program, n_bytes);
    const int code = file.open();
    if (code != OSCINE_OK) return code;
    Arena arena(memory);
    const int built = build(file, arena, player);
    if (built == OSCINE_OK) engine_reset(*player, 0);
    return built;
}

// Put a frame's input into the workspace, without its bad values (streaming/contents.py: ProgramInput).
void clean(const InputRecord& input, const float* given, float* held, float* values) {
    for (uint32_t j = 0; j < input.size; j++) {
        if (given) {
            const float value = given[j];
            const bool is_good = input.flags & IS_POSITIVE ? value > 0 && value <= 3.4028235e38f : value == value;
            if (is_good) {
                const float low = value > input.minimum ? value : input.minimum;
                held[j] = low < input.maximum ? low : input.maximum;
            }
        } else {
            held[j] = input.initial;
        }
        values[input.offset + j] = held[j];
    }
}

// Numbers too small for float32's normal range count as 0 while a block is computed: decaying tails would be slow otherwise.
class FlushDenormals {
#if defined(__x86_64__) || defined(__SSE__)
    const unsigned before = __builtin_ia32_stmxcsr();

   public:
    FlushDenormals() { __builtin_ia32_ldmxcsr(before | 0x8040u); }
    ~FlushDenormals() { __builtin_ia32_ldmxcsr(before); }
#elif defined(__aarch64__)
    uint64_t before;

   public:
    FlushDenormals() {
        __asm__ volatile("mrs %0, fpcr" : "=r"(before));
        __asm__ volatile("msr fpcr, %0" : : "r"(before | (uint64_t(1) << 24)));
    }
    ~FlushDenormals() { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }
#else
   public:
    FlushDenormals() {}
    ~FlushDenormals() {}
#endif
};

// Copy a frame's samples; whether all are finite.
bool hand_out(const float* from, size_t hop, float* audio) {
    float worst = 0;
    for (size_t i = 0; i < hop; i++) {
        audio[i] = from[i];
        worst += audio[i] * 0.0f;  // NaN and ∞ make it NaN
    }
    return worst == 0;
}

void engine_play(oscine_player* player, const float* const* given, size_t n_frames, float* audio) {
    const FlushDenormals guard;
    const InputRecord* inputs = static_cast<const InputRecord*>(player->inputs);
    const Step* steps = static_cast<const Step*>(player->steps);
    Workspace& space = *static_cast<Workspace*>(player->workspace);
    const size_t hop = player->hop_length;
    for (size_t t = 0; t < n_frames;) {
        const size_t n_block = n_frames - t < OSCINE_FRAMES ? n_frames - t : OSCINE_FRAMES;
        for (size_t j = 0; j < n_block; j++) {
            space.go_to(static_cast<int64_t>(j));
            float* held = player->held;
            for (uint32_t i = 0; i < player->n_inputs; i++) {
                const size_t size = inputs[i].size;
                clean(inputs[i], given && given[i] ? given[i] + (t + j) * size : nullptr, held, space.now);
                held += size;
            }
        }
        for (uint32_t i = 0; i < player->n_steps; i++) steps[i].run(steps[i].operation, space, static_cast<int64_t>(n_block));
        size_t n_good = 0;
        for (; n_good < n_block; n_good++) {
            space.go_to(static_cast<int64_t>(n_good));
            if (!hand_out(space.now + player->output, hop, audio + (t + n_good) * hop)) break;
        }
        t += n_good;
        if (n_good == n_block) continue;
        // Weights that overflow: this frame is silent, and the player starts anew with the next one.
        std::memset(audio + t * hop, 0, hop * sizeof(float));
        engine_reset(player, player->seed);
        t++;
    }
}

}  // namespace

extern const oscine_engine OSCINE_ENGINE;
const oscine_engine OSCINE_ENGINE = {OSCINE_TEXT, engine_size, engine_load, engine_reset, engine_play};
