// The runtime's C interface: it plays an instrument from the bytes of a program file (docs/background/program-file.md).
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
// that are not finite are held or clamped (docs/background/program-file.md). Should a sample come out that is not finite all the
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

// A keyboard: MIDI in, what each voice plays out. How notes become curves is said in docs/how-to/notes.md.
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

// A listener: audio at the host's rate in, f0 and loudness out, for each frame of an instrument (sample_rate / hop_length frames
// per second). docs/how-to/pitch.md says how well it finds them.
typedef struct oscine_listener oscine_listener;

// Both rates are 4000 to 768000 Hz, the hop is 1 to instrument_rate samples. All memory is taken here.
OSCINE_EXPORT int oscine_listener_new(uint32_t host_rate, uint32_t instrument_rate, uint32_t hop_length, oscine_listener** listener);
OSCINE_EXPORT void oscine_listener_free(oscine_listener* listener);

// Go back to before the first sample.
OSCINE_EXPORT int oscine_listener_reset(oscine_listener* listener);

// Samples of the host from an instant of the sound to when the frame that describes it is there.
OSCINE_EXPORT uint32_t oscine_listener_latency(const oscine_listener* listener);

// Hear samples, any number; those that are not finite count as 0. How they are cut into blocks makes no difference.
OSCINE_EXPORT int oscine_listener_push(oscine_listener* listener, const float* audio, size_t n_samples);

// The newest complete frame, [4]: f0 in Hz (the last voiced one is held), confidence (from 0.5 on there is a pitch), loudness in dB,
// seconds since the voiced stretch began. Before the first frame: 440, 0, -80, 0.
OSCINE_EXPORT int oscine_listener_frame(oscine_listener* listener, float* frame);

// A performer: an instrument as a host has it, with notes or a sound coming in and sound going out, and knobs. The notes are played by a
// keyboard (above). All memory is taken by `oscine_performer_new`.
typedef struct oscine_performer oscine_performer;

// One for 1 to 16 voices, at the host's sample rate, 4000 to 768000 Hz. The bytes may be freed afterwards.
OSCINE_EXPORT int oscine_performer_new(const oscine_engine* engine, const void* program, size_t n_bytes, uint32_t sample_rate,
                                       uint32_t n_voices, oscine_performer** performer);
OSCINE_EXPORT void oscine_performer_free(oscine_performer* performer);

// Go back to before the first sample: no note, no sound in the room; the settings stay.
OSCINE_EXPORT int oscine_performer_reset(oscine_performer* performer, int64_t seed);

// Take a MIDI message, for the next sample that is played; whatever is none of a channel is ignored.
OSCINE_EXPORT int oscine_performer_midi(oscine_performer* performer, const uint8_t* message, size_t n_bytes);

// Play a block of any length: the sound that comes in, or null for silence, and what goes out; both may be the same array. What is
// mixed in of the sound that comes in is as late as the instrument that follows it.
OSCINE_EXPORT int oscine_performer_play(oscine_performer* performer, const float* heard, size_t n_samples, float* audio);

// Samples of the host from a note, or from what is heard, to where the sound has followed it. A note waits for up to one frame more.
OSCINE_EXPORT uint32_t oscine_performer_note_latency(const oscine_performer* performer);
OSCINE_EXPORT uint32_t oscine_performer_voice_latency(const oscine_performer* performer);

// The settings by number, 0 to n − 1: what the performer does, how notes are played, and the instrument's own inputs.
OSCINE_EXPORT uint32_t oscine_performer_n_settings(const oscine_performer* performer);
OSCINE_EXPORT const char* oscine_performer_setting(const oscine_performer* performer, uint32_t setting);  // its name; null where there is none
OSCINE_EXPORT const char* oscine_performer_unit(const oscine_performer* performer, uint32_t setting);     // "" where it has none
OSCINE_EXPORT float oscine_performer_default(const oscine_performer* performer, uint32_t setting);
OSCINE_EXPORT float oscine_performer_minimum(const oscine_performer* performer, uint32_t setting);
OSCINE_EXPORT float oscine_performer_maximum(const oscine_performer* performer, uint32_t setting);
OSCINE_EXPORT float oscine_performer_value(const oscine_performer* performer, uint32_t setting);
OSCINE_EXPORT int oscine_performer_set(oscine_performer* performer, uint32_t setting, float value);  // outside its range it is clamped

// What happens, for a display: f0 in Hz and loudness in dB of the sound that is heard (0 Hz where it has no pitch), f0 and loudness of
// the last voice that began (0 Hz in silence), the peak of the output since the last call, and how many voices sound.
enum { OSCINE_METERS = 6 };
OSCINE_EXPORT int oscine_performer_meters(oscine_performer* performer, float* meters);

// The player of the first voice, for the functions that tell about it.
OSCINE_EXPORT const oscine_player* oscine_performer_player(const oscine_performer* performer);

#ifdef __cplusplus
}
#endif
