// [oscine~ FILE.oscine]: an instrument of Oscine in Pure Data.
//
//     [oscine~ -voices 4 violin.oscine]   plays notes, or follows the sound in its inlet (set source 1)
//     [oscine~ -curves violin.oscine]     is played by two signals: f0 in Hz, and loudness in dB
//
// docs/how-to/pd.md says what the messages do. Pd calls all of this in one thread.
#include <m_pd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OSCINE_IMPLEMENTATION
#include "oscine.h"

static_assert(sizeof(t_sample) == sizeof(float), "oscine~ is for a Pd of single precision.");

namespace {

constexpr long MOST_FILE_BYTES = 1l << 30;
t_class* oscine_class;

struct Input {
    uint32_t size;
    bool is_set;
    float* values;
};

struct Object {
    t_object object;
    t_float main_signal;
    t_canvas* canvas;
    t_outlet* said;
    bool by_curves;
    uint32_t n_voices, sample_rate;
    char* program;  // the file's bytes; null without a file
    size_t n_bytes;
    oscine_performer* performer;  // one of both, or none: silence
    oscine_live* live;
    uint32_t n_inputs, f0, loudness;  // of the live program
    Input* inputs;
};

void forget_players(Object* x) {
    oscine_performer_free(x->performer);
    oscine_live_free(x->live);
    x->performer = nullptr;
    x->live = nullptr;
}

void forget_inputs(Object* x) {
    for (uint32_t i = 0; i < x->n_inputs; i++) free(x->inputs[i].values);
    free(x->inputs);
    x->inputs = nullptr;
    x->n_inputs = 0;
}

// ---- the two ways to play; both return a code of the runtime

int make_performer(Object* x, const char* program, size_t n_bytes, uint32_t sample_rate, bool is_same) {
    oscine_performer* made = nullptr;
    const int code = oscine_performer_new(nullptr, program, n_bytes, sample_rate, x->n_voices, &made);
    if (code != OSCINE_OK) return code;
    if (is_same && x->performer)  // at another sample rate: the settings stay
        for (uint32_t i = 0; i < oscine_performer_n_settings(made); i++)
            oscine_performer_set(made, i, oscine_performer_value(x->performer, i));
    forget_players(x);
    x->performer = made;
    return OSCINE_OK;
}

uint32_t input_of(const oscine_player* player, const char* name) {
    uint32_t i = 0;
    while (i < oscine_n_inputs(player) && strcmp(oscine_input_name(player, i), name)) i++;
    return i;
}

int make_live(Object* x, const char* program, size_t n_bytes, uint32_t sample_rate, bool is_same) {
    oscine_live* made = nullptr;
    const int code = oscine_live_load(nullptr, program, n_bytes, sample_rate, nullptr, 0, &made);
    if (code != OSCINE_OK) return code;
    const oscine_player* player = oscine_live_player(made);
    if (!is_same || !x->inputs) {
        const uint32_t n = oscine_n_inputs(player);
        Input* inputs = static_cast<Input*>(calloc(n ? n : 1, sizeof(Input)));
        bool is_complete = inputs != nullptr;
        for (uint32_t i = 0; is_complete && i < n; i++) {
            inputs[i].size = oscine_input_size(player, i);
            inputs[i].values = static_cast<float*>(calloc(inputs[i].size ? inputs[i].size : 1, sizeof(float)));
            is_complete = inputs[i].values != nullptr;
        }
        if (!is_complete) {
            for (uint32_t i = 0; inputs && i < n; i++) free(inputs[i].values);
            free(inputs);
            oscine_live_free(made);
            return OSCINE_NO_MEMORY;
        }
        forget_inputs(x);
        x->inputs = inputs;
        x->n_inputs = n;
    }
    forget_players(x);
    x->live = made;
    x->f0 = input_of(player, "f0_hz");
    x->loudness = input_of(player, "loudness_db");
    for (uint32_t i = 0; i < x->n_inputs; i++)
        if (x->inputs[i].is_set) oscine_live_set(made, i, x->inputs[i].values);
    return OSCINE_OK;
}

// Make the player of a program at a sample rate; what there is stays where that fails.
int make(Object* x, const char* program, size_t n_bytes, uint32_t sample_rate, bool is_same) {
    const int code = (x->by_curves ? make_live : make_performer)(x, program, n_bytes, sample_rate, is_same);
    if (code == OSCINE_OK) x->sample_rate = sample_rate;
    return code;
}

// ---- files

// The bytes of a file that Pd finds by its path, or null and a sentence to Pd's console.
char* read_file(Object* x, const char* name, size_t* n_bytes) {
    char folder[MAXPDSTRING], path[2 * MAXPDSTRING + 1], *base = nullptr;
    const int found = canvas_open(x->canvas, name, "", folder, &base, MAXPDSTRING, 1);
    if (found < 0) {
        pd_error(x, "oscine~: there is no file %s here or in Pd's path.", name);
        return nullptr;
    }
    sys_close(found);
    snprintf(path, sizeof path, "%s/%s", folder, base);
    FILE* file = sys_fopen(path, "rb");
    long size = -1;
    if (file && !fseek(file, 0, SEEK_END)) size = ftell(file);
    char* bytes = nullptr;
    if (size > 0 && size <= MOST_FILE_BYTES && !fseek(file, 0, SEEK_SET)) bytes = static_cast<char*>(malloc(static_cast<size_t>(size)));
    if (bytes && fread(bytes, 1, static_cast<size_t>(size), file) != static_cast<size_t>(size)) {
        free(bytes);
        bytes = nullptr;
    }
    if (file) sys_fclose(file);
    if (!bytes) pd_error(x, "oscine~: %s can't be read as a file.", name);
    *n_bytes = bytes ? static_cast<size_t>(size) : 0;
    return bytes;
}

void forget_program(Object* x) {
    forget_players(x);
    forget_inputs(x);
    free(x->program);
    x->program = nullptr;
    x->n_bytes = 0;
}

// Another file: a broken one leaves silence.
void on_load(Object* x, t_symbol* name) {
    forget_program(x);
    size_t n_bytes = 0;
    char* bytes = read_file(x, name->s_name, &n_bytes);
    if (!bytes) return;
    const float opened = sys_getsr();  // until the sound is switched on, what Pd is set to
    const uint32_t rate = x->sample_rate ? x->sample_rate : opened > 0 ? static_cast<uint32_t>(opened + 0.5f) : 48000;
    const int code = make(x, bytes, n_bytes, rate, false);
    if (code != OSCINE_OK) {
        pd_error(x, "oscine~: %s: %s", name->s_name, oscine_error_text(code));
        free(bytes);
        return;
    }
    if (x->by_curves && (x->f0 == x->n_inputs || x->loudness == x->n_inputs))
        post("oscine~: %s has no input f0_hz or loudness_db; that signal is not used.", name->s_name);
    x->program = bytes;
    x->n_bytes = n_bytes;
}

// ---- messages

bool is_playable(Object* x, const char* message) {
    if (x->performer) return true;
    pd_error(x, "oscine~: %s does nothing %s.", message, x->by_curves ? "with -curves" : "without an instrument");
    return false;
}

uint8_t byte_of(float value, float most) { return static_cast<uint8_t>(value > 0 ? (value < most ? value + 0.5f : most) : 0); }

void on_midi(Object* x, t_symbol*, int n, t_atom* given) {
    if (!is_playable(x, "midi")) return;
    uint8_t message[3] = {};
    if (n < 1 || n > 3) {
        pd_error(x, "oscine~: midi has %d numbers; give 1 to 3 bytes.", n);
        return;
    }
    for (int i = 0; i < n; i++) message[i] = byte_of(atom_getfloatarg(i, n, given), 255);
    oscine_performer_midi(x->performer, message, static_cast<size_t>(n));
}

void on_note(Object* x, t_floatarg pitch, t_floatarg velocity) {
    if (!is_playable(x, "note")) return;
    const uint8_t message[3] = {0x90, byte_of(pitch, 127), byte_of(velocity, 127)};
    oscine_performer_midi(x->performer, message, 3);
}

// 0 to 16383 as [bendin] gives it; 8192 is the middle.
void on_bend(Object* x, t_floatarg bend) {
    if (!is_playable(x, "bend")) return;
    const int value = bend > 0 ? (bend < 16383 ? static_cast<int>(bend + 0.5f) : 16383) : 0;
    const uint8_t message[3] = {0xE0, static_cast<uint8_t>(value & 127), static_cast<uint8_t>(value >> 7)};
    oscine_performer_midi(x->performer, message, 3);
}

void on_set(Object* x, t_symbol*, int n, t_atom* given) {
    const char* name = n > 0 && given[0].a_type == A_SYMBOL ? given[0].a_w.w_symbol->s_name : "";
    if (x->performer) {
        for (uint32_t i = 0; i < oscine_performer_n_settings(x->performer); i++) {
            if (strcmp(oscine_performer_setting(x->performer, i), name)) continue;
            if (n != 2 || given[1].a_type != A_FLOAT || oscine_performer_set(x->performer, i, given[1].a_w.w_float) != OSCINE_OK)
                pd_error(x, "oscine~: set %s needs one number.", name);
            return;
        }
    } else if (x->live) {
        const uint32_t i = input_of(oscine_live_player(x->live), name);
        if (i < x->n_inputs && i != x->f0 && i != x->loudness) {
            if (static_cast<uint32_t>(n - 1) != x->inputs[i].size) {
                pd_error(x, "oscine~: set %s has %d numbers; it needs %u.", name, n - 1, static_cast<unsigned>(x->inputs[i].size));
                return;
            }
            for (int k = 1; k < n; k++) x->inputs[i].values[k - 1] = atom_getfloatarg(k, n, given);
            x->inputs[i].is_set = true;
            oscine_live_set(x->live, i, x->inputs[i].values);
            return;
        }
    } else {
        pd_error(x, "oscine~: set does nothing without an instrument.");
        return;
    }
    pd_error(x, "oscine~: there is no setting %s; send settings for a list.", name);
}

// One list for each: setting NAME VALUE LEAST MOST DEFAULT UNIT.
void say_setting(Object* x, const char* name, float value, float least, float most, float standard, const char* unit) {
    t_atom list[6];
    SETSYMBOL(&list[0], gensym(name));
    SETFLOAT(&list[1], value);
    SETFLOAT(&list[2], least);
    SETFLOAT(&list[3], most);
    SETFLOAT(&list[4], standard);
    SETSYMBOL(&list[5], gensym(*unit ? unit : "-"));
    outlet_anything(x->said, gensym("setting"), 6, list);
}

void on_settings(Object* x) {
    for (uint32_t i = 0; x->performer && i < oscine_performer_n_settings(x->performer); i++) {
        const oscine_performer* p = x->performer;
        say_setting(x, oscine_performer_setting(p, i), oscine_performer_value(p, i), oscine_performer_minimum(p, i),
                    oscine_performer_maximum(p, i), oscine_performer_default(p, i), oscine_performer_unit(p, i));
    }
    for (uint32_t i = 0; x->live && i < x->n_inputs; i++) {
        const oscine_player* player = oscine_live_player(x->live);
        const float standard = oscine_input_default(player, i);
        if (i == x->f0 || i == x->loudness || x->inputs[i].size < 1) continue;
        say_setting(x, oscine_input_name(player, i), x->inputs[i].is_set ? x->inputs[i].values[0] : standard,
                    oscine_input_minimum(player, i), oscine_input_maximum(player, i), standard, "");
    }
}

// meters: pitch in Hz and loudness in dB that are heard, the same of the last voice, the peak of the output, how many voices.
void on_meters(Object* x) {
    float meters[OSCINE_METERS];
    if (!x->performer || oscine_performer_meters(x->performer, meters) != OSCINE_OK) return;
    t_atom list[OSCINE_METERS];
    for (int i = 0; i < OSCINE_METERS; i++) SETFLOAT(&list[i], meters[i]);
    outlet_anything(x->said, gensym("meters"), OSCINE_METERS, list);
}

// latency NOTES SOUND, or latency CURVES: in samples.
void on_latency(Object* x) {
    t_atom list[2];
    if (x->performer) {
        SETFLOAT(&list[0], static_cast<float>(oscine_performer_note_latency(x->performer)));
        SETFLOAT(&list[1], static_cast<float>(oscine_performer_voice_latency(x->performer)));
    } else if (x->live) {
        SETFLOAT(&list[0], static_cast<float>(oscine_live_latency(x->live)));
    } else {
        return;
    }
    outlet_anything(x->said, gensym("latency"), x->performer ? 2 : 1, list);
}

void on_reset(Object* x, t_floatarg seed) {
    const auto number = static_cast<int64_t>(seed);
    if (x->performer) oscine_performer_reset(x->performer, number);
    if (!x->live) return;
    oscine_live_reset(x->live, number);
    for (uint32_t i = 0; i < x->n_inputs; i++)
        if (x->inputs[i].is_set) oscine_live_set(x->live, i, x->inputs[i].values);
}

// ---- sound

t_int* perform_notes(t_int* w) {
    auto* x = reinterpret_cast<Object*>(w[1]);
    auto *in = reinterpret_cast<t_sample*>(w[2]), *out = reinterpret_cast<t_sample*>(w[3]);
    const auto n = static_cast<size_t>(w[4]);
    if (!x->performer || oscine_performer_play(x->performer, in, n, out) != OSCINE_OK) memset(out, 0, n * sizeof *out);
    return w + 5;
}

// A frame takes the values at its first sample. Pd may use one array for a signal that comes and the one that goes.
t_int* perform_curves(t_int* w) {
    auto* x = reinterpret_cast<Object*>(w[1]);
    auto *f0 = reinterpret_cast<t_sample*>(w[2]), *loudness = reinterpret_cast<t_sample*>(w[3]);
    auto* out = reinterpret_cast<t_sample*>(w[4]);
    const auto n = static_cast<int>(w[5]);
    if (!x->live) memset(out, 0, static_cast<size_t>(n) * sizeof *out);
    for (int i = 0; x->live && i < n; i++) {
        const float hz = f0[i], db = loudness[i];
        oscine_live_set(x->live, x->f0, &hz);
        oscine_live_set(x->live, x->loudness, &db);
        oscine_live_play(x->live, 1, out + i);
    }
    return w + 6;
}

void on_dsp(Object* x, t_signal** signals) {
    const auto rate = static_cast<uint32_t>(signals[0]->s_sr + 0.5f);
    if (x->program && rate != x->sample_rate) {
        const int code = make(x, x->program, x->n_bytes, rate, true);
        if (code != OSCINE_OK) {
            pd_error(x, "oscine~: at %u Hz: %s", static_cast<unsigned>(rate), oscine_error_text(code));
            forget_players(x);
        }
    }
    x->sample_rate = rate;
    const t_int n = signals[0]->s_n;
    if (x->by_curves)
        dsp_add(perform_curves, 5, x, signals[0]->s_vec, signals[1]->s_vec, signals[2]->s_vec, n);
    else
        dsp_add(perform_notes, 4, x, signals[0]->s_vec, signals[1]->s_vec, n);
}

void* on_new(t_symbol*, int n, t_atom* given) {
    auto* x = reinterpret_cast<Object*>(pd_new(oscine_class));  // all zero
    x->canvas = canvas_getcurrent();
    x->n_voices = 1;
    t_symbol* file = nullptr;
    for (int i = 0; i < n; i++) {
        const t_symbol* one = atom_getsymbolarg(i, n, given);
        if (!strcmp(one->s_name, "-curves")) {
            x->by_curves = true;
        } else if (!strcmp(one->s_name, "-voices")) {
            const float voices = atom_getfloatarg(++i, n, given);
            if (voices >= 1 && voices <= 16)
                x->n_voices = static_cast<uint32_t>(voices);
            else
                pd_error(x, "oscine~: -voices needs a number from 1 to 16; there is 1 voice.");
        } else if (given[i].a_type == A_SYMBOL && !file) {
            file = given[i].a_w.w_symbol;
        } else {
            pd_error(x, "oscine~: argument %d is not known; give -curves, -voices NUMBER and a file.", i + 1);
        }
    }
    if (x->by_curves) inlet_new(&x->object, &x->object.ob_pd, &s_signal, &s_signal);
    outlet_new(&x->object, &s_signal);
    x->said = outlet_new(&x->object, nullptr);
    if (file) on_load(x, file);
    return x;
}

template <class Function>
t_method method(Function* function) {
    return reinterpret_cast<t_method>(function);
}

}  // namespace

extern "C" OSCINE_EXPORT void oscine_tilde_setup(void) {
    oscine_class = class_new(gensym("oscine~"), reinterpret_cast<t_newmethod>(on_new), method(forget_program), sizeof(Object),
                             CLASS_DEFAULT, A_GIMME, A_NULL);
    CLASS_MAINSIGNALIN(oscine_class, Object, main_signal);
    class_addmethod(oscine_class, method(on_dsp), gensym("dsp"), A_CANT, A_NULL);
    class_addmethod(oscine_class, method(on_load), gensym("load"), A_SYMBOL, A_NULL);
    class_addmethod(oscine_class, method(on_midi), gensym("midi"), A_GIMME, A_NULL);
    class_addmethod(oscine_class, method(on_note), gensym("note"), A_FLOAT, A_FLOAT, A_NULL);
    class_addmethod(oscine_class, method(on_bend), gensym("bend"), A_FLOAT, A_NULL);
    class_addmethod(oscine_class, method(on_set), gensym("set"), A_GIMME, A_NULL);
    class_addmethod(oscine_class, method(on_settings), gensym("settings"), A_NULL);
    class_addmethod(oscine_class, method(on_meters), gensym("meters"), A_NULL);
    class_addmethod(oscine_class, method(on_latency), gensym("latency"), A_NULL);
    class_addmethod(oscine_class, method(on_reset), gensym("reset"), A_DEFFLOAT, A_NULL);
}
