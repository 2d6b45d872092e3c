// From a sound that is heard to what an instrument plays: the rules of `oscine transfer` (transfer/matching.py), without looking ahead.
//
// While there is a pitch, the loudness is brought to the instrument's: the 90th percentile of what was heard so far becomes that of the
// recordings. Without a pitch the sound is 20 dB softer than the softest that was learned, or than it is heard, and after 50 ms it falls by 60 dB
// a second.
#pragma once

#include <cmath>

#include "voice.h"

namespace {

struct HeardSettings {
    float loudness_db;
    bool is_matched;
    float autotune;  // 0 to 1
};

class Hearing {
    static constexpr double OFF_NOTE_DB = -20, DECAY_AFTER_S = 0.05, DECAY_DB_PER_S = 60, FLOOR_DB = -80, FADE_DB = 10;
    // Of the percentile of what is heard: where it begins, and how it moves, fast during the first two seconds with a pitch.
    static constexpr double LOUD_AT_FIRST_DB = -10, LOUD = 0.9, FAST_DB = 0.4, SLOW_DB = 0.04, FAST_S = 2;
    static constexpr int LOUD_VELOCITY = 115;     // whose loudness is the 90th percentile of the recordings
    static constexpr double NOTE_SEMITONES = 0.6;  // farther from the note, autotune goes to another one

    double loud_db, voiced_s, unvoiced_s, note;

   public:
    Hearing() { reset(); }

    void reset() {
        loud_db = LOUD_AT_FIRST_DB;
        voiced_s = 0;
        unvoiced_s = 1e9;
        note = -1e9;
    }

    // From f0, confidence, loudness and the time since the onset to f0, loudness, gain, time since the onset and brightness.
    void frame(const float* heard, const HeardSettings& how, const Dynamics& dynamics, double step_s, float* to) {
        const bool is_voiced = heard[1] >= 0.5f;
        const double heard_db = heard[2];
        if (is_voiced) {
            const double step_db = voiced_s < FAST_S ? FAST_DB : SLOW_DB;
            loud_db += step_db * (heard_db > loud_db ? LOUD : LOUD - 1);
            voiced_s += step_s;
            unvoiced_s = 0;
        } else {
            unvoiced_s += step_s;
        }
        const double matched_db = how.is_matched ? dynamics.curve_db[LOUD_VELOCITY] - loud_db : 0;
        double target_db = heard_db + how.loudness_db + matched_db;
        if (!is_voiced) {
            target_db = least(target_db, dynamics.least_db) + OFF_NOTE_DB;
            target_db -= DECAY_DB_PER_S * most(unvoiced_s - DECAY_AFTER_S, 0);
        }
        target_db = within(target_db, -200, dynamics.loudest_db());
        const double asked_db = within(target_db, dynamics.least_db, dynamics.loudest_db());
        const double fade = within((target_db - FLOOR_DB) / FADE_DB, 0, 1);
        to[0] = tuned(heard[0], how.autotune);
        to[1] = static_cast<float>(asked_db);
        to[2] = static_cast<float>(std::pow(10.0, (target_db - asked_db) / 20) * fade);
        to[3] = heard[3];
        to[4] = 0;
    }

   private:
    float tuned(float f0_hz, float strength) {
        const double semitone = 69 + 12 * std::log2(static_cast<double>(f0_hz) / 440);
        if (std::fabs(semitone - note) > NOTE_SEMITONES) note = std::round(semitone);
        return static_cast<float>(f0_hz * std::exp2(static_cast<double>(strength) * (note - semitone) / 12));
    }
};

}  // namespace
