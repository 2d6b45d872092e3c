/* Plays a program by a library that is loaded by its path, as the Python package loads it:
   player LIBRARY PROGRAM < inputs > audio, both float32; audio is given for each whole frame of inputs. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "oscine_runtime.h"

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#include <windows.h>
static void* load(const char* path) { return (void*)LoadLibraryA(path); }
static void* find(void* library, const char* name) { return (void*)GetProcAddress((HMODULE)library, name); }
#else
#include <dlfcn.h>
static void* load(const char* path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }
static void* find(void* library, const char* name) { return dlsym(library, name); }
#endif

#define FIND(name)                                                        \
    __typeof__(&name) p_##name = (__typeof__(&name))find(library, #name); \
    if (!p_##name) return fprintf(stderr, "The library has no %s.\n", #name), 1

int main(int argc, char** argv) {
    void* library = argc == 3 ? load(argv[1]) : NULL;
    if (!library) return fprintf(stderr, "usage: player LIBRARY PROGRAM < inputs > audio; the library must load\n"), 1;
#if defined(_WIN32)
    _setmode(0, _O_BINARY);
    _setmode(1, _O_BINARY);
#endif
    int (*kernels)(void) = (int (*)(void))find(library, "oscine_version");
    void* (*kernel)(const char*) = (void* (*)(const char*))find(library, "oscine_find");
    if (!kernels || !kernel || !kernels() || !kernel("portable")) return fprintf(stderr, "It has no kernels.\n"), 1;
    FIND(oscine_load);
    FIND(oscine_error_text);
    FIND(oscine_n_inputs);
    FIND(oscine_input_size);
    FIND(oscine_hop_length);
    FIND(oscine_play);
    FIND(oscine_free);

    static unsigned char program[64 << 20];
    FILE* file = fopen(argv[2], "rb");
    if (!file) return fprintf(stderr, "There is no file %s.\n", argv[2]), 1;
    size_t n_bytes = fread(program, 1, sizeof program, file);
    fclose(file);
    oscine_player* player = NULL;
    int code = p_oscine_load(program, n_bytes, NULL, 0, &player);
    if (code != OSCINE_OK) return fprintf(stderr, "%s\n", p_oscine_error_text(code)), 1;

    const float* inputs[256] = {0};
    uint32_t n_inputs = p_oscine_n_inputs(player), hop_length = p_oscine_hop_length(player);
    if (n_inputs > 256) return fprintf(stderr, "It has too many inputs.\n"), 1;
    size_t n_values = 0;
    for (uint32_t i = 0; i < n_inputs; i++) n_values += p_oscine_input_size(player, i);
    float* values = calloc(n_values + hop_length, sizeof(float));
    if (!values) return 1;
    for (size_t i = 0, at = 0; i < n_inputs; at += p_oscine_input_size(player, (uint32_t)i++)) inputs[i] = values + at;
    while (fread(values, sizeof(float), n_values, stdin) == n_values) {
        code = p_oscine_play(player, inputs, n_inputs, 1, values + n_values);
        if (code != OSCINE_OK) return fprintf(stderr, "%s\n", p_oscine_error_text(code)), 1;
        fwrite(values + n_values, sizeof(float), hop_length, stdout);
    }
    p_oscine_free(player);
    free(values);
    return 0;
}
