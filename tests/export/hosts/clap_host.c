// A CLAP host that does what a script says: clap_host PLUGIN ID SCRIPT
//
//     load FILE | save FILE         the state
//     set SYMBOL VALUE              a parameter, before `activate`
//     note AT BYTE BYTE BYTE        a MIDI message, AT samples after the next `play` begins
//     heard FILE                    float32 samples, heard from the next `play` on
//     activate RATE | deactivate
//     play SAMPLES BLOCK FILE       writes the left channel as float32; fails where the right one is another
//     parameters | latency          print them
#ifdef _WIN32
#include <windows.h>
#else
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#endif

#include "host.h"

#include "clap/entry.h"
#include "clap/ext/audio-ports.h"
#include "clap/ext/latency.h"
#include "clap/ext/params.h"
#include "clap/ext/state.h"
#include "clap/plugin-factory.h"
#include "clap/plugin.h"

static const clap_plugin_t* plugin;
static const clap_plugin_params_t* params;
static int is_callback_wanted;

static const void* no_extension(const clap_host_t* host, const char* name) { return (void)host, (void)name, NULL; }
static void latency_changed(const clap_host_t* host) { (void)host, puts("latency_changed"); }
static const clap_host_latency_t host_latency = {latency_changed};
static const void* extension(const clap_host_t* host, const char* name) {
    return strcmp(name, CLAP_EXT_LATENCY) ? no_extension(host, name) : &host_latency;
}
static void nothing(const clap_host_t* host) { (void)host; }
static void call_back(const clap_host_t* host) { (void)host, is_callback_wanted = 1; }
static const clap_host_t host = {CLAP_VERSION_INIT, NULL, "clap_host", "Oscine", "", "1", extension, nothing, nothing, call_back};

// ---- events of the block that begins at `begin`

static clap_event_midi_t events[MOST_NOTES];
static const clap_event_header_t* headers[MOST_NOTES];
static uint32_t n_events;

static uint32_t n_in(const clap_input_events_t* list) { return (void)list, n_events; }
static const clap_event_header_t* get_in(const clap_input_events_t* list, uint32_t i) { return (void)list, headers[i]; }
static bool push_out(const clap_output_events_t* list, const clap_event_header_t* event) { return (void)list, (void)event, true; }
static const clap_input_events_t incoming = {NULL, n_in, get_in};
static const clap_output_events_t outgoing = {NULL, push_out};

static void gather(uint32_t begin, uint32_t end) {
    n_events = 0;
    for (; next_note < n_notes && notes[next_note].at < end; next_note++, n_events++) {
        const clap_event_header_t head = {sizeof(clap_event_midi_t), notes[next_note].at - begin, CLAP_CORE_EVENT_SPACE_ID,
                                          CLAP_EVENT_MIDI, 0};
        events[n_events].header = head;
        events[n_events].port_index = 0;
        memcpy(events[n_events].data, notes[next_note].bytes, 3);
        headers[n_events] = &events[n_events].header;
    }
}

// ---- state

static char* stream_bytes;
static size_t stream_size, stream_at;
static int64_t read_some(const clap_istream_t* stream, void* to, uint64_t size) {
    (void)stream;
    const size_t n = size < stream_size - stream_at ? (size_t)size : stream_size - stream_at;
    memcpy(to, stream_bytes + stream_at, n);
    stream_at += n;
    return (int64_t)n;
}
static int64_t write_some(const clap_ostream_t* stream, const void* from, uint64_t size) {
    return (int64_t)fwrite(from, 1, (size_t)size, (FILE*)stream->ctx);
}

static void state(const char* path, int is_saved) {
    const clap_plugin_state_t* of = plugin->get_extension(plugin, CLAP_EXT_STATE);
    if (is_saved) {
        FILE* file = fopen(path, "wb");
        const clap_ostream_t stream = {file, write_some};
        if (!file || !of->save(plugin, &stream)) fail("can't be saved", path);
        fclose(file);
    } else {
        stream_bytes = whole_file(path, &stream_size);
        stream_at = 0;
        const clap_istream_t stream = {NULL, read_some};
        if (!of->load(plugin, &stream)) fail("can't be loaded", path);
        free(stream_bytes);
    }
}

// ---- what a script says

static void set(const char* symbol, double value) {
    clap_param_info_t info;
    for (uint32_t i = 0; i < params->count(plugin); i++)
        if (params->get_info(plugin, i, &info) && !strcmp(info.module, symbol)) {
            const clap_event_header_t head = {sizeof(clap_event_param_value_t), 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
            const clap_event_param_value_t event = {head, info.id, NULL, -1, -1, -1, -1, value};
            headers[0] = &event.header;
            n_events = 1;
            params->flush(plugin, &incoming, &outgoing);
            return;
        }
    fail("is no parameter", symbol);
}

static void parameters(void) {
    clap_param_info_t info;
    for (uint32_t i = 0; i < params->count(plugin); i++) {
        double value = 0;
        params->get_info(plugin, i, &info);
        params->get_value(plugin, info.id, &value);
        printf("parameter %s %g %g %g %g %s\n", info.module, info.default_value, info.min_value, info.max_value, value, info.name);
    }
}

static void play(uint32_t n_samples, uint32_t block, const char* to, const float* heard, double rate) {
    float* sides[2] = {malloc(n_samples * sizeof(float)), malloc(n_samples * sizeof(float))};
    uint32_t n_blocks = 0;
    next_note = 0;
    for (uint32_t at = 0; at < n_samples; at += block) {
        const uint32_t n = n_samples - at < block ? n_samples - at : block;
        gather(at, at + n);
        float *in[2] = {(float*)heard + at, (float*)heard + at}, *out[2] = {sides[0] + at, sides[1] + at};
        clap_audio_buffer_t inputs = {in, NULL, 2, 0, 0}, outputs = {out, NULL, 2, 0, 0};
        const clap_process_t process = {at, n, NULL, &inputs, &outputs, heard ? 1 : 0, 1, &incoming, &outgoing};
        const double began = now_us();
        plugin->process(plugin, &process);
        block_us[n_blocks++] = now_us() - began;
        if (is_callback_wanted) is_callback_wanted = 0, plugin->on_main_thread(plugin);
    }
    if (memcmp(sides[0], sides[1], n_samples * sizeof(float))) fail("the channels differ", to);
    say_load(n_blocks, n_samples / rate * 1e6);
    write_samples(to, sides[0], n_samples);
    free(sides[0]), free(sides[1]);
    n_notes = 0;
}

int main(int argc, char** argv) {
    if (argc != 4) fail("give PLUGIN ID SCRIPT", argv[0]);
#ifdef _WIN32
    void* library = (void*)LoadLibraryA(argv[1]);
    const clap_plugin_entry_t* entry = library ? (void*)GetProcAddress((HMODULE)library, "clap_entry") : NULL;
#else
    void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    const clap_plugin_entry_t* entry = library ? dlsym(library, "clap_entry") : NULL;
    if (!library) fail(dlerror(), argv[1]);
#endif
    if (!entry || !entry->init(argv[1])) fail("is no CLAP plug-in", argv[1]);
    const clap_plugin_factory_t* factory = entry->get_factory(CLAP_PLUGIN_FACTORY_ID);
    plugin = factory->create_plugin(factory, &host, argv[2]);
    if (!plugin || !plugin->init(plugin)) fail("can't be made", argv[2]);
    params = plugin->get_extension(plugin, CLAP_EXT_PARAMS);
    const clap_plugin_latency_t* latency = plugin->get_extension(plugin, CLAP_EXT_LATENCY);
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
        else if (sscanf(line, "set %63s %lf", word, &value) == 2) set(word, value);
        else if (!strncmp(line, "note ", 5)) add_note(rest);
        else if (!strncmp(line, "heard ", 6)) free(heard), heard = whole_file(rest, &(size_t){0});
        else if (sscanf(line, "activate %lf", &rate) == 1) plugin->activate(plugin, rate, 1, 8192), plugin->start_processing(plugin);
        else if (!strcmp(line, "deactivate")) plugin->stop_processing(plugin), plugin->deactivate(plugin);
        else if (!strcmp(line, "parameters")) parameters();
        else if (!strcmp(line, "latency")) printf("latency %u\n", latency->get(plugin));
        else if (sscanf(line, "play %u %u %4095[^\n]", &n, &block, path) == 3) play(n, block, path, heard, rate);
        else fail("is no line of a script", line);
    }
    fclose(script);
    free(heard);
    plugin->destroy(plugin);
    entry->deinit();
    return 0;
}
