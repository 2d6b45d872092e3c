"""Spectral envelopes: power densities at points of the mel scale, read at any frequency, and played.

An envelope has a value at ``band`` points that are equally spaced in mel from 0 Hz to Nyquist; between two
points it runs in a straight line over mel. Its values are power densities, dB of full scale squared per Hz,
so that it does not depend on f0: partials at a distance of f0 have ``a² / 2 = f0 · 10^(E / 10)``, and noise
of this density is as loud as they are. A second curve says how much of the power is noise: its ratio to that
of the partials, R dB, so that the aperiodicity, the noise's share, is ``σ(R ln 10 / 10)``.
"""

import math
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.functional.activations import exp_sigmoid
from oscine.functional.checks import require_batch, require_whole
from oscine.functional.constants import kept
from oscine.functional.harmonic import OscillatorState, oscillator_state, sinusoidal_oscillator_step
from oscine.functional.mfcc import hz_to_mel, mel_to_hz
from oscine.functional.noise import NoiseState, filtered_noise_step, noise_state

EnvelopePhase = Literal["minimum", "zero"]
#: Nepers of power in a dB.
NEPERS_PER_DB = math.log(10.0) / 10
#: For `exp_sigmoid`: the square root of a sigmoid.
ROOT = math.sqrt(math.e)
#: Points from 0 Hz to Nyquist at which the minimum phase is computed.
_PHASE_POINTS = 2049


class EnvelopeState(NamedTuple):
    """The state of an envelope oscillator between two blocks."""

    sines: OscillatorState
    noise: NoiseState


def envelope_state(
    batch_size: int,
    n_partials: int,
    n_noise_bands: int,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> EnvelopeState:
    """Return the state before the first sample; the noise of item ``i`` has the seed ``seed + i``."""
    sines = oscillator_state(batch_size, n_partials, n_partials, device, phased=True)
    return EnvelopeState(sines, noise_state(batch_size, n_noise_bands, seed, device))


def envelope_grid_hz(n_bands: int, sample_rate: int) -> Float[Tensor, " band"]:
    """Return the frequencies at which an envelope has its values, equally spaced in mel, Hz, float64.

    Raises:
        ValueError: When a number is not a whole number of at least 1.
    """
    require_whole(n_bands=n_bands, sample_rate=sample_rate)
    # On the CPU also where a model is built without memory (device "meta"), to know its size.
    exact = {"dtype": torch.float64, "device": "cpu"}
    top = float(hz_to_mel(torch.tensor(sample_rate / 2, **exact)))
    return mel_to_hz(torch.linspace(0.0, top, n_bands, **exact))


def read_envelope(
    values: Float[Tensor, "*frame band"], frequency_hz: Float[Tensor, "*frame point"], sample_rate: int
) -> Float[Tensor, "*frame point"]:
    """Return an envelope's values at frequencies, in a straight line over mel between its own points.

    Args:
        values: At `envelope_grid_hz`.
        frequency_hz: Where to read; above Nyquist the last value is held, below 0 Hz the first.
        sample_rate: Hz.

    Returns:
        At each frequency; NaN at one that is NaN.

    Raises:
        ValueError: When there are fewer than 2 bands, the frames differ, or the rate is not a whole number of
            at least 1.
    """
    require_whole(sample_rate=sample_rate)
    n_bands = values.shape[-1] if values.ndim else 0
    if n_bands < 2:
        raise ValueError(f"values is {tuple(values.shape)}; give at least 2 bands, 0 Hz and Nyquist.")
    frames = frequency_hz.shape[:-1]
    if values.ndim > 1 and values.shape[:-1] != frames:
        raise ValueError(
            f"values is {tuple(values.shape)} and frequency_hz {tuple(frequency_hz.shape)}; give both the "
            "same frames, or one envelope for all."
        )
    top = 2595.0 * math.log10(1.0 + sample_rate / 1400.0)
    # In float64: between two points lie up to 100 dB, and a rounded place would be audible as a level.
    place = hz_to_mel(frequency_hz.double().clamp(0.0, sample_rate / 2)) * ((n_bands - 1) / top)
    # Clamped as a whole number: a frequency that is NaN has no place, and its number may be any.
    below = place.detach().floor().to(torch.int64).clamp(0, n_bands - 2)
    low = values.expand(*frames, -1).gather(-1, below)
    high = values.expand(*frames, -1).gather(-1, below + 1)
    return low + (place - below).to(values.dtype) * (high - low)


@kept
def minimum_phase_matrix(n_bands: int, sample_rate: int) -> Float[Tensor, "band band"]:
    """Return the matrix from an envelope in dB to the minimum phase at its own points, turns, float64.

    The minimum phase is the Hilbert transform of the logarithm of the magnitude. All steps are linear: the
    envelope read at evenly spaced frequencies, its cepstrum folded onto positive times, and the imaginary
    part of that spectrum read at the envelope's points.

    Reference: Oppenheim and Schafer, Discrete-Time Signal Processing, chapter 13 (cepstrum).
    """
    grid = envelope_grid_hz(n_bands, sample_rate)
    even = torch.linspace(0.0, sample_rate / 2, _PHASE_POINTS, dtype=torch.float64)
    logarithms = read_envelope(
        torch.eye(n_bands, dtype=torch.float64), even.expand(n_bands, -1), sample_rate
    ) * (math.log(10.0) / 20)
    n_fft = 2 * (_PHASE_POINTS - 1)
    cepstrum = torch.fft.irfft(logarithms, n_fft)
    cepstrum[:, 1 : n_fft // 2] *= 2
    cepstrum[:, n_fft // 2 + 1 :] = 0
    phase = torch.fft.rfft(cepstrum).imag / (2 * math.pi)
    place = grid / (sample_rate / 2) * (_PHASE_POINTS - 1)
    below = place.floor().clamp(max=_PHASE_POINTS - 2).to(torch.int64)
    return torch.lerp(phase[:, below], phase[:, below + 1], place - below).T.contiguous()


def partial_amplitudes(
    f0_hz: Float[Tensor, "batch frame"],
    envelope_db: Float[Tensor, "batch frame band"],
    noise_ratio_db: Float[Tensor, "batch frame band"],
    n_partials: int,
    sample_rate: int,
) -> Float[Tensor, "batch frame partial"]:
    """Return the amplitudes of the partials of f0 under an envelope.

    ``a_k = √(2 f0 · 10^(E(k f0) / 10) · (1 − aperiodicity(k f0)))``

    Args:
        f0_hz: Fundamental, Hz; below 1 Hz it counts as 1 Hz.
        envelope_db: Power density at `envelope_grid_hz`, dB per Hz.
        noise_ratio_db: Power of the noise over that of the partials at the same points, dB.
        n_partials: How many.
        sample_rate: Hz.

    Raises:
        ValueError: When the arguments differ in batch or frames, there are fewer than 2 bands, or a number is
            not a whole number of at least 1.
    """
    require_batch("f0_hz", f0_hz, "batch frame")
    _check_envelopes(envelope_db, noise_ratio_db, ("f0_hz", f0_hz))
    require_whole(n_partials=n_partials, sample_rate=sample_rate)
    f0_hz = f0_hz.clamp(min=1.0)
    points = _multiples(f0_hz, n_partials)
    amplitudes = torch.pow(10.0, read_envelope(envelope_db, points, sample_rate) / 20)
    ratio_db = read_envelope(noise_ratio_db, points, sample_rate)
    return torch.sqrt(2 * f0_hz).unsqueeze(-1) * amplitudes * _root_sigmoid(-ratio_db)


def noise_magnitudes(
    envelope_db: Float[Tensor, "batch frame band"],
    noise_ratio_db: Float[Tensor, "batch frame band"],
    n_noise_bands: int,
    sample_rate: int,
) -> Float[Tensor, "batch frame magnitude"]:
    """Return the magnitudes that give `filtered_noise` the noise's share of an envelope's power density.

    Uniform noise in [−1, 1] has a mean square of 1/3, and this over Nyquist per Hz.

    Raises:
        ValueError: When the arguments differ in batch or frames, there are fewer than 2 bands, or a number is
            not a whole number of at least 1.
    """
    _check_envelopes(envelope_db, noise_ratio_db)
    require_whole(n_noise_bands=n_noise_bands, sample_rate=sample_rate)
    points = torch.linspace(0.0, sample_rate / 2, n_noise_bands, device=envelope_db.device)
    points = points.expand(*envelope_db.shape[:-1], -1)
    magnitudes = torch.pow(10.0, read_envelope(envelope_db, points, sample_rate) / 20)
    ratio_db = read_envelope(noise_ratio_db, points, sample_rate)
    return math.sqrt(1.5 * sample_rate) * magnitudes * _root_sigmoid(ratio_db)


def _root_sigmoid(ratio_db: Tensor) -> Tensor:
    """Return the amplitude of a share of power, from the ratio of its power to the rest."""
    return exp_sigmoid(NEPERS_PER_DB * ratio_db, ROOT, 1.0, 0.0)


def envelope_oscillator(
    f0_hz: Float[Tensor, "batch frame"],
    envelope_db: Float[Tensor, "batch frame band"],
    noise_ratio_db: Float[Tensor, "batch frame band"],
    *,
    n_partials: int,
    n_noise_bands: int,
    sample_rate: int,
    hop_length: int,
    phase: EnvelopePhase = "minimum",
    seed: int = 0,
) -> Float[Tensor, "batch time"]:
    """Return partials of f0 and noise that share one envelope, from the start.

    ``y[n] = Σ_k a_k[n] cos(2π (k φ[n] + θ_k[n])) + noise``, with ``a_k`` by `partial_amplitudes` and ``θ``
    the minimum phase of the envelope, so that each period is the response of a vocal tract to a pulse, or 0.
    f0 is free of the envelope: another pitch leaves the formants where they are.

    Args:
        f0_hz: Fundamental at the frames' ends, Hz; the first frame is held from the start.
        envelope_db: Power density of partials and noise at `envelope_grid_hz`, dB of full scale
            squared per Hz.
        noise_ratio_db: Power of the noise over that of the partials at the same points, dB.
        n_partials: Partials; those at or above Nyquist are silent.
        n_noise_bands: Frequencies, from 0 to Nyquist, at which the noise's filter is given.
        sample_rate: Hz.
        hop_length: Samples per frame.
        phase: "minimum", or "zero": every partial has its maximum at once.
        seed: Of the noise; item ``i`` of the batch has the seed ``seed + i``.

    Returns:
        ``frame · hop_length`` samples.

    Raises:
        ValueError: When the arguments differ in batch or frames, there are fewer than 2 bands, or a number is
            no positive whole number.

    Reference: Morise, Yokomori and Ozawa, WORLD, IEICE Transactions 99, 2016, which adds impulse responses of
        minimum phase once per period; Nercessian, Differentiable WORLD synthesizer, 2022. Here partials are
        sines, of any f0 at any sample.

    Examples:
        >>> density_db, ratio_db = torch.full((1, 50, 40), -60.0), torch.full((1, 50, 40), -20.0)
        >>> sizes = {"n_partials": 30, "n_noise_bands": 65, "sample_rate": 16000, "hop_length": 80}
        >>> envelope_oscillator(torch.full((1, 50), 220.0), density_db, ratio_db, **sizes).shape
        torch.Size([1, 4000])
    """
    require_batch("f0_hz", f0_hz, "batch frame")
    require_whole(n_partials=n_partials, n_noise_bands=n_noise_bands)
    state = envelope_state(f0_hz.shape[0], n_partials, n_noise_bands, seed, f0_hz.device)
    rates = {"sample_rate": sample_rate, "hop_length": hop_length}
    return envelope_oscillator_step(f0_hz, envelope_db, noise_ratio_db, state, **rates, phase=phase)[0]


def envelope_oscillator_step(
    f0_hz: Float[Tensor, "batch frame"],
    envelope_db: Float[Tensor, "batch frame band"],
    noise_ratio_db: Float[Tensor, "batch frame band"],
    state: EnvelopeState,
    *,
    sample_rate: int,
    hop_length: int,
    phase: EnvelopePhase = "minimum",
) -> tuple[Float[Tensor, "batch time"], EnvelopeState]:
    """Return the next block's audio and state: `envelope_oscillator` where it left off.

    Raises:
        ValueError: See `envelope_oscillator`; and when the state is of another batch.
    """
    require_batch("f0_hz", f0_hz, "batch frame")
    _check_envelopes(envelope_db, noise_ratio_db, ("f0_hz", f0_hz))
    require_whole(sample_rate=sample_rate, hop_length=hop_length)
    f0_hz = f0_hz.clamp(min=1.0)
    n_partials = state.sines.amplitudes.shape[-1]
    frequencies_hz = _multiples(f0_hz, n_partials)
    if phase == "minimum":
        matrix = minimum_phase_matrix(envelope_db.shape[-1], sample_rate).to(envelope_db)
        turns = read_envelope(envelope_db @ matrix.T + 0.25, frequencies_hz, sample_rate)
    else:
        turns = torch.full_like(frequencies_hz, 0.25)
    partials, sines = sinusoidal_oscillator_step(
        frequencies_hz,
        partial_amplitudes(f0_hz, envelope_db, noise_ratio_db, n_partials, sample_rate),
        state.sines,
        sample_rate=sample_rate,
        hop_length=hop_length,
        phases=turns,
    )
    n_noise_bands = state.noise.magnitudes.shape[-1]
    magnitudes = noise_magnitudes(envelope_db, noise_ratio_db, n_noise_bands, sample_rate)
    noise, noise_after = filtered_noise_step(magnitudes, state.noise, hop_length=hop_length)
    return partials + noise, EnvelopeState(sines, noise_after)


def _check_envelopes(
    envelope_db: Tensor, noise_ratio_db: Tensor, like: tuple[str, Tensor] | None = None
) -> None:
    like = like or ("envelope_db", envelope_db)
    for name, value in (("envelope_db", envelope_db), ("noise_ratio_db", noise_ratio_db)):
        require_batch(name, value, "batch frame band", like)
        if value.shape[2] < 2:
            raise ValueError(f"{name} is {tuple(value.shape)}; give at least 2 bands, 0 Hz and Nyquist.")


def _multiples(f0_hz: Tensor, n_partials: int) -> Float[Tensor, "batch frame partial"]:
    number = torch.arange(1, n_partials + 1, dtype=f0_hz.dtype, device=f0_hz.device)
    return f0_hz.unsqueeze(-1) * number
