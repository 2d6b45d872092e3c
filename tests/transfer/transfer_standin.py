"""A tiny instrument with the interface of the real one, and melodies to play on it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import ks_2samp
from torch import Tensor

from oscine.analysis import Features
from oscine.data.statistics import Statistics
from oscine.models import Instrument, InstrumentConfig
from oscine.networks import ControllerConfig
from oscine.processors import Chain, HarmonicConfig, Processor, Sum

SAMPLE_RATE = 16000
HOP = 64
FRAME_RATE = SAMPLE_RATE / HOP


class Echo(Processor[Tensor]):
    """One echo, half as loud, after 800 samples (50 ms)."""

    signals = ("audio",)

    def init_state(self, batch_size: int, seed: int = 0) -> Tensor:
        return torch.zeros(batch_size, 800)

    def step(self, audio, *, state):
        both = torch.cat([state, audio], dim=1)
        return audio + 0.5 * both[:, :-800], both[:, -800:]


class SineState(NamedTuple):
    turns: Tensor
    late: Tensor


class Sines(Processor[SineState]):
    """Harmonics at f0 and loudness, 37 samples late."""

    inputs = ("f0_hz", "loudness_db")

    def __init__(self, level: float, n_harmonics: int) -> None:
        super().__init__()
        self.level, self.n_harmonics = level, n_harmonics

    @property
    def latency(self) -> int:
        return 37

    def init_state(self, batch_size: int, seed: int = 0) -> SineState:
        zeros = torch.zeros(batch_size, dtype=torch.float64)
        return SineState(zeros, torch.zeros(batch_size, 37))

    def step(self, f0_hz, loudness_db, *, state):
        turns = (f0_hz.double() / SAMPLE_RATE).repeat_interleave(HOP, dim=1).cumsum(1) + state.turns[:, None]
        amplitude = self.level * (10 ** (loudness_db / 20)).repeat_interleave(HOP, dim=1)
        order = torch.arange(1, self.n_harmonics + 1)
        sound = (torch.sin(2 * torch.pi * order[:, None, None] * (turns % 1)) / order[:, None, None]).sum(0)
        late = torch.cat([state.late, amplitude * sound.float()], dim=1)
        return late[:, :-37], SineState(turns[:, -1] % 1, late[:, -37:])


class SineInstrument(Instrument):
    """Six harmonics at f0 and loudness (one alone when ``pure``), 37 samples late, with an echo."""

    def __init__(self, learned: Statistics | None = None, level: float = 1.0, pure: bool = False) -> None:
        config = InstrumentConfig(
            sample_rate=SAMPLE_RATE,
            hop_length=HOP,
            controller=ControllerConfig(hidden_size=1),
            synth=(HarmonicConfig(n_harmonics=1),),
            effects=(),
        )
        super().__init__(config, learned)
        sines = Sines(level, 1 if pure else 6)
        self.synth, self.effects = Sum({"sines": sines}), Chain({"echo": Echo()})

    def control(self, conditions, *, state=None, seed=0):
        return dict(conditions), self.control_state(1) if state is None else state


def statistics(
    low_midi: float = 60,
    high_midi: float = 84,
    quiet_db: float = -50,
    loud_db: float = -20,
    silence_db: float = -60,
) -> Statistics:
    """An instrument that was learned evenly over a range of pitch and loudness."""
    return Statistics(
        minutes=5.0,
        voiced_share=0.9,
        pitch_midi_quantiles=np.linspace(low_midi, high_midi, 101).tolist(),
        loudness_db_quantiles=np.linspace(quiet_db, loud_db, 101).tolist(),
        loudness_db_silence=silence_db,
    )


def features(midi: Tensor, loudness_db: Tensor, confidence: Tensor | None = None) -> Features:
    """Features of an ideal tracker."""
    f0_hz = 440 * 2 ** ((midi.float() - 69) / 12)
    confidence = torch.full_like(f0_hz, 0.95) if confidence is None else confidence.float()
    loudness_db = loudness_db.float()
    return Features(
        f0_hz=f0_hz,
        confidence=confidence,
        loudness_db=loudness_db,
        power_db=loudness_db,
        sample_rate=SAMPLE_RATE,
        hop_length=HOP,
    )


def frames(seconds: float) -> int:
    return round(seconds * FRAME_RATE)


def tone(midi: float, seconds: float) -> Tensor:
    return torch.full((frames(seconds),), float(midi))


def hum(
    midis: Sequence[float], *, note_s: float = 0.5, gap_s: float = 0.15, rate: int = SAMPLE_RATE
) -> np.ndarray:
    """A melody of harmonic tones with silence between them, as mono float32."""
    pieces = []
    for midi in midis:
        t = np.arange(round(note_s * rate)) / rate
        f0_hz = 440 * 2 ** ((midi - 69) / 12)
        sound = sum(np.sin(2 * np.pi * k * f0_hz * t) / k for k in range(1, 8) if k * f0_hz < rate / 2)
        ramp = np.minimum(1, np.minimum(t, note_s - t) / 0.02)
        pieces += [0.2 * sound * ramp, np.zeros(round(gap_s * rate))]
    return np.concatenate(pieces).astype(np.float32)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """The greatest difference between two distributions (Kolmogorov and Smirnov)."""
    return float(np.asarray(ks_2samp(one, other))[0])
