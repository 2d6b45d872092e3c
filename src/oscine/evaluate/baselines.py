"""What an instrument is measured against: a player without a network, and a perfect one without noise."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.analysis import VOICED, Features
from oscine.functional.frames import previous_frames
from oscine.functional.harmonic import harmonic_amplitudes, harmonic_oscillator
from oscine.functional.phase import accumulate_phase
from oscine.functional.units import db_to_amplitude
from oscine.models import Instrument, InstrumentState
from oscine.processors import Processor

_BLOCK_S = 10.0
_HETERODYNE_S = 0.02
_N_HARMONICS = 100


@dataclass(frozen=True)
class Asked:
    """What an instrument is asked to play, a batch of one."""

    f0_hz: Float[Tensor, "1 frame"]
    loudness_db: Float[Tensor, "1 frame"]
    conditions: dict[str, Tensor]
    """What drives it beside the two, by name."""

    @property
    def inputs(self) -> tuple[Tensor | dict[str, Tensor], ...]:
        """The arguments of its `step`."""
        return (self.f0_hz, self.loudness_db, *([self.conditions] if self.conditions else []))

    def slice(self, start: int, stop: int) -> "Asked":
        """Return frames ``start`` … ``stop − 1``."""
        conditions = {name: curve[:, start:stop] for name, curve in self.conditions.items()}
        return Asked(self.f0_hz[:, start:stop], self.loudness_db[:, start:stop], conditions)


class MeanControl(Processor):
    """The instrument with its network replaced by averages: one timbre, which pitch and loudness carry.

    With the level ``g[t] = 10^(loudness_db[t] / 20)``, the sound is made by the instrument's own
    synthesisers, in its own room, from

        ``amplitude[t] = g[t] · Σ amplitude / Σ g,   noise_magnitudes[t] = g[t] · Σ noise_magnitudes / Σ g``

    and the mean of the harmonic distribution, weighted by amplitude; the sums run over the held-out frames.
    So the time-mean of every control is that of the instrument, and what the instrument does better is what
    its network knows about how a timbre moves with pitch, loudness and time.

    Args:
        instrument: Gives synthesisers, room and rates.
        asked: What it plays; its controls are averaged over all of it.
    """

    def __init__(self, instrument: Instrument, asked: Iterable[Asked]) -> None:
        super().__init__()
        self.instrument = instrument
        level, amplitude = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        partials, noise = torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
        with torch.no_grad():
            for one in asked:
                state = instrument.controller.init_state(1)
                step = max(1, round(_BLOCK_S * instrument.sample_rate / instrument.hop_length))
                for start in range(0, one.f0_hz.shape[1], step):
                    block = one.slice(start, start + step)
                    controls, state = instrument.control_step(
                        block.f0_hz, block.loudness_db, state, block.conditions
                    )
                    level = level + db_to_amplitude(block.loudness_db).double().sum()
                    amplitude = amplitude + controls["amplitude"].double().sum()
                    noise = noise + controls["noise_magnitudes"][0].double().sum(0)
                    each = harmonic_amplitudes(
                        block.f0_hz,
                        controls["amplitude"],
                        controls["harmonic_distribution"],
                        instrument.sample_rate,
                    )
                    partials = partials + each[0].double().sum(0)
        self.amplitude = float(amplitude / level)
        self.register_buffer("distribution", (partials / partials.sum()).float())
        self.register_buffer("noise", (noise / level).float())

    def init_state(self, batch_size: int) -> InstrumentState:
        """Return the instrument's state before the first frame."""
        return self.instrument.init_state(batch_size)

    def step(
        self,
        f0_hz: Float[Tensor, "batch frame"],
        loudness_db: Float[Tensor, "batch frame"],
        conditions: Mapping[str, Tensor] | None = None,
        *,
        state: InstrumentState,
    ) -> tuple[Float[Tensor, "batch time"], InstrumentState]:
        """Return the next block's audio and the state; the conditions are in the averages."""
        del conditions
        level = db_to_amplitude(loudness_db)
        controls = {
            "f0_hz": f0_hz,
            "amplitude": self.amplitude * level,
            "harmonic_distribution": self.get_buffer("distribution").expand(*f0_hz.shape, -1),
            "noise_magnitudes": level.unsqueeze(-1) * self.get_buffer("noise"),
        }
        audio, oscillator, noise = self.instrument.synthesize_step(controls, state.oscillator, state.noise)
        room = state.room
        if self.instrument.room is not None and room is not None:
            audio, room = self.instrument.room.step(audio, state=room)
        return audio, InstrumentState(state.controller, oscillator, noise, room)


def harmonic_ceiling(audio: Float[Tensor, " time"], features: Features) -> Float[Tensor, " time"]:
    """Return the sound as its own harmonics alone give it: measured in the target, played by the oscillator.

    Each harmonic's amplitude is heterodyned out of the target: ``a_k[t] = |2 Σ_n w[n] x[n] e^(−2πi k
    φ[n])|``, with the phase φ of the target's f0 and a Hann window w (sum 1) centred on the frame's
    instant, 20 ms long or three periods of the lowest pitch, whichever is longer (a Hann window needs two
    to tell neighbours apart). Nothing is learned and nothing is noise: a network that made the harmonics
    perfectly, and only these, would sound so. What is left in its pitch errors is the tracker's own. Where
    the recording's noise counts, in loudness (the paper's is a mean of decibels over all bins) and between
    the harmonics, an instrument with a good noise branch comes nearer than this.

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
