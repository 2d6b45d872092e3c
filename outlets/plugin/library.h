// Which instrument is chosen: it is found by its path or name, and known by its sha256.
//
// A choice as hosts save it is one line: the sha256 of the file, a space, and its path; of a file in the plug-in's own bundle its
// name. A path or a name alone is a choice as well. Nothing is the instrument of the bundle, or the only one that there is.
#pragma once

#include <string>
#include <utility>

#include "folders.h"

namespace oscine {

struct Found {
    Bytes bytes;
    std::string sha256, title, choice, message;  // the message says why there are no bytes
};

constexpr size_t SHA_CHARACTERS = 64;

inline bool has_sha256(const std::string& choice) {
    return choice.size() > SHA_CHARACTERS + 1 && choice[SHA_CHARACTERS] == ' ' &&
           choice.find_first_not_of("0123456789abcdef") == SHA_CHARACTERS;
}

inline bool is_in_bundle(const fs::path& path, const std::string& binary) {
    for (const fs::path& folder : bundle_folders(binary))
        if (path.parent_path() == folder) return true;
    return false;
}

inline Found read_program(const fs::path& path, const std::string& binary) {
    Found found;
    found.bytes = read_file(path);
    if (!found.bytes.data) {
        found.message = text_of(path) + " can't be read; choose another instrument.";
        return found;
    }
    found.sha256 = found.bytes.sha256();
    found.title = text_of(path.stem());
    found.choice = found.sha256 + " " + text_of(is_in_bundle(path, binary) ? path.filename() : path);
    return found;
}

// The instrument where nothing was chosen.
inline Found find_standard(const std::string& binary) {
    const std::vector<fs::path> all = programs(binary);
    size_t n_in_bundle = 0;
    while (n_in_bundle < all.size() && is_in_bundle(all[n_in_bundle], binary)) n_in_bundle++;
    if (n_in_bundle == 1 || all.size() == 1) return read_program(all[0], binary);
    Found found;
    found.message = all.empty() ? "No instrument was found; put a .oscine file into " + text_of(user_folder()) + ", or open one."
                                : "Choose one of " + std::to_string(all.size()) + " instruments.";
    return found;
}

inline Found find_program(const std::string& choice, const std::string& binary) {
    if (choice.empty()) return find_standard(binary);
    const bool is_known = has_sha256(choice);
    const std::string sha256 = is_known ? choice.substr(0, SHA_CHARACTERS) : "";
    const fs::path asked = path_of(is_known ? choice.substr(SHA_CHARACTERS + 1) : choice);
    Found found;
    std::error_code failed;
    const std::vector<fs::path> all = programs(binary);
    std::vector<fs::path> candidates;
    if (asked.is_absolute()) candidates.push_back(asked);
    for (const fs::path& one : all)
        if (one.filename() == asked.filename() && (is_known || !asked.is_absolute())) candidates.push_back(one);
    if (is_known)
        for (const fs::path& one : all)
            if (one.filename() != asked.filename()) candidates.push_back(one);
    bool is_another = false;
    for (const fs::path& one : candidates) {
        if (!fs::is_regular_file(one, failed)) continue;
        found = read_program(one, binary);
        if (found.bytes.data && (!is_known || found.sha256 == sha256)) return found;
        is_another = is_another || (found.bytes.data && one.filename() == asked.filename());
    }
    found = Found();
    found.message = is_another ? text_of(asked) + " is not the file that was saved; choose it again to play it all the same."
                               : "There is no file " + text_of(asked) + "; choose another instrument.";
    return found;
}

// The text of a name in the card that a program file holds, or nothing.
inline std::string card_text(const char* metadata, size_t n_bytes, const std::string& name) {
    const std::string text(metadata ? metadata : "", metadata ? n_bytes : 0);
    const size_t card = text.find("\"card\"");
    size_t at = card == std::string::npos ? card : text.find("\"" + name + "\":", card);
    if (at == std::string::npos) return "";
    at = text.find('"', at + name.size() + 3);
    std::string result;
    for (at = at == std::string::npos ? text.size() : at + 1; at < text.size() && text[at] != '"' && result.size() < 400; at++) {
        if (text[at] == '\\' && at + 1 < text.size()) at++;
        result += static_cast<unsigned char>(text[at]) < ' ' ? ' ' : text[at];
    }
    return result;
}

}  // namespace oscine
