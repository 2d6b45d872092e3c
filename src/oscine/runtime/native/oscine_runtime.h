// The runtime's C interface: it plays an instrument from the bytes of a program file (docs/program-file.md).
//
// A player belongs to one thread at a time; any number of players may run beside each other. After `oscine_load` no
// function allocates, locks or throws. The bytes may be freed after loading; any bytes are safe to load.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define OSCINE_EXPORT __declspec(dllexport)
#else
#define OSCINE_EXPORT __attribute__((visibility("default")))
#endif

typedef struct oscine_player oscine_player;

enum {
    OSCINE_OK = 0,
    OSCINE_NOT_A_PROGRAM = 1,   // too short, or another magic
    OSCINE_OTHER_VERSION = 2,   // of a later format
    OSCINE_DAMAGED = 3,         // the sha256 is not that of the bytes
    OSCINE_INVALID = 4,         // sizes, offsets or arguments that do not belong together
    OSCINE_TOO_LARGE = 5,       // beyond the limits of the format
    OSCINE_NO_MEMORY = 6,       // none to be had, or less than oscine_size asks for
    OSCINE_WRONG_ARGUMENT = 7,  // null where something is needed, or a number out of its range
    OSCINE_UNKNOWN_OPERATION = 8,  // of a program that a later runtime knows
};

// One sentence in English for a code.
OSCINE_EXPORT const char* oscine_error_text(int code);

// How many bytes a player of this program needs.
OSCINE_EXPORT int oscine_size(const void* program, size_t n_bytes, size_t* needed);

// Make a player at its start, with seed 0. Memory is the caller's, at least `oscine_size` bytes; or null.
OSCINE_EXPORT int oscine_load(const void* program, size_t n_bytes, void* memory, size_t memory_size, oscine_player** player);

// Free what `oscine_load` allocated; nothing where the memory is the caller's. Null is allowed.
OSCINE_EXPORT void oscine_free(oscine_player* player);

// Go back to before the first sample; the seed is the noise's.
OSCINE_EXPORT int oscine_reset(oscine_player* player, int64_t seed);

// Play frames: inputs[i] is [n_frames][oscine_input_size(i)], or null for its default; audio is [n_frames · hop]. Inputs
// that are not finite are held or clamped (docs/program-file.md). Should a sample come out that is not finite all the
// same, its frame is silent, and the player goes back to its start.
OSCINE_EXPORT int oscine_play(oscine_player* player, const float* const* inputs, size_t n_inputs, size_t n_frames, float* audio);

OSCINE_EXPORT uint32_t oscine_sample_rate(const oscine_player* player);  // Hz
OSCINE_EXPORT uint32_t oscine_hop_length(const oscine_player* player);   // samples per frame
OSCINE_EXPORT uint32_t oscine_latency(const oscine_player* player);      // samples by which the sound lags the inputs
OSCINE_EXPORT uint32_t oscine_n_inputs(const oscine_player* player);
OSCINE_EXPORT const char* oscine_input_name(const oscine_player* player, uint32_t input);  // null where there is none
OSCINE_EXPORT uint32_t oscine_input_size(const oscine_player* player, uint32_t input);     // values per frame
OSCINE_EXPORT float oscine_input_default(const oscine_player* player, uint32_t input);
OSCINE_EXPORT float oscine_input_minimum(const oscine_player* player, uint32_t input);
OSCINE_EXPORT float oscine_input_maximum(const oscine_player* player, uint32_t input);
OSCINE_EXPORT const char* oscine_metadata(const oscine_player* player, size_t* n_bytes);  // JSON, not zero-terminated
OSCINE_EXPORT uint32_t oscine_weight_bits(const oscine_player* player);  // 8 where the file has int8 weights, 16 where float16, else 32
OSCINE_EXPORT int oscine_runtime_version(void);  // of this interface

// An engine is the runtime for one instruction set. The functions above take the best one that this machine can run.
typedef struct oscine_engine oscine_engine;

// The engine of a name ("avx512", "avx2", "portable"), or null where this build or machine has none; null is the best.
OSCINE_EXPORT const oscine_engine* oscine_find_engine(const char* name);
OSCINE_EXPORT int oscine_size_with(const oscine_engine* engine, const void* program, size_t n_bytes, size_t* needed);
OSCINE_EXPORT int oscine_load_with(const oscine_engine* engine, const void* program, size_t n_bytes, void* memory,
                                   size_t memory_size, oscine_player** player);

// For hosts that play live: blocks of any length, at the host's sample rate. An input keeps the value that it was set to. A frame
// takes the values that stand when its first sample is due, and has wholly followed them at its last one; how the samples are cut
// into blocks makes no difference. Between two sample rates the sound is filtered: 90 dB are rejected.
//
// The functions are as those above: one thread at a time, no allocation after loading, memory of the caller's or null. The
// engine is null for the best one, the sample rate 0 for the program's own, otherwise 4000 to 768000 Hz.
typedef struct oscine_live oscine_live;

OSCINE_EXPORT int oscine_live_size(const oscine_engine* engine, const void* program, size_t n_bytes, uint32_t sample_rate,
                                   size_t* needed);
OSCINE_EXPORT int oscine_live_load(const oscine_engine* engine, const void* program, size_t n_bytes, uint32_t sample_rate,
                                   void* memory, size_t memory_size, oscine_live** live);
OSCINE_EXPORT void oscine_live_free(oscine_live* live);

// Go back to before the first sample, with all inputs at their defaults.
OSCINE_EXPORT int oscine_live_reset(oscine_live* live, int64_t seed);

// Set an input from the next frame on, oscine_input_size values; null is its default.
OSCINE_EXPORT int oscine_live_set(oscine_live* live, uint32_t input, const float* values);

OSCINE_EXPORT int oscine_live_play(oscine_live* live, size_t n_samples, float* audio);

OSCINE_EXPORT uint32_t oscine_live_sample_rate(const oscine_live* live);  // Hz, of the host

// Samples of the host from the sample at which a frame begins to where the sound has followed the inputs that it took: the frame
// itself, the program's latency and the filter's delay. An input that is set waits for up to one more frame.
OSCINE_EXPORT uint32_t oscine_live_latency(const oscine_live* live);

// The player inside, for the functions that tell about it; it is played by the functions above alone.
OSCINE_EXPORT const oscine_player* oscine_live_player(const oscine_live* live);

// A keyboard: MIDI in, what each voice plays out. How notes become curves is said in docs/notes.md.
typedef struct oscine_keyboard oscine_keyboard;

// One for 1 to 64 voices. The loudness of each velocity is the instrument's, and so is the least that its network is asked for;
// the metadata of a program file have both (`dynamics`).
OSCINE_EXPORT int oscine_keyboard_new(double frame_rate, uint32_t n_voices, const float* curve_db, float least_db,
                                      oscine_keyboard** keyboard);
OSCINE_EXPORT void oscine_keyboard_free(oscine_keyboard* keyboard);

// Back to silence, with all controllers as at the start; the settings stay.
OSCINE_EXPORT int oscine_keyboard_reset(oscine_keyboard* keyboard);

// How notes are played: the settings by number, 0 to n − 1, and setting one by its name.
OSCINE_EXPORT uint32_t oscine_keyboard_n_settings(void);
OSCINE_EXPORT const char* oscine_keyboard_setting(uint32_t setting);  // its name; null where there is none
OSCINE_EXPORT int oscine_keyboard_set(oscine_keyboard* keyboard, const char* name, double value);

// Take a MIDI message, before the frame in which it is to be heard; whatever is none of a channel is ignored.
OSCINE_EXPORT int oscine_keyboard_midi(oscine_keyboard* keyboard, const uint8_t* message, size_t n_bytes);

// The next frame of every voice, [n_voices][5]: f0 in Hz, loudness in dB, gain (0 in silence), seconds since the onset, brightness.
OSCINE_EXPORT int oscine_keyboard_frame(oscine_keyboard* keyboard, float* frames);

#ifdef __cplusplus
}
#endif
