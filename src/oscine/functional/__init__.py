"""Every formula of the library, as a pure function on tensors."""

from oscine.functional.activations import (
    exp_sigmoid,
    log_sigmoid_range,
    normalize_distribution,
    scaled_sigmoid,
)
from oscine.functional.convolution import convolve
from oscine.functional.fft import fast_fft_length, fft_convolve
from oscine.functional.filter import minimum_phase_taps, moving_filter, zero_phase_taps
from oscine.functional.frames import upsample
from oscine.functional.harmonic import (
    harmonic_amplitudes,
    harmonic_oscillator,
    partial_ratios,
    sinusoidal_oscillator,
)
from oscine.functional.hold import hold_valid
from oscine.functional.loudness import a_weighting_db, loudness_db, paper_loudness_db, rms_power_db
from oscine.functional.mfcc import log_mel_spectrogram, mfcc
from oscine.functional.noise import filtered_noise, uniform_noise
from oscine.functional.onset import OnsetState, onset_state, time_since_onset_s, time_since_onset_step
from oscine.functional.phase import accumulate_phase
from oscine.functional.pulse import pulse_train
from oscine.functional.spectral_distance import multi_scale_spectral_distance
from oscine.functional.stft import stft_magnitude
from oscine.functional.units import amplitude_to_db, db_to_amplitude, hz_to_midi, midi_to_hz, power_to_db
from oscine.functional.wavetable import cycle_coefficients, sampled_cycles, wavetable_oscillator

__all__ = [
    "OnsetState",
    "a_weighting_db",
    "accumulate_phase",
    "amplitude_to_db",
    "convolve",
    "cycle_coefficients",
    "db_to_amplitude",
    "exp_sigmoid",
    "fast_fft_length",
    "fft_convolve",
    "filtered_noise",
    "harmonic_amplitudes",
    "harmonic_oscillator",
    "hold_valid",
    "hz_to_midi",
    "log_mel_spectrogram",
    "log_sigmoid_range",
    "loudness_db",
    "mfcc",
    "midi_to_hz",
    "minimum_phase_taps",
    "moving_filter",
    "multi_scale_spectral_distance",
    "normalize_distribution",
    "onset_state",
    "paper_loudness_db",
    "partial_ratios",
    "power_to_db",
    "pulse_train",
    "rms_power_db",
    "sampled_cycles",
    "scaled_sigmoid",
    "sinusoidal_oscillator",
    "stft_magnitude",
    "time_since_onset_s",
    "time_since_onset_step",
    "uniform_noise",
    "upsample",
    "wavetable_oscillator",
    "zero_phase_taps",
]
