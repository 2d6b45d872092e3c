"""Audio in, features out: whole, or block by block in bounded memory, with the same numbers."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from oscine.analysis.features import VOICED, Features
from oscine.analysis.pitch.f0_file import F0Curve
from oscine.analysis.pitch.swift_f0 import TRACKER_HOP
from oscine.analysis.pitch.trackers import TRACKERS, Tracker, tracker_named
from oscine.analysis.signal import ANALYSIS_RATE, check_grid, to_analysis_rate
from oscine.arguments import checked
from oscine.audio import Rate, Samples, Sound, rate_of, sound_blocks
from oscine.audio.samples import check_blocks, check_rate, resample_blocks
from oscine.errors import InputError
from oscine.functional import loudness
from oscine.functional.framing import frame_centers

# The analysis works on a fixed grid of stretches, whatever blocks come in. SwiftF0 sees 11 hops back and
# 10 ahead; 16 hops (256 ms) of context hold that, the interpolation, and every window of loudness and of the
# other trackers; paths are decoded over a stretch with its context.
# Four seconds are as fast as sixteen, with the same result, and the tracker holds 170 MB less.
_STRETCH = 256 * TRACKER_HOP
_CONTEXT = 16 * TRACKER_HOP
# Every sound has one level for the trackers: the loudest quarter of a second so far is brought to −15 dB of
# full scale, unless it is below −90 dB, the noise of 16 bits. "So far" is up to the end of the stretch with
# its context: a rule that a stream can follow, and that does not depend on how the audio came in.
_LEVEL_WINDOW = _CONTEXT
_HEARD_AT, _QUIETEST = 10 ** (-15 / 20), 10 ** (-90 / 20)

NO_PITCH_HZ = 440.0
_LONGEST_LEAD_S = 60.0


@checked
def analyze(
    audio: Sound | Samples,
    sample_rate: Rate | None = None,
    hop_length: Rate | None = None,
    tracker: str | F0Curve = TRACKERS[0],
) -> Features:
    """Return pitch, confidence, loudness and power of a sound, frame by frame.

    Everything is measured on the sound at 16 kHz, so that the storage does not matter: the same sound at
    another rate, number of channels or sample format has the same features. ``analyze(x)`` is
    ``Features.concatenate(analyze_blocks(blocks of x))``, bit for bit.

    Args:
        audio: A path, samples and their rate as ``(samples, sample_rate)``, or samples alone: ``(time,)``
            or ``(channel, time)``, of any real dtype; floats in −1 … 1.
        sample_rate: In Hz, of samples that come without it; left out otherwise.
        hop_length: Samples from frame to frame; by default ``round(sample_rate / 250)``.
        tracker: The pitch tracker, one of ``TRACKERS``; or a curve of the known pitch.

    Returns:
        ``ceil(time / hop_length)`` frames; frame t describes the instant ``(t + 1) · hop_length``.

    Raises:
        InputError: When there is no sample, the shape or dtype is none of those, a sample is not finite or
            far beyond full scale, the rate or hop cannot be worked with, or there is no such tracker.

    Examples:
        >>> import math, torch
        >>> from oscine.analysis import analyze
        >>> tone = 0.5 * torch.sin(2 * math.pi * 440 * torch.arange(16000) / 16000)
        >>> round(float(analyze(tone, 16000).f0_hz[125]), 1)
        440.0
    """
    sound, rate = _with_rate(audio, sample_rate)
    hop_length = check_grid(rate, hop_length)
    blocks = sound_blocks(sound)
    return Features.concatenate(list(analyze_blocks(blocks, rate, hop_length, tracker=tracker)))


def _with_rate(audio: Sound | Samples, sample_rate: Rate | None) -> tuple[Sound, int]:
    """Return a sound with all that it needs, and its sample rate.

    Raises:
        InputError: When the rate is missing, said twice, or none of recorded sound; or the file is not audio.
    """
    if isinstance(audio, str | Path | tuple):
        if sample_rate is not None:
            raise InputError(
                f"The sample rate is {sample_rate}; a file, or samples in a pair with their rate, have their "
                "own: leave it out."
            )
        if isinstance(audio, tuple) and len(audio) != 2:
            raise InputError(f"A tuple of {len(audio)} is not a sound; give (samples, sample_rate).")
        return audio, rate_of(audio)
    if sample_rate is None:
        raise InputError("The sample rate is missing; give that of the samples in Hz.")
    return (audio, sample_rate), check_rate(sample_rate)


def analyze_blocks(
    blocks: Iterable[np.ndarray],
    sample_rate: Rate,
    hop_length: int | None = None,
    n_threads: int = 1,
    tracker: str | F0Curve = TRACKERS[0],
) -> Iterator[Features]:
    """Yield the features of a stream, in order, about 4 s at a time.

    The trackers get the sound at one level, so that a quiet recording has the same pitch as a loud one: it
    is multiplied by a factor that follows from the loudest quarter of a second so far. Loudness and power are
    those of the sound as it is.

    Memory does not grow with the length: about 5 s of audio are held for each thread. The features of a
    beginning without pitch are held back until the first voiced frame, whose pitch they carry, though no
    longer than one minute.

    Args:
        blocks: Mono float32 blocks, each ``(time,)``, of any lengths, in −1 … 1.
        sample_rate: In Hz.
        hop_length: Samples from frame to frame; by default ``round(sample_rate / 250)``.
        n_threads: Stretches that are measured at the same time; the numbers are the same.
        tracker: As ``analyze``. The path of ``crepe`` and ``pyin`` is decoded for each stretch, with 256 ms
            of what is before and behind it.

    Yields:
        Consecutive features, whose lengths add up to ``ceil(time / hop_length)`` frames.

    Raises:
        InputError: As ``analyze``; the features of earlier stretches may have been handed out by then.
    """
    sample_rate = check_rate(sample_rate)
    grid = _Grid(sample_rate, check_grid(sample_rate, hop_length))
    pitch = tracker if isinstance(tracker, F0Curve) else tracker_named(tracker)
    return _hold_pitch(_side_by_side(_stretches(blocks, grid, pitch), n_threads), grid)


def paper_loudness(
    audio: Samples, sample_rate: Rate, hop_length: int | None = None
) -> Float[Tensor, " frame"]:
    """Return the loudness, in dB, by the definition of the paper's table, on the frames' instants.

    Args:
        audio: As ``analyze``.
        sample_rate: In Hz.
        hop_length: Samples from frame to frame; by default ``round(sample_rate / 250)``.

    Raises:
        InputError: As ``analyze``.

    Reference:
        ``functional.loudness.paper_loudness_db``.
    """
    sample_rate = check_rate(sample_rate)
    grid = _Grid(sample_rate, check_grid(sample_rate, hop_length))
    signal = torch.from_numpy(to_analysis_rate(audio, sample_rate))
    n_samples = audio.shape[-1] if isinstance(audio, Tensor | np.ndarray) else np.shape(audio)[-1]
    centers = frame_centers(grid.n_frames(n_samples), grid.hop_length, sample_rate, ANALYSIS_RATE)
    # In parts: a window of 2048 samples every 64 is 32 times the audio.
    parts = [loudness.paper_loudness_db(signal, part, ANALYSIS_RATE) for part in centers.split(4096)]
    return torch.cat([torch.zeros(0), *parts])


@dataclass(frozen=True)
class _Grid:
    """Where the frames lie, in samples of the analysis rate."""

    sample_rate: int
    hop_length: int

    def n_frames(self, n_samples: int) -> int:
        return -(-n_samples // self.hop_length)

    def centers(self, start: int, stop: int) -> Int[Tensor, " frame"]:
        """Return these frames' instants."""
        return frame_centers(stop, self.hop_length, self.sample_rate, ANALYSIS_RATE, start)

    def center(self, frame: int) -> int:
        """Return one frame's instant."""
        return int(self.centers(frame, frame + 1))

    def first_frame_from(self, position: int) -> int:
        """Return the first frame whose instant is at ``position`` or later."""
        frame = max(0, position * self.sample_rate // (self.hop_length * ANALYSIS_RATE) - 2)
        while self.center(frame) < position:
            frame += 1
        return frame


def _side_by_side(stretches: Iterator[Callable[[], Features]], n_threads: int) -> Iterator[Features]:
    """Yield what the stretches measure, in order, as many at a time as there are threads."""
    if n_threads == 1:
        yield from (measure() for measure in stretches)
        return
    # Each computes on one thread of its own; torch would give each as many as there are cores, and what one
    # says of itself holds for those to come.
    n_before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            under_way: deque[Future[Features]] = deque()
            for measure in stretches:
                under_way.append(pool.submit(measure))
                if len(under_way) > n_threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
    finally:
        torch.set_num_threads(n_before)


def _stretches(
    blocks: Iterable[np.ndarray], grid: _Grid, pitch: Tracker | F0Curve
) -> Iterator[Callable[[], Features]]:
    """Yield what measures each stretch; the pitch of an unvoiced frame is still the tracker's estimate."""
    n_samples = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal n_samples
        for block in check_blocks(blocks, grid.sample_rate):
            n_samples += len(block)
            yield block

    # buffer[0] is sample `origin` of the signal at the analysis rate; frames before `frame` are done.
    buffer, origin, stretch, frame, level = np.zeros(0, dtype=np.float32), 0, 0, 0, 0.0
    for block in resample_blocks(counted(), grid.sample_rate, ANALYSIS_RATE):
        buffer = np.concatenate([buffer, block])
        while origin + len(buffer) >= (stretch + 1) * _STRETCH + _CONTEXT:
            stretch += 1
            stop = grid.first_frame_from(stretch * _STRETCH)
            if stop > frame:
                signal = buffer[: stretch * _STRETCH + _CONTEXT - origin]
                level = max(level, _loudest(signal))
                yield partial(_measure, signal, level, origin, frame, stop, grid, pitch)
            frame = stop
            drop = max(0, stretch * _STRETCH - _CONTEXT - origin)
            buffer, origin = buffer[drop:], origin + drop
    if n_samples == 0:
        raise InputError("There is no audio to analyse: it has 0 samples; give at least one.")
    # What is left is at most one stretch and its context, and may be shorter than one value of the tracker.
    buffer = np.pad(buffer, (0, max(0, TRACKER_HOP - len(buffer))))
    while frame < (n_frames := grid.n_frames(n_samples)):
        stretch += 1
        # An instant may lie a hop behind the last sample: it belongs to the stretch that has that sample.
        ends_here = origin + len(buffer) <= stretch * _STRETCH
        stop = n_frames if ends_here else min(n_frames, grid.first_frame_from(stretch * _STRETCH))
        if stop > frame:
            signal = buffer[: stretch * _STRETCH + _CONTEXT - origin]
            level = max(level, _loudest(signal))
            yield partial(_measure, signal, level, origin, frame, stop, grid, pitch)
        frame = stop
        drop = max(0, stretch * _STRETCH - _CONTEXT - origin)
        buffer, origin = buffer[drop:], origin + drop


def _loudest(signal: np.ndarray) -> float:
    """Return the greatest root mean square of a quarter of a second."""
    edges = np.arange(0, len(signal), _LEVEL_WINDOW)
    energy = np.add.reduceat(np.square(signal, dtype=np.float64), edges)
    return float(np.sqrt(energy.max() / min(_LEVEL_WINDOW, len(signal))))


def _measure(
    signal: np.ndarray,
    level: float,
    origin: int,
    start: int,
    stop: int,
    grid: _Grid,
    pitch: Tracker | F0Curve,
) -> Features:
    centers = grid.centers(start, stop) - origin
    if isinstance(pitch, F0Curve):
        f0_hz, confidence = pitch.at(np.arange(start + 1, stop + 1) * (grid.hop_length / grid.sample_rate))
    else:
        heard = signal * np.float32(_HEARD_AT / max(level, _QUIETEST))
        f0_hz, confidence = pitch(heard, centers.numpy())
    audio = torch.from_numpy(np.ascontiguousarray(signal))
    return Features(
        torch.from_numpy(f0_hz.astype(np.float32)),
        torch.from_numpy(confidence.astype(np.float32)).clamp(0.0, 1.0),
        loudness.loudness_db(audio, centers, ANALYSIS_RATE),
        loudness.rms_power_db(audio, centers),
        grid.sample_rate,
        grid.hop_length,
    )


def _hold_pitch(parts: Iterable[Features], grid: _Grid) -> Iterator[Features]:
    """Yield the parts with the pitch of unvoiced frames filled in; a lead without pitch waits for one."""
    waiting: list[Features] = []
    last_hz: float | None = None
    for part in parts:
        voiced = part.confidence >= VOICED
        if last_hz is None:
            waiting.append(part)
            n_waiting = sum(one.n_frames for one in waiting)
            if not voiced.any() and n_waiting < _LONGEST_LEAD_S * grid.sample_rate / grid.hop_length:
                continue
            last_hz = float(part.f0_hz[voiced][0]) if voiced.any() else NO_PITCH_HZ
        else:
            waiting.append(part)
        for one in waiting:
            held = _forward_fill(one.f0_hz, one.confidence >= VOICED, last_hz)
            last_hz = float(held[-1])
            yield replace(one, f0_hz=held)
        waiting = []
    for one in waiting:
        yield replace(one, f0_hz=torch.full_like(one.f0_hz, NO_PITCH_HZ))


def _forward_fill(values: Float[Tensor, " frame"], keep: Tensor, before: float) -> Float[Tensor, " frame"]:
    """Return the values where ``keep``, elsewhere the last kept one, or ``before`` ahead of the first."""
    index = torch.where(keep, torch.arange(1, len(values) + 1), 0).cummax(0).values
    return torch.cat([torch.full((1,), before), values])[index]
