"""A band-limited train of pulses in closed form: the source of the source-filter model."""

import math
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine.functional.checks import require_batch, require_whole
from oscine.functional.frames import previous_frames, upsample
from oscine.functional.phase import accumulate_phase

Harmonics = Literal["all", "odd"]


class PulseState(NamedTuple):
    """The state of a pulse train between two blocks."""

    phase: Float[Tensor, " batch"]
    """Phase at the next sample, turns in [0, 1), float64."""
    frequency_hz: Float[Tensor, " batch"]
    """Fundamental at the last frame."""
    amplitude: Float[Tensor, " batch"]
    """Amplitude at the last frame."""
    started: Bool[Tensor, " batch"]
    """False until the first frame, which is held from the start."""


def pulse_state(batch_size: int, device: torch.device | str | None = None) -> PulseState:
    """Return the state before the first sample, which is the middle of a pulse."""
    return PulseState(
        phase=torch.zeros(batch_size, dtype=torch.float64, device=device),
        frequency_hz=torch.zeros(batch_size, device=device),
        amplitude=torch.zeros(batch_size, device=device),
        started=torch.zeros(batch_size, dtype=torch.bool, device=device),
    )


def pulse_train(
    f0_hz: Float[Tensor, "batch frame"],
    amplitude: Float[Tensor, "batch frame"],
    *,
    sample_rate: int,
    hop_length: int,
    harmonics: Harmonics = "all",
) -> Float[Tensor, "batch time"]:
    """Return a train of band-limited pulses from its start: cosines of equal amplitude up to Nyquist.

    ``y[n] = a[n] / √x · (Σ_{k<N} cos 2πkφ[n] + (x − N) cos 2πNφ[n])``, ``x = sample_rate / (2 f0[n])``,
    ``N = ⌊x⌋``

    The number of partials follows f0 from sample to sample; the highest one has faded out when it reaches
    Nyquist, so none enters or leaves with a click. The power is that of a sine of amplitude ``a``, whatever
    f0 is, apart from the highest octaves. The sum is Dirichlet's kernel, ``Σ_{k≤M} cos 2πkφ =
    (sin((2M+1)πφ) / sin(πφ) − 1) / 2``, so its cost does not depend on the number of partials.

    Args:
        f0_hz: Fundamental at the frames' ends, Hz; the first frame is held from the start. At and above
            Nyquist it is silent; what is negative counts as 0.
        amplitude: Amplitude of a sine of the same power, linear.
        sample_rate: Hz.
        hop_length: Samples per frame.
        harmonics: "all", or "odd": partials 1, 3, 5, … alone, pulses of alternating sign.

    Returns:
        ``frame · hop_length`` samples.

    Raises:
        ValueError: When the shapes do not fit, there is no frame, or the rate or the hop is not positive.

    Reference: Stilson and Smith, Alias-free digital synthesis of classic analog waveforms, ICMC 1996; there
        partials enter and leave at once.

    Examples:
        >>> pulse_train(torch.full((1, 5), 100.0), torch.ones(1, 5), sample_rate=16000, hop_length=64).shape
        torch.Size([1, 320])
    """
    state = pulse_state(f0_hz.shape[0], f0_hz.device)
    return pulse_train_step(
        f0_hz, amplitude, state, sample_rate=sample_rate, hop_length=hop_length, harmonics=harmonics
    )[0]


def pulse_train_step(
    f0_hz: Float[Tensor, "batch frame"],
    amplitude: Float[Tensor, "batch frame"],
    state: PulseState,
    *,
    sample_rate: int,
    hop_length: int,
    harmonics: Harmonics = "all",
) -> tuple[Float[Tensor, "batch time"], PulseState]:
    """Return the next block's audio and state: `pulse_train` where it left off (same arguments)."""
    require_batch("f0_hz", f0_hz, "batch frame")
    require_batch("amplitude", amplitude, "batch frame", ("f0_hz", f0_hz))
    require_whole(sample_rate=sample_rate, hop_length=hop_length)
    f0_hz = f0_hz.clamp(min=0.0)
    previous_hz = previous_frames(f0_hz, state.frequency_hz, state.started)
    turns, end = accumulate_phase(f0_hz, previous_hz, state.phase, sample_rate, hop_length)
    hz = upsample(f0_hz.to(torch.float64), hop_length, previous_hz.to(torch.float64))
    shape = _cosines(turns.flatten(1), sample_rate / (2 * hz.clamp(min=1e-3)), harmonics)
    gain = upsample(amplitude, hop_length, previous_frames(amplitude, state.amplitude, state.started))
    after = PulseState(end, f0_hz[:, -1], amplitude[:, -1], torch.ones_like(state.started))
    return gain * shape.to(gain.dtype), after


def _cosines(turns: Tensor, highest: Tensor, harmonics: Harmonics) -> Tensor:
    """Return the cosines up to harmonic ``highest`` (a real number), at the power of one, in float64."""
    if harmonics == "all":
        n = torch.floor(highest)
        near = turns - torch.round(turns)
        below = (_sine_ratio(2 * n - 1, near) - 1) / 2
        last = (highest - n) * torch.cos(2 * math.pi * n * turns)
        power = highest
    else:
        # Harmonic 2j − 1 is the last one for j = ⌊power⌋; Σ_{j≤J} cos((2j−1)θ) = sin(2Jθ) / (2 sin θ).
        power = (highest + 1) / 2
        n = torch.floor(power)
        half = torch.round(2 * turns)
        sign = 1 - 2 * torch.remainder(half, 2)
        below = sign * _sine_ratio(2 * n - 2, 2 * turns - half) / 2
        last = (power - n) * torch.cos(2 * math.pi * (2 * n - 1) * turns)
    # No partial is below Nyquist.
    silent = highest < 1
    total = (below + last) / torch.sqrt(power)
    return torch.where(silent, torch.zeros_like(total), total)


def _sine_ratio(n: Tensor, turns: Tensor) -> Tensor:
    """Return ``sin(nπφ) / sin(πφ)`` for φ in [−½, ½], n at 0."""
    tiny = turns.abs() < 1e-9
    safe = torch.where(tiny, torch.full_like(turns, 0.25), turns)
    ratio = torch.sin(math.pi * n * safe) / torch.sin(math.pi * safe)
    return torch.where(tiny, n, ratio)
