"""The baselines of an evaluation: the instrument without a network, and exact harmonics without noise."""

import math
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.analysis import VOICED, Features
from oscine.functional.activations import normalize_distribution
from oscine.functional.frames import previous_frames
from oscine.functional.harmonic import harmonic_oscillator
from oscine.functional.phase import accumulate_phase
from oscine.functional.units import db_to_amplitude
from oscine.models import Instrument, PlayState
from oscine.streaming import Streaming

_HETERODYNE_S = 0.02
_N_HARMONICS = 100


class MeanControl(Streaming[PlayState]):
    """The instrument with its network replaced by averages: one timbre that follows pitch and loudness.

    With the level ``g[t] = 10^(loudness_db[t] / 20)``, the sound is made by the instrument's own parts from

        ``amplitude[t] = g[t] · Σ amplitude / Σ g``

    for every control that is an amplitude, and from the mean of every other control, weighted by ``g``; the
    sums run over the held-out frames. So the time-mean of every amplitude is that of the instrument. The
    instrument's advantage is what its network has learned about the change of timbre with pitch, loudness and
    time.

    Args:
        instrument: Its parts, inputs and rates are used.
        pieces: The conditions by name and the loudness in dB, (1, frame), over which its controls are
            averaged.
    """

    def __init__(self, instrument: Instrument, pieces: Iterable[tuple[dict[str, Tensor], Tensor]]) -> None:
        super().__init__()
        self.instrument = instrument
        total = torch.zeros((), dtype=torch.float64)
        sums = {control.name: torch.zeros((), dtype=torch.float64) for control in instrument.controls}
        with torch.no_grad():
            for conditions, loudness_db in pieces:
                controls, _ = instrument.control(conditions)
                level = db_to_amplitude(loudness_db)[0].double()
                total = total + level.sum()
                for control in instrument.controls:
                    value = controls[control.name][0].double().cpu()
                    if control.activation == "distribution":
                        value = normalize_distribution(value)
                    if control.unit == "linear" and "gate" in controls:
                        gate = controls["gate"][0].double().cpu()
                        value = value * (gate if value.ndim == 1 else gate[:, None])
                    if control.unit != "linear":
                        value = value * (level if value.ndim == 1 else level[:, None])
                    sums[control.name] = sums[control.name] + value.sum(0)
        self.means = {name: (value / total).float().to(instrument.device) for name, value in sums.items()}

    def init_state(self, batch_size: int, seed: int = 0) -> PlayState:
        """Return the instrument's state before the first frame."""
        return self.instrument.play_state(batch_size, seed)

    def step(
        self, loudness_db: Float[Tensor, "batch frame"], *, state: PlayState, **conditions: Tensor
    ) -> tuple[Float[Tensor, "batch time"], PlayState]:
        """Return the next block's audio and the state.

        Args:
            loudness_db: The loudness to play.
            state: From the block before.
            conditions: The inputs of the instrument's parts, by name; the other conditions are not used.
        """
        level = db_to_amplitude(loudness_db)
        controls = dict(conditions)
        for control in self.instrument.controls:
            gain = level if control.unit == "linear" else torch.ones_like(level)
            controls[control.name] = (gain[..., None] if control.size else gain) * self.means[control.name]
        return self.instrument.play(controls, state=state)


def harmonic_ceiling(audio: Float[Tensor, " time"], features: Features) -> Float[Tensor, " time"]:
    """Return the harmonics of a sound: measured in the target, played by the oscillator.

    Each harmonic's amplitude is heterodyned out of the target: ``a_k[t] = |2 Σ_n w[n] x[n] e^(−2πi k
    φ[n])|``, with the phase φ of the target's f0 and a Hann window w (sum 1) centred on the frame's instant,
    20 ms long or three periods of the lowest pitch, whichever is longer (a Hann window needs two to separate
    neighbours). Nothing is learned, and there is no noise: this is the output of a network with perfect
    harmonics and without noise. Its pitch errors are those of the tracker. Noise counts in the loudness error
    (the paper's loudness is a mean of decibels over all bins) and in the spectral loss; there an instrument
    with a good noise part can be closer to the recording.

    Args:
        audio: The target, ``n_frames · hop_length`` samples.
        features: Its features; they give the pitch, the sample rate and the hop.

    Returns:
        As many samples.

    Reference:
        Serra and Smith, Spectral modeling synthesis, 1990, for the separation into harmonics and a rest.
    """
    amplitudes = heterodyne(audio, features)
    total = amplitudes.sum(-1)
    return harmonic_oscillator(
        features.f0_hz[None],
        total[None],
        amplitudes[None],
        sample_rate=features.sample_rate,
        hop_length=features.hop_length,
    )[0]


def heterodyne(
    audio: Float[Tensor, " time"], features: Features, n_harmonics: int = _N_HARMONICS
) -> Float[Tensor, "frame harmonic"]:
    """Return the amplitudes of a sound's harmonics along its f0 (see ``harmonic_ceiling``).

    Args:
        audio: The sound, ``n_frames · hop_length`` samples.
        features: Its pitch, sample rate and hop.
        n_harmonics: Number of harmonics; those at or above Nyquist are 0.
    """
    rate, hop = features.sample_rate, features.hop_length
    f0_hz = features.f0_hz[None]
    no_frame = torch.zeros(1), torch.zeros(1, dtype=torch.bool)
    turns, _ = accumulate_phase(
        f0_hz, previous_frames(f0_hz, *no_frame), torch.zeros(1, dtype=torch.float64), rate, hop
    )
    voiced = features.f0_hz[features.confidence >= VOICED]
    lowest_hz = float(voiced.quantile(0.02)) if 0 < len(voiced) <= 1 << 24 else float(features.f0_hz.min())
    half = math.ceil(max(_HETERODYNE_S, 3.0 / lowest_hz) * rate / 2)
    window = torch.hann_window(2 * half + 1, periodic=False)
    window = (2.0 * window / window.sum())[None, None]

    angle = (turns.flatten() * (2.0 * math.pi)).float()
    carrier = torch.polar(torch.ones_like(angle), -angle)
    shifted = audio.to(torch.complex64)
    n_harmonics = min(n_harmonics, max(1, math.ceil(rate / 2 / float(features.f0_hz.min())) - 1))
    amplitudes = torch.zeros(features.n_frames, n_harmonics)
    for k in range(n_harmonics):
        # One more harmonic down each time: the k-th power of the carrier, without ever holding all of them.
        shifted = shifted * carrier
        parts = torch.nn.functional.pad(torch.view_as_real(shifted).T, (half - hop, half + 1))[:, None]
        # Frame t's instant is (t + 1) · hop: the window of frame 0 begins half before that.
        smooth = torch.nn.functional.conv1d(parts, window, stride=hop)[:, 0]
        amplitudes[:, k] = torch.linalg.vector_norm(smooth, dim=0)
    audible = features.f0_hz[:, None] * torch.arange(1, n_harmonics + 1) < rate / 2
    return amplitudes * audible
