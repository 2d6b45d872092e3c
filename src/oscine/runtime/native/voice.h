// One note after the other, as pitch, loudness and gain of every frame: performance/voice.py says what each number means.
#pragma once

#include <cmath>
#include <cstddef>

namespace {

struct Expression {
    double attack_s = 0.03, decay_s = 0.2, sustain_db = 0, release_s = 0.12, glide_s = 0.06, scoop_cents = 0, scoop_s = 0.08,
           vibrato_hz = 5.5, vibrato_cents = 0, vibrato_delay_s = 0.3, vibrato_rise_s = 0.3, modulation_cents = 50, pressure_db = 6,
           brightness_db = 12, bend_semitones = 2;
};

// The settings by name, and their ranges.
struct Setting {
    const char* name;
    double Expression::*value;
    double minimum, maximum;
};
constexpr Setting SETTINGS[] = {
    {"attack_s", &Expression::attack_s, 0, 5},
    {"decay_s", &Expression::decay_s, 0, 60},
    {"sustain_db", &Expression::sustain_db, -60, 0},
    {"release_s", &Expression::release_s, 0, 20},
    {"glide_s", &Expression::glide_s, 0, 5},
    {"scoop_cents", &Expression::scoop_cents, -1200, 1200},
    {"scoop_s", &Expression::scoop_s, 0, 5},
    {"vibrato_hz", &Expression::vibrato_hz, 0.1, 20},
    {"vibrato_cents", &Expression::vibrato_cents, 0, 600},
    {"vibrato_delay_s", &Expression::vibrato_delay_s, 0, 10},
    {"vibrato_rise_s", &Expression::vibrato_rise_s, 0, 10},
    {"modulation_cents", &Expression::modulation_cents, 0, 600},
    {"pressure_db", &Expression::pressure_db, 0, 40},
    {"brightness_db", &Expression::brightness_db, 0, 40},
    {"bend_semitones", &Expression::bend_semitones, 0, 96},
};
constexpr size_t N_SETTINGS = sizeof SETTINGS / sizeof SETTINGS[0];

struct Dynamics {
    double curve_db[128] = {};
    double least_db = 0;
    double loudest_db() const { return curve_db[127]; }
};

// What a channel's controllers stand at.
struct Channel {
    double bend = 0, bend_semitones = 2, pressure = 0, modulation = 0, expression = 1, volume = FULL_VOLUME, brightness = 0;
    bool pedal = false;

    static constexpr double FULL_VOLUME = 100.0 / 127.0;
};

inline double least(double a, double b) { return a < b ? a : b; }
inline double most(double a, double b) { return a > b ? a : b; }
inline double within(double x, double low, double high) { return least(most(x, low), high); }

class Voice {
    static constexpr double ATTACK_FROM_DB = -30, RETAKEN_DB = -12, SHORTEST_S = 0.03, SILENT_DB = -60,
                             SMOOTH_S = 0.01, SOFTEST_CONTROLLER = 1e-3;
    static constexpr double PI = 3.141592653589793;

    double note_db = 0, envelope_db = SILENT_DB, pitch = 0, from_pitch = 0;
    double glide_s = 0, since_s = 1e9, in_glide_s = 0, offset_db = 0;
    bool is_rising = false, is_new = false;

   public:
    int key = -1;
    int channel = 0;
    unsigned long long begun = 0;  // the number of its note
    bool is_held = false;

    bool is_silent() const { return !is_held && envelope_db <= SILENT_DB; }
    double level_db() const { return note_db + envelope_db; }

    void start(int new_key, int velocity, const Expression& how, const Dynamics& dynamics) {
        key = new_key;
        is_held = is_rising = is_new = true;
        note_db = dynamics.curve_db[velocity];
        envelope_db = within(envelope_db, ATTACK_FROM_DB, RETAKEN_DB);
        pitch = from_pitch = key + how.scoop_cents / 100;
        glide_s = how.scoop_cents != 0 ? how.scoop_s : 0;
        since_s = in_glide_s = 0;
    }

    // Glide to another note without an attack; its level is that of before if the velocity is negative.
    void move(int new_key, int velocity, const Expression& how, const Dynamics& dynamics) {
        from_pitch = pitch;
        key = new_key;
        is_held = true;
        if (velocity >= 0) note_db = dynamics.curve_db[velocity];
        glide_s = how.glide_s;
        in_glide_s = 0;
    }

    void release() { is_held = false; }

    // Write f0, loudness, gain, time since the onset and brightness; the master is that of an MPE zone, or null.
    void frame(const Expression& how, const Dynamics& dynamics, double frame_rate, const Channel& own, const Channel* master,
               double key_pressure, float* to) {
        const double step_s = 1.0 / frame_rate;
        advance_envelope(how, step_s);
        if (is_silent()) {
            to[0] = 440, to[1] = -80, to[2] = to[3] = to[4] = 0;
            return;
        }
        since_s += step_s;
        in_glide_s += step_s;
        const double left = in_glide_s < glide_s ? 1 - in_glide_s / glide_s : 0;
        pitch = key + left * (from_pitch - key);
        double bent = pitch + vibrato(how, own, master) + own.bend * own.bend_semitones;
        if (master) bent += master->bend * master->bend_semitones;
        const double wanted_db = note_db + envelope_db + smooth_offset(how, own, master, key_pressure, step_s);
        const double brightness = own.brightness + (master ? master->brightness : 0);
        const double asked_db = within(wanted_db + brightness * how.brightness_db, dynamics.least_db, dynamics.loudest_db());
        const double volume = (master ? master : &own)->volume / Channel::FULL_VOLUME;
        to[0] = static_cast<float>(440.0 * std::exp2((within(bent, 0, 127) - 69) / 12));
        to[1] = static_cast<float>(asked_db);
        to[2] = static_cast<float>(std::pow(10.0, (wanted_db - asked_db) / 20) * volume * volume);
        to[3] = static_cast<float>(since_s);
        to[4] = static_cast<float>(brightness);
    }

   private:
    void advance_envelope(const Expression& how, double step_s) {
        if (!is_held && since_s >= SHORTEST_S) {
            envelope_db += SILENT_DB * step_s / most(how.release_s, step_s);
        } else if (is_rising) {
            envelope_db -= ATTACK_FROM_DB * step_s / most(how.attack_s, step_s);
            is_rising = envelope_db < 0;
            envelope_db = least(envelope_db, 0);
        } else if (envelope_db > how.sustain_db) {
            envelope_db = most(envelope_db + how.sustain_db * step_s / most(how.decay_s, step_s), how.sustain_db);
        }
    }

    double vibrato(const Expression& how, const Channel& own, const Channel* master) const {
        const double inside_s = since_s - how.vibrato_delay_s;
        const double full = how.vibrato_rise_s != 0 ? within(inside_s / how.vibrato_rise_s, 0, 1) : (inside_s > 0 ? 1 : 0);
        const double modulation = most(own.modulation, master ? master->modulation : 0);
        const double cents = full * how.vibrato_cents + modulation * how.modulation_cents;
        return cents / 100 * std::sin(2 * PI * how.vibrato_hz * since_s);
    }

    double smooth_offset(const Expression& how, const Channel& own, const Channel* master, double key_pressure, double step_s) {
        const double pressed = most(most(own.pressure, key_pressure), master ? master->pressure : 0);
        const double expression = own.expression * (master ? master->expression : 1);
        const double wanted_db = how.pressure_db * pressed + 40 * std::log10(most(expression, SOFTEST_CONTROLLER));
        const double share = is_new ? 1 : 1 - std::exp(-step_s / SMOOTH_S);
        is_new = false;
        offset_db += share * (wanted_db - offset_db);
        return offset_db;
    }
};

}  // namespace
