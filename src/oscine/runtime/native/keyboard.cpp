// MIDI messages in, what every voice plays out, frame by frame: performance/keyboard.py says how.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "oscine_runtime.h"
#include "voice.h"

namespace {

constexpr int N_CHANNELS = 16, N_KEYS = 128, NO_MASTER = -1;
constexpr int BEND_RANGE = 0, MPE_ZONE = 6, NO_PARAMETER = 127 * 128 + 127;
constexpr double MPE_BEND_SEMITONES = 48;
constexpr uint32_t MOST_VOICES = 64;
constexpr size_t FRAME_VALUES = 5;

}  // namespace

struct oscine_keyboard {
    Expression how;
    Dynamics dynamics;
    double frame_rate = 250;
    uint32_t n_voices = 1;
    Voice voices[MOST_VOICES];
    Channel channels[N_CHANNELS];
    int masters[N_CHANNELS];     // of the members of an MPE zone
    int parameters[N_CHANNELS];  // the registered parameter that is chosen
    struct Key {
        uint64_t pressed;  // the number of its note; 0 where it is up
        bool on_pedal, is_lifted;
        double pressure;
    } keys[N_CHANNELS][N_KEYS];
    uint64_t n_begun = 0;

    void reset() {
        for (Voice& voice : voices) voice = Voice();
        for (int i = 0; i < N_CHANNELS; i++) {
            channels[i] = Channel();
            channels[i].bend_semitones = how.bend_semitones;
            masters[i] = NO_MASTER;
            parameters[i] = NO_PARAMETER;
            for (Key& key : keys[i]) key = {};
        }
        n_begun = 0;
    }

    // ---- keys

    // The key that was pressed last and is still down: channel · 128 + key, or −1.
    int last_down() const {
        int last = -1;
        uint64_t pressed = 0;
        for (int i = 0; i < N_CHANNELS * N_KEYS; i++) {
            const Key& key = keys[i / N_KEYS][i % N_KEYS];
            if (key.pressed > pressed) pressed = key.pressed, last = i;
        }
        return last;
    }

    Voice& free_voice(int channel, int number) {
        Voice* best = nullptr;
        for (uint32_t i = 0; i < n_voices; i++) {
            Voice& one = voices[i];
            if (one.key == number && one.channel == channel && !one.is_silent()) return one;
            if (!best || comes_before(one, *best)) best = &one;
        }
        return *best;
    }

    // Silent ones first, then released ones, the softest first, then held ones, the oldest first.
    static bool comes_before(const Voice& a, const Voice& b) {
        if (a.is_silent() != b.is_silent()) return a.is_silent();
        if (a.is_held != b.is_held) return b.is_held;
        return a.is_held ? a.begun < b.begun : a.level_db() < b.level_db();
    }

    void press(int channel, int number, int velocity) {
        Key& key = keys[channel][number];
        key = {};
        const bool legato = n_voices == 1 && last_down() >= 0 && voices[0].is_held;
        key.pressed = ++n_begun;
        Voice& voice = free_voice(channel, number);
        voice.channel = channel;
        voice.begun = n_begun;
        if (legato)
            voice.move(number, velocity, how, dynamics);
        else
            voice.start(number, velocity, how, dynamics);
    }

    bool has_pedal(int channel) const {
        return channels[channel].pedal || (masters[channel] != NO_MASTER && channels[masters[channel]].pedal);
    }

    bool is_in_zone(int channel, int of) const { return channel == of || masters[channel] == of; }

    // Let a key go up that was marked so; the keys that go up together are marked before the first one ends.
    void end(int channel, int number, bool with_pedal) {
        Key& key = keys[channel][number];
        key.is_lifted = false;
        if (with_pedal && has_pedal(channel))
            key.on_pedal = true;
        else
            release(channel, number);
    }

    void lift(int channel, int number) {
        if (!keys[channel][number].pressed) return;
        keys[channel][number].pressed = 0;
        end(channel, number, true);
    }

    void lift_zone(int of, bool with_pedal) {
        for (int i = 0; i < N_CHANNELS; i++)
            for (Key& key : keys[i])
                if (is_in_zone(i, of) && key.pressed) key.pressed = 0, key.is_lifted = true;
        for (int i = 0; i < N_CHANNELS; i++)
            for (int number = 0; number < N_KEYS; number++)
                if (keys[i][number].is_lifted) end(i, number, with_pedal);
    }

    void lift_pedal(int of, bool always = false) {
        for (int i = 0; i < N_CHANNELS; i++)
            for (int number = 0; number < N_KEYS; number++)
                if (is_in_zone(i, of) && keys[i][number].on_pedal && (always || !has_pedal(i))) {
                    keys[i][number].on_pedal = false;
                    release(i, number);
                }
    }

    void release(int channel, int number) {
        for (uint32_t i = 0; i < n_voices; i++) {
            Voice& voice = voices[i];
            if (voice.key != number || voice.channel != channel || !voice.is_held) continue;
            const int earlier = n_voices == 1 ? last_down() : -1;
            if (earlier < 0) {
                voice.release();
            } else {
                voice.channel = earlier / N_KEYS;
                voice.move(earlier % N_KEYS, -1, how, dynamics);
            }
        }
    }

    // ---- controllers

    void control(int number, int which, int value) {
        Channel& channel = channels[number];
        switch (which) {
            case 1: channel.modulation = value / 127.0; break;
            case 6: set_parameter(number, value); break;
            case 7: channel.volume = value / 127.0; break;
            case 11: channel.expression = value / 127.0; break;
            case 64:
                channel.pedal = value >= 64;
                lift_pedal(number);
                break;
            case 74: channel.brightness = most((value - 64) / 63.0, -1); break;
            case 98:
            case 99: parameters[number] = NO_PARAMETER; break;
            case 100: parameters[number] = parameters[number] / 128 * 128 + value; break;
            case 101: parameters[number] = parameters[number] % 128 + 128 * value; break;
            case 120:
                lift_zone(number, false);
                lift_pedal(number, true);
                break;
            case 123:
            case 124:
            case 125:
            case 126:
            case 127: lift_zone(number, true); break;
            case 121: {
                Channel fresh;
                fresh.bend_semitones = channel.bend_semitones;
                fresh.volume = channel.volume;
                channel = fresh;
                parameters[number] = NO_PARAMETER;
                for (Key& key : keys[number]) key.pressure = 0;
                lift_pedal(number);
                break;
            }
            default: break;
        }
    }

    void set_parameter(int number, int value) {
        if (parameters[number] == BEND_RANGE) {
            // Of a member of a zone, the range holds for all its members.
            for (int i = 0; i < N_CHANNELS; i++)
                if (i == number || (masters[number] != NO_MASTER && masters[i] == masters[number]))
                    channels[i].bend_semitones = value < 96 ? value : 96;
        } else if (parameters[number] == MPE_ZONE && (number == 0 || number == N_CHANNELS - 1)) {
            const int n_members = value < N_CHANNELS - 1 ? value : N_CHANNELS - 1;
            for (int i = 0; i < N_CHANNELS; i++)
                if (masters[i] == number) masters[i] = NO_MASTER, channels[i].bend_semitones = how.bend_semitones;
            for (int i = 1; i <= n_members; i++) {
                const int member = number == 0 ? i : N_CHANNELS - 1 - i;
                masters[member] = number;
                channels[member].bend_semitones = MPE_BEND_SEMITONES;
            }
        }
    }
};

extern "C" {

int oscine_keyboard_new(double frame_rate, uint32_t n_voices, const float* curve_db, float least_db,
                        oscine_keyboard** keyboard) {
    if (!keyboard) return OSCINE_WRONG_ARGUMENT;
    *keyboard = nullptr;
    if (!curve_db || !(frame_rate >= 1 && frame_rate <= 1e5)) return OSCINE_WRONG_ARGUMENT;
    if (n_voices < 1 || n_voices > MOST_VOICES) return OSCINE_WRONG_ARGUMENT;
    void* memory = std::malloc(sizeof(oscine_keyboard));
    if (!memory) return OSCINE_NO_MEMORY;
    oscine_keyboard* made = new (memory) oscine_keyboard();
    made->frame_rate = frame_rate;
    made->n_voices = n_voices;
    for (int i = 0; i < N_KEYS; i++) made->dynamics.curve_db[i] = curve_db[i];
    made->dynamics.least_db = least_db;
    made->reset();
    *keyboard = made;
    return OSCINE_OK;
}

void oscine_keyboard_free(oscine_keyboard* keyboard) { std::free(keyboard); }

int oscine_keyboard_reset(oscine_keyboard* keyboard) {
    if (!keyboard) return OSCINE_WRONG_ARGUMENT;
    keyboard->reset();
    return OSCINE_OK;
}

uint32_t oscine_keyboard_n_settings(void) { return N_SETTINGS; }

const char* oscine_keyboard_setting(uint32_t setting) { return setting < N_SETTINGS ? SETTINGS[setting].name : nullptr; }

int oscine_keyboard_set(oscine_keyboard* keyboard, const char* name, double value) {
    if (!keyboard || !name) return OSCINE_WRONG_ARGUMENT;
    for (const Setting& one : SETTINGS)
        if (!std::strcmp(one.name, name)) {
            if (!(value >= one.minimum && value <= one.maximum)) return OSCINE_WRONG_ARGUMENT;
            keyboard->how.*one.value = value;
            if (one.value == &Expression::bend_semitones)
                for (Channel& channel : keyboard->channels) channel.bend_semitones = value;
            return OSCINE_OK;
        }
    return OSCINE_WRONG_ARGUMENT;
}

int oscine_keyboard_midi(oscine_keyboard* keyboard, const uint8_t* message, size_t n_bytes) {
    if (!keyboard || (!message && n_bytes)) return OSCINE_WRONG_ARGUMENT;
    if (n_bytes < 2 || message[0] < 0x80 || message[0] >= 0xF0 || message[1] > 127) return OSCINE_OK;
    const int kind = message[0] >> 4, channel = message[0] & 15, first = message[1];
    const int second = n_bytes > 2 && message[2] <= 127 ? message[2] : -1;
    if (kind == 0xD) keyboard->channels[channel].pressure = first / 127.0;
    if (second < 0) return OSCINE_OK;
    switch (kind) {
        case 0x8: keyboard->lift(channel, first); break;
        case 0x9:
            if (second)
                keyboard->press(channel, first, second);
            else
                keyboard->lift(channel, first);
            break;
        case 0xA: keyboard->keys[channel][first].pressure = second / 127.0; break;
        case 0xB: keyboard->control(channel, first, second); break;
        case 0xE: keyboard->channels[channel].bend = (first + 128 * second - 8192) / 8192.0; break;
        default: break;
    }
    return OSCINE_OK;
}

int oscine_keyboard_frame(oscine_keyboard* keyboard, float* frames) {
    if (!keyboard || !frames) return OSCINE_WRONG_ARGUMENT;
    for (uint32_t i = 0; i < keyboard->n_voices; i++) {
        Voice& voice = keyboard->voices[i];
        const int master = keyboard->masters[voice.channel];
        const double pressure = voice.key < 0 ? 0 : keyboard->keys[voice.channel][voice.key].pressure;
        voice.frame(keyboard->how, keyboard->dynamics, keyboard->frame_rate, keyboard->channels[voice.channel],
                    master == NO_MASTER ? nullptr : &keyboard->channels[master], pressure, frames + i * FRAME_VALUES);
    }
    return OSCINE_OK;
}

}  // extern "C"
