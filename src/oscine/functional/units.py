"""Conversions between the units in which pitch and level are given."""

import torch
from jaxtyping import Float
from torch import Tensor


def hz_to_midi(frequency_hz: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return the MIDI pitch, ``69 + 12 log2(f / 440)``, in semitones.

    Frequencies below 1 mHz, 0 and negative ones too, count as 1 mHz, MIDI −156: the result is always finite.
    """
    return 69.0 + 12.0 * torch.log2(frequency_hz.clamp(min=1e-3) / 440.0)


def midi_to_hz(midi: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return the frequency in Hz, ``440 · 2^((m − 69) / 12)``."""
    return 440.0 * torch.exp2((midi - 69.0) / 12.0)


def amplitude_to_db(amplitude: Float[Tensor, "*shape"], floor_db: float = -120.0) -> Float[Tensor, "*shape"]:
    """Return ``20 log10(a)`` in dB, never below ``floor_db``."""
    return 20.0 * torch.log10(amplitude.clamp(min=10.0 ** (floor_db / 20.0)))


def db_to_amplitude(level_db: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return ``10^(L / 20)``."""
    return torch.pow(10.0, level_db / 20.0)


def power_to_db(power: Float[Tensor, "*shape"], floor_db: float = -120.0) -> Float[Tensor, "*shape"]:
    """Return ``10 log10(p)`` in dB, never below ``floor_db``."""
    return 10.0 * torch.log10(power.clamp(min=10.0 ** (floor_db / 10.0)))
