// The C interface of Oscine's kernels. No torch, no Python: plain pointers to contiguous arrays, so that one
// build serves every torch, and any other program. Scalars marked T are float or double, as the function says.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A bank of sines (harmonic_bank.py). One sine: partial k at k times its phase; else a phase for each partial.
typedef struct {
    int64_t batch, n_frames, hop_length, n_partials, n_sines;
    double nyquist;                        // Hz
    const double* polynomial;              // [batch][frame][sine][3]: phase in turns at a frame's sample i, a + b i + c i²
    const void* frequency_hz;              // T [batch][frame][sine] at the frames' ends
    const void* previous_hz;               // T [batch][sine] before the first frame
    const void* amplitude;                 // T [batch][frame], or null: then the weights are the amplitudes
    const void* weights;                   // T [batch][frame][partial] at the frames' ends
    const void* previous_amplitudes;       // T [batch][partial] before the first frame
    void* audio;                           // T [batch][frame][hop]: the result
    // Backward only; the gradients of what is named.
    const void* grad_audio;                // T, given
    double* grad_polynomial;               // null when it is not wanted
    void* grad_amplitude;                  // not touched where amplitude is null
    void* grad_weights;
    void* grad_previous_amplitudes;
} oscine_bank;

// The recurrent half of a GRU (gru.py); gates in the order reset, update, new.
typedef struct {
    int64_t batch, n_frames, hidden_size;
    const void* gates;                     // T [batch][frame][3 hidden]: the inputs' half, biases included
    const void* weight;                    // T [3 hidden][hidden]
    const void* bias;                      // T [3 hidden]
    const void* initial;                   // T [batch][hidden]
    void* output;                          // T [batch][frame][hidden]
    void* kept;                            // T [batch][frame][4 hidden]: reset, update, new, hidden's new; null in inference
    // Backward only.
    const void* grad_output;               // T [batch][frame][hidden]
    void* grad_gates;                      // T [batch][frame][3 hidden]
    void* grad_recurrent;                  // T [batch][frame][3 hidden]: of weight · hidden + bias
    void* grad_initial;                    // T [batch][hidden]
} oscine_gru;

typedef struct {
    const char* name;                      // "avx512", "avx2" or "portable"
    void (*bank_f32)(const oscine_bank*, int backward, int n_threads);
    void (*bank_f64)(const oscine_bank*, int backward, int n_threads);
    void (*gru_f32)(const oscine_gru*, int backward, int n_threads);
    void (*gru_f64)(const oscine_gru*, int backward, int n_threads);
} oscine_kernels;

// The kernels for an instruction set, or null where this machine or build has none of that name.
__attribute__((visibility("default"))) const oscine_kernels* oscine_find(const char* name);

#ifdef __cplusplus
}
#endif
