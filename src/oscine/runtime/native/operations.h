// The table of operations: what a file's names stand for.
#pragma once

#include <cstring>
#include <new>

#include "allpole.h"
#include "audio.h"
#include "cycle.h"
#include "dense.h"
#include "envelope.h"
#include "filter.h"
#include "fm.h"
#include "frames.h"
#include "hit.h"
#include "neural_filter.h"
#include "pulse.h"
#include "reverb.h"
#include "sources.h"
#include "values.h"

namespace {

struct Kind {
    const char* name;
    bool (*fits)(const Call&);
    uint64_t (*work)(const Call&);
    void* (*place)(const Call&, Arena&);  // null while memory is measured
    void (*start)(void*, int64_t seed);
    void (*run)(void*, Workspace&, int64_t n_frames);
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

// Compute the block's frames one after the other, or all at once where the operation can.
template <class Operation>
auto run_block(Operation* operation, Workspace&, int64_t n_frames, int) -> decltype(operation->run(n_frames)) {
    operation->run(n_frames);
}

template <class Operation>
void run_block(Operation* operation, Workspace& space, int64_t n_frames, long) {
    for (int64_t frame = 0; frame < n_frames; frame++) {
        space.go_to(frame);
        operation->run();
    }
}

template <class Operation>
void run(void* operation, Workspace& space, int64_t n_frames) {
    run_block(static_cast<Operation*>(operation), space, n_frames, 0);
}

template <class Operation>
constexpr Kind kind(const char* name) {
    return {name, Operation::fits, Operation::work, place<Operation>, start<Operation>, run<Operation>};
}

template <int W, int MOST_BLOCKS>
struct Operations {
    static constexpr Kind table[] = {
        kind<Concatenate>("concatenate"),
        kind<Map<W, AffineOf<W>, 2>>("affine"),
        kind<Map<W, MidiOf<W>, 0>>("hz_to_midi"),
        kind<Map<W, SaturateOf<W>, 1>>("saturate"),
        kind<Linear<W>>("linear"),
        kind<LayerNorm<W>>("layer_norm"),
        kind<Combine<false>>("add"),
        kind<Combine<true>>("multiply"),
        kind<Map<W, LeakyReluOf<W>, 1>>("leaky_relu"),
        kind<Map<W, SiluOf<W>, 0>>("silu"),
        kind<Map<W, TanhOf<W>, 0>>("tanh"),
        kind<Map<W, SigmoidOf<W>, 2>>("sigmoid"),
        kind<Map<W, LogSigmoidOf<W>, 2>>("log_sigmoid"),
        kind<Map<W, ExpSigmoidOf<W>, 3>>("exp_sigmoid"),
        kind<Softmax<W>>("softmax"),
        kind<GruStep<W>>("gru"),
        kind<History>("history"),
        kind<Depthwise>("depthwise"),
        kind<AttentionStep<W>>("attention"),
        kind<Sines<W, MOST_BLOCKS, false>>("harmonic"),
        kind<Sines<W, MOST_BLOCKS, true>>("sinusoidal"),
        kind<NoiseStep<W>>("noise"),
        kind<Shimmer>("shimmer"),
        kind<Gain>("gain"),
        kind<Delay>("delay"),
        kind<Convolve<W>>("convolve"),
        kind<Cycle<W>>("cycle"),
        kind<PulseTrain>("pulse"),
        kind<Modes>("modes"),
        kind<Transient>("transient"),
        kind<OnsetGate>("onset_gate"),
        kind<FrequencyModulation>("fm"),
        kind<MinimumPhase<W>>("minimum_phase"),
        kind<MovingFilter<W>>("moving_filter"),
        kind<Envelope>("envelope"),
        kind<AllpoleStep<W>>("allpole"),
        kind<NeuralFilter<W>>("neural_filter"),
    };

    // The kind of a name, null where there is none.
    static const Kind* find(const char* name) {
        for (const Kind& one : table)
            if (std::strcmp(one.name, name) == 0) return &one;
        return nullptr;
    }
};

}  // namespace
