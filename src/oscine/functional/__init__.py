"""Every formula of the library, as a pure function on tensors."""

from oscine.functional.activations import (
    exp_sigmoid,
    log_sigmoid_range,
    normalize_distribution,
    scaled_sigmoid,
)
from oscine.functional.allpole import (
    AllpoleState,
    allpole,
    allpole_residual,
    allpole_state,
    allpole_step,
)
from oscine.functional.causal_stft import (
    CausalStftState,
    causal_stft,
    causal_stft_state,
    causal_stft_step,
    inverse_causal_stft,
    inverse_causal_stft_step,
)
from oscine.functional.centroid import spectral_centroid_midi
from oscine.functional.convolution import ConvolutionState, convolution_state, convolve, convolve_step
from oscine.functional.envelope import (
    EnvelopeState,
    envelope_grid_hz,
    envelope_oscillator,
    envelope_oscillator_step,
    envelope_state,
    minimum_phase_matrix,
    noise_magnitudes,
    partial_amplitudes,
    read_envelope,
)
from oscine.functional.fft import fast_fft_length, fft_convolve
from oscine.functional.filter import (
    FilterState,
    filter_state,
    minimum_phase_taps,
    moving_filter,
    moving_filter_step,
    zero_phase_taps,
)
from oscine.functional.flow import euler_flow, flow_path, flow_start, frame_noise
from oscine.functional.fm import (
    FmState,
    dx7_algorithm,
    fm_carriers,
    fm_oscillator,
    fm_oscillator_step,
    fm_state,
    limit_fm_levels,
)
from oscine.functional.frames import UpsampleState, previous_frames, upsample, upsample_state, upsample_step
from oscine.functional.framing import frame_centers, frames_at
from oscine.functional.glottal import glottal_cycles, glottal_tables, glottal_weights
from oscine.functional.harmonic import (
    OscillatorState,
    harmonic_amplitudes,
    harmonic_oscillator,
    harmonic_oscillator_step,
    oscillator_state,
    partial_ratios,
    sinusoidal_oscillator,
    sinusoidal_oscillator_step,
)
from oscine.functional.hit import HitState, hit_state, onset_gate, onset_gate_step
from oscine.functional.hold import hold_valid
from oscine.functional.interpolation import refine_frames
from oscine.functional.loudness import a_weighting_db, loudness_db, paper_loudness_db, rms_power_db
from oscine.functional.lpc import formants, lpc_to_reflection, move_formant, reflection_to_lpc
from oscine.functional.mfcc import log_mel_spectrogram, mfcc
from oscine.functional.modes import modes, modes_step
from oscine.functional.noise import (
    NoiseState,
    band_centers_hz,
    filtered_noise,
    filtered_noise_step,
    noise_state,
    uniform_noise,
)
from oscine.functional.noise_bands import noise_bands, noise_bands_step
from oscine.functional.onset import OnsetState, onset_state, time_since_onset_s, time_since_onset_step
from oscine.functional.phase import accumulate_phase
from oscine.functional.pulse import PulseState, pulse_state, pulse_train, pulse_train_step
from oscine.functional.shimmer import shimmer
from oscine.functional.spectral_distance import multi_scale_spectral_distance
from oscine.functional.stft import stft_magnitude
from oscine.functional.strings import (
    StringsState,
    key_weights,
    string_tables,
    strings,
    strings_state,
    strings_step,
    usual_inharmonicity,
)
from oscine.functional.transient import transient, transient_step
from oscine.functional.transport import spectral_transport, wasserstein_distance, wasserstein_power
from oscine.functional.units import amplitude_to_db, db_to_amplitude, hz_to_midi, midi_to_hz, power_to_db
from oscine.functional.wavetable import (
    WavetableState,
    cycle_coefficients,
    sampled_cycles,
    wavetable_oscillator,
    wavetable_oscillator_step,
    wavetable_state,
)

__all__ = [
    "AllpoleState",
    "CausalStftState",
    "ConvolutionState",
    "EnvelopeState",
    "FilterState",
    "FmState",
    "HitState",
    "NoiseState",
    "OnsetState",
    "OscillatorState",
    "PulseState",
    "StringsState",
    "UpsampleState",
    "WavetableState",
    "a_weighting_db",
    "accumulate_phase",
    "allpole",
    "allpole_residual",
    "allpole_state",
    "allpole_step",
    "amplitude_to_db",
    "band_centers_hz",
    "causal_stft",
    "causal_stft_state",
    "causal_stft_step",
    "convolution_state",
    "convolve",
    "convolve_step",
    "cycle_coefficients",
    "db_to_amplitude",
    "dx7_algorithm",
    "envelope_grid_hz",
    "envelope_oscillator",
    "envelope_oscillator_step",
    "envelope_state",
    "euler_flow",
    "exp_sigmoid",
    "fast_fft_length",
    "fft_convolve",
    "filter_state",
    "filtered_noise",
    "filtered_noise_step",
    "flow_path",
    "flow_start",
    "fm_carriers",
    "fm_oscillator",
    "fm_oscillator_step",
    "fm_state",
    "formants",
    "frame_centers",
    "frame_noise",
    "frames_at",
    "glottal_cycles",
    "glottal_tables",
    "glottal_weights",
    "harmonic_amplitudes",
    "harmonic_oscillator",
    "harmonic_oscillator_step",
    "hit_state",
    "hold_valid",
    "hz_to_midi",
    "inverse_causal_stft",
    "inverse_causal_stft_step",
    "key_weights",
    "limit_fm_levels",
    "log_mel_spectrogram",
    "log_sigmoid_range",
    "loudness_db",
    "lpc_to_reflection",
    "mfcc",
    "midi_to_hz",
    "minimum_phase_matrix",
    "minimum_phase_taps",
    "modes",
    "modes_step",
    "move_formant",
    "moving_filter",
    "moving_filter_step",
    "multi_scale_spectral_distance",
    "noise_bands",
    "noise_bands_step",
    "noise_magnitudes",
    "noise_state",
    "normalize_distribution",
    "onset_gate",
    "onset_gate_step",
    "onset_state",
    "oscillator_state",
    "paper_loudness_db",
    "partial_amplitudes",
    "partial_ratios",
    "power_to_db",
    "previous_frames",
    "pulse_state",
    "pulse_train",
    "pulse_train_step",
    "read_envelope",
    "refine_frames",
    "reflection_to_lpc",
    "rms_power_db",
    "sampled_cycles",
    "scaled_sigmoid",
    "shimmer",
    "sinusoidal_oscillator",
    "sinusoidal_oscillator_step",
    "spectral_centroid_midi",
    "spectral_transport",
    "stft_magnitude",
    "string_tables",
    "strings",
    "strings_state",
    "strings_step",
    "time_since_onset_s",
    "time_since_onset_step",
    "transient",
    "transient_step",
    "uniform_noise",
    "upsample",
    "upsample_state",
    "upsample_step",
    "usual_inharmonicity",
    "wasserstein_distance",
    "wasserstein_power",
    "wavetable_oscillator",
    "wavetable_oscillator_step",
    "wavetable_state",
    "zero_phase_taps",
]
