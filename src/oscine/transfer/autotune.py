"""Autotune: a melody moved towards the tones of its scale; vibrato and glides stay."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from oscine.functional.runs import runs

_CENTRE_S = 0.25  # at least one period of a vibrato of 4 Hz or faster
_VIBRATO_S = 0.5
_STEADY_S = 0.06  # a shorter tone is part of a glide
_SMOOTHING_S = 0.02
_IN_SCALE_SHARE = 0.9
_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True)
class Scale:
    """The tones that a melody uses.

    Attributes:
        name: ``"chromatic"``, or a major scale, which has the tones of its relative minor.
        tuning_cents: How far the melody's own concert pitch lies from A = 440 Hz, −50 to 50.
        tones_midi: The tones, ascending, tuning included.
    """

    name: str
    tuning_cents: float
    tones_midi: Float[Tensor, " tone"]

    def nearest(self, midi: Float[Tensor, " frame"]) -> Float[Tensor, " frame"]:
        """Return the tone nearest to each pitch, both in semitones."""
        boundaries = (self.tones_midi[1:] + self.tones_midi[:-1]) / 2
        return self.tones_midi[torch.bucketize(midi, boundaries)]


def estimate_tuning(midi: Float[Tensor, " frame"]) -> float:
    """Return the offset in semitones, −0.5 to 0.5, of the twelve-tone grid that fits the pitches best.

    The circular mean of the pitch's place between two semitones, ``arg Σ exp(2πi·m) / 2π``: unlike a
    plain mean of deviations it does not break when a melody lies a quarter tone off.
    """
    angle = 2 * torch.pi * midi.to(torch.float64)
    return float(torch.atan2(angle.sin().sum(), angle.cos().sum()) / (2 * torch.pi)) if len(midi) else 0.0


def find_scale(midi: Float[Tensor, " frame"]) -> Scale:
    """Return the scale that fits the pitches: a major one that holds 90 % of them, else the chromatic one.

    Args:
        midi: Pitches on notes, semitones; a pitch that is held long counts as often as it has frames.

    Returns:
        The scale, at the melody's own tuning. Where several major scales hold the same tones (a melody
        of few tones), the one with most time on its tonic triad is taken.
    """
    tuning = estimate_tuning(midi)
    classes = torch.round(midi.to(torch.float64) - tuning).to(torch.int64) % 12
    share = torch.bincount(classes, minlength=12) / max(len(midi), 1)

    held = torch.stack([share[[(root + step) % 12 for step in _MAJOR]].sum() for root in range(12)])
    triad = torch.stack([share[[root, (root + 4) % 12, (root + 7) % 12]].sum() for root in range(12)])
    root = int(torch.argmax(held + 0.1 * triad))
    if len(midi) and float(held[root]) >= _IN_SCALE_SHARE:
        name, steps = f"{_NAMES[root]} major", {(root + step) % 12 for step in _MAJOR}
    else:
        name, steps = "chromatic", set(range(12))
    # Beyond MIDI's 0…127 on both sides, so that every audible pitch has a neighbour above and below.
    tones = torch.tensor([tone for tone in range(-24, 160) if tone % 12 in steps], dtype=torch.float64)
    return Scale(name, 100 * tuning, tones + tuning)


def autotune(
    midi: Float[Tensor, " frame"], on_notes: Bool[Tensor, " frame"], frame_rate: float, strength: float
) -> tuple[Float[Tensor, " frame"], Scale]:
    """Return the correction in semitones that moves each note towards its tone.

    ``correction = strength · (tone − centre)``, where the centre is the pitch without its vibrato and the
    tone the nearest one of the melody's scale. The note's centre moves, and its vibrato stays as it was sung.
    Frames of a glide or a scoop belong to no tone: their correction is interpolated between those of the held
    tones before and after, so a glide stays a glide.

    Args:
        midi: Pitch in semitones.
        on_notes: Frames inside notes.
        frame_rate: Frames per second.
        strength: 0 leaves the pitch unchanged, 1 moves each held tone to the scale, 0.5 half of the way.

    Returns:
        The correction, to be added to ``midi``, and the scale that was found.
    """
    on = on_notes.nonzero()[:, 0]
    if len(on) == 0:
        return torch.zeros_like(midi), find_scale(midi[:0])
    centre = _running_median(torch.where(on_notes, midi.to(torch.float64), torch.nan), frame_rate)
    steady = on_notes & _steady(centre, frame_rate)
    scale = find_scale(centre[steady] if bool(steady.any()) else centre[on])

    tone = scale.nearest(torch.where(on_notes, centre, 0.0))
    label = torch.where(on_notes, tone, torch.inf)
    start = torch.cat([torch.zeros(1, dtype=torch.int64), torch.nonzero(label[1:] != label[:-1])[:, 0] + 1])
    length = torch.diff(start, append=torch.tensor([len(label)]))
    held = steady & (length.repeat_interleave(length) >= _STEADY_S * frame_rate)
    if not bool(held.any()):
        return torch.zeros_like(midi), scale
    at = held.nonzero()[:, 0].numpy()
    correction = np.interp(
        np.arange(len(midi)), at, tone.numpy()[at] - _without_vibrato(midi, held, frame_rate)
    )
    width = max(round(_SMOOTHING_S * frame_rate) // 2 * 2 + 1, 1)
    padded = np.pad(correction, width // 2, mode="edge")
    smooth = np.convolve(padded, np.full(width, 1 / width), mode="valid")
    return (strength * torch.from_numpy(smooth)).to(midi.dtype), scale


def _steady(centre: Float[Tensor, " frame"], frame_rate: float) -> Bool[Tensor, " frame"]:
    """Return where the centre moves less than 0.4 semitones in the 40 ms around: neither glide nor jump."""
    half = max(round(0.02 * frame_rate), 1)
    padded = torch.cat([centre[:1].expand(half), centre, centre[-1:].expand(half)])
    return (padded[2 * half :] - padded[: -2 * half]).abs() < 0.4


def _without_vibrato(
    midi: Float[Tensor, " frame"], held: Bool[Tensor, " frame"], frame_rate: float
) -> Float64[np.ndarray, " held"]:
    """Return the pitch of the held frames, smoothed within each unbroken stretch of them.

    A mean weighted by a Hann window of 500 ms: its zeros begin at 4 Hz, where vibrato does. A median would
    keep the edges of notes, but leaves a ripple against the vibrato; here the stretches are the notes.
    """
    window = np.hanning(2 * round(_VIBRATO_S * frame_rate / 2) + 3)
    half = len(window) // 2
    pitch, smooth = midi.to(torch.float64).numpy(), []
    for start, stop in runs(held).tolist():
        weight = np.convolve(np.ones(stop - start), window)[half:-half]
        # About its mean, so that pitches of 60 do not cost digits.
        offset = pitch[start:stop].mean()
        smooth.append(offset + np.convolve(pitch[start:stop] - offset, window)[half:-half] / weight)
    return np.concatenate(smooth)


def _running_median(values: Float[Tensor, " frame"], frame_rate: float) -> Float[Tensor, " frame"]:
    """Return the median over a centred window of 250 ms, frames that are NaN left out."""
    half = max(round(_CENTRE_S * frame_rate / 2), 1)
    padded = torch.nn.functional.pad(values, (half, half), value=torch.nan)
    # In pieces: the windows of a whole hour at once would be half a gigabyte.
    return torch.cat(
        [
            padded[start : start + 8192 + 2 * half].unfold(0, 2 * half + 1, 1).nanmedian(dim=1).values
            for start in range(0, len(values), 8192)
        ]
    )
