"""The oracle of an evaluation: the instrument's synthesiser, its controls fitted to the recording."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from oscine.analysis import F0Curve
from oscine.evaluation.sound import Band
from oscine.evaluation.tally import Metrics, Played, Sound, Tally, heard_sound, played
from oscine.fitting import fit
from oscine.models import Instrument

ORACLE_S = 60.0
"""The longest part of the held-out audio that the oracle is fitted to, seconds: it takes minutes."""

_STEPS = 200
_SHORTEST_S = 0.2
_SILENT = 1e-3


def oracle(
    instrument: Instrument,
    audio: Float[Tensor, " time"],
    f0_hz: Float[Tensor, " frame"],
    *,
    steps: int = _STEPS,
    on_progress: Callable[[float], None] = lambda share: None,
) -> Float[Tensor, " time"] | None:
    """Return the nearest that an instrument's synthesiser comes to a sound: the output of `oscine.fit`.

    Parts and effects are the instrument's, with their weights. The pitch is given; every other control is a
    free number for each frame, moved by the gradient of the multi-scale spectral loss. The noise is one draw,
    and its controls shape this very draw, so the oracle can be closer to the recording than the noise floor.

    Args:
        instrument: Its synth and effects are used; its network is not.
        audio: The recording.
        f0_hz: The pitch that the instrument plays, one value per frame.
        steps: Steps of the optimiser.
        on_progress: Called with the finished share, 0 … 1.

    Returns:
        As many samples; None for a sound that is shorter than 0.2 s or nowhere above −60 dB of full scale.

    Raises:
        InputError: When a part of the instrument takes an input other than the pitch.
    """
    rate, hop_length = instrument.sample_rate, instrument.hop_length
    if len(audio) < _SHORTEST_S * rate or float(audio.abs().max()) < _SILENT:
        return None
    time_s = np.arange(1, len(f0_hz) + 1) * (hop_length / rate)
    pitch = F0Curve(time_s, f0_hz.double().cpu().numpy(), np.ones(len(f0_hz)), names_pauses=True)
    with torch.enable_grad():
        patch = fit((audio, rate), instrument, steps=steps, tracker=pitch, on_progress=on_progress)
    return patch.play()[0]


class OracleRow:
    """The oracle's figures over the first stretches of the held-out audio.

    Args:
        instrument: As of `oracle`.
        band: The recording's.
        n_frames: Length of the held-out audio, of which at most `ORACLE_S` are fitted; 0 for no oracle.

    Attributes:
        n_left: Frames that are still to be fitted.
        n_fitted: Frames that were fitted; pieces of silence are left out.
    """

    def __init__(self, instrument: Instrument, band: Band, n_frames: int) -> None:
        longest = round(ORACLE_S * instrument.sample_rate / instrument.hop_length)
        self.n_left, self.n_fitted = min(n_frames, longest), 0
        self._instrument, self._band = instrument, band
        self._tally = Tally(band, instrument.sample_rate)

    def add(
        self,
        recording: Played,
        f0_hz: Float[Tensor, " frame"],
        on_progress: Callable[[float], None] = lambda share: None,
    ) -> Sound | None:
        """Fit a piece of the recording, or what is left to fit of it, and count it.

        Args:
            recording: The piece.
            f0_hz: As of `oracle`.
            on_progress: As of `oracle`.

        Returns:
            The oracle's output; None for a piece that has no oracle.
        """
        whole = recording.sound
        n = min(self.n_left, whole.features.n_frames)
        self.n_left -= n
        audio = whole.audio[: n * whole.features.hop_length]
        nearest = oracle(self._instrument, audio, f0_hz[:n], steps=_STEPS, on_progress=on_progress)
        if nearest is None:
            return None
        if n < whole.features.n_frames:
            target = heard_sound(audio, whole.features.slice(0, n))
            recording = played(target, target, self._band)
        self.n_fitted += n
        output = heard_sound(nearest, recording.sound.features)
        self._tally.add(played(output, recording.sound, self._band), recording, recording.sound.features)
        return output

    def result(self) -> Metrics | None:
        """Return the figures; None when nothing was fitted."""
        return self._tally.result() if self.n_fitted else None
