// The parameters that hosts see, in an order that never changes: hosts keep their automation by number.
//
// A setting is one of the runtime's; unit and range are from its table. A new setting is added at the end. The macros are
// the inputs of the instrument that is loaded, in its own order, because hosts want parameters before they know the instrument.
#pragma once

#include <cstddef>
#include <cstdint>

namespace oscine {

enum Kind { CONTINUOUS, WHOLE, SWITCH };

struct Setting {
    const char* name;
    const char* title;
    Kind kind = CONTINUOUS;
};

#ifdef OSCINE_VOICE
constexpr Setting SETTINGS[] = {
    {"level_db", "Level"},
    {"mix", "Mix"},
    {"octave", "Octave", WHOLE},
    {"tune_cents", "Tune"},
    {"loudness_db", "Loudness of the input"},
    {"match", "Match loudness", SWITCH},
    {"autotune", "Autotune"},
};
#else
constexpr Setting SETTINGS[] = {
    {"level_db", "Level"},
    {"octave", "Octave", WHOLE},
    {"tune_cents", "Tune"},
    {"attack_s", "Attack"},
    {"decay_s", "Decay"},
    {"sustain_db", "Sustain"},
    {"release_s", "Release"},
    {"glide_s", "Glide"},
    {"scoop_cents", "Scoop"},
    {"scoop_s", "Scoop time"},
    {"vibrato_hz", "Vibrato rate"},
    {"vibrato_cents", "Vibrato depth"},
    {"vibrato_delay_s", "Vibrato delay"},
    {"vibrato_rise_s", "Vibrato rise"},
    {"modulation_cents", "Modulation wheel"},
    {"pressure_db", "Pressure"},
    {"brightness_db", "Brightness"},
    {"bend_semitones", "Bend range"},
};
#endif

constexpr uint32_t N_SETTINGS = sizeof SETTINGS / sizeof SETTINGS[0];
constexpr uint32_t N_MACROS = 16, MACROS_AT = N_SETTINGS;
#ifdef OSCINE_VOICE
constexpr float MOST_VOICES = 1;
constexpr uint32_t N_PARAMETERS = MACROS_AT + N_MACROS;
#else
constexpr float MOST_VOICES = 8;
constexpr uint32_t VOICES_AT = MACROS_AT + N_MACROS;
constexpr uint32_t N_PARAMETERS = VOICES_AT + 1;
constexpr float STANDARD_VOICES = 4;
#endif

// A preset sets these; all other settings go to their defaults, and the macros stay.
struct Choice {
    const char* setting;
    float value;
};
struct Preset {
    const char* title;
    Choice choices[5];
};

#ifdef OSCINE_VOICE
constexpr Preset PRESETS[] = {
    {"As sung", {}},
    {"Autotune", {{"autotune", 1}}},
    {"Octave up", {{"octave", 1}}},
    {"Octave down", {{"octave", -1}}},
    {"Half and half", {{"mix", 0.5f}}},
};
#else
constexpr Preset PRESETS[] = {
    {"Plain", {}},
    {"Vibrato", {{"vibrato_cents", 18}, {"vibrato_delay_s", 0.25f}, {"vibrato_rise_s", 0.5f}}},
    {"Slow", {{"attack_s", 0.25f}, {"release_s", 0.6f}, {"vibrato_cents", 10}, {"vibrato_delay_s", 0.6f}}},
    {"Short", {{"attack_s", 0.005f}, {"decay_s", 0.6f}, {"sustain_db", -60}, {"release_s", 0.2f}}},
    {"Portamento", {{"glide_s", 0.25f}, {"scoop_cents", -60}, {"scoop_s", 0.12f}}},
};
#endif
constexpr uint32_t N_PRESETS = sizeof PRESETS / sizeof PRESETS[0];

}  // namespace oscine
