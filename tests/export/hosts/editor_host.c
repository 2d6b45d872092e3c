// Shows the editor of a CLAP plug-in in a window, clicks into it, and takes pictures: editor_host PLUGIN ID SCRIPT
//
//     wait SECONDS | click X Y | press X Y | release X Y | move X Y | picture FILE      a binary PPM of the window
//
// The plug-in plays meanwhile, so that notes of its keys are heard; the peak of what it played is printed at the end.
#define _POSIX_C_SOURCE 200809L
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XTest.h>
#include <dlfcn.h>
#include <math.h>

#include "host.h"

#include "clap/entry.h"
#include "clap/ext/gui.h"
#include "clap/ext/timer-support.h"
#include "clap/plugin-factory.h"
#include "clap/plugin.h"

enum { RATE = 48000, BLOCK = 480, STEP_MS = 10 };

static const clap_plugin_t* plugin;
static const clap_plugin_timer_support_t* timers;
static clap_id timer;
static int has_timer;
static Display* display;
static Window window;
static float peak;

static bool add_timer(const clap_host_t* host, uint32_t ms, clap_id* id) { return (void)host, (void)ms, *id = 1, timer = 1, has_timer = 1; }
static bool end_timer(const clap_host_t* host, clap_id id) { return (void)host, (void)id, has_timer = 0, true; }
static void hints(const clap_host_t* host) { (void)host; }
static bool resize(const clap_host_t* host, uint32_t width, uint32_t height) {
    (void)host;
    return XResizeWindow(display, window, width, height), true;
}
static bool visible(const clap_host_t* host) { return (void)host, true; }
static void closed(const clap_host_t* host, bool destroyed) { (void)host, (void)destroyed; }
static const clap_host_timer_support_t host_timers = {add_timer, end_timer};
static const clap_host_gui_t host_gui = {hints, resize, visible, visible, closed};
static const void* extension(const clap_host_t* host, const char* name) {
    (void)host;
    return !strcmp(name, CLAP_EXT_GUI) ? (const void*)&host_gui : !strcmp(name, CLAP_EXT_TIMER_SUPPORT) ? (const void*)&host_timers : NULL;
}
static void nothing(const clap_host_t* host) { (void)host; }
static const clap_host_t host = {CLAP_VERSION_INIT, NULL, "editor_host", "Oscine", "", "1", extension, nothing, nothing, nothing};
static uint32_t no_events(const clap_input_events_t* list) { return (void)list, 0; }
static const clap_event_header_t* no_event(const clap_input_events_t* list, uint32_t i) { return (void)list, (void)i, NULL; }
static bool ignore(const clap_output_events_t* list, const clap_event_header_t* event) { return (void)list, (void)event, true; }

static void live(double seconds) {
    static float left[BLOCK], right[BLOCK], tone[BLOCK];
    static uint32_t at;
    const clap_input_events_t in = {NULL, no_events, no_event};
    const clap_output_events_t out = {NULL, ignore};
    for (int i = 0; i < seconds * 1000 / STEP_MS; i++) {
        for (int k = 0; k < BLOCK; k++, at++) {
            const double phase = 2 * 3.14159265358979 * 196 * at / RATE;
            tone[k] = (float)(0.2 * sin(phase) + 0.1 * sin(2 * phase) + 0.07 * sin(3 * phase));
        }
        float *sides[2] = {left, right}, *heard[2] = {tone, tone};
        clap_audio_buffer_t outputs = {sides, NULL, 2, 0, 0}, inputs = {heard, NULL, 2, 0, 0};
        const clap_process_t process = {0, BLOCK, NULL, &inputs, &outputs, strstr(plugin->desc->id, "voice") ? 1 : 0, 1, &in, &out};
        plugin->process(plugin, &process);
        for (int k = 0; k < BLOCK; k++) peak = fmaxf(peak, fabsf(left[k]));
        if (has_timer && i % 2 == 0) timers->on_timer(plugin, timer);
        XSync(display, False);
        nanosleep(&(struct timespec){0, STEP_MS * 1000000}, NULL);
    }
}

static void point(int x, int y, int button, int press) {
    Window child;
    int root_x, root_y;
    XTranslateCoordinates(display, window, DefaultRootWindow(display), x, y, &root_x, &root_y, &child);
    XTestFakeMotionEvent(display, -1, root_x, root_y, 0);
    live(0.1);
    if (button) XTestFakeButtonEvent(display, 1, press, 0);
    live(0.1);
}

static void picture(const char* path) {
    XWindowAttributes size;
    XGetWindowAttributes(display, window, &size);
    XImage* image = XGetImage(display, DefaultRootWindow(display), 0, 0, (unsigned)size.width, (unsigned)size.height, AllPlanes, ZPixmap);
    FILE* file = fopen(path, "wb");
    if (!file) fail("can't be written", path);
    fprintf(file, "P6\n%d %d\n255\n", size.width, size.height);
    for (int y = 0; y < size.height; y++)
        for (int x = 0; x < size.width; x++) {
            const unsigned long pixel = XGetPixel(image, x, y);
            fputc((int)(pixel >> 16 & 255), file), fputc((int)(pixel >> 8 & 255), file), fputc((int)(pixel & 255), file);
        }
    fclose(file);
    XDestroyImage(image);
}

int main(int argc, char** argv) {
    if (argc != 4) fail("give PLUGIN ID SCRIPT", argv[0]);
    display = XOpenDisplay(NULL);
    if (!display) fail("can't be opened", "the display");
    void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) fail(dlerror(), argv[1]);
    const clap_plugin_entry_t* entry = dlsym(library, "clap_entry");
    entry->init(argv[1]);
    const clap_plugin_factory_t* factory = entry->get_factory(CLAP_PLUGIN_FACTORY_ID);
    plugin = factory->create_plugin(factory, &host, argv[2]);
    plugin->init(plugin);
    plugin->activate(plugin, RATE, 1, BLOCK);
    plugin->start_processing(plugin);
    timers = plugin->get_extension(plugin, CLAP_EXT_TIMER_SUPPORT);
    const clap_plugin_gui_t* gui = plugin->get_extension(plugin, CLAP_EXT_GUI);
    uint32_t width = 0, height = 0;
    if (!gui || !gui->create(plugin, CLAP_WINDOW_API_X11, false) || !gui->get_size(plugin, &width, &height)) fail("has no editor", argv[2]);
    window = XCreateSimpleWindow(display, DefaultRootWindow(display), 0, 0, width, height, 0, 0, 0);
    XMapWindow(display, window);
    XSync(display, False);
    clap_window_t parent = {CLAP_WINDOW_API_X11, {NULL}};
    parent.x11 = window;
    gui->set_parent(plugin, &parent);
    gui->show(plugin);
    FILE* script = fopen(argv[3], "r");
    if (!script) fail("can't be opened", argv[3]);
    char line[4096], path[4096];
    double seconds;
    int x, y;
    live(1);
    while (fgets(line, sizeof line, script)) {
        if (sscanf(line, "wait %lf", &seconds) == 1) live(seconds);
        else if (sscanf(line, "press %d %d", &x, &y) == 2) point(x, y, 1, 1);
        else if (sscanf(line, "release %d %d", &x, &y) == 2) point(x, y, 1, 0);
        else if (sscanf(line, "move %d %d", &x, &y) == 2) point(x, y, 0, 0);
        else if (sscanf(line, "click %d %d", &x, &y) == 2) point(x, y, 1, 1), point(x, y, 1, 0);
        else if (sscanf(line, "picture %4095[^\n]", path) == 1) picture(path);
        else fail("is no line of a script", line);
    }
    printf("size %u %u\npeak %.6f\n", width, height, peak);
    gui->destroy(plugin);
    plugin->stop_processing(plugin);
    plugin->deactivate(plugin);
    plugin->destroy(plugin);
    entry->deinit();
    XCloseDisplay(display);
    return 0;
}
