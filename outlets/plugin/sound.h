// A performer that is ready to play, and how one is handed to the audio thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "library.h"
#include "oscine_runtime.h"
#include "parameters.h"

namespace oscine {

constexpr uint32_t NO_SETTING = ~0u;

// The number of a setting of the runtime, by its name.
inline uint32_t find_setting(const oscine_performer* performer, const char* name) {
    for (uint32_t i = 0; i < oscine_performer_n_settings(performer); i++)
        if (!std::strcmp(oscine_performer_setting(performer, i), name)) return i;
    return NO_SETTING;
}

// An instrument as it plays, or silence where there is none.
class Sound {
    oscine_performer* performer = nullptr;
    uint32_t numbers[N_SETTINGS], first_macro = 0, n_macros = 0;
    float applied[N_PARAMETERS];

   public:
    uint32_t rate = 0, voices = 0;

    Sound() = default;
    Sound(const Sound&) = delete;
    Sound& operator=(const Sound&) = delete;
    ~Sound() { oscine_performer_free(performer); }

    // Load a program; the settings behind `n_fixed` are its own inputs. Returns a code of the runtime.
    int load(const Bytes& bytes, uint32_t sample_rate, uint32_t n_voices, uint32_t n_fixed) {
        rate = sample_rate, voices = n_voices;
        const int code = oscine_performer_new(nullptr, bytes.data.get(), bytes.size, rate, voices, &performer);
        if (code != OSCINE_OK) return code;
        for (uint32_t i = 0; i < N_SETTINGS; i++) numbers[i] = find_setting(performer, SETTINGS[i].name);
        first_macro = n_fixed;
        const uint32_t n_own = oscine_performer_n_settings(performer) - n_fixed;
        n_macros = n_own < N_MACROS ? n_own : N_MACROS;
#ifdef OSCINE_VOICE
        oscine_performer_set(performer, find_setting(performer, "source"), 1);
#endif
        forget();
        return code;
    }

    bool is_silent() const { return !performer; }
    void forget() { std::memset(applied, 0xff, sizeof applied); }  // NaN: equal to no value

    void reset() {
        if (performer) oscine_performer_reset(performer, 0);
    }

    uint32_t latency() const {
#ifdef OSCINE_VOICE
        return oscine_performer_voice_latency(performer);
#else
        return oscine_performer_note_latency(performer);
#endif
    }

    // Set a parameter, where it has changed.
    void set(uint32_t parameter, float value) {
        if (!performer || applied[parameter] == value) return;
        applied[parameter] = value;
        if (parameter < N_SETTINGS) {
            if (numbers[parameter] != NO_SETTING) oscine_performer_set(performer, numbers[parameter], value);
        } else if (parameter < MACROS_AT + n_macros) {
            const uint32_t number = first_macro + parameter - MACROS_AT;
            oscine_performer_set(performer, number, macro_value(number, value));
        }
    }

    // What a macro from 0 to 1 means: its middle is the instrument's own default.
    float macro_value(uint32_t number, float macro) const {
        const float standard = oscine_performer_default(performer, number);
        const float end = macro < 0.5f ? oscine_performer_minimum(performer, number) : oscine_performer_maximum(performer, number);
        const float share = macro < 0.5f ? 1 - 2 * macro : 2 * macro - 1;
        return standard + share * (end - standard);
    }

    void midi(const uint8_t* message, size_t n_bytes) {
        if (performer) oscine_performer_midi(performer, message, n_bytes);
    }

    void play(const float* heard, size_t n_samples, float* audio) {
        if (!performer || oscine_performer_play(performer, heard, n_samples, audio) != OSCINE_OK)
            std::memset(audio, 0, n_samples * sizeof(float));
    }

    void meters(float* values) const {
        if (performer) oscine_performer_meters(performer, values);
    }

    std::string card(const char* name) const {
        size_t n_bytes = 0;
        const char* metadata = oscine_metadata(oscine_performer_player(performer), &n_bytes);
        return card_text(metadata, n_bytes, name);
    }

    std::vector<std::string> macro_names() const {
        std::vector<std::string> names;
        for (uint32_t i = 0; i < n_macros; i++) names.push_back(oscine_performer_setting(performer, first_macro + i));
        return names;
    }
};

// Hands a sound to the audio thread without a lock: the audio thread neither waits, allocates nor frees.
class Exchange {
    std::atomic<Sound*> coming{nullptr}, gone{nullptr};
    Sound* current = nullptr;  // of the audio thread

   public:
    ~Exchange() {
        delete coming.load();
        delete gone.load();
        delete current;
    }

    // Of any other thread, one at a time.
    void give(std::unique_ptr<Sound> sound) {
        delete coming.exchange(sound.release());
        delete gone.exchange(nullptr);
    }

    // Of the audio thread: the sound to play, and whether it is a new one.
    Sound* take(bool* is_new) {
        *is_new = false;
        if (gone.load(std::memory_order_relaxed)) return current;
        if (Sound* next = coming.exchange(nullptr)) {
            gone.store(current);
            current = next;
            *is_new = true;
        }
        return current;
    }

    // While the audio thread rests: the sound that it would play.
    Sound* rest() {
        delete gone.exchange(nullptr);
        if (Sound* next = coming.exchange(nullptr)) {
            delete current;
            current = next;
        }
        return current;
    }

    void put_at_rest(std::unique_ptr<Sound> sound) {
        rest();
        delete current;
        current = sound.release();
    }
};

}  // namespace oscine
