"""`EnvelopeFlow`: gives the envelope of a coded voice the detail and the movement that coding took away."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from oscine.errors import InputError
from oscine.functional import euler_flow, flow_start, frame_noise
from oscine.networks import AheadTcn, FlowNetwork
from oscine.voices.codec import PIECE_FRAMES, CodedVoice, cosines
from oscine.voices.network_file import read_network, write_network
from oscine.voices.voice import Voice

_METADATA = "oscine.envelope_flow"
#: Bands that the networks know, all below 8 kHz; at a higher rate the others stay as they are.
N_BANDS = 80
_MIDDLE_DB, _SCALE_DB = -80.0, 20.0
_RATIOS, _RATIO_SCALE_DB = 2, 100.0
_REFERENCE_HZ = 100.0
#: Densities, cosines of the noise's ratio, pitch, and what `Coarseness` holds.
_N_CONDITIONS = N_BANDS + _RATIOS + 1 + 3
#: Frames of 5 ms in a frame of the networks.
_STRIDE = 2
N_STEPS = 4


class Coarseness(NamedTuple):
    """The accuracy with which an envelope was coded."""

    n_cosines: float
    """Cosines for 80 bands."""
    knot_frames: float
    """Frames of 5 ms from knot to knot."""
    step: float
    """Quarters of a dB per step of a cosine."""

    @staticmethod
    def of(coded: CodedVoice) -> "Coarseness":
        """Return the coarseness of a coded voice; a cosine that is 0 everywhere was not coded."""
        used = np.flatnonzero(coded.residuals[:, : coded.n_cosines].any(0))
        n_cosines = (1 + int(used[-1]) if len(used) else 1) * N_BANDS / coded.n_bands
        return Coarseness(n_cosines, coded.knot_frames, coded.step)


class EnvelopeFlowConfig(BaseModel):
    """Sizes of an `EnvelopeFlow`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = 1
    """Version of the file."""
    predictor_width: int = Field(default=96, ge=8, le=1024)
    """Channels of the predictor's `Tcn`."""
    width: int = Field(default=128, ge=8, le=1024)
    """Channels of the flow's `Tcn`."""
    n_layers: int = Field(default=6, ge=1, le=10)
    """Layers of both."""
    look_ahead: int = Field(default=16, ge=0, le=100)
    """Frames of 10 ms of look-ahead of each network."""
    t_start: float = Field(default=0.7, ge=0.0, lt=1.0)
    """Time at which the flow starts."""


class EnvelopeFlow(nn.Module):
    """Decoded envelopes to envelopes that vary as a recording's do: a predictor, then a rectified flow.

    The predictor is trained for the least mean absolute error, so it gives a middle of what is possible: it
    is too smooth. ``t_start`` of it and ``1 − t_start`` of noise are the start of the flow, which ends at one
    of the envelopes that are possible.

    Args:
        config: Sizes.

    Reference: DDSP-SVC 6 (yxlllc, 2025); see `oscine.functional.euler_flow`.
    """

    def __init__(self, config: EnvelopeFlowConfig | None = None) -> None:
        super().__init__()
        self.config = one = config or EnvelopeFlowConfig()
        self.predictor = AheadTcn(_N_CONDITIONS, N_BANDS, one.predictor_width, one.n_layers, one.look_ahead)
        self.flow = FlowNetwork(
            N_BANDS, _N_CONDITIONS, width=one.width, n_layers=one.n_layers, look_ahead=one.look_ahead
        )

    def frames_around(self, n_steps: int = N_STEPS) -> tuple[int, int]:
        """Return the frames before and after a frame on which it depends."""
        n_ahead = self.config.look_ahead * (1 + n_steps)
        return self.predictor.n_past + n_steps * self.flow.ahead.n_past, n_ahead

    def conditions(self, voice: Voice, coarseness: Coarseness) -> Float[Tensor, "frame condition"]:
        """Return the networks' input for a decoded voice, every 10 ms: from every second of its frames."""
        density = (voice.density_db[1::_STRIDE, :N_BANDS] - _MIDDLE_DB) / _SCALE_DB
        basis = torch.from_numpy(cosines(_RATIOS, N_BANDS)).to(density)
        ratios = voice.noise_ratio_db[1::_STRIDE, :N_BANDS] @ basis.T / _RATIO_SCALE_DB
        octaves = torch.log2(voice.f0_hz[1::_STRIDE, None] / _REFERENCE_HZ)
        n_cosines, knot_frames, step = coarseness
        known = density.new_tensor([n_cosines / 20, knot_frames / 10, np.log2(step / 48)])
        return torch.cat([density, ratios, octaves, known.expand(len(density), -1)], -1)

    def predicted(
        self, conditions: Float[Tensor, "batch frame condition"]
    ) -> Float[Tensor, "batch frame 80"]:
        """Return the predictor's envelopes, in units of 20 dB around −80 dB per Hz."""
        return conditions[..., :N_BANDS] + self.predictor(conditions)

    def refined(
        self,
        conditions: Float[Tensor, "batch frame condition"],
        noise: Float[Tensor, "batch frame 80"],
        n_steps: int = N_STEPS,
    ) -> Float[Tensor, "batch frame 80"]:
        """Return the flow's envelopes, in units of 20 dB around −80 dB per Hz.

        Args:
            conditions: The known values (`conditions`).
            noise: Normal, of variance 1.
            n_steps: Euler's steps.
        """
        smooth = self.predicted(conditions)
        return euler_flow(
            lambda x, t: self.flow(x, t, smooth, conditions),
            flow_start(smooth, noise, self.config.t_start),
            t_start=self.config.t_start,
            n_steps=n_steps,
        )

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, weights as float16, the config in its header.

        Raises:
            OSError: When the disk refuses.
        """
        write_network(path, self, self.config, _METADATA)

    @staticmethod
    def load(path: str | Path) -> "EnvelopeFlow":
        """Return the networks of a file.

        Raises:
            InputError: When the file is none of an envelope flow.
            OSError: When it can't be read.
        """
        otherwise = "is not an envelope flow; give a file that tools/make_envelope_flow.py wrote."
        return read_network(path, EnvelopeFlow, EnvelopeFlowConfig, _METADATA, otherwise)


def refined_pieces(
    coded: CodedVoice, flow: EnvelopeFlow, *, n_steps: int = N_STEPS, seed: int = 0
) -> Iterator[Voice]:
    """Yield a coded voice with refined envelopes, 20 s at a time; the pieces do not change the result.

    Pitch and noise ratio stay as they were decoded. What the flow changes every 10 ms runs in straight lines
    between; above 8 kHz nothing changes.

    Args:
        coded: The coded voice, at 16 kHz or more.
        flow: The networks.
        n_steps: Euler's steps; at 0 the predictor alone.
        seed: Of the noise.

    Raises:
        InputError: When the sample rate is below 16 kHz.
    """
    if coded.n_bands < N_BANDS:
        raise InputError(
            f"This coded voice has {coded.sample_rate} Hz; its envelope can be refined from 16000 Hz on."
        )
    before, after = flow.frames_around(n_steps)
    coarseness, n_frames = Coarseness.of(coded), coded.n_frames
    for first in range(0, n_frames, PIECE_FRAMES):
        stop = min(first + PIECE_FRAMES, n_frames)
        # The change of an even frame is the mean of its neighbours' changes, so one more on both sides.
        start = max(0, first - _STRIDE * (before + 1))
        end = min(n_frames, stop + _STRIDE * (after + 1))
        around = coded.span(start, end)
        if end - start >= _STRIDE:
            around = _changed(around, flow, coarseness, n_steps, seed, start // _STRIDE)
        yield around.slice(first - start, stop - start)


def _changed(
    voice: Voice, flow: EnvelopeFlow, coarseness: Coarseness, n_steps: int, seed: int, first: int
) -> Voice:
    """Return a voice with the flow's envelopes; ``first`` is the number of its first frame of 10 ms."""
    conditions = flow.conditions(voice, coarseness)[None]
    with torch.no_grad():
        if n_steps:
            seeds, begin = torch.tensor([seed]), torch.tensor([first])
            noise = frame_noise(seeds, begin, conditions.shape[1], N_BANDS)
            found = flow.refined(conditions, noise, n_steps)[0]
        else:
            found = flow.predicted(conditions)[0]
    change = _SCALE_DB * (found - conditions[0, :, :N_BANDS])
    earlier = torch.cat([change[:1], change[:-1]])
    both = torch.stack([(earlier + change) / 2, change], 1).flatten(0, 1)
    if len(both) < len(voice.f0_hz):
        both = torch.cat([both, both[-1:]])
    density_db = voice.density_db.clone()
    density_db[:, :N_BANDS] += both
    return Voice(voice.f0_hz, density_db, voice.noise_ratio_db, voice.sample_rate, voice.hop_length)
