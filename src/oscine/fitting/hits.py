"""Where the fit of a hit begins: its onset, its modes, its click and its noise, measured in the recording."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from oscine.functional.noise import band_centers_hz
from oscine.functional.transient import REACH
from oscine.models import Instrument
from oscine.processors import Chain, Control, Modes, NoiseBands, Processor, Sum, Transient

#: An attack is loud where it reaches a fifth of the peak, and begins behind a millisecond below a twentieth.
_LOUD, _QUIET, _QUIET_S, _LONGEST_ATTACK_S = 0.2, 0.05, 0.001, 0.05
#: Modes are sought in the first half second, each of at least this share of its energy.
_MODES_S, _LEAST_SHARE = 0.5, 0.001
_LOWEST_HZ = 25.0
_DECAYS_S = (0.002, 0.004, 0.008, 0.016, 0.03, 0.06, 0.12, 0.25, 0.5, 1.0)
_WINDOW_S = 0.01
#: The least share of a range that a start leaves to the gradient.
_EDGE = 1e-3
#: How fast controls move, beside those of a frame: they are measured, and shared by all frames.
_SPEEDS = {"frequencies_hz": 1e-3, "decays_s": 0.2, "amplitudes": 0.3, "phases": 0.1, "taps": 0.02}


def leaves(part: Sum | Chain, prefix: str = "") -> Iterator[tuple[str, Processor[Any]]]:
    """Yield every part that is not a composition, with the prefix of its controls' names."""
    for name, one in part:
        if isinstance(one, Sum | Chain):
            yield from leaves(one, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}.", one


def hit_speeds(instrument: Instrument) -> dict[str, float]:
    """Return how fast each control moves that a hit keeps from its onset on, by name."""
    return {
        prefix + control.name: _SPEEDS[control.name]
        for prefix, part in leaves(instrument.synth)
        if isinstance(part, Modes | Transient)
        for control in part.controls
    }


def find_onset(audio: Float[Tensor, " time"], sample_rate: int) -> int:
    """Return the first sample of the first attack.

    It is the last one, before the sound is a fifth of its peak, that has a millisecond below a twentieth of
    the peak before it.
    """
    size = audio.abs()
    peak = float(size.max())
    loud = int((size >= _LOUD * peak).nonzero()[0])
    n_quiet = round(_QUIET_S * sample_rate)
    before = F.max_pool1d(F.pad(size, (n_quiet, 0))[None, None, :-1], n_quiet, 1)[0, 0]
    begins = (size >= _QUIET * peak) & (before < _QUIET * peak)
    earliest = max(0, loud - round(_LONGEST_ATTACK_S * sample_rate))
    found = begins[earliest : loud + 1].nonzero()
    return earliest + int(found[-1]) if len(found) else earliest


@torch.no_grad()
def hit_start(
    instrument: Instrument, audio: Float[Tensor, " time"], onset: float | None
) -> dict[str, Float[Tensor, "frame channel"]]:
    """Return what the controls of a hit's parts are before their activations, by name.

    The modes are found one after the other, each the damped sinusoid that takes most energy from what is
    left. The taps are the first samples of the rest, and the bands have the level of what is left then.

    Args:
        instrument: Whose controls are meant.
        audio: The recording, as long as the frames.
        onset: Sample at which the hit's parts begin, whole; None where no part has an onset.

    Reference: Goodwin and Vetterli, Matching pursuit and atomic signal models based on recursive filter
        banks, IEEE Transactions on Signal Processing 47(7), 1999.
    """
    n_frames = audio.shape[0] // instrument.hop_length
    rest, start = audio.clone(), {}
    for kind in (Modes, Transient, NoiseBands):
        for prefix, part in leaves(instrument.synth):
            if not isinstance(part, kind):
                continue
            if isinstance(part, Modes) and onset is not None:
                values, sound = _modes(_from(rest, onset), part)
            elif isinstance(part, Transient) and onset is not None:
                taps = _from(rest, onset + REACH)[: part.n_taps]
                values, sound = {"taps": taps}, F.pad(taps, (REACH, 0))
            elif isinstance(part, NoiseBands):
                values, sound = {"gains": _gains(rest, part, n_frames)}, rest.new_zeros(0)
            else:
                continue
            for control in part.controls:
                raw = _raw(control, values[control.name])
                start[prefix + control.name] = raw.expand(n_frames, -1)
            if onset is not None:
                first, skipped = max(0, round(onset)), max(0, -round(onset))
                heard = sound[skipped : skipped + len(rest) - first]
                rest[first : first + len(heard)] -= heard
    return start


def _from(audio: Tensor, onset: float) -> Tensor:
    first = round(onset)
    return audio[first:] if first >= 0 else F.pad(audio, (-first, 0))


def _raw(control: Control, value: Tensor) -> Tensor:
    """Return the number before the activation, (…, channel)."""
    if control.activation == "exp_sigmoid":
        share = (value / control.maximum).clamp(1e-7, 1 - _EDGE) ** (1 / math.log(10.0))
    elif control.activation == "log":
        share = (value / control.minimum).log() / math.log(control.maximum / control.minimum)
    else:
        share = (value - control.minimum) / (control.maximum - control.minimum)
    edge = 1e-6 if control.activation == "exp_sigmoid" else _EDGE
    return share.clamp(edge, 1 - edge).logit() - control.bias


def _modes(audio: Tensor, part: Modes) -> tuple[dict[str, Tensor], Tensor]:
    """Return the controls of the modes of a sound from its onset on, and their sound."""
    sample_rate = part.sample_rate
    heard = audio[: round(_MODES_S * sample_rate)].double()
    time = torch.arange(len(audio), dtype=torch.float64) / sample_rate
    short = time[: len(heard)]
    decays = torch.tensor(_DECAYS_S, dtype=torch.float64)
    falls = torch.exp(-short / decays.unsqueeze(-1))
    weight = 2 / falls.square().sum(-1, keepdim=True)
    n_fft = 1 << (2 * len(heard) - 1).bit_length()
    hz = torch.fft.rfftfreq(n_fft, 1 / sample_rate, dtype=torch.float64)
    outside = (hz < _LOWEST_HZ) | (hz > 0.48 * sample_rate)
    rest, waves, found = heard.clone(), [], []
    least = _LEAST_SHARE * float(heard.square().sum())
    for _ in range(part.n_modes):
        energy = (torch.fft.rfft(rest * falls, n_fft).abs().square() * weight).masked_fill(outside, 0.0)
        best = int(energy.argmax())
        decay, bin_ = best // len(hz), best % len(hz)
        if float(energy[decay, bin_]) < least:
            break
        found.append((float(hz[bin_]), _DECAYS_S[decay]))
        angle = 2 * math.pi * hz[bin_] * short
        both = falls[decay] * torch.stack([torch.sin(angle), torch.cos(angle)])
        rest = rest - torch.linalg.lstsq(both.T, rest.unsqueeze(-1)).solution[:, 0] @ both
        waves.append(both)
    n_found, n_left = len(found), part.n_modes - len(found)
    sine, cosine = torch.zeros(2, n_found, dtype=torch.float64)
    if found:
        every = torch.cat(waves)
        solution = torch.linalg.lstsq(every.T, heard.unsqueeze(-1)).solution[:, 0]
        sine, cosine = solution.unflatten(0, (n_found, 2)).unbind(-1)
    frequencies = torch.tensor([one[0] for one in found] + [1000.0] * n_left, dtype=torch.float64)
    lengths = torch.tensor([one[1] for one in found] + [0.05] * n_left, dtype=torch.float64)
    amplitudes = F.pad(torch.hypot(sine, cosine), (0, n_left))
    phases = F.pad(torch.atan2(cosine, sine) / (2 * math.pi), (0, n_left))
    turns = frequencies[:, None] * time + phases[:, None]
    waves_of_all = amplitudes[:, None] * torch.exp(-time / lengths[:, None]) * torch.sin(2 * math.pi * turns)
    values = {
        "frequencies_hz": frequencies,
        "decays_s": lengths,
        "amplitudes": amplitudes,
        "phases": phases,
    }
    return {name: value.float() for name, value in values.items()}, waves_of_all.sum(0).float()


def _gains(audio: Tensor, part: NoiseBands, n_frames: int) -> Float[Tensor, "frame band"]:
    """Return the gains with which the bands have the sound's level around each frame's end."""
    n_window = round(_WINDOW_S * part.sample_rate)
    n_fft = 1 << (2 * n_window - 1).bit_length()
    window = torch.hann_window(n_window, dtype=audio.dtype)
    around = F.pad(
        audio, (n_window // 2 - part.hop_length, n_window + n_frames * part.hop_length - len(audio))
    )
    frames = around.unfold(0, n_window, part.hop_length)[:n_frames] * window
    power = torch.fft.rfft(frames, n_fft).abs().square()
    # The mean over a band and its neighbours' halves, by differences of the sum up to a frequency.
    total = F.pad(power.cumsum(-1), (1, 0))
    centers = band_centers_hz(part.n_bands, part.sample_rate)
    edge = F.pad((centers[1:] + centers[:-1]) / 2, (1, 1))
    edge[-1] = centers[-1]
    place = edge * (n_fft / part.sample_rate)
    place = torch.stack([(place[:-1] - 0.5).clamp(min=0), (place[1:] + 0.5).clamp(max=n_fft / 2)])
    whole = place.long().clamp(max=total.shape[-1] - 2)
    share = (place - whole).to(total)
    sums = total[:, whole] + share * (total[:, whole + 1] - total[:, whole])
    mean = (sums[:, 1] - sums[:, 0]) / (place[1] - place[0]).to(total)
    # White noise in [−1, 1] has a mean square of a third.
    return (mean * (3 / window.square().sum())).clamp(min=0).sqrt()
