// The editor: the instrument and what it says, pitch and level, a slider for each parameter, presets, and keys to play.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "DistrhoUI.hpp"
#include "plugin.h"

START_NAMESPACE_DISTRHO

namespace {

constexpr float MARGIN = 14, HEADER = 92, ROW = 25, COLUMNS = 3, KEYS_HEIGHT = 76, FOOTER = 20, LIST_ROW = 24, PRESETS_HEIGHT = 26;
constexpr int FIRST_KEY = 48, N_KEYS = 37, NO_PART = -1;
constexpr float LEAST_DB = -60;
const char* const NOTES[12] = {"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"};
const Color BACKGROUND(24, 26, 30), PANEL(38, 41, 48), LINE(70, 75, 86), TEXT(226, 228, 232), QUIET(150, 156, 168), ACCENT(232, 158, 72),
    WARNING(255, 120, 100);

bool is_black(int key) { return std::strchr("\1\3\6\10\12", key % 12) && key % 12; }

std::string file_title(const std::string& path) {
    const size_t slash = path.find_last_of("/\\"), dot = path.rfind(".oscine");
    const size_t begin = slash == std::string::npos ? 0 : slash + 1;
    return path.substr(begin, dot == std::string::npos ? dot : dot - begin);
}

struct Box {
    float x, y, width, height;
    bool has(const Point<double>& at) const { return at.getX() >= x && at.getX() < x + width && at.getY() >= y && at.getY() < y + height; }
};

}  // namespace

class OscineEditor : public UI {
   public:
    OscineEditor() : UI(DISTRHO_UI_DEFAULT_WIDTH, DISTRHO_UI_DEFAULT_HEIGHT) {
        loadSharedResources();
        plugin = static_cast<OscinePlugin*>(getPluginInstancePointer());
        for (uint32_t i = 0; i < oscine::N_PARAMETERS; i++) {
            if (plugin) plugin->describe(i, parameters[i]);
            values[i] = parameters[i].ranges.def;
        }
        look();
    }

   protected:
    void parameterChanged(uint32_t index, float value) override {
        if (index < oscine::N_PARAMETERS) values[index] = value;
        repaint();
    }
    void programLoaded(uint32_t) override { repaint(); }
    void stateChanged(const char*, const char*) override { look(); }
    void uiFileBrowserSelected(const char* path) override {
        if (path) choose(path);
    }

    void uiIdle() override {
        if (!plugin) return;
        if (++n_idle % 15 == 0) look();
        const float peak = plugin->take_peak();
        level = peak > level ? peak : 0.9f * level;
        repaint();
    }

    void onNanoDisplay() override {
        fill({0, 0, static_cast<float>(getWidth()), static_cast<float>(getHeight())}, BACKGROUND, 0);
        draw_header();
        for (size_t i = 0; i < shown.size(); i++) draw_slider(shown[i], slider_box(i));
        for (uint32_t i = 0; i < oscine::N_PRESETS; i++) draw_preset(i);
#ifndef OSCINE_VOICE
        for (const bool black : {false, true})
            for (int key = FIRST_KEY; key < FIRST_KEY + N_KEYS; key++)
                if (is_black(key) == black) draw_key(key);
#endif
        text(MARGIN, getHeight() - FOOTER / 2, 11, QUIET, credit(), ALIGN_LEFT);
        if (is_list_open) draw_list();
    }

    bool onMouse(const MouseEvent& event) override {
        if (!event.press) return release();
        if (is_list_open) return choose_from_list(event.pos);
        if (chooser_box().has(event.pos)) {
            if (plugin) paths = plugin->instruments();
            is_list_open = true;
        } else if (const int preset = find_preset(event.pos); preset >= 0) {
            take_preset(oscine::PRESETS[preset]);
        } else if (const int at = find_slider(event.pos); at >= 0) {
            const uint32_t index = shown[at];
            editParameter(index, true);
            dragged = at;
            if (event.button == 1) drag(event.pos);
            else set(index, parameters[index].ranges.def);
#ifndef OSCINE_VOICE
        } else if (const int key = find_key(event.pos); key >= 0) {
            held = key;
            const Box box = key_box(key);
            const double depth = (event.pos.getY() - box.y) / box.height;
            sendNote(0, static_cast<uint8_t>(key), static_cast<uint8_t>(40 + 87 * depth));
#endif
        }
        repaint();
        return true;
    }

    bool onMotion(const MotionEvent& event) override {
        if (dragged == NO_PART) return false;
        drag(event.pos);
        return true;
    }

   private:
    OscinePlugin* plugin = nullptr;  // null where the host runs the editor elsewhere
    Parameter parameters[oscine::N_PARAMETERS];
    float values[oscine::N_PARAMETERS];
    float level = 0;
    OscinePlugin::Status status;
    std::vector<std::string> paths;
    std::vector<uint32_t> shown;
    bool is_list_open = false;
    int dragged = NO_PART, held = NO_PART;
    unsigned n_idle = 0;

    // ---- what there is

    void look() {
        if (plugin) status = plugin->status();
        shown.clear();
        for (uint32_t i = 0; i < oscine::N_PARAMETERS; i++)
            if (i < oscine::MACROS_AT || i >= oscine::MACROS_AT + oscine::N_MACROS || i < oscine::MACROS_AT + status.macros.size())
                shown.push_back(i);
        repaint();
    }

    std::string credit() const {
        if (status.licence.empty() && status.credit.empty()) return "";
        return "Recordings: " + (status.credit.empty() ? "not stated" : status.credit) + " (" + (status.licence.empty() ? "no licence stated" : status.licence) + ")";
    }

    void choose(const std::string& path) { setState("instrument", path.c_str()); }

    bool choose_from_list(const Point<double>& at) {
        is_list_open = false;
        for (size_t i = 0; i <= paths.size(); i++)
            if (list_box(i).has(at)) {
                if (i < paths.size()) {
                    choose(paths[i]);
                } else {
                    DISTRHO_NAMESPACE::FileBrowserOptions options;
                    options.title = "Open an instrument";
                    openFileBrowser(options);
                }
            }
        repaint();
        return true;
    }

    void take_preset(const oscine::Preset& preset) {
        for (uint32_t i = 0; i < oscine::N_SETTINGS; i++) {
            float value = parameters[i].ranges.def;
            for (const oscine::Choice& one : preset.choices)
                if (one.setting && !std::strcmp(one.setting, oscine::SETTINGS[i].name)) value = one.value;
            editParameter(i, true);
            set(i, value);
            editParameter(i, false);
        }
    }

    // ---- values: times are on a cubic scale, because most of them are short

    bool is_cubic(uint32_t index) const { return parameters[index].unit == "s"; }

    float share_of(uint32_t index) const {
        const float share = parameters[index].ranges.getNormalizedValue(values[index]);
        return is_cubic(index) ? std::cbrt(share) : share;
    }

    void set(uint32_t index, float value) {
        values[index] = value;
        setParameterValue(index, value);
    }

    void drag(const Point<double>& at) {
        const uint32_t index = shown[dragged];
        const Box box = slider_box(dragged);
        float share = (static_cast<float>(at.getX()) - box.x) / box.width;
        share = share < 0 ? 0 : share > 1 ? 1 : share;
        float value = parameters[index].ranges.getUnnormalizedValue(is_cubic(index) ? share * share * share : share);
        if (parameters[index].hints & kParameterIsInteger) value = std::round(value);
        set(index, value);
        repaint();
    }

    bool release() {
        if (dragged != NO_PART) editParameter(shown[dragged], false);
#ifndef OSCINE_VOICE
        if (held != NO_PART) sendNote(0, static_cast<uint8_t>(held), 0);
#endif
        dragged = held = NO_PART;
        repaint();
        return true;
    }

    // ---- places

    Box chooser_box() const { return {MARGIN, 14, 330, 30}; }
    Box list_box(size_t i) const { return {MARGIN, 46 + LIST_ROW * static_cast<float>(i), 330, LIST_ROW}; }

    Box slider_box(size_t i) const {
        const float width = (getWidth() - MARGIN * (COLUMNS + 1)) / COLUMNS;
        const size_t rows = (shown.size() + 2) / 3;
        const auto column = static_cast<float>(i / rows), row = static_cast<float>(i % rows);
        return {MARGIN + column * (width + MARGIN), HEADER + row * ROW, width, ROW - 5};
    }

    Box preset_box(uint32_t i) const {
        const float width = (getWidth() - MARGIN * 2 - 6 * (oscine::N_PRESETS - 1)) / oscine::N_PRESETS;
        const float keys = DISTRHO_PLUGIN_WANT_MIDI_INPUT ? KEYS_HEIGHT + 8 : 0;
        return {MARGIN + i * (width + 6), getHeight() - FOOTER - keys - PRESETS_HEIGHT, width, PRESETS_HEIGHT};
    }

    Box key_box(int key) const {
        int white = 0, all = 0;
        for (int k = FIRST_KEY; k < FIRST_KEY + N_KEYS; k++) all += !is_black(k);
        for (int k = FIRST_KEY; k < key; k++) white += !is_black(k);
        const float width = (getWidth() - 2 * MARGIN) / all, top = getHeight() - FOOTER - KEYS_HEIGHT;
        if (is_black(key)) return {MARGIN + white * width - 0.3f * width, top, 0.6f * width, 0.6f * KEYS_HEIGHT};
        return {MARGIN + white * width, top, width - 1, KEYS_HEIGHT};
    }

    int find_slider(const Point<double>& at) const {
        for (size_t i = 0; i < shown.size(); i++)
            if (slider_box(i).has(at)) return static_cast<int>(i);
        return NO_PART;
    }
    int find_preset(const Point<double>& at) const {
        for (uint32_t i = 0; i < oscine::N_PRESETS; i++)
            if (preset_box(i).has(at)) return static_cast<int>(i);
        return NO_PART;
    }
    int find_key(const Point<double>& at) const {
        for (const bool black : {true, false})
            for (int key = FIRST_KEY; key < FIRST_KEY + N_KEYS; key++)
                if (is_black(key) == black && key_box(key).has(at)) return key;
        return NO_PART;
    }

    // ---- drawing

    void fill(const Box& box, const Color& color, float radius = 4) {
        beginPath();
        roundedRect(box.x, box.y, box.width, box.height, radius);
        fillColor(color);
        NanoVG::fill();
    }

    void text(float x, float y, float size, const Color& color, const std::string& what, int align) {
        if (what.empty()) return;
        fontFaceId(findFont(NANOVG_DEJAVU_SANS_TTF));
        fontSize(size);
        textAlign(align | ALIGN_MIDDLE);
        fillColor(color);
        NanoVG::text(x, y, what.c_str(), nullptr);
    }

    void draw_header() {
        const Box box = chooser_box();
        fill(box, PANEL);
        text(box.x + 10, box.y + box.height / 2, 16, TEXT, status.title.empty() ? "Choose an instrument" : status.title, ALIGN_LEFT);
        text(box.x + box.width - 12, box.y + box.height / 2, 12, ACCENT, "\xe2\x96\xbe", ALIGN_RIGHT);
        text(MARGIN, 66, 12, status.message.empty() ? QUIET : WARNING, status.message.empty() ? DISTRHO_PLUGIN_NAME : status.message, ALIGN_LEFT);
        if (!plugin) return;
#ifdef OSCINE_VOICE
        draw_pitch("heard", plugin->meter(0), 380);
#endif
        draw_pitch("plays", plugin->meter(2), 490);
        const Box meter{590, 22, getWidth() - 590 - MARGIN, 14};
        const float db = 20 * std::log10(level + 1e-6f), share = db < LEAST_DB ? 0 : db > 0 ? 1 : 1 - db / LEAST_DB;
        fill(meter, PANEL, 3);
        if (share > 0) fill({meter.x, meter.y, meter.width * share, meter.height}, db > -1 ? WARNING : ACCENT, 3);
    }

    void draw_pitch(const char* what, float f0_hz, float x) {
        text(x, 20, 11, QUIET, what, ALIGN_LEFT);
        char said[48] = "\xe2\x80\x93";
        if (f0_hz > 0) {
            const float midi = 69 + 12 * std::log2(f0_hz / 440);
            const int key = static_cast<int>(std::lround(midi));
            const int of_octave = ((key % 12) + 12) % 12;
            std::snprintf(said, sizeof said, "%s%d %+.0f", NOTES[of_octave], (key - of_octave) / 12 - 1, 100 * (midi - key));
        }
        text(x, 38, 17, TEXT, said, ALIGN_LEFT);
    }

    void draw_slider(uint32_t index, const Box& box) {
        fill(box, PANEL);
        const float share = share_of(index);
        if (share > 0) fill({box.x, box.y, box.width * share, box.height}, LINE);
        const uint32_t macro = index - oscine::MACROS_AT;
        const std::string name = macro < status.macros.size() ? status.macros[macro] : parameters[index].name.buffer();
        char said[48];
        std::snprintf(said, sizeof said, parameters[index].hints & kParameterIsInteger ? "%.0f %s" : "%.2f %s", values[index], parameters[index].unit.buffer());
        text(box.x + 8, box.y + box.height / 2, 12, TEXT, name, ALIGN_LEFT);
        text(box.x + box.width - 8, box.y + box.height / 2, 12, QUIET, said, ALIGN_RIGHT);
    }

    void draw_preset(uint32_t i) {
        const Box box = preset_box(i);
        fill(box, PANEL);
        text(box.x + box.width / 2, box.y + box.height / 2, 12, TEXT, oscine::PRESETS[i].title, ALIGN_CENTER);
    }

    void draw_key(int key) {
        const bool black = is_black(key);
        fill(key_box(key), key == held ? ACCENT : black ? BACKGROUND : TEXT, 2);
    }

    void draw_list() {
        for (size_t i = 0; i <= paths.size(); i++) {
            const Box box = list_box(i);
            fill(box, LINE, 0);
            text(box.x + 10, box.y + box.height / 2, 13, TEXT, i < paths.size() ? file_title(paths[i]) : "Open a file ...", ALIGN_LEFT);
        }
    }

    DISTRHO_DECLARE_NON_COPYABLE_WITH_LEAK_DETECTOR(OscineEditor)
};

UI* createUI() { return new OscineEditor(); }

END_NAMESPACE_DISTRHO
