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

// Filtered noise (noise.py); the filters are symmetric, taps 0 … n_taps − 1.
typedef struct {
    int64_t batch, n_frames, hop_length, n_taps;
    const int64_t* seed;                   // [batch]
    const int64_t* sample;                 // [batch]: number of the first sample
    const void* taps;                      // T [batch][frame][tap] at the frames' ends
    const void* previous;                  // T [batch][tap] before the first frame
    void* audio;                           // T [batch][frame][hop]: the result
    // Backward only.
    const void* grad_audio;                // T [batch][frame][hop]
    void* grad_taps;
    void* grad_previous;
} oscine_noise;

// A time-varying all-pole filter (allpole.py), in double.
typedef struct {
    int64_t batch, n_frames, hop_length, order;
    const double* audio;                   // [batch][frame][hop]
    const double* angles;                  // [batch][frame][order]: of the sections, at the frames' ends
    const double* previous;                // [batch][order]: those before the first frame
    const double* initial;                 // [batch][order]: the state before the first sample
    double* output;                        // [batch][frame][hop]: the result
    double* states;                        // [batch][frame + 1][order]: before every frame, and at the end
    // Backward only.
    const double* grad_output;             // given, like the next
    const double* grad_states;
    double* grad_audio;
    double* grad_angles;
    double* grad_previous;
    double* grad_initial;
} oscine_allpole;

// What two spectra are compared by (functional/spectral_distance.py).
typedef struct {
    int64_t n_frames, n_bins;
    float linear, log;                     // weights of the two differences, over the number of all bins
    float epsilon;                         // added to magnitudes before the logarithm
    int has_nyquist;                       // the last bin is its own conjugate
} oscine_spectra;

typedef struct {
    const char* name;                      // "avx512", "avx2" or "portable"
    void (*bank_f32)(const oscine_bank*, int backward, int n_threads);
    void (*bank_f64)(const oscine_bank*, int backward, int n_threads);
    void (*gru_f32)(const oscine_gru*, int backward, int n_threads);
    void (*gru_f64)(const oscine_gru*, int backward, int n_threads);
    void (*noise_f32)(const oscine_noise*, int backward, int n_threads);
    void (*noise_f64)(const oscine_noise*, int backward, int n_threads);
    void (*allpole_f64)(const oscine_allpole*, int backward, int n_threads);
    void (*cut)(const float* signal, const float* window, int64_t n_fft, int64_t hop, int64_t n_frames, float* frames);
    void (*add)(const float* frames, const float* window, int64_t n_fft, int64_t hop, int64_t n_frames, float* total);
    double (*compare)(const oscine_spectra*, float* predicted, const float* truth);
} oscine_kernels;

#if defined(_WIN32)
#define OSCINE_PUBLIC __declspec(dllexport)
#else
#define OSCINE_PUBLIC __attribute__((visibility("default")))
#endif

// Version of this interface.
OSCINE_PUBLIC int oscine_version(void);

// The kernels for an instruction set, or null where this machine or build has none of that name.
OSCINE_PUBLIC const oscine_kernels* oscine_find(const char* name);

#ifdef __cplusplus
}
#endif
