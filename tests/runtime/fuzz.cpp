// Mutates program files and loads them: `fuzz N SEED FILE…`, built with AddressSanitizer and UndefinedBehaviorSanitizer
// (`make fuzz`). Every eighth one has edited metadata, which a performer reads: numbers, strings and nesting of all kinds. Most mutants get the right sha256, so that the checks behind it are reached; those that load play a few
// frames of good and of bad inputs, whose samples must be finite. Memory is the caller's, exactly as large as asked for.
// Beside that, keyboards get bytes of all kinds, and listeners samples of all kinds.
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "oscine_runtime.h"
#include "sha256.h"

namespace {

using Bytes = std::vector<uint8_t>;

uint64_t state;

uint64_t random_number() {  // xorshift64*
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return state * 0x2545F4914F6CDD1Dull;
}

uint64_t below(uint64_t n) { return n ? random_number() % n : 0; }

template <class T>
void put(Bytes& file, size_t at, T value) {
    if (at + sizeof value <= file.size()) std::memcpy(&file[at], &value, sizeof value);
}

uint64_t value_of(const Bytes& file, size_t at, size_t width) {
    uint64_t value = 0;
    if (at + width <= file.size()) std::memcpy(&value, &file[at], width);
    return value;
}

uint64_t interesting(uint64_t now, const Bytes& file) {
    static const uint64_t values[] = {0,          1,           2,          3,          16,         255,
                                      256,        65535,       65536,      1u << 20,   1u << 24,   0x7FFFFFFFu,
                                      0x80000000, 0xFFFFFFFFu, 1ull << 32, 1ull << 62, ~0ull,      0x7FF0000000000000ull,
                                      0x7F800000, 0x7FC00000,  0xFF800000, 0x3F800000, 0x3FF0000000000000ull, 0x7C00};
    switch (below(8)) {
        case 0: return now + 1;
        case 1: return now - 1;
        case 2: return now * 2;
        case 3: return now / 2;
        case 4: return file.size();
        case 5: return below(64);
        default: return values[below(sizeof values / sizeof values[0])];
    }
}

void mutate(Bytes& file, const Bytes& other) {
    // The tables, which lie before the weights, are hit most often.
    const size_t tables = static_cast<size_t>(value_of(file, 80, 8));
    const size_t reach = below(10) ? (tables && tables < file.size() ? tables : 512) : file.size();
    const size_t at = below(reach < file.size() ? reach : file.size());
    switch (below(9)) {
        case 0: file[at] ^= static_cast<uint8_t>(1u << below(8)); break;
        case 1: file[at] = static_cast<uint8_t>(random_number()); break;
        case 2:
        case 3: put(file, at / 4 * 4, static_cast<uint32_t>(interesting(value_of(file, at / 4 * 4, 4), file))); break;
        case 4: put(file, at / 8 * 8, interesting(value_of(file, at / 8 * 8, 8), file)); break;
        case 5: put(file, at / 2 * 2, static_cast<uint16_t>(interesting(value_of(file, at / 2 * 2, 2), file))); break;
        case 6: {  // a piece from elsewhere
            const size_t n = 1 + below(64), from = below(other.size());
            for (size_t i = 0; i < n && at + i < file.size() && from + i < other.size(); i++) file[at + i] = other[from + i];
            break;
        }
        case 7: {  // another length
            file.resize(below(2) ? 1 + below(file.size()) : file.size() + 1 + below(256));
            if (below(4)) put<uint64_t>(file, 96, file.size());
            break;
        }
        default: {  // two records of 48 bytes exchanged
            const size_t to = below(reach < file.size() ? reach : file.size()) / 16 * 16, from = at / 16 * 16;
            for (size_t i = 0; i < 48 && from + i < file.size() && to + i < file.size(); i++) std::swap(file[from + i], file[to + i]);
        }
    }
}

std::string metadata_of(const Bytes& file) {
    const uint64_t at = value_of(file, 80, 8), n = value_of(file, 88, 8);
    if (at > file.size() || n > file.size() - at) return "{}";
    return std::string(file.begin() + static_cast<std::ptrdiff_t>(at), file.begin() + static_cast<std::ptrdiff_t>(at + n));
}

// From a random place on, the next number or string of JSON text: where it begins, and how long it is.
std::pair<size_t, size_t> token(const std::string& text, bool is_string) {
    const char* begins = is_string ? "\"" : "-0123456789";
    size_t at = text.find_first_of(begins, below(text.size()));
    if (at == std::string::npos) at = text.find_first_of(begins);
    if (at == std::string::npos) return {0, 0};
    const size_t end = text.find_first_of(is_string ? "\"" : ",]} ", at + 1);
    return {at, (end == std::string::npos ? text.size() : end + is_string) - at};
}

// Edit JSON text: it may be JSON no more.
void edit(std::string& text) {
    static const std::string values[] = {
        "0",     "-0",   "-1",  "1e999", "-1e999", "1e308", "-1e308", "1e-400", "1e6", "-1e6", "0.5", "NaN", "-", "1e", "1.", "0x10", "",
        "null",  "true", "\"\"", "[]",    "{}",     "[0]",   "{\"a\":1}", std::string(400, '9'), "0." + std::string(400, '0') + "1",
        "1e" + std::string(400, '9')};
    static const std::string names[] = {"\"knobs\"", "\"dynamics\"", "\"curve_db\"", "\"least_db\"", "\"inputs\"", "\"unit\"", "\"dB\"",
                                        "\"identity\"", "\"f0_hz\"", "\"gain\"", "\"", "\"\\", "\"\\u0000\"", '"' + std::string(300, 'x') + '"'};
    static const std::string pieces[] = {"{", "}", "[", "]", "\"", ",", ":", "\\", "-", "e", " ", std::string(1, '\0'), "\xff"};
    const auto any = [](const auto& all) { return all[below(sizeof all / sizeof all[0])]; };
    const size_t at = below(text.size() + 1), length = below(below(4) ? 40 : 2000);
    switch (below(8)) {
        case 0:
        case 1:
        case 2: {
            const auto number = token(text, false);
            text.replace(number.first, number.second, any(values));
            break;
        }
        case 3: {
            const auto string = token(text, true);
            text.replace(string.first, string.second, below(3) ? any(names) : any(values));
            break;
        }
        case 4: text.erase(at, length); break;  // keys and values are missing
        case 5: text.insert(at, text.substr(below(text.size() + 1), length)); break;
        case 6: {
            for (size_t i = 0, n = below(3000); i < n; i++) text.insert(at, below(2) ? "[" : "{\"a\":");
            break;
        }
        default: text.insert(at, any(pieces));
    }
}

// The file with edited metadata, its own or another file's, at its end.
void mutate_metadata(Bytes& file, const Bytes& other) {
    std::string text = metadata_of(below(2) ? file : other);
    for (uint64_t hits = 1 + below(4); hits > 0; hits--) edit(text);
    put<uint64_t>(file, 80, file.size());
    put<uint64_t>(file, 88, text.size());
    file.insert(file.end(), text.begin(), text.end());
    put<uint64_t>(file, 96, file.size());
}

void sign(Bytes& file) {
    if (file.size() < 192) return;
    std::memset(&file[128], 0, 32);
    Sha256 hash;
    hash.add(file.data(), file.size());
    hash.finish(&file[128]);
}

// Frames of good and bad values through a player; false where a sample is not finite.
bool plays(oscine_player* player) {
    constexpr size_t FRAMES = 3;
    const float bad[] = {NAN, INFINITY, -INFINITY, 0.0f, -1.0f, 3e38f, 1e-42f};
    const uint32_t n_inputs = oscine_n_inputs(player);
    std::vector<std::vector<float>> values(n_inputs);
    std::vector<const float*> inputs(n_inputs);
    for (uint32_t i = 0; i < n_inputs; i++) {
        values[i].resize(FRAMES * oscine_input_size(player, i));
        for (float& value : values[i])
            value = below(4) ? oscine_input_default(player, i) + static_cast<float>(below(100)) : bad[below(7)];
        inputs[i] = below(8) ? values[i].data() : nullptr;
    }
    std::vector<float> audio(FRAMES * oscine_hop_length(player));
    for (int round = 0; round < 2; round++) {
        if (oscine_play(player, inputs.data(), n_inputs, FRAMES, audio.data()) != OSCINE_OK) return false;
        for (float sample : audio)
            if (!std::isfinite(sample)) return false;
        if (oscine_reset(player, static_cast<int64_t>(random_number())) != OSCINE_OK) return false;
    }
    return true;
}

// The same by a host's blocks, at a rate of its own.
bool plays_live(const oscine_engine* engine, const Bytes& file) {
    const uint32_t rates[] = {0, 8000, 44100, 47999, 192000};
    const uint32_t rate = rates[below(5)];
    size_t needed = 0;
    if (oscine_live_size(engine, file.data(), file.size(), rate, &needed) != OSCINE_OK) return true;  // too large
    void* memory = std::malloc(needed);
    oscine_live* live = nullptr;
    bool finite = oscine_live_load(engine, file.data(), file.size(), rate, memory, needed, &live) == OSCINE_OK;
    float audio[300];
    for (int round = 0; finite && round < 3; round++) {
        const uint32_t input = static_cast<uint32_t>(below(oscine_n_inputs(oscine_live_player(live)) + 1));
        const std::vector<float> values(oscine_input_size(oscine_live_player(live), input), below(2) ? NAN : 100.0f);
        oscine_live_set(live, input, below(4) ? values.data() : nullptr);
        const size_t n = below(301);
        finite = oscine_live_play(live, n, audio) == OSCINE_OK;
        for (size_t i = 0; i < n; i++) finite = finite && std::isfinite(audio[i]);
    }
    oscine_live_free(live);
    std::free(memory);
    return finite;
}

// A performer of it, with messages, knobs and a sound of any kind.
bool performs(const oscine_engine* engine, const Bytes& file) {
    const uint32_t rates[] = {4000, 16000, 44100, 47999};
    oscine_performer* performer = nullptr;
    const uint32_t n_voices = 1 + static_cast<uint32_t>(below(3));
    const int code = oscine_performer_new(engine, file.data(), file.size(), rates[below(4)], n_voices, &performer);
    if (code != OSCINE_OK) return code == OSCINE_TOO_LARGE || code == OSCINE_NO_MEMORY;
    bool finite = true;
    float heard[300], audio[300], meters[OSCINE_METERS];
    const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f, 1e-42f, 0.0f};
    for (int round = 0; finite && round < 6; round++) {
        const uint8_t message[3] = {static_cast<uint8_t>(0x80 | below(128)), static_cast<uint8_t>(below(128)),
                                    static_cast<uint8_t>(below(128))};
        oscine_performer_midi(performer, message, 3);
        const auto setting = static_cast<uint32_t>(below(oscine_performer_n_settings(performer) + 1));
        oscine_performer_set(performer, setting, below(4) ? static_cast<float>(below(8)) - 4 : odd[below(6)]);
        for (float& sample : heard) sample = below(30) ? static_cast<float>(below(200)) / 100 - 1 : odd[below(6)];
        const size_t n = below(301);
        finite = oscine_performer_play(performer, below(3) ? heard : nullptr, n, audio) == OSCINE_OK;
        for (size_t i = 0; i < n; i++) finite = finite && std::isfinite(audio[i]);
        oscine_performer_meters(performer, meters);
        for (const float meter : meters) finite = finite && std::isfinite(meter);
    }
    oscine_performer_free(performer);
    return finite;
}

// Any bytes as messages to a keyboard; false where a frame is not finite.
bool keys_play() {
    float curve_db[128];
    for (float& level : curve_db) level = -static_cast<float>(below(60));
    const uint32_t n_voices = 1 + static_cast<uint32_t>(below(64));
    oscine_keyboard* keyboard = nullptr;
    if (oscine_keyboard_new(1 + static_cast<double>(below(1000)), n_voices, curve_db, -60, &keyboard) != OSCINE_OK) return false;
    bool finite = true;
    float frames[64 * 5];
    for (int i = 0; i < 300; i++) {
        uint8_t message[4];
        for (uint8_t& byte : message) byte = static_cast<uint8_t>(random_number());
        if (below(8)) message[0] |= 0x80;
        if (below(8)) message[1] &= 0x7F, message[2] &= 0x7F;
        const Bytes exact(message, message + below(5));  // read beyond its end is an error
        oscine_keyboard_midi(keyboard, exact.data(), exact.size());
        const char* setting = oscine_keyboard_setting(static_cast<uint32_t>(below(20)));
        if (setting) oscine_keyboard_set(keyboard, setting, static_cast<double>(below(100)) - 50);
        oscine_keyboard_frame(keyboard, frames);
        for (uint32_t j = 0; j < n_voices * 5; j++) finite = finite && std::isfinite(frames[j]);
    }
    oscine_keyboard_free(keyboard);
    return finite;
}

// Any samples in blocks of any length to a listener; false where a frame is not finite.
bool listens() {
    const uint32_t rates[] = {4000, 8000, 16000, 44100, 47999, 48000, 768000, static_cast<uint32_t>(4000 + below(764001))};
    const uint32_t host_rate = rates[below(8)], rate = rates[below(8)];
    const uint32_t hop = 1 + static_cast<uint32_t>(below(below(4) ? rate / 100 : rate));
    oscine_listener* listener = nullptr;
    if (oscine_listener_new(host_rate, rate, hop, &listener) != OSCINE_OK) return false;
    const float extremes[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-42f, 1e4f, 0.0f};
    bool finite = true;
    for (int i = 0; i < 12; i++) {
        std::vector<float> block(below(below(3) ? 300 : 6000));  // read beyond its end is an error
        const uint64_t kind = below(4);
        const float scale = std::pow(10.0f, static_cast<float>(below(12)) - 8), step = static_cast<float>(below(1000)) / 999;
        for (size_t j = 0; j < block.size(); j++) {
            const float noise = static_cast<float>(below(2001)) / 1000 - 1;
            block[j] = kind == 0 ? extremes[below(8)] : kind == 1 ? scale * noise : kind == 2 ? scale * std::sin(step * static_cast<float>(j)) : scale;
        }
        if (oscine_listener_push(listener, block.data(), block.size()) != OSCINE_OK) return false;
        if (below(16) == 0) oscine_listener_reset(listener);
        float frame[4];
        if (oscine_listener_frame(listener, frame) != OSCINE_OK) return false;
        for (const float value : frame) finite = finite && std::isfinite(value);
        finite = finite && frame[0] >= 40 && frame[0] <= 4000 && frame[1] >= 0 && frame[1] <= 1 && frame[2] >= -80 && frame[3] >= 0;
    }
    oscine_listener_free(listener);
    return finite;
}

}  // namespace

int main(int argc, char** argv) {
    const uint64_t n = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0;
    state = argc > 2 ? std::strtoull(argv[2], nullptr, 10) * 2 + 1 : 1;
    std::vector<Bytes> seeds;
    for (int i = 3; i < argc; i++) {
        std::ifstream stream(argv[i], std::ios::binary);
        seeds.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    }
    std::vector<const oscine_engine*> engines;
    for (const char* name : {"portable", "avx2", "avx512"})
        if (const oscine_engine* one = oscine_find_engine(name)) engines.push_back(one);
    if (seeds.empty()) return std::fprintf(stderr, "usage: fuzz N SEED FILE…\n"), 2;
    uint64_t counts[16] = {};
    for (uint64_t i = 0; i < n; i++) {
        Bytes file = seeds[below(seeds.size())];
        const Bytes& other = seeds[below(seeds.size())];
        const bool is_told = below(8) == 0;
        if (is_told) mutate_metadata(file, other);
        for (uint64_t hits = is_told ? 0 : below(4) ? 1 + below(2) : 1 + below(8); hits > 0; hits--) mutate(file, other);
        if (is_told || below(50)) sign(file);
        const oscine_engine* engine = engines[below(engines.size())];
        const Bytes exact(file);  // read beyond its end is an error
        size_t needed = 0;
        int code = oscine_size_with(engine, exact.data(), exact.size(), &needed);
        if (code == OSCINE_OK) {
            void* memory = std::malloc(needed);
            oscine_player* player = nullptr;
            code = oscine_load_with(engine, exact.data(), exact.size(), memory, needed, &player);
            if (code == OSCINE_OK && !plays(player)) return std::fprintf(stderr, "a sample is not finite: file %" PRIu64 "\n", i), 1;
            oscine_free(player);
            std::free(memory);
            if (code == OSCINE_OK && (is_told || below(16) == 0) && !performs(engine, exact))
                return std::fprintf(stderr, "a sample is not finite, performed: file %" PRIu64 "\n", i), 1;
            if (code == OSCINE_OK && below(8) == 0 && !plays_live(engine, exact))
                return std::fprintf(stderr, "a sample is not finite, played live: file %" PRIu64 "\n", i), 1;
        }
        if (i % 256 == 0 && !keys_play()) return std::fprintf(stderr, "a keyboard's frame is not finite: file %" PRIu64 "\n", i), 1;
        if (i % 256 == 0 && !listens()) return std::fprintf(stderr, "a listener's frame is wrong: file %" PRIu64 "\n", i), 1;
        counts[code]++;
        if ((i + 1) % 100000 == 0) std::fprintf(stderr, "%" PRIu64 " files\n", i + 1);
    }
    for (int code = 0; code < 16; code++)
        if (counts[code]) std::printf("%9" PRIu64 "  %s\n", counts[code], code ? oscine_error_text(code) : "Loaded and played.");
    return 0;
}
