// An LV2 host on lilv that does what a script says: lv2_host BUNDLE URI SCRIPT
//
//     instance RATE                 makes it
//     activate RATE | deactivate    RATE as before
//     wait                          a moment, for what the plug-in does in the background
//     load FILE | save FILE         the state, as Turtle; of an instance
//     choose FILE                   the instrument, by a message with the next block, as a host with a file chooser does
//     set SYMBOL VALUE | note AT BYTE BYTE BYTE | heard FILE | play SAMPLES BLOCK FILE | parameters | latency
//                                   as in clap_host.c
#define _POSIX_C_SOURCE 200809L
#include <libgen.h>
#include <lilv/lilv.h>
#include <lv2/atom/atom.h>
#include <lv2/atom/forge.h>
#include <lv2/buf-size/buf-size.h>
#include <lv2/midi/midi.h>
#include <lv2/options/options.h>
#include <lv2/parameters/parameters.h>
#include <lv2/patch/patch.h>
#include <lv2/urid/urid.h>
#include <lv2/worker/worker.h>

#include "host.h"

enum { MOST_URIDS = 512, MOST_PORTS = 96, EVENT_BYTES = 1 << 16 };

static LilvWorld* world;
static const LilvPlugin* plugin;
static LilvInstance* instance;
static const LV2_Worker_Interface* worker;
static float ports[MOST_PORTS];
static uint32_t n_ports, n_audio_in, n_audio_out, audio_in[2], audio_out[2], events_in, events_out;
static const char* symbols[MOST_PORTS];

static char* urids[MOST_URIDS];
static uint32_t n_urids;
static LV2_URID map(LV2_URID_Map_Handle handle, const char* uri) {
    (void)handle;
    for (uint32_t i = 0; i < n_urids; i++)
        if (!strcmp(urids[i], uri)) return i + 1;
    urids[n_urids++] = strdup(uri);
    return n_urids;
}
static const char* unmap(LV2_URID_Unmap_Handle handle, LV2_URID urid) { return (void)handle, urids[urid - 1]; }
static LV2_URID_Map mapping = {NULL, map};
static LV2_URID_Unmap unmapping = {NULL, unmap};

// Work is done between two blocks.
static char work[EVENT_BYTES];
static uint32_t work_size;
static LV2_Worker_Status schedule(LV2_Worker_Schedule_Handle handle, uint32_t size, const void* data) {
    (void)handle;
    if (size > sizeof work) return LV2_WORKER_ERR_NO_SPACE;
    memcpy(work, data, size);
    work_size = size;
    return LV2_WORKER_SUCCESS;
}
static LV2_Worker_Status respond(LV2_Worker_Respond_Handle handle, uint32_t size, const void* data) {
    return (void)handle, (void)size, (void)data, LV2_WORKER_SUCCESS;
}
static LV2_Worker_Schedule scheduling = {NULL, schedule};
static const int32_t longest = 8192;
static LV2_Options_Option options[3];
static LV2_Feature features[] = {{LV2_URID__map, &mapping}, {LV2_URID__unmap, &unmapping}, {LV2_OPTIONS__options, options},
                                 {LV2_WORKER__schedule, &scheduling}, {LV2_BUF_SIZE__boundedBlockLength, NULL}};
static const LV2_Feature* all[] = {&features[0], &features[1], &features[2], &features[3], &features[4], NULL};

// ---- ports and state

static void find_ports(void) {
    LilvNode* audio = lilv_new_uri(world, LV2_CORE__AudioPort);
    LilvNode* control = lilv_new_uri(world, LV2_CORE__ControlPort);
    LilvNode* input = lilv_new_uri(world, LV2_CORE__InputPort);
    n_ports = lilv_plugin_get_num_ports(plugin);
    for (uint32_t i = 0; i < n_ports; i++) {
        const LilvPort* port = lilv_plugin_get_port_by_index(plugin, i);
        const int is_input = lilv_port_is_a(plugin, port, input);
        symbols[i] = lilv_node_as_string(lilv_port_get_symbol(plugin, port));
        if (lilv_port_is_a(plugin, port, audio)) {
            if (is_input) audio_in[n_audio_in++] = i;
            else audio_out[n_audio_out++] = i;
        } else if (lilv_port_is_a(plugin, port, control)) {
            LilvNode* standard = NULL;
            lilv_port_get_range(plugin, port, &standard, NULL, NULL);
            ports[i] = standard ? lilv_node_as_float(standard) : 0;
            lilv_node_free(standard);
        } else if (is_input) {
            events_in = i;
        } else {
            events_out = i;
        }
    }
    lilv_node_free(audio), lilv_node_free(control), lilv_node_free(input);
}

static uint32_t find(const char* symbol) {
    for (uint32_t i = 0; i < n_ports; i++)
        if (!strcmp(symbols[i], symbol)) return i;
    fail("is no port", symbol);
    return 0;
}

static const void* get_value(const char* symbol, void* user, uint32_t* size, uint32_t* type) {
    (void)user;
    *size = sizeof(float), *type = map(NULL, LV2_ATOM__Float);
    return &ports[find(symbol)];
}
static void set_value(const char* symbol, void* user, const void* value, uint32_t size, uint32_t type) {
    (void)user, (void)type;
    if (size == sizeof(float)) ports[find(symbol)] = *(const float*)value;
}

static void state(const char* path, int is_saved) {
    if (is_saved) {
        char folder[4096], file[4096];
        snprintf(folder, sizeof folder, "%s", path), snprintf(file, sizeof file, "%s", path);
        LilvState* made = lilv_state_new_from_instance(plugin, instance, &mapping, NULL, NULL, NULL, NULL, get_value, NULL, 0, all);
        if (!made || lilv_state_save(world, &mapping, &unmapping, made, NULL, dirname(folder), basename(file))) fail("can't be saved", path);
        lilv_state_free(made);
    } else {
        LilvState* made = lilv_state_new_from_file(world, &mapping, NULL, path);
        if (!made) fail("can't be loaded", path);
        lilv_state_restore(made, instance, set_value, NULL, 0, all);
        lilv_state_free(made);
    }
}

static void make(double rate) {
    const float sample_rate = (float)rate;
    options[0] = (LV2_Options_Option){LV2_OPTIONS_INSTANCE, 0, map(NULL, LV2_BUF_SIZE__maxBlockLength), sizeof longest,
                                      map(NULL, LV2_ATOM__Int), &longest};
    options[1] = (LV2_Options_Option){LV2_OPTIONS_INSTANCE, 0, map(NULL, LV2_PARAMETERS__sampleRate), sizeof sample_rate,
                                      map(NULL, LV2_ATOM__Float), &sample_rate};
    instance = lilv_plugin_instantiate(plugin, rate, all);
    if (!instance) fail("can't be made", "the plug-in");
    worker = lilv_instance_get_extension_data(instance, LV2_WORKER__interface);
    for (uint32_t i = 0; i < n_ports; i++) lilv_instance_connect_port(instance, i, &ports[i]);
}

// ---- playing

static union {
    LV2_Atom_Sequence sequence;
    uint8_t bytes[EVENT_BYTES];
} given, taken;
static char chosen[4096];

static void gather(const char* uri, uint32_t begin, uint32_t end) {
    LV2_Atom_Forge forge;
    LV2_Atom_Forge_Frame frame, object;
    lv2_atom_forge_init(&forge, &mapping);
    lv2_atom_forge_set_buffer(&forge, given.bytes, sizeof given);
    lv2_atom_forge_sequence_head(&forge, &frame, 0);
    if (chosen[0]) {
        char key[512];
        snprintf(key, sizeof key, "%s#instrument", uri);
        lv2_atom_forge_frame_time(&forge, 0);
        lv2_atom_forge_object(&forge, &object, 0, map(NULL, LV2_PATCH__Set));
        lv2_atom_forge_key(&forge, map(NULL, LV2_PATCH__property));
        lv2_atom_forge_urid(&forge, map(NULL, key));
        lv2_atom_forge_key(&forge, map(NULL, LV2_PATCH__value));
        lv2_atom_forge_string(&forge, chosen, (uint32_t)strlen(chosen));
        lv2_atom_forge_pop(&forge, &object);
        chosen[0] = 0;
    }
    for (; next_note < n_notes && notes[next_note].at < end; next_note++) {
        lv2_atom_forge_frame_time(&forge, notes[next_note].at - begin);
        lv2_atom_forge_atom(&forge, 3, map(NULL, LV2_MIDI__MidiEvent));
        lv2_atom_forge_write(&forge, notes[next_note].bytes, 3);
    }
    lv2_atom_forge_pop(&forge, &frame);
    taken.sequence.atom.size = sizeof taken - sizeof(LV2_Atom);
    taken.sequence.atom.type = map(NULL, LV2_ATOM__Chunk);
}

static void play(const char* uri, uint32_t n_samples, uint32_t block, const char* to, float* heard, double rate) {
    float* sides[2] = {malloc(n_samples * sizeof(float)), malloc(n_samples * sizeof(float))};
    uint32_t n_blocks = 0;
    next_note = 0;
    if (n_audio_in == 0 || events_in) lilv_instance_connect_port(instance, events_in, &given);
    if (events_out) lilv_instance_connect_port(instance, events_out, &taken);
    for (uint32_t at = 0; at < n_samples; at += block) {
        const uint32_t n = n_samples - at < block ? n_samples - at : block;
        gather(uri, at, at + n);
        for (uint32_t i = 0; i < n_audio_in; i++) lilv_instance_connect_port(instance, audio_in[i], heard + at);
        for (uint32_t i = 0; i < n_audio_out; i++) lilv_instance_connect_port(instance, audio_out[i], sides[i] + at);
        const double began = now_us();
        lilv_instance_run(instance, n);
        block_us[n_blocks++] = now_us() - began;
        if (work_size) worker->work(lilv_instance_get_handle(instance), respond, NULL, work_size, work), work_size = 0;
    }
    if (memcmp(sides[0], sides[1], n_samples * sizeof(float))) fail("the channels differ", to);
    say_load(n_blocks, n_samples / rate * 1e6);
    write_samples(to, sides[0], n_samples);
    free(sides[0]), free(sides[1]);
    n_notes = 0;
}

static void parameters(void) {
    for (uint32_t i = 0; i < n_ports; i++) {
        LilvNode *standard = NULL, *least = NULL, *most = NULL;
        lilv_port_get_range(plugin, lilv_plugin_get_port_by_index(plugin, i), &standard, &least, &most);
        if (standard && least && most)
            printf("parameter %s %g %g %g %g\n", symbols[i], lilv_node_as_float(standard), lilv_node_as_float(least),
                   lilv_node_as_float(most), ports[i]);
        lilv_node_free(standard), lilv_node_free(least), lilv_node_free(most);
    }
}

int main(int argc, char** argv) {
    if (argc != 4) fail("give BUNDLE URI SCRIPT", argv[0]);
    world = lilv_world_new();
    LilvNode* bundle = lilv_new_file_uri(world, NULL, argv[1]);
    LilvNode* uri = lilv_new_uri(world, argv[2]);
    lilv_world_load_specifications(world);
    lilv_world_load_bundle(world, bundle);
    plugin = lilv_plugins_get_by_uri(lilv_world_get_all_plugins(world), uri);
    if (!plugin) fail("has no such plug-in", argv[1]);
    find_ports();
    FILE* script = fopen(argv[3], "r");
    if (!script) fail("can't be opened", argv[3]);
    char line[4096], word[64], path[4096];
    float* heard = NULL;
    double rate = 0, value;
    unsigned n, block;
    while (fgets(line, sizeof line, script)) {
        line[strcspn(line, "\r\n")] = 0;
        const char* rest = strchr(line, ' ') ? strchr(line, ' ') + 1 : "";
        if (!strncmp(line, "load ", 5)) state(rest, 0);
        else if (!strncmp(line, "save ", 5)) state(rest, 1);
        else if (!strncmp(line, "choose ", 7)) snprintf(chosen, sizeof chosen, "%s", rest);
        else if (sscanf(line, "set %63s %lf", word, &value) == 2) ports[find(word)] = (float)value;
        else if (!strncmp(line, "note ", 5)) add_note(rest);
        else if (!strncmp(line, "heard ", 6)) free(heard), heard = whole_file(rest, &(size_t){0});
        else if (sscanf(line, "instance %lf", &rate) == 1) make(rate);
        else if (!strncmp(line, "activate ", 9)) lilv_instance_activate(instance);
        else if (!strcmp(line, "wait")) nanosleep(&(struct timespec){0, 300000000}, NULL);
        else if (!strcmp(line, "deactivate")) lilv_instance_deactivate(instance);
        else if (!strcmp(line, "parameters")) parameters();
        else if (!strcmp(line, "latency")) printf("latency %g\n", ports[find("lv2_latency")]);
        else if (sscanf(line, "play %u %u %4095[^\n]", &n, &block, path) == 3) play(argv[2], n, block, path, heard, rate);
        else fail("is no line of a script", line);
    }
    fclose(script);
    free(heard);
    lilv_instance_free(instance);
    lilv_node_free(bundle), lilv_node_free(uri);
    lilv_world_free(world);
    return 0;
}
