// An instrument as a host has it: notes or a sound come in, sound goes out, and knobs are turned.
//
// Each voice is a player of its own. At the beginning of a frame a voice is told its pitch and loudness, by the keyboard or by what
// was heard; the sum of the voices is brought to the host's rate. A voice rests once it is silent, so it costs nothing.
#include <cmath>
#include <cstdlib>
#include <new>

#ifndef WIDTH
#define WIDTH 4
#endif
#include "file.h"
#include "hearing.h"
#include "knobs.h"
#include "metadata.h"
#include "oscine_runtime.h"
#include "player.h"
#include "resample.h"
#include "voice.h"

namespace {

constexpr uint32_t MOST_PERFORMING = 16, MOST_KNOBS = 512, MOST_PERFORMED_LATENCY = 1 << 20;  // voices, knobs, samples
constexpr size_t MOST_METADATA = 1 << 20;
constexpr float MOST_SAMPLE = 1e6f;
constexpr uint64_t MOST_PERFORMER_BYTES = 1ull << 26;

// What tells an input of the program: the note, or a knob.
enum class Told : uint8_t { PITCH, LEVEL, GAIN, ONSET, CENTROID, KNOB };

// A gain without clicks: it follows what is wanted within some milliseconds.
struct SmoothGain {
    float now = 1;
    float next(float wanted, float share) { return now += share * (wanted - now); }
};

}  // namespace

struct oscine_performer {
    uint32_t sample_rate, n_voices, n_inputs, hop, n_knobs, n_tail;
    oscine_keyboard* keyboard;
    oscine_listener* listener;
    oscine_player* players[MOST_PERFORMING];
    Resampler<WIDTH>* resampler;
    Knob* knobs;
    Told* told;            // what tells each input
    float** values;        // of each input of the voice that is played
    const float** inputs;  // the same
    float* audio;          // a voice's frame
    Dynamics dynamics;
    Hearing hearing;
    SmoothGain level, mix;
    float* dry;  // what was heard, for as long as the sound takes that follows it
    uint32_t n_dry, dry_at;
    bool was_hearing;
    float held[MOST_PERFORMING][2];  // pitch and loudness of the last note
    uint32_t n_quiet[MOST_PERFORMING];
    bool is_resting[MOST_PERFORMING];
    float meters[OSCINE_METERS];
    double begun_s;  // the shortest time since an onset, of the voices that sound
    void* allocated;

    bool hears() const { return knobs[SOURCE].value >= 0.5f; }

    void reset(int64_t seed) {
        oscine_keyboard_reset(keyboard);
        oscine_listener_reset(listener);
        resampler->start();
        hearing.reset();
        std::memset(dry, 0, n_dry * sizeof(float));
        dry_at = 0;
        was_hearing = false;
        level.now = wanted_level();
        mix.now = knobs[MIX].value;
        for (uint32_t i = 0; i < n_voices; i++) {
            oscine_reset(players[i], static_cast<int64_t>(static_cast<uint64_t>(seed) + i));
            held[i][0] = 440, held[i][1] = -80;
            n_quiet[i] = 0;
            is_resting[i] = true;
        }
        std::memset(meters, 0, sizeof meters);
        meters[1] = meters[3] = -80;
    }

    float wanted_level() const { return std::pow(10.0f, knobs[OUTPUT_LEVEL].value / 20); }

    // What was heard `voice_latency` samples ago; what is not finite is silence.
    float delayed(float sample) {
        float& oldest = dry[dry_at];
        const float result = oldest;
        oldest = std::fabs(sample) <= MOST_SAMPLE ? sample : 0;
        dry_at = dry_at + 1 == n_dry ? 0 : dry_at + 1;
        return result;
    }

    // The listener begins in silence, just long enough for each of its frames to be there when a frame of the voices begins.
    void listen() {
        oscine_listener_reset(listener);
        hearing.reset();
        const float silence = 0;
        for (uint32_t i = listener_frames_and_rest().rest; i > 0; i--) oscine_listener_push(listener, &silence, 1);
    }

    struct FramesAndRest {
        double frames;  // samples of the host in whole frames
        uint32_t rest;  // samples
    };

    // The listener's latency.
    FramesAndRest listener_frames_and_rest() const {
        const double latency = oscine_listener_latency(listener);
        const double frame = static_cast<double>(hop) * sample_rate / oscine_sample_rate(players[0]);
        const double frames = std::floor(latency / frame + 1e-9) * frame;
        return {frames, static_cast<uint32_t>(std::ceil(most(latency - frames - 1e-6, 0)))};
    }

    // One frame of all voices into the resampler.
    void frame() {
        float* to = resampler->room();
        std::memset(to, 0, hop * sizeof(float));
        float frames[MOST_PERFORMING][5], heard[4];
        oscine_keyboard_frame(keyboard, frames[0]);
        if (hears() && !was_hearing) listen();
        was_hearing = hears();
        meters[0] = 0;
        meters[1] = -80;
        if (was_hearing) {
            oscine_listener_frame(listener, heard);
            meters[0] = heard[1] >= 0.5f ? heard[0] : 0;
            meters[1] = heard[2];
            for (uint32_t i = 0; i < n_voices; i++) frames[i][2] = 0;
            const HeardSettings how{knobs[LOUDNESS].value, knobs[MATCH].value >= 0.5f, knobs[AUTOTUNE].value};
            hearing.frame(heard, how, dynamics, static_cast<double>(hop) / oscine_sample_rate(players[0]), frames[0]);
        }
        meters[2] = meters[5] = 0;
        meters[3] = -80;
        begun_s = 1e30;
        for (uint32_t i = 0; i < n_voices; i++) voice(i, frames[i], to);
        resampler->take();
    }

    void voice(uint32_t i, const float* frame, float* to) {
        const float gain = frame[2];
        if (gain > 0) {
            held[i][0] = frame[0], held[i][1] = frame[1];
            n_quiet[i] = 0;
            is_resting[i] = false;
            meters[5] += 1;
            if (frame[3] < begun_s) begun_s = frame[3], meters[2] = tuned(frame[0]), meters[3] = frame[1];
        }
        if (is_resting[i]) return;
        for (uint32_t input = 0; input < n_inputs; input++) tell(input, i, frame);
        oscine_play(players[i], inputs, n_inputs, 1, audio);
        float peak = 0;
        for (uint32_t k = 0; k < hop; k++) {
            if (!(std::fabs(audio[k]) <= MOST_SAMPLE)) audio[k] = 0;  // no sound is so loud, and sums of such samples overflow
            to[k] += audio[k];
            peak = std::fmax(peak, std::fabs(audio[k]));
        }
        n_quiet[i] = gain > 0 || peak > 1e-5f ? 0 : n_quiet[i] + 1;
        is_resting[i] = n_quiet[i] > n_tail;
    }

    float tuned(float f0_hz) const { return f0_hz * std::exp2(std::round(knobs[OCTAVE].value) + knobs[TUNE].value / 1200); }

    // Set an input of a voice; those with knobs were set by them.
    void tell(uint32_t input, uint32_t i, const float* frame) {
        float* value = values[input];
        inputs[input] = value;
        switch (told[input]) {
            case Told::PITCH: *value = tuned(held[i][0]); break;
            case Told::LEVEL: *value = held[i][1]; break;
            case Told::GAIN: *value = frame[2]; break;
            case Told::ONSET: *value = frame[3]; break;
            case Told::CENTROID: *value = knob_of(input) + 12 * frame[4]; break;
            case Told::KNOB: break;
        }
    }

    // A level has the unit dB, unless it is a curve of the instrument's own.
    Told who_tells(uint32_t input, bool has_range) const {
        const char* name = oscine_input_name(players[0], input);
        if (!std::strcmp(name, "centroid_midi")) return Told::CENTROID;
        if (oscine_input_size(players[0], input) != 1 || has_range) return Told::KNOB;
        if (!std::strcmp(name, "f0_hz")) return Told::PITCH;
        if (!std::strcmp(name, "gain")) return Told::GAIN;
        if (!std::strcmp(name, "onset_s")) return Told::ONSET;
        return !std::strcmp(unit_of(name), "dB") ? Told::LEVEL : Told::KNOB;
    }

    float knob_of(uint32_t input) const {
        for (uint32_t i = 0; i < n_knobs; i++)
            if (knobs[i].input == input) return knobs[i].value;
        return 0;
    }

    void turn(const Knob& knob) {
        if (!std::strcmp(knob.name, "identity")) {
            const auto chosen = static_cast<uint32_t>(std::lround(knob.value));
            for (uint32_t i = 0; i < oscine_input_size(players[0], knob.input); i++) values[knob.input][i] = i == chosen;
        } else {
            values[knob.input][knob.channel] = knob.value;
        }
    }

    // ---- making

    void make_knobs(const Json& metadata) {
        const Json ranges = metadata.member("knobs");
        write_fixed_knobs(knobs);
        n_knobs = N_FIXED_KNOBS;
        // Where the instrument says how its notes are played, that is what the knobs begin with.
        const Json expression = metadata.member("expression");
        for (uint32_t i = N_OWN; i < N_FIXED_KNOBS; i++) {
            double value;
            if (!expression.member(knobs[i].name).number(&value)) continue;
            knobs[i].standard = knobs[i].value =
                static_cast<float>(within(value, SETTINGS[i - N_OWN].minimum, SETTINGS[i - N_OWN].maximum));
        }
        for (uint32_t input = 0; input < n_inputs; input++) {
            const char* name = oscine_input_name(players[0], input);
            const Json known = ranges.member(name);
            told[input] = who_tells(input, static_cast<bool>(known));
            for (uint32_t k = 0; k < oscine_input_size(players[0], input); k++) values[input][k] = oscine_input_default(players[0], input);
            if (told[input] != Told::CENTROID && told[input] != Told::KNOB) continue;
            const uint32_t size = oscine_input_size(players[0], input);
            const bool is_identity = !std::strcmp(name, "identity");
            double range[3] = {oscine_input_default(players[0], input), 0, 0};
            range[1] = range[0] - 3, range[2] = range[0] + 3;
            double given[3];
            if (known.numbers(given, 3) && given[1] <= given[0] && given[0] <= given[2] && given[2] <= 1e6 && given[1] >= -1e6)
                for (int k = 0; k < 3; k++) range[k] = given[k];
            const double least_value = oscine_input_minimum(players[0], input), most_value = oscine_input_maximum(players[0], input);
            for (double& limit : range) limit = within(limit, least_value, most_value);
            if (is_identity) range[0] = range[1] = 0, range[2] = size - 1;
            for (uint32_t channel = 0; channel < (is_identity ? 1 : size) && n_knobs < MOST_KNOBS; channel++) {
                const int number = is_identity || size == 1 ? -1 : static_cast<int>(channel);
                knobs[n_knobs] = input_knob(knobs, name, input, number, range);
                turn(knobs[n_knobs++]);
            }
        }
    }

    void learn(const Json& metadata) {
        double curve[128];
        const bool is_known = metadata.member("dynamics").member("curve_db").numbers(curve, 128);
        double least_db = -60;
        if (is_known) metadata.member("dynamics").member("least_db").number(&least_db);
        for (int i = 0; i < 128; i++) {
            const double known = is_known ? curve[i] : -45 + 30 * most(i - 1, 0) / 126;
            dynamics.curve_db[i] = within(known, -120, 60);
        }
        dynamics.least_db = within(least_db, -120, dynamics.loudest_db());
    }
};

namespace {

// Take the memory of all but the players, the keyboard and the listener.
oscine_performer* arrange(const File& file, uint32_t sample_rate, Arena& arena) {
    const uint32_t hop = file.header.hop_length, n_inputs = file.header.n_inputs;
    auto* made = arena.take<oscine_performer>(1);
    auto* knobs = arena.take<Knob>(MOST_KNOBS);
    auto* told = arena.take<Told>(n_inputs);
    auto* values = arena.take<float*>(n_inputs);
    auto* inputs = arena.take<const float*>(n_inputs);
    for (uint32_t i = 0; i < n_inputs; i++) {
        float* of_input = arena.take<float>(file.input(i).size);
        if (!made) continue;
        values[i] = of_input;
        for (uint32_t k = 0; k < file.input(i).size; k++) of_input[k] = 0;
    }
    float* audio = arena.take<float>(hop);
    auto* resampler = arena.take<Resampler<WIDTH>>(1);
    if (!made) {
        const Resampler<WIDTH> measured(file.header.sample_rate, sample_rate, hop, arena);
        return nullptr;
    }
    new (made) oscine_performer();
    new (resampler) Resampler<WIDTH>(file.header.sample_rate, sample_rate, hop, arena);
    made->sample_rate = sample_rate;
    made->n_inputs = n_inputs;
    made->hop = hop;
    made->knobs = knobs;
    made->told = told;
    made->values = values;
    made->inputs = inputs;
    made->audio = audio;
    made->resampler = resampler;
    return made;
}

bool has(const oscine_performer* performer, uint32_t setting) { return performer && setting < performer->n_knobs; }

uint32_t in_host_samples(const oscine_performer* performer, uint64_t samples) {
    const uint32_t rate = oscine_sample_rate(performer->players[0]);
    return static_cast<uint32_t>((samples * performer->sample_rate + rate / 2) / rate);
}

}  // namespace

extern "C" {

int oscine_performer_new(const oscine_engine* engine, const void* program, size_t n_bytes, uint32_t sample_rate,
                         uint32_t n_voices, oscine_performer** performer) {
    if (!performer) return OSCINE_WRONG_ARGUMENT;
    *performer = nullptr;
    if (sample_rate < LEAST_RATE || sample_rate > MOST_HOST_RATE || n_voices < 1 || n_voices > MOST_PERFORMING)
        return OSCINE_WRONG_ARGUMENT;
    if (!engine) engine = oscine_find_engine(nullptr);
    size_t player_size = 0;
    int code = oscine_size_with(engine, program, n_bytes, &player_size);
    if (code != OSCINE_OK) return code;
    File file(program, n_bytes);
    file.open();
    const uint32_t own_rate = file.header.sample_rate;
    if (own_rate < LEAST_RATE || own_rate > MOST_HOST_RATE) return OSCINE_TOO_LARGE;
    if (!Resampler<WIDTH>::fits(own_rate, sample_rate)) return OSCINE_TOO_LARGE;
    Arena measure(nullptr);
    arrange(file, sample_rate, measure);
    if (measure.used() > MOST_PERFORMER_BYTES || file.header.latency > MOST_PERFORMED_LATENCY) return OSCINE_TOO_LARGE;
    void* allocated = std::malloc(static_cast<size_t>(measure.used()) + Arena::ALIGNMENT);
    if (!allocated) return OSCINE_NO_MEMORY;
    Arena arena(Arena::align(allocated));
    oscine_performer* made = arrange(file, sample_rate, arena);
    made->allocated = allocated;
    for (uint32_t i = 0; i < n_voices && code == OSCINE_OK; i++) {
        code = oscine_load_with(engine, program, n_bytes, nullptr, 0, &made->players[i]);
        if (code == OSCINE_OK) made->n_voices = i + 1;
    }
    if (code == OSCINE_OK) {
        size_t size = 0;
        const char* text = oscine_metadata(made->players[0], &size);
        const Json metadata(text, size <= MOST_METADATA ? size : 0);
        made->learn(metadata);
        made->make_knobs(metadata);
        const uint32_t rate = file.header.sample_rate, hop = file.header.hop_length;
        made->n_tail = (rate / 2 + file.header.latency) / hop + 1;
        float curve_db[128];
        for (int i = 0; i < 128; i++) curve_db[i] = static_cast<float>(made->dynamics.curve_db[i]);
        const double frame_rate = static_cast<double>(rate) / hop;
        code = oscine_keyboard_new(frame_rate, n_voices, curve_db, static_cast<float>(made->dynamics.least_db), &made->keyboard);
        for (uint32_t i = N_OWN; i < N_FIXED_KNOBS && code == OSCINE_OK; i++) {
            const Setting& setting = SETTINGS[i - N_OWN];
            if (made->knobs[i].value == static_cast<float>(Expression().*setting.value)) continue;  // as it is, unrounded
            const double value = within(static_cast<double>(made->knobs[i].value), setting.minimum, setting.maximum);
            code = oscine_keyboard_set(made->keyboard, setting.name, value);
        }
        if (code == OSCINE_OK) code = oscine_listener_new(sample_rate, rate, hop, &made->listener);
    }
    if (code == OSCINE_OK) {
        made->n_dry = oscine_performer_voice_latency(made);
        if (made->n_dry > MOST_PERFORMED_LATENCY) code = OSCINE_TOO_LARGE;
    }
    if (code == OSCINE_OK) {
        made->dry = static_cast<float*>(std::malloc(made->n_dry * sizeof(float)));
        if (!made->dry) code = OSCINE_NO_MEMORY;
    }
    if (code != OSCINE_OK) {
        oscine_performer_free(made);
        return code;
    }
    made->reset(0);
    *performer = made;
    return OSCINE_OK;
}

void oscine_performer_free(oscine_performer* performer) {
    if (!performer) return;
    for (uint32_t i = 0; i < performer->n_voices; i++) oscine_free(performer->players[i]);
    oscine_keyboard_free(performer->keyboard);
    oscine_listener_free(performer->listener);
    std::free(performer->dry);
    std::free(performer->allocated);
}

int oscine_performer_reset(oscine_performer* performer, int64_t seed) {
    if (!performer) return OSCINE_WRONG_ARGUMENT;
    performer->reset(seed);
    return OSCINE_OK;
}

int oscine_performer_midi(oscine_performer* performer, const uint8_t* message, size_t n_bytes) {
    return performer ? oscine_keyboard_midi(performer->keyboard, message, n_bytes) : OSCINE_WRONG_ARGUMENT;
}

int oscine_performer_play(oscine_performer* performer, const float* heard, size_t n_samples, float* audio) {
    if (!performer || (!audio && n_samples)) return OSCINE_WRONG_ARGUMENT;
    static const float silence[64] = {};
    const float share = 1 - std::exp(-1 / (0.005f * static_cast<float>(performer->sample_rate)));
    const float wanted_level = performer->wanted_level(), wanted_mix = performer->knobs[MIX].value;
    for (size_t n = 0; n < n_samples;) {
        if (!performer->resampler->is_ready()) performer->frame();
        const size_t most = n_samples - n < 64 ? n_samples - n : 64;
        float played[64];
        const auto count = static_cast<size_t>(performer->resampler->read(played, static_cast<int64_t>(most)));
        const float* in = heard ? heard + n : silence;
        if (performer->was_hearing) oscine_listener_push(performer->listener, in, count);
        for (size_t i = 0; i < count; i++) {
            const float level = performer->level.next(wanted_level, share), mix = performer->mix.next(wanted_mix, share);
            const float given = performer->delayed(in[i]);
            const float sample = level * (mix * played[i] + (1 - mix) * given);
            performer->meters[4] = std::fmax(performer->meters[4], std::fabs(sample));
            audio[n + i] = sample;
        }
        n += count;
    }
    return OSCINE_OK;
}

uint32_t oscine_performer_note_latency(const oscine_performer* performer) {
    if (!performer) return 0;
    const uint64_t control = oscine_latency(performer->players[0]) + static_cast<uint64_t>(performer->hop);
    return in_host_samples(performer, control) + static_cast<uint32_t>(performer->resampler->delay());
}

uint32_t oscine_performer_voice_latency(const oscine_performer* performer) {
    if (!performer) return 0;
    const auto heard = performer->listener_frames_and_rest();
    return oscine_performer_note_latency(performer) + static_cast<uint32_t>(std::lround(heard.frames)) + heard.rest;
}

uint32_t oscine_performer_n_settings(const oscine_performer* performer) { return performer ? performer->n_knobs : 0; }

const char* oscine_performer_setting(const oscine_performer* performer, uint32_t i) {
    return has(performer, i) ? performer->knobs[i].name : nullptr;
}

const char* oscine_performer_unit(const oscine_performer* performer, uint32_t i) {
    return has(performer, i) ? performer->knobs[i].unit : nullptr;
}

float oscine_performer_default(const oscine_performer* performer, uint32_t i) {
    return has(performer, i) ? performer->knobs[i].standard : 0;
}

float oscine_performer_minimum(const oscine_performer* performer, uint32_t i) {
    return has(performer, i) ? performer->knobs[i].minimum : 0;
}

float oscine_performer_maximum(const oscine_performer* performer, uint32_t i) {
    return has(performer, i) ? performer->knobs[i].maximum : 0;
}

float oscine_performer_value(const oscine_performer* performer, uint32_t i) {
    return has(performer, i) ? performer->knobs[i].value : 0;
}

int oscine_performer_set(oscine_performer* performer, uint32_t i, float value) {
    if (!has(performer, i) || !std::isfinite(value)) return OSCINE_WRONG_ARGUMENT;
    Knob& knob = performer->knobs[i];
    knob.value = value < knob.minimum ? knob.minimum : value > knob.maximum ? knob.maximum : value;
    if (knob.input != Knob::NO_INPUT) performer->turn(knob);
    if (knob.input != Knob::NO_INPUT || i < N_OWN) return OSCINE_OK;
    // Rounded to float32 a limit may lie beyond itself.
    const Setting& setting = SETTINGS[i - N_OWN];
    const double wanted = within(static_cast<double>(knob.value), setting.minimum, setting.maximum);
    return oscine_keyboard_set(performer->keyboard, setting.name, wanted);
}

int oscine_performer_meters(oscine_performer* performer, float* meters) {
    if (!performer || !meters) return OSCINE_WRONG_ARGUMENT;
    std::memcpy(meters, performer->meters, sizeof performer->meters);
    performer->meters[4] = 0;
    return OSCINE_OK;
}

const oscine_player* oscine_performer_player(const oscine_performer* performer) {
    return performer ? performer->players[0] : nullptr;
}

}  // extern "C"
