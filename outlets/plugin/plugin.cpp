// The plug-in as DPF has it; what is computed, the runtime computes.
#include "plugin.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>

#include "DistrhoPluginUtils.hpp"
#include "silence.h"

START_NAMESPACE_DISTRHO

using oscine::MACROS_AT;
using oscine::N_MACROS;
using oscine::N_PARAMETERS;
using oscine::N_SETTINGS;
using oscine::Sound;

namespace {

constexpr int32_t STOP = -1;
constexpr float MACRO_STANDARD = 0.5f;
constexpr uint32_t TABLE_RATE = 48000;

std::string binary_path() {
    const char* path = getBinaryFilename();
    return path ? path : "";
}

}  // namespace

OscinePlugin::OscinePlugin() : Plugin(N_PARAMETERS, oscine::N_PRESETS, 1) {
    oscine_performer_new(nullptr, OSCINE_SILENCE, sizeof OSCINE_SILENCE, TABLE_RATE, 1, &table);
    n_fixed = oscine_performer_n_settings(table);
    for (std::atomic<float>& one : meters) one = 0;
    for (uint32_t i = 0; i < N_PARAMETERS; i++) {
        Parameter parameter;
        OscinePlugin::initParameter(i, parameter);
        values[i] = parameter.ranges.def;
    }
#ifndef OSCINE_VOICE
    wanted_voices = static_cast<int32_t>(oscine::STANDARD_VOICES);
#endif
    if (isDummyInstance()) return;
    choose("");
    if (Sound* sound = exchange.rest()) setLatency(sound->is_silent() ? 0 : sound->latency());
    if (oscine::MOST_VOICES > 1) maker = std::thread([this] { keep_voices(); });
}

OscinePlugin::~OscinePlugin() {
    wanted_voices = STOP;
    wanted_voices.notify_all();
    if (maker.joinable()) maker.join();
    oscine_performer_free(table);
}

// ---- what it is

const char* OscinePlugin::getLabel() const {
#ifdef OSCINE_VOICE
    return "oscine_voice";
#else
    return "oscine";
#endif
}

const char* OscinePlugin::getDescription() const {
#ifdef OSCINE_VOICE
    return "Plays an instrument that was learned with Oscine by a voice, or by any sound with one pitch.";
#else
    return "Plays an instrument that was learned with Oscine.";
#endif
}

int64_t OscinePlugin::getUniqueId() const {
#ifdef OSCINE_VOICE
    return d_cconst('O', 's', 'c', 'V');
#else
    return d_cconst('O', 's', 'c', 'I');
#endif
}

void OscinePlugin::initAudioPort(bool input, uint32_t index, AudioPort& port) {
    port.groupId = kPortGroupStereo;
    Plugin::initAudioPort(input, index, port);
}

void OscinePlugin::initParameter(uint32_t index, Parameter& parameter) {
    parameter.hints = kParameterIsAutomatable;
    if (index < N_SETTINGS) {
        const oscine::Setting& setting = oscine::SETTINGS[index];
        const uint32_t number = oscine::find_setting(table, setting.name);
        parameter.name = setting.title;
        parameter.symbol = setting.name;
        parameter.unit = oscine_performer_unit(table, number);
        parameter.ranges = ParameterRanges(oscine_performer_default(table, number), oscine_performer_minimum(table, number),
                                           oscine_performer_maximum(table, number));
        if (setting.kind == oscine::WHOLE) parameter.hints |= kParameterIsInteger;
        if (setting.kind == oscine::SWITCH) parameter.hints |= kParameterIsInteger | kParameterIsBoolean;
    } else if (index < MACROS_AT + N_MACROS) {
        const String number(static_cast<int>(index - MACROS_AT + 1));
        parameter.name = String("Macro ") + number;
        parameter.symbol = String("macro_") + number;
        parameter.ranges = ParameterRanges(MACRO_STANDARD, 0, 1);
#ifndef OSCINE_VOICE
    } else {
        parameter.name = "Voices";
        parameter.symbol = "voices";
        parameter.hints |= kParameterIsInteger;
        parameter.ranges = ParameterRanges(oscine::STANDARD_VOICES, 1, oscine::MOST_VOICES);
#endif
    }
}

void OscinePlugin::initProgramName(uint32_t index, String& name) { name = oscine::PRESETS[index].title; }

void OscinePlugin::initState(uint32_t, State& state) {
    state.key = "instrument";
    state.label = "Instrument";
    state.description = "The path of a .oscine file.";
    state.hints = kStateIsHostWritable;
}

// ---- parameters and presets

float OscinePlugin::getParameterValue(uint32_t index) const { return index < N_PARAMETERS ? values[index].load() : 0; }

void OscinePlugin::setParameterValue(uint32_t index, float value) {
    if (index >= N_PARAMETERS || !std::isfinite(value)) return;
    values[index] = value;
#ifndef OSCINE_VOICE
    if (index == oscine::VOICES_AT) {
        const float within = value < 1 ? 1 : value > oscine::MOST_VOICES ? oscine::MOST_VOICES : value;
        wanted_voices = static_cast<int32_t>(std::lround(within));
        wanted_voices.notify_one();
    }
#endif
}

void OscinePlugin::loadProgram(uint32_t index) {
    if (index >= oscine::N_PRESETS) return;
    for (uint32_t i = 0; i < N_SETTINGS; i++) {
        float value = oscine_performer_default(table, oscine::find_setting(table, oscine::SETTINGS[i].name));
        for (const oscine::Choice& one : oscine::PRESETS[index].choices)
            if (one.setting && !std::strcmp(one.setting, oscine::SETTINGS[i].name)) value = one.value;
        values[i] = value;
    }
}

// ---- which instrument

uint32_t OscinePlugin::sample_rate() const { return static_cast<uint32_t>(std::lround(getSampleRate())); }

void OscinePlugin::say(const std::string& message) {
    chosen.message = message;
    std::string line = message;
    for (char& one : line)
        if (static_cast<unsigned char>(one) < ' ') one = '?';
    if (!line.empty()) std::fprintf(stderr, "%s: %s\n", DISTRHO_PLUGIN_NAME, line.c_str());
}

// Make a sound of what is chosen: silence where that can't be played, with a message.
std::unique_ptr<Sound> OscinePlugin::make() {
    auto sound = std::make_unique<Sound>();
    if (!chosen.bytes.data) return sound;
    made_voices = voices();
    const int code = sound->load(chosen.bytes, sample_rate(), made_voices, n_fixed);
    if (code == OSCINE_OK) {
        macros = sound->macro_names();
        licence = sound->card("licence"), credit = sound->card("credit");
        return sound;
    }
    say(chosen.title + ".oscine: " + oscine_error_text(code));
    return std::make_unique<Sound>();
}

void OscinePlugin::choose(const std::string& choice) {
    const std::lock_guard<std::mutex> lock(choosing);
    macros.clear(), licence.clear(), credit.clear();
    asked = choice;
    try {
        chosen = oscine::find_program(choice, binary_path());
        if (chosen.bytes.data && choice.empty()) asked = chosen.choice;
        if (!chosen.message.empty()) say(chosen.message);
        exchange.give(make());
    } catch (const std::exception& error) {
        chosen = oscine::Found();
        say(std::string("The instrument can't be loaded: ") + error.what());
        exchange.give(std::make_unique<Sound>());
    }
}

String OscinePlugin::getState(const char*) const {
    const std::lock_guard<std::mutex> lock(choosing);
    return String(chosen.bytes.data ? chosen.choice.c_str() : asked.c_str());
}

void OscinePlugin::setState(const char* key, const char* value) {
    if (!std::strcmp(key, "instrument")) choose(value ? value : "");
}

// A number of voices is memory, which the audio thread takes none of: another thread makes the sound anew.
void OscinePlugin::keep_voices() {
    for (int32_t seen = wanted_voices; seen != STOP; seen = wanted_voices) {
        wanted_voices.wait(seen);
        const std::lock_guard<std::mutex> lock(choosing);
        if (wanted_voices != STOP && chosen.bytes.data && made_voices != voices()) exchange.give(make());
    }
}

OscinePlugin::Status OscinePlugin::status() {
    const std::lock_guard<std::mutex> lock(choosing);
    return {chosen.title, chosen.message, licence, credit, macros};
}

std::vector<std::string> OscinePlugin::instruments() {
    std::vector<std::string> paths;
    for (const auto& one : oscine::programs(binary_path())) paths.push_back(oscine::text_of(one));
    return paths;
}

// ---- sound

// Begin anew: hosts try a plug-in out, and expect the same sound from the same notes each time.
void OscinePlugin::activate() {
    const std::lock_guard<std::mutex> lock(choosing);
    Sound* sound = exchange.rest();
    if (!sound || (chosen.bytes.data && (sound->rate != sample_rate() || sound->voices != voices()))) {
        exchange.put_at_rest(make());
        sound = exchange.rest();
    }
    for (uint32_t i = 0; i < N_PARAMETERS; i++) sound->set(i, values[i].load(std::memory_order_relaxed));
    sound->reset();
    setLatency(sound->is_silent() ? 0 : sound->latency());
}

// The sound to play, with all parameters as they stand.
Sound* OscinePlugin::prepare() {
    bool is_new = false;
    Sound* sound = exchange.take(&is_new);
    if (!sound) return nullptr;
    if (is_new) setLatency(sound->is_silent() ? 0 : sound->latency());
    for (uint32_t i = 0; i < N_PARAMETERS; i++) sound->set(i, values[i].load(std::memory_order_relaxed));
    return sound;
}

void OscinePlugin::play(const float* const* inputs, float** outputs, uint32_t from, uint32_t to, Sound* sound) {
    constexpr uint32_t MOST = 256;
    for (uint32_t at = from; at < to; at += MOST) {
        const uint32_t n = to - at < MOST ? to - at : MOST;
        const float* heard = nullptr;
#ifdef OSCINE_VOICE
        float mono[MOST];
        for (uint32_t i = 0; i < n; i++) mono[i] = 0.5f * (inputs[0][at + i] + inputs[1][at + i]);
        heard = mono;
#else
        (void)inputs;
#endif
        if (sound) {
            sound->play(heard, n, outputs[0] + at);
        } else {
            std::memset(outputs[0] + at, 0, n * sizeof(float));
        }
        std::memcpy(outputs[1] + at, outputs[0] + at, n * sizeof(float));
    }
}

#if DISTRHO_PLUGIN_WANT_MIDI_INPUT
void OscinePlugin::run(const float** inputs, float** outputs, uint32_t n_samples, const MidiEvent* events, uint32_t n_events) {
    Sound* sound = prepare();
    uint32_t at = 0;
    for (uint32_t i = 0; i < n_events; i++) {
        const uint32_t frame = events[i].frame < n_samples ? events[i].frame : n_samples;
        if (frame > at) play(inputs, outputs, at, frame, sound), at = frame;
        if (sound && events[i].size <= MidiEvent::kDataSize) sound->midi(events[i].data, events[i].size);
    }
    play(inputs, outputs, at, n_samples, sound);
#else
void OscinePlugin::run(const float** inputs, float** outputs, uint32_t n_samples) {
    Sound* sound = prepare();
    play(inputs, outputs, 0, n_samples, sound);
#endif
    float now[OSCINE_METERS] = {};
    if (sound) sound->meters(now);
    for (uint32_t i = 0; i < OSCINE_METERS; i++)
        meters[i].store(i == 4 ? std::fmax(now[i], meters[i].load()) : now[i], std::memory_order_relaxed);
}

Plugin* createPlugin() { return new OscinePlugin(); }

END_NAMESPACE_DISTRHO
