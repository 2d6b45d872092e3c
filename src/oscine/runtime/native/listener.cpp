// A host's audio in, f0 and loudness of it out, frame by frame.
//
// The sound is resampled to 16 kHz. Every 4 ms the tracker decides on the period; at a frame's own instant f0 is refined and
// loudness measured. All of them see 16 ms beyond their instant.
#include <cstdlib>
#include <cstring>
#include <new>

#ifndef WIDTH
#define WIDTH 4
#endif
#include "loudness.h"
#include "oscine_runtime.h"
#include "player.h"
#include "resample.h"
#include "tracker.h"

namespace {

constexpr float NO_PITCH_HZ = 440.0f, LOUDEST_SAMPLE = 1e4f;

class Listener {
    static constexpr int64_t RATE = Loudness::RATE, STEP = 64;  // samples at 16 kHz from one decision to the next
    static constexpr int64_t AHEAD = Loudness::LENGTH / 2, LENGTH = Tracker<WIDTH>::LENGTH, ROOM = 1024;
    static constexpr int64_t AT_ONCE = 256;  // samples of the host

    const int64_t host_rate, instrument_rate, hop;
    Resampler<WIDTH> resampler;
    Tracker<WIDTH> tracker;
    Loudness loudness;
    Buffer<float> history;  // the last samples at 16 kHz
    int64_t n_history = 0;
    int64_t position = 0;   // of the sample behind the newest one; 0 is the sound's first
    int64_t n_early = 0;    // samples that come before it
    int64_t next_step = 0;  // the instant of the next decision
    int64_t n_frames = 0;   // complete ones
    int64_t voiced_since = 0;
    float f0_hz = NO_PITCH_HZ;

   public:
    float frame[4];

    Listener(uint32_t host, uint32_t instrument, uint32_t hop_length, Arena& arena)
        : host_rate(host), instrument_rate(instrument), hop(hop_length), resampler(host, RATE, AT_ONCE, arena), tracker(arena),
          loudness(arena), history(LENGTH + ROOM, &arena) {
        if (arena.is_real()) start();
    }

    void start() {
        resampler.start();
        tracker.start();
        history.zero();
        n_history = LENGTH;
        position = next_step = n_frames = voiced_since = 0;
        n_early = resampler.delay();
        f0_hz = NO_PITCH_HZ;
        const float none[4] = {NO_PITCH_HZ, 0, Loudness::FLOOR_DB, 0};
        std::memcpy(frame, none, sizeof frame);
    }

    // Up to the last sample that a frame is made of; its instant is rounded to half a sample at 16 kHz, and that to one of the host.
    uint32_t latency() const {
        const bool is_exact = hop * RATE % instrument_rate == 0;
        const int64_t half = is_exact ? 0 : (host_rate + 2 * RATE - 1) / (2 * RATE);
        const int64_t rest = host_rate % RATE ? 1 : 0;
        return static_cast<uint32_t>(resampler.n_needed(AHEAD - 1) + half + rest);
    }

    void push(const float* audio, size_t n) {
        for (size_t done = 0; done < n;) {
            const size_t some = n - done < AT_ONCE ? n - done : AT_ONCE;
            float* to = resampler.room();
            for (size_t i = 0; i < some; i++) to[i] = sane(audio[done + i]);
            resampler.take(static_cast<int64_t>(some));
            done += some;
            while (resampler.is_ready()) advance();
        }
    }

   private:
    static float sane(float sample) {
        if (!std::isfinite(sample)) return 0;
        return sample < -LOUDEST_SAMPLE ? -LOUDEST_SAMPLE : (sample > LOUDEST_SAMPLE ? LOUDEST_SAMPLE : sample);
    }

    // The instant of the next frame, in samples at 16 kHz: functional/framing.py.
    int64_t next_frame() const { return (2 * (n_frames + 1) * hop * RATE + instrument_rate) / (2 * instrument_rate); }

    // The last samples: the newest one is AHEAD − 1 behind the instant that is due.
    const float* newest(int64_t n) const { return &history[n_history - n]; }

    void advance() {
        if (n_early > 0) {
            float early;
            resampler.read(&early, 1);
            n_early--;
            return;
        }
        if (n_history == history.size()) {
            std::memmove(history.data(), newest(LENGTH), LENGTH * sizeof(float));
            n_history = LENGTH;
        }
        const int64_t due = next_step < next_frame() ? next_step : next_frame();
        const int64_t missing = due + AHEAD - position, free = history.size() - n_history;
        const int64_t n = resampler.read(&history[n_history], missing < free ? missing : free);
        n_history += n;
        position += n;
        if (position == next_step + AHEAD) decide();
        if (position == next_frame() + AHEAD) describe();
    }

    float refined_hz() { return static_cast<float>(RATE) / tracker.refined(newest(LENGTH)); }

    void decide() {
        const bool was_voiced = tracker.is_voiced();
        tracker.step(newest(LENGTH));
        if (tracker.is_voiced() && !was_voiced) voiced_since = next_step;
        if (tracker.is_clear()) f0_hz = refined_hz();
        next_step += STEP;
    }

    void describe() {
        const int64_t now = next_frame();
        const bool is_voiced = tracker.is_voiced(), is_decision = now == next_step - STEP;
        frame[0] = tracker.is_clear() && !is_decision ? refined_hz() : f0_hz;
        frame[1] = tracker.confidence;
        frame[2] = loudness.of(newest(Loudness::LENGTH));
        frame[3] = is_voiced ? static_cast<float>(now - voiced_since) / static_cast<float>(RATE) : 0.0f;
        // Several frames may have one instant.
        while (next_frame() == now) n_frames++;
    }
};

}  // namespace

struct oscine_listener {
    Listener inside;
    void* allocated;
};

extern "C" {

int oscine_listener_new(uint32_t host_rate, uint32_t instrument_rate, uint32_t hop_length, oscine_listener** listener) {
    if (!listener) return OSCINE_WRONG_ARGUMENT;
    *listener = nullptr;
    if (host_rate < LEAST_RATE || host_rate > MOST_HOST_RATE || instrument_rate < LEAST_RATE || instrument_rate > MOST_HOST_RATE)
        return OSCINE_WRONG_ARGUMENT;
    if (hop_length < 1 || hop_length > instrument_rate) return OSCINE_WRONG_ARGUMENT;
    Arena measure(nullptr);
    measure.take<oscine_listener>(1);
    { const Listener measured(host_rate, instrument_rate, hop_length, measure); }
    void* memory = nullptr;
    void* allocated = nullptr;
    const int taken = take_memory(nullptr, 0, static_cast<size_t>(measure.used()) + Arena::ALIGNMENT - 1, &memory, &allocated);
    if (taken != OSCINE_OK) return taken;
    Arena arena(Arena::align(memory));
    oscine_listener* made = arena.take<oscine_listener>(1);
    new (&made->inside) Listener(host_rate, instrument_rate, hop_length, arena);
    made->allocated = allocated;
    *listener = made;
    return OSCINE_OK;
}

void oscine_listener_free(oscine_listener* listener) {
    if (listener) std::free(listener->allocated);
}

int oscine_listener_reset(oscine_listener* listener) {
    if (!listener) return OSCINE_WRONG_ARGUMENT;
    listener->inside.start();
    return OSCINE_OK;
}

uint32_t oscine_listener_latency(const oscine_listener* listener) { return listener ? listener->inside.latency() : 0; }

int oscine_listener_push(oscine_listener* listener, const float* audio, size_t n_samples) {
    if (!listener || (!audio && n_samples)) return OSCINE_WRONG_ARGUMENT;
    listener->inside.push(audio, n_samples);
    return OSCINE_OK;
}

int oscine_listener_frame(oscine_listener* listener, float* frame) {
    if (!listener || !frame) return OSCINE_WRONG_ARGUMENT;
    std::memcpy(frame, listener->inside.frame, sizeof listener->inside.frame);
    return OSCINE_OK;
}

}  // extern "C"
