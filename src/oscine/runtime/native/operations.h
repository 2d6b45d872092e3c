// The table of operations: their numbers are those of `KINDS` in streaming/program.py.
#pragma once

#include <new>

#include "audio.h"
#include "cycle.h"
#include "filter.h"
#include "frames.h"
#include "pulse.h"
#include "reverb.h"
#include "sources.h"
#include "values.h"

namespace {

struct Kind {
    bool (*fits)(const Call&);
    void* (*place)(const Call&, Arena&);  // null while memory is measured
    void (*start)(void*, int64_t seed);
    void (*run)(void*);
};

template <class Operation>
void* place(const Call& call, Arena& arena) {
    Operation* at = arena.take<Operation>(1);
    if (at) return new (at) Operation(call, arena);
    Operation measured(call, arena);
    return nullptr;
}

template <class Operation>
void start(void* operation, int64_t seed) {
    static_cast<Operation*>(operation)->start(seed);
}

template <class Operation>
void run(void* operation) {
    static_cast<Operation*>(operation)->run();
}

template <class Operation>
constexpr Kind kind_of() {
    return {Operation::fits, place<Operation>, start<Operation>, run<Operation>};
}

template <int W, int MOST_BLOCKS>
struct Operations {
    static constexpr Kind table[] = {
        kind_of<Concatenate>(),                      // concatenate
        kind_of<Map<W, AffineOf<W>, 2>>(),           // affine
        kind_of<Map<W, MidiOf<W>, 0>>(),             // hz_to_midi
        kind_of<Map<W, SaturateOf<W>, 1>>(),         // saturate
        kind_of<Linear<W>>(),                        // linear
        kind_of<LayerNorm>(),                        // layer_norm
        kind_of<Combine<false>>(),                   // add
        kind_of<Combine<true>>(),                    // multiply
        kind_of<Map<W, LeakyReluOf<W>, 1>>(),        // leaky_relu
        kind_of<Map<W, SiluOf<W>, 0>>(),             // silu
        kind_of<Map<W, TanhOf<W>, 0>>(),             // tanh
        kind_of<Map<W, SigmoidOf<W>, 2>>(),          // sigmoid
        kind_of<Map<W, LogSigmoidOf<W>, 2>>(),       // log_sigmoid
        kind_of<Map<W, ExpSigmoidOf<W>, 3>>(),       // exp_sigmoid
        kind_of<Softmax<W>>(),                       // softmax
        kind_of<GruStep<W>>(),                       // gru
        kind_of<History>(),                          // history
        kind_of<Depthwise>(),                        // depthwise
        kind_of<AttentionStep<W>>(),                 // attention
        kind_of<Sines<W, MOST_BLOCKS, false>>(),          // harmonic
        kind_of<Sines<W, MOST_BLOCKS, true>>(),           // sinusoidal
        kind_of<NoiseStep<W>>(),                     // noise
        kind_of<Gain>(),                             // gain
        kind_of<Delay>(),                            // delay
        kind_of<Convolve<W>>(),                      // convolve
        kind_of<Cycle<W>>(),                         // cycle
        kind_of<PulseTrain>(),                       // pulse
        kind_of<MinimumPhase<W>>(),                  // minimum_phase
        kind_of<MovingFilter<W>>(),                  // moving_filter
    };
    static constexpr uint32_t count = sizeof table / sizeof table[0];
};

}  // namespace
