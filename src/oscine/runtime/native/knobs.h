// The settings of a performer: what it does itself, how notes are played, and the instrument's own inputs.
#pragma once

#include <cstdint>
#include <cstring>

#include "voice.h"

namespace {

struct Knob {
    static constexpr size_t NAME_SIZE = 80;
    static constexpr uint32_t NO_INPUT = UINT32_MAX;

    char name[NAME_SIZE];
    const char* unit;
    float standard, minimum, maximum, value;
    uint32_t input, channel;  // of the program
};

inline const char* unit_of(const char* setting) {
    const struct {
        const char* end;
        const char* unit;
    } units[] = {{"_s", "s"}, {"_db", "dB"}, {"_cents", "cents"}, {"_hz", "Hz"}, {"_semitones", "semitones"}};
    for (const auto& one : units) {
        const size_t n = std::strlen(setting), m = std::strlen(one.end);
        if (n > m && !std::strcmp(setting + n - m, one.end)) return one.unit;
    }
    return "";
}

// What the performer does itself; these stand first, in this order.
enum OwnSetting { SOURCE, OCTAVE, TUNE, OUTPUT_LEVEL, MIX, LOUDNESS, MATCH, AUTOTUNE, N_OWN };
constexpr struct {
    const char* name;
    float standard, minimum, maximum;
} OWN_SETTINGS[N_OWN] = {
    {"source", 0, 0, 1},  // 0 notes, 1 the sound that is heard
    {"octave", 0, -4, 4},
    {"tune_cents", 0, -100, 100},
    {"level_db", 0, -60, 12},     // of the output
    {"mix", 1, 0, 1},             // 0 the sound that is heard, 1 the instrument
    {"loudness_db", 0, -40, 40},  // added to what is heard
    {"match", 1, 0, 1},           // 1 brings what is heard to the instrument's loudness
    {"autotune", 0, 0, 1},
};

constexpr uint32_t N_FIXED_KNOBS = N_OWN + static_cast<uint32_t>(N_SETTINGS);

// Write a name with a prefix, and with the number of a channel where there are several (−1: one).
inline void write_name(char* to, const char* prefix, const char* name, int channel) {
    size_t n = 0;
    for (; *prefix; prefix++) to[n++] = *prefix;
    for (; *name && n < Knob::NAME_SIZE - 8; name++) to[n++] = *name;
    if (channel >= 0) {
        to[n++] = '.';
        if (channel >= 100) to[n++] = static_cast<char>('0' + channel / 100 % 10);
        if (channel >= 10) to[n++] = static_cast<char>('0' + channel / 10 % 10);
        to[n++] = static_cast<char>('0' + channel % 10);
    }
    to[n] = 0;
}

inline Knob made_knob(const char* name, double standard, double minimum, double maximum) {
    Knob knob = {};
    write_name(knob.name, "", name, -1);
    knob.unit = !std::strcmp(name, "octave") ? "octaves" : unit_of(name);
    knob.standard = knob.value = static_cast<float>(standard);
    knob.minimum = static_cast<float>(minimum), knob.maximum = static_cast<float>(maximum);
    knob.input = Knob::NO_INPUT;
    return knob;
}

// The knobs that every performer has.
inline void write_fixed_knobs(Knob* knobs) {
    for (const auto& one : OWN_SETTINGS) *knobs++ = made_knob(one.name, one.standard, one.minimum, one.maximum);
    const Expression standard;
    for (const Setting& one : SETTINGS) *knobs++ = made_knob(one.name, standard.*one.value, one.minimum, one.maximum);
}

// The knob of a program's input, or of one of its channels; a name that a fixed knob has gets a prefix.
inline Knob input_knob(const Knob* fixed, const char* name, uint32_t input, int channel, const double* range) {
    Knob knob = made_knob(name, range[0], range[1], range[2]);
    bool is_taken = false;
    for (uint32_t i = 0; i < N_FIXED_KNOBS; i++) is_taken = is_taken || !std::strcmp(fixed[i].name, name);
    write_name(knob.name, is_taken ? "input." : "", name, channel);
    knob.unit = unit_of(name);
    knob.input = input, knob.channel = static_cast<uint32_t>(channel < 0 ? 0 : channel);
    return knob;
}

}  // namespace
