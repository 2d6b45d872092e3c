// What DPF has to know about a plug-in before it is compiled. OSCINE_VOICE makes the effect, otherwise it is the instrument.
#pragma once

#define DISTRHO_PLUGIN_BRAND "Oscine"
#ifdef OSCINE_VOICE
#define DISTRHO_PLUGIN_NAME "Oscine Voice"
#define DISTRHO_PLUGIN_URI "urn:oscine:voice"
#define DISTRHO_PLUGIN_CLAP_ID "oscine.voice"
#define DISTRHO_PLUGIN_NUM_INPUTS 2
#define DISTRHO_PLUGIN_IS_SYNTH 0
#define DISTRHO_PLUGIN_LV2_CATEGORY "lv2:PitchPlugin"
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Fx|Pitch Shift|Stereo"
#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "pitch-shifter", "stereo"
#else
#define DISTRHO_PLUGIN_NAME "Oscine"
#define DISTRHO_PLUGIN_URI "urn:oscine:instrument"
#define DISTRHO_PLUGIN_CLAP_ID "oscine.instrument"
#define DISTRHO_PLUGIN_NUM_INPUTS 0
#define DISTRHO_PLUGIN_IS_SYNTH 1
#define DISTRHO_PLUGIN_LV2_CATEGORY "lv2:InstrumentPlugin"
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Instrument|Synth|Stereo"
#define DISTRHO_PLUGIN_CLAP_FEATURES "instrument", "synthesizer", "stereo"
#endif

// The sound is mono. Two channels are declared, because many hosts take no others; both are the same.
#define DISTRHO_PLUGIN_NUM_OUTPUTS 2
#define DISTRHO_PLUGIN_IS_RT_SAFE 1
#define DISTRHO_PLUGIN_WANT_LATENCY 1
#define DISTRHO_PLUGIN_WANT_PROGRAMS 1
#define DISTRHO_PLUGIN_WANT_STATE 1
#define DISTRHO_PLUGIN_WANT_FULL_STATE 1
// The editor reads meters and messages from the plug-in itself, so both are in one process.
#define DISTRHO_PLUGIN_WANT_DIRECT_ACCESS 1

#ifdef OSCINE_EDITOR
#define DISTRHO_PLUGIN_HAS_UI 1
#define DISTRHO_UI_USE_NANOVG 1
#define DISTRHO_UI_FILE_BROWSER 1
#define DISTRHO_UI_DEFAULT_WIDTH 760
#define DISTRHO_UI_DEFAULT_HEIGHT 480
#else
#define DISTRHO_PLUGIN_HAS_UI 0
#endif
