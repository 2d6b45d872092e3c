// Where instruments are: in the plug-in's own bundle, and in a folder of the user.
//
// Any file may lie there, so only regular files of a bounded size are read, and no function throws.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "sha256.h"

namespace oscine {

namespace fs = std::filesystem;

constexpr uintmax_t MOST_FILE_BYTES = 256u << 20;
constexpr size_t MOST_FILES = 1000;

inline fs::path path_of(const std::string& utf8) {
    return fs::path(reinterpret_cast<const char8_t*>(utf8.c_str()));
}

inline std::string text_of(const fs::path& path) {
    const std::u8string text = path.u8string();
    return std::string(reinterpret_cast<const char*>(text.data()), text.size());
}

inline std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

// The folder of the user; OSCINE_INSTRUMENTS overrides it.
inline fs::path user_folder() {
    if (const std::string given = environment("OSCINE_INSTRUMENTS"); !given.empty()) return path_of(given);
#if defined(_WIN32)
    return path_of(environment("APPDATA")) / "Oscine" / "Instruments";
#elif defined(__APPLE__)
    return path_of(environment("HOME")) / "Library" / "Application Support" / "Oscine" / "Instruments";
#else
    if (const std::string data = environment("XDG_DATA_HOME"); !data.empty()) return path_of(data) / "oscine" / "instruments";
    return path_of(environment("HOME")) / ".local" / "share" / "oscine" / "instruments";
#endif
}

// Folders of the bundle that this binary is in: beside it (CLAP, LV2), or Resources (VST3, and bundles of macOS).
inline std::vector<fs::path> bundle_folders(const std::string& binary) {
    const fs::path beside = path_of(binary).parent_path();
    std::vector<fs::path> folders{beside, beside.parent_path() / "Resources"};
#if defined(__APPLE__)
    folders.push_back(beside.parent_path().parent_path().parent_path());
#endif
    return folders;
}

inline std::vector<fs::path> programs_in(const fs::path& folder) {
    std::vector<fs::path> found;
    std::error_code failed;
    for (fs::directory_iterator at(folder, failed), end; !failed && at != end && found.size() < MOST_FILES; at.increment(failed))
        if (at->path().extension() == ".oscine") found.push_back(at->path());
    std::sort(found.begin(), found.end());
    return found;
}

// All that there are, those of the bundle first.
inline std::vector<fs::path> programs(const std::string& binary) {
    std::vector<fs::path> all;
    for (const fs::path& folder : bundle_folders(binary))
        for (const fs::path& one : programs_in(folder)) all.push_back(one);
    for (const fs::path& one : programs_in(user_folder())) all.push_back(one);
    return all;
}

struct Bytes {
    std::unique_ptr<uint8_t[]> data;
    size_t size = 0;

    std::string sha256() const {
        uint8_t digest[32];
        Sha256 hash;
        hash.add(data.get(), size);
        hash.finish(digest);
        std::string text;
        for (const uint8_t one : digest) {
            text += "0123456789abcdef"[one >> 4];
            text += "0123456789abcdef"[one & 15];
        }
        return text;
    }
};

// The bytes of a regular file, or none.
inline Bytes read_file(const fs::path& path) {
    Bytes bytes;
    std::error_code failed;
    if (!fs::is_regular_file(path, failed)) return bytes;
    const uintmax_t size = fs::file_size(path, failed);
    if (failed || size > MOST_FILE_BYTES) return bytes;
#if defined(_WIN32)
    std::FILE* file = _wfopen(path.c_str(), L"rb");
#else
    std::FILE* file = std::fopen(path.c_str(), "rb");
#endif
    if (!file) return bytes;
    bytes.data.reset(new (std::nothrow) uint8_t[static_cast<size_t>(size) + 1]);
    if (bytes.data) bytes.size = std::fread(bytes.data.get(), 1, static_cast<size_t>(size), file);
    std::fclose(file);
    return bytes;
}

}  // namespace oscine
