"""An instrument on the held-out part of a dataset: all figures, beside two baselines and the noise floor."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from oscine.analysis import Features, analyze, paper_loudness
from oscine.data.dataset import Dataset, Segment
from oscine.errors import InputError
from oscine.evaluate import metrics
from oscine.evaluate.baselines import MeanControl, harmonic_ceiling
from oscine.evaluate.protocol import EXAMPLE_S, Example, ExampleMetrics, cut, example_metrics
from oscine.evaluate.sound import Band, Heard, SoundMetrics, SoundTally, hear
from oscine.evaluate.spectrum import energy_spectrum
from oscine.models import Instrument
from oscine.models.conditioning import Piece, condition_pieces
from oscine.streaming import Stream

_PIECE_S = 60.0
_STREAM_S = 2.0


class Metrics(BaseModel):
    """Distances of an output from its target; None if no frame counts. Lower is better, except in `sound`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loudness_l1_db: float
    """Mean absolute difference of loudness by the paper's definition, dB."""
    f0_l1_semitones: float | None
    """Mean absolute difference of f0 without outliers, semitones."""
    f0_outliers: float | None
    """Share of frames more than 12 semitones off."""
    f0_lost: float | None
    """Share of frames more than 12 semitones off, or in which the tracker finds no pitch in the output."""
    f0_unsure: float | None
    """Share of frames in which the output's f0 has a confidence below 0.85."""
    f0_median_semitones: float | None
    """Median absolute difference of f0, outliers included, semitones."""
    spectral_loss: float
    """Multi-scale spectral loss."""
    mcd_db: float
    """Mel-cepstral distortion, dB."""
    sound: SoundMetrics
    """What an ear notices beside pitch and loudness; differences that have a sign are best at 0."""


class Evaluation(BaseModel):
    """What `evaluate` measured on held-out audio."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    instrument: Metrics
    """The instrument, played with the inputs of the target."""
    examples: ExampleMetrics
    """The instrument by the paper's table: means over examples of four seconds."""
    mean_control: Metrics | None
    """Its synthesisers with time-averaged controls, without a network."""
    harmonic_ceiling: Metrics | None
    """The target's harmonics, resynthesised without noise."""
    noise_floor: Metrics | None
    """The instrument with one seed of its noise against itself with another: what is due to chance alone."""
    cutoff_hz: float
    """Where the band of the recording ends; what lies above does not count in `Metrics.sound`."""
    seconds: float
    """Held-out audio."""
    n_segments: int
    """Uncut stretches in it."""
    is_unseen: bool
    """The dataset has a validation part, so no checkpoint was chosen by the held-out part."""
    confident_share: float
    """Share of frames with a confidence of at least 0.85; only these count for f0."""
    sample_rate: int
    """Hz."""
    hop_length: int
    """Samples per frame."""
    n_parameters: int
    """Of the instrument, without the impulse response."""
    n_bytes: int
    """Of all its weights."""
    real_time_factor: float
    """Time to compute over length of the sound, offline."""
    real_time_factor_streaming: float
    """The same, one frame at a time on one thread, as in real time."""
    n_threads: int
    """CPU threads that torch used offline."""


@dataclass(frozen=True)
class Sound:
    """One stretch of audio, and its features for the metrics."""

    audio: Float[Tensor, " time"]
    features: Features
    loudness_db: Float[Tensor, " frame"]
    """By the paper's definition."""


@dataclass(frozen=True)
class Comparison:
    """A held-out stretch and the outputs for it, to plot and to play."""

    name: str
    target: Sound
    outputs: dict[str, Sound]
    """By the names of `Evaluation`'s fields: instrument, mean_control, harmonic_ceiling."""


class _Played(NamedTuple):
    """A sound, and what the measures of the ear need of it."""

    sound: Sound
    heard: Heard


class _Tally:
    """One candidate's figures over all stretches."""

    def __init__(self, band: Band, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._sounds: list[tuple[Features, Features]] = []
        self._loudness_db: list[tuple[Tensor, Tensor]] = []
        self._mcd_db: list[Tensor] = []
        self._spectral: list[tuple[float, int]] = []
        self._sound = SoundTally(band, sample_rate)

    def add(self, output: _Played, target: _Played, recording: Features) -> None:
        rate, one, other = self._sample_rate, output.sound, target.sound
        self._sounds.append((one.features, other.features))
        self._loudness_db.append((one.loudness_db, other.loudness_db))
        self._mcd_db.append(metrics.mcd_per_frame(one.audio, other.audio, rate))
        self._spectral.append((metrics.multi_scale_spectral(one.audio, other.audio, rate), len(other.audio)))
        self._sound.add(output.heard, target.heard, recording)

    def result(self) -> Metrics:
        output, target = (Features.concatenate(parts) for parts in zip(*self._sounds, strict=True))
        output_db, target_db = (torch.cat(parts) for parts in zip(*self._loudness_db, strict=True))
        n_samples = sum(n for _, n in self._spectral)
        return Metrics(
            loudness_l1_db=metrics.loudness_l1(output_db, target_db),
            f0_l1_semitones=metrics.f0_l1(output, target),
            f0_outliers=metrics.f0_outliers(output, target),
            f0_lost=metrics.f0_lost(output, target),
            f0_unsure=metrics.f0_unsure(output, target),
            f0_median_semitones=metrics.f0_median(output, target),
            spectral_loss=sum(loss * n for loss, n in self._spectral) / n_samples,
            mcd_db=float(torch.cat(self._mcd_db).double().mean()),
            sound=self._sound.result(),
        )


def evaluate(
    instrument: Instrument,
    dataset: Dataset,
    *,
    baselines: bool = True,
    on_comparison: Callable[[Comparison], None] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Evaluation:
    """Return the metrics of an instrument on the held-out part of a dataset, beside three reference points.

    The instrument plays the inputs of each held-out stretch, from its first frame on. Recording and output
    are analysed in the same way and compared frame by frame. Stretches are pooled, so each frame has the same
    weight. Memory does not grow with their length: a stretch is processed a minute at a time, and the
    instrument keeps its state.

    Args:
        instrument: The instrument to measure.
        dataset: Only its held-out part is used.
        baselines: Measure the two baselines and the noise floor, too; it is faster without them.
        on_comparison: Called with the audio of each stretch, or of each minute of a long stretch.
        on_progress: Called with the finished share, 0 … 1.

    Raises:
        InputError: When nothing is held out, instrument and dataset differ in sample rate or hop length, or
            the dataset lacks a curve or has an identity that the instrument lacks.

    Reference:
        Engel et al., DDSP, 2020, section 5 and table 1 (definitions: ``oscine.evaluate.metrics``).
    """
    if (instrument.sample_rate, instrument.hop_length) != (dataset.sample_rate, dataset.hop_length):
        raise InputError(
            f"The instrument plays at {instrument.sample_rate} Hz with hops of {instrument.hop_length}, but "
            f"{dataset.name} has {dataset.sample_rate} Hz with hops of {dataset.hop_length}; prepare the "
            f"recordings again at {instrument.sample_rate} Hz."
        )
    segments = dataset.held_out.segments
    n_frames = dataset.held_out.n_frames
    if not n_frames:
        raise InputError(f"{dataset.name} has no held-out part; prepare it again with one.")
    identities = _identities(instrument, dataset)

    band = _band(segments, dataset.sample_rate)

    players: dict[str, Stream] = {"instrument": Stream(instrument)}
    if baselines:
        pieces = (piece for segment in segments for piece in _pieces(segment, instrument, identities))
        everything = ((piece.conditions, piece.features.loudness_db[None]) for piece in pieces)
        players["mean_control"] = Stream(MeanControl(instrument, everything))
        players["noise_floor"] = Stream(instrument, seed=1)
    names = (*players, *(["harmonic_ceiling"] if baselines else []))
    tallies = {name: _Tally(band, dataset.sample_rate) for name in names}
    targets: list[Features] = []
    examples: list[Example] = []
    played_s, done = 0.0, 0
    for segment in segments:
        for stream in players.values():
            stream.reset()
        for original, features, conditions in _pieces(segment, instrument, identities):
            target = _heard(original, features)
            recording = _played(target, target, band)
            outputs: dict[str, _Played] = {}
            for name, stream in players.items():
                given = conditions
                if name == "mean_control":
                    given = conditions | {"loudness_db": features.loudness_db[None].to(instrument.device)}
                began = time.perf_counter()
                audio = stream.push(**given)[0].cpu()
                played_s += time.perf_counter() - began if name == "instrument" else 0.0
                outputs[name] = _played(_heard(audio, features), target, band)
            if baselines:
                ceiling = _heard(harmonic_ceiling(original, features), features)
                outputs["harmonic_ceiling"] = _played(ceiling, target, band)
            ours = outputs["instrument"].sound
            examples += cut(Example(ours.features, target.features, ours.loudness_db, target.loudness_db))
            for name, output in outputs.items():
                against = outputs["instrument"] if name == "noise_floor" else recording
                tallies[name].add(output, against, target.features)
            targets.append(target.features)
            if on_comparison is not None:
                shown = {name: output.sound for name, output in outputs.items() if name != "noise_floor"}
                on_comparison(Comparison(segment.name, target, shown))
            done += features.n_frames
            if on_progress is not None:
                on_progress(done / n_frames)

    target = Features.concatenate(targets)
    seconds = n_frames * dataset.hop_length / dataset.sample_rate
    results = {name: tally.result() for name, tally in tallies.items()}
    first = next(_pieces(segments[0], instrument, identities)).conditions
    return Evaluation(
        instrument=results["instrument"],
        examples=example_metrics(examples),
        mean_control=results.get("mean_control"),
        harmonic_ceiling=results.get("harmonic_ceiling"),
        noise_floor=results.get("noise_floor"),
        cutoff_hz=band.cutoff_hz,
        seconds=seconds,
        n_segments=len(segments),
        is_unseen=dataset.is_held_out_unseen,
        confident_share=float((target.confidence >= metrics.CONFIDENT).double().mean()),
        sample_rate=dataset.sample_rate,
        hop_length=dataset.hop_length,
        n_parameters=instrument.n_parameters,
        n_bytes=sum(weight.numel() * weight.element_size() for weight in instrument.state_dict().values()),
        real_time_factor=played_s / seconds,
        real_time_factor_streaming=streaming_real_time_factor(instrument, first),
        n_threads=torch.get_num_threads(),
    )


def _band(segments: Sequence[Segment], sample_rate: int) -> Band:
    """Return the band of the recordings, a stretch at a time."""
    energy, n_samples = torch.zeros(1, dtype=torch.float64), 0
    for segment in segments:
        audio = segment.audio()
        energy, n_samples = energy + energy_spectrum(audio, sample_rate), n_samples + len(audio)
    return Band.of(energy, n_samples, sample_rate)


def streaming_real_time_factor(
    instrument: Instrument, conditions: dict[str, Tensor], seconds: float = _STREAM_S
) -> float:
    """Return the computing time of an instrument per second of audio, frame by frame on one thread.

    Args:
        instrument: The instrument.
        conditions: Its inputs by name, (1, frame, …); only the beginning is used.
        seconds: Longest part of them that is played.
    """
    stream = Stream(instrument)
    frame_rate = instrument.sample_rate / instrument.hop_length
    n_frames = min(next(iter(conditions.values())).shape[1], math.ceil(seconds * frame_rate))
    frames = [{name: value[:, t : t + 1] for name, value in conditions.items()} for t in range(n_frames)]
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        stream.push(**frames[0])
        stream.reset()
        began = time.perf_counter()
        for frame in frames:
            stream.push(**frame)
        elapsed_s = time.perf_counter() - began
    finally:
        torch.set_num_threads(n_threads)
    return elapsed_s * frame_rate / n_frames


def _identities(instrument: Instrument, dataset: Dataset) -> dict[int, int]:
    """Return the instrument's number of each identity in the dataset's held-out part.

    Raises:
        InputError: When the instrument has no such identity, or the dataset lacks a curve that it takes.
    """
    for one in instrument.all_inputs():
        if not one.is_measured and one.name not in dataset.curves:
            raise InputError(
                f"The instrument takes the curve {one.name}, which {dataset.name} lacks; prepare "
                "recordings with that curve."
            )
    numbers: dict[int, int] = {}
    there = instrument.config.identities
    for segment in dataset.held_out.segments if there else ():
        name = dataset.identities[segment.identity]
        if name not in there:
            raise InputError(
                f"{segment.name} is of the identity '{name}', but the instrument has {', '.join(there)} "
                "only; prepare recordings in folders of these names."
            )
        numbers[segment.identity] = there.index(name)
    return numbers


def _pieces(segment: Segment, instrument: Instrument, identities: Mapping[int, int]) -> Iterator[Piece]:
    """Yield a segment's audio, features and conditions, a minute at a time."""
    features = segment.features()
    given = {name: torch.tensor(segment.slice(name, 0, segment.n_frames))[None] for name in segment.curves}
    if instrument.config.identities:
        given["identity"] = torch.tensor([identities.get(segment.identity, 0)])
    # A whole number of the paper's examples: otherwise the last few frames would count as one example.
    step = max(1, round(_PIECE_S / EXAMPLE_S)) * round(EXAMPLE_S * features.frame_rate)
    blocks = iter([segment.audio().numpy()])
    return condition_pieces(instrument, blocks, features, given, piece_frames=step)


def _heard(audio: Tensor, grid: Features) -> Sound:
    """Return audio with its features for the metrics; recording and output are analysed in the same way.

    The dataset's features cannot be used for the recording, because their windows reach beyond its ends.
    """
    rate, hop = grid.sample_rate, grid.hop_length
    return Sound(audio, analyze(audio, rate, hop), paper_loudness(audio, rate, hop))


def _played(sound: Sound, target: Sound, band: Band) -> _Played:
    return _Played(sound, hear(sound.audio, target.features, band))
