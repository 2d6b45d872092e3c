"""Partials and noise under a spectral envelope, as a part of an instrument or a voice."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from oscine.functional.envelope import (
    NEPERS_PER_DB,
    ROOT,
    EnvelopePhase,
    EnvelopeState,
    envelope_grid_hz,
    envelope_oscillator_step,
    envelope_state,
    minimum_phase_matrix,
)
from oscine.functional.noise import filter_taps
from oscine.processors.base import MOST_BANDS, MOST_PARTIALS, PartConfig, Processor, require_rates
from oscine.processors.control import Control
from oscine.streaming import Program, Wire, require_count

#: Power densities that an envelope can have, dB per Hz: below the noise of 16 bits, and a loud partial.
LOWEST_DB, HIGHEST_DB = -140.0, -10.0
#: Ratios of noise to partials, dB: from inaudible noise to noise alone.
MOST_RATIO_DB = 60.0
#: How far a correction of a measured envelope goes, dB.
MOST_GAIN_DB = 20.0
MOST_ENVELOPE_BANDS = 512


class EnvelopeOscillator(Processor[EnvelopeState]):
    """Partials of f0 and noise under one envelope: `oscine.functional.envelope_oscillator`. Latency 0.

    Pitch and envelope are free of each other, as in a voice: another f0 leaves the formants where they are.

    Args:
        n_bands: Points of an envelope, equally spaced in mel from 0 Hz to Nyquist.
        n_partials: Partials; those at or above Nyquist are silent.
        n_noise_bands: Frequencies, from 0 to Nyquist, at which the noise's filter is given.
        sample_rate: Hz.
        hop_length: Samples per frame.
        phase: "minimum": each period is a response to a pulse; "zero": every partial has its maximum at once.
        measured: Envelope and noise ratio are an input, measured in a sound, and the network corrects them.
        start_db_per_octave: Slope of the envelope before training, above 100 Hz; −6 is a saw's.

    Raises:
        ValueError: When a size is not a positive whole number, there are fewer than 2 bands, the phase is of
            no known kind, or the slope is not within −48 … 0 dB.

    Examples:
        >>> oscillator = EnvelopeOscillator(20, 8, 33, sample_rate=16000, hop_length=64)
        >>> density_db = torch.full((1, 5, 20), -60.0)
        >>> oscillator(torch.full((1, 5), 440.0), density_db, torch.zeros(1, 5, 20)).shape
        torch.Size([1, 320])
    """

    is_random = True

    def __init__(
        self,
        n_bands: int,
        n_partials: int,
        n_noise_bands: int,
        sample_rate: int,
        hop_length: int,
        phase: str = "minimum",
        *,
        measured: bool = False,
        start_db_per_octave: float = -6.0,
    ) -> None:
        super().__init__()
        require_count("n_bands", n_bands, at_least=2)
        require_count("n_partials", n_partials)
        require_count("n_noise_bands", n_noise_bands, at_least=2)
        require_rates(sample_rate, hop_length)
        if phase not in ("minimum", "zero"):
            raise ValueError(f"phase is {phase!r}; give one of minimum, zero.")
        if not -48 <= start_db_per_octave <= 0:
            raise ValueError(f"start_db_per_octave is {start_db_per_octave}; give −48 … 0.")
        self.n_bands, self.n_partials, self.n_noise_bands = n_bands, n_partials, n_noise_bands
        self.sample_rate, self.hop_length = sample_rate, hop_length
        self.phase: EnvelopePhase = phase
        self.measured = measured
        self.inputs = ("f0_hz", "envelope_db") if measured else ("f0_hz",)
        self.controls = (
            _corrections(n_bands) if measured else _envelopes(n_bands, sample_rate, start_db_per_octave)
        )

    def extra_repr(self) -> str:
        """Return the sizes and options."""
        measured = ", measured" if self.measured else ""
        return (
            f"{self.n_bands} bands, {self.n_partials} partials, {self.n_noise_bands} noise bands, "
            f"{self.phase} phase{measured}, {self.sample_rate} Hz, hop {self.hop_length}"
        )

    def init_state(self, batch_size: int, seed: int = 0) -> EnvelopeState:
        """Return the state before the first sample; item ``i`` has the seed ``seed + i``."""
        sizes = self.n_partials, self.n_noise_bands
        return envelope_state(batch_size, *sizes, seed + self.seed_offset, self.device)

    def step(
        self, f0_hz: Float[Tensor, "batch frame"], *levels: Tensor, state: EnvelopeState, **named: Tensor
    ) -> tuple[Float[Tensor, "batch time"], EnvelopeState]:
        """Return the next block's audio and state.

        Args:
            f0_hz: Fundamental, Hz.
            levels: ``density_db``, dB per Hz, and ``noise_ratio_db``, dB, (batch, frame, band); or, if
                `measured`, ``envelope_db`` with both one after the other, and the two corrections of it, dB.
            state: From the block before.
            named: The same by name.
        """
        names = [*self.inputs[1:], *(control.name for control in self.controls)]
        given = dict(zip(names, levels, strict=False)) | named
        if sorted(given) != sorted(names) or len(levels) + len(named) != len(names):
            raise ValueError(
                f"{', '.join(given) or 'Nothing'} was given beside f0_hz; give {', '.join(names)}."
            )
        *measured, density_db, ratio_db = (given[name] for name in names)
        if measured:
            if not measured[0].shape[-1] == 2 * density_db.shape[-1] == 2 * ratio_db.shape[-1]:
                raise ValueError(
                    f"There are {measured[0].shape[-1]} numbers in envelope_db for {density_db.shape[-1]} "
                    f"and {ratio_db.shape[-1]} corrections; give {2 * self.n_bands} for {self.n_bands} of "
                    "each."
                )
            density, ratio = measured[0].split(self.n_bands, -1)
            density_db, ratio_db = density + density_db, ratio + ratio_db
        rates = {"sample_rate": self.sample_rate, "hop_length": self.hop_length}
        return envelope_oscillator_step(f0_hz, density_db, ratio_db, state, **rates, phase=self.phase)

    def lower(self, program: Program, f0_hz: Wire, *levels: Wire, **named: Wire) -> Wire:
        """Append the oscillator to a program."""
        names = [*self.inputs[1:], *(control.name for control in self.controls)]
        given = dict(zip(names, levels, strict=False)) | named
        *measured, density_db, ratio_db = (given[name] for name in names)
        if measured:
            density, ratio = measured[0].split(self.n_bands, self.n_bands)
            density_db, ratio_db = program.add(density, density_db), program.add(ratio, ratio_db)
        turns = torch.zeros(self.n_bands, self.n_bands)
        if self.phase == "minimum":
            turns = minimum_phase_matrix(self.n_bands, self.sample_rate)
        phases = program.linear(density_db, turns, torch.full((self.n_bands,), 0.25), is_exact=True)
        number = torch.arange(1.0, self.n_partials + 1).unsqueeze(-1)
        amplitudes = program.envelope(density_db, self.n_partials, f0_hz, amplitudes=True)
        share = self._root_sigmoid(program, program.envelope(ratio_db, self.n_partials, f0_hz), -1)
        partials = program.sinusoidal(
            program.linear(f0_hz, number, is_exact=True),
            program.multiply(amplitudes, share),
            program.envelope(phases, self.n_partials, f0_hz),
        )
        n, spacing = self.n_noise_bands, self.sample_rate / 2 / (self.n_noise_bands - 1)
        magnitudes = program.envelope(density_db, n, spacing, from_zero=True, amplitudes=True)
        magnitudes = program.affine(magnitudes, math.sqrt(1.5 * self.sample_rate / (2 * spacing)), 0.0)
        share = self._root_sigmoid(program, program.envelope(ratio_db, n, spacing, from_zero=True), 1)
        magnitudes = program.multiply(magnitudes, share)
        taps = program.linear(magnitudes, filter_taps(n).T, is_exact=True)
        return program.add(partials, program.noise(taps, self.seed_offset))

    @staticmethod
    def _root_sigmoid(program: Program, ratio_db: Wire, sign: int) -> Wire:
        return program.exp_sigmoid(program.affine(ratio_db, sign * NEPERS_PER_DB, 0.0), 1.0, ROOT, 0.0)


def _corrections(n_bands: int) -> tuple[Control, ...]:
    return tuple(
        Control(name, n_bands, "dB", -MOST_GAIN_DB, MOST_GAIN_DB, "linear")
        for name in ("density_gain_db", "noise_ratio_gain_db")
    )


def _envelopes(n_bands: int, sample_rate: int, slope_db: float) -> tuple[Control, ...]:
    """Return the controls of an envelope; the noise starts 40 dB below the partials."""
    octaves = (envelope_grid_hz(n_bands, sample_rate) / 100).clamp(min=1.0).log2()
    share = ((-50 + slope_db * octaves - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB)).clamp(0.01, 0.99)
    quiet = math.log((MOST_RATIO_DB - 40) / (MOST_RATIO_DB + 40))
    density, ratio = tuple(share.logit().tolist()), (quiet,) * n_bands
    return (
        Control("density_db", n_bands, "dB", LOWEST_DB, HIGHEST_DB, "linear", start=density),
        Control("noise_ratio_db", n_bands, "dB", -MOST_RATIO_DB, MOST_RATIO_DB, "linear", start=ratio),
    )


class EnvelopeConfig(PartConfig):
    """Partials of f0 and noise under one spectral envelope."""

    kind: Literal["envelope"] = "envelope"
    n_bands: int = Field(default=80, ge=2, le=MOST_ENVELOPE_BANDS)
    """Points of an envelope, equally spaced in mel from 0 Hz to Nyquist."""
    n_partials: int = Field(default=120, ge=1, le=MOST_PARTIALS)
    """Partials; those at or above Nyquist are silent."""
    n_noise_bands: int = Field(default=129, ge=2, le=MOST_BANDS)
    """Frequencies, from 0 to Nyquist, at which the noise's filter is given."""
    phase: EnvelopePhase = "minimum"
    """"minimum": each period is a response to a pulse, as in a voice. "zero": all partials peak at once."""
    measured: bool = False
    """The envelope is an input (kind ``envelope``), measured in a sound, and the network corrects it."""
    start_db_per_octave: float = Field(default=-6.0, ge=-48.0, le=0.0)
    """Slope of the envelope before training; −6 is a saw's. It has no effect if ``measured``."""

    def build(self, sample_rate: int, hop_length: int) -> EnvelopeOscillator:
        """Return the oscillator."""
        return EnvelopeOscillator(
            self.n_bands,
            self.n_partials,
            self.n_noise_bands,
            sample_rate,
            hop_length,
            self.phase,
            measured=self.measured,
            start_db_per_octave=self.start_db_per_octave,
        )
