// Plays a program file: `player instrument.oscine < inputs > audio`.
// The inputs are float32 numbers, frame by frame, in each those of all inputs in order; the audio is float32, too.
#include <stdio.h>
#include <stdlib.h>

#include "oscine_runtime.h"

int main(int argc, char** argv) {
    FILE* file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!file) {
        fprintf(stderr, "usage: player instrument.oscine < inputs > audio\n");
        return 2;
    }
    fseek(file, 0, SEEK_END);
    const size_t n_bytes = (size_t)ftell(file);
    rewind(file);
    void* program = malloc(n_bytes);
    const int is_read = program && fread(program, 1, n_bytes, file) == n_bytes;
    fclose(file);

    oscine_player* player = NULL;
    const int code = is_read ? oscine_load(program, n_bytes, NULL, 0, &player) : OSCINE_NO_MEMORY;
    free(program);
    if (code != OSCINE_OK) {
        fprintf(stderr, "%s\n", oscine_error_text(code));
        return 1;
    }

    const uint32_t n_inputs = oscine_n_inputs(player), hop_length = oscine_hop_length(player);
    fprintf(stderr, "%u Hz, %u samples per frame\n", oscine_sample_rate(player), hop_length);
    size_t n_values = 0;
    for (uint32_t i = 0; i < n_inputs; i++) n_values += oscine_input_size(player, i);
    float* values = calloc(n_values + 1, sizeof(float));
    float* audio = calloc(hop_length, sizeof(float));
    const float** inputs = calloc(n_inputs + 1, sizeof(float*));
    const float* next = values;
    for (uint32_t i = 0; i < n_inputs; next += oscine_input_size(player, i++)) inputs[i] = next;

    while (n_values && fread(values, sizeof(float), n_values, stdin) == n_values) {
        oscine_play(player, inputs, n_inputs, 1, audio);
        fwrite(audio, sizeof(float), hop_length, stdout);
    }
    free(inputs);
    free(audio);
    free(values);
    oscine_free(player);
    return 0;
}
