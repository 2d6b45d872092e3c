// The plug-in: one for notes (an instrument), one for sound (an effect), which load program files.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "DistrhoPlugin.hpp"
#include "library.h"
#include "sound.h"

START_NAMESPACE_DISTRHO

class OscinePlugin : public Plugin {
   public:
    OscinePlugin();
    ~OscinePlugin() override;

    // For the editor, which belongs to the same process. All of these are of the host's main thread.
    struct Status {
        std::string title, message, licence, credit;
        std::vector<std::string> macros;
    };
    Status status();
    std::vector<std::string> instruments();
    void describe(uint32_t index, Parameter& parameter) { initParameter(index, parameter); }
    float meter(uint32_t i) const { return meters[i].load(std::memory_order_relaxed); }
    float take_peak() { return meters[4].exchange(0); }

   protected:
    const char* getLabel() const override;
    const char* getDescription() const override;
    const char* getMaker() const override { return "Oscine"; }
    const char* getLicense() const override { return "Apache-2.0"; }
    uint32_t getVersion() const override { return d_version(OSCINE_VERSION); }
    int64_t getUniqueId() const override;

    void initAudioPort(bool input, uint32_t index, AudioPort& port) override;
    void initParameter(uint32_t index, Parameter& parameter) override;
    void initProgramName(uint32_t index, String& name) override;
    void initState(uint32_t index, State& state) override;

    float getParameterValue(uint32_t index) const override;
    void setParameterValue(uint32_t index, float value) override;
    void loadProgram(uint32_t index) override;
    String getState(const char* key) const override;
    void setState(const char* key, const char* value) override;

    void activate() override;
#if DISTRHO_PLUGIN_WANT_MIDI_INPUT
    void run(const float** inputs, float** outputs, uint32_t n_samples, const MidiEvent* events, uint32_t n_events) override;
#else
    void run(const float** inputs, float** outputs, uint32_t n_samples) override;
#endif

   private:
    oscine_performer* table = nullptr;  // of a program of silence, for what the runtime says about its settings
    uint32_t n_fixed = 0;
    std::atomic<float> values[oscine::N_PARAMETERS];
    std::atomic<float> meters[OSCINE_METERS];
    oscine::Exchange exchange;

    // What is chosen, and the thread that makes sounds while the audio thread runs. Neither is of the audio thread.
    mutable std::mutex choosing;
    oscine::Found chosen;
    std::string asked;
    uint32_t made_voices = 0;
    std::vector<std::string> macros;
    std::string licence, credit;
    std::thread maker;
    std::atomic<int32_t> wanted_voices{1};

    uint32_t sample_rate() const;
    uint32_t voices() const { return static_cast<uint32_t>(wanted_voices.load()); }
    std::unique_ptr<oscine::Sound> make();
    void choose(const std::string& choice);
    void say(const std::string& message);
    void keep_voices();
    void play(const float* const* inputs, float** outputs, uint32_t from, uint32_t to, oscine::Sound* sound);
    oscine::Sound* prepare();

    DISTRHO_DECLARE_NON_COPYABLE_WITH_LEAK_DETECTOR(OscinePlugin)
};

END_NAMESPACE_DISTRHO
