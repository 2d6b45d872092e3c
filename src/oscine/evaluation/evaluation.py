"""An instrument on the held-out part of a dataset: all figures, beside those that give them a scale."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from oscine.analysis import Features
from oscine.arguments import checked
from oscine.data.dataset import Dataset
from oscine.data.segment import Segment
from oscine.errors import InputError
from oscine.evaluation import metrics
from oscine.evaluation.baselines import MeanControl, harmonic_ceiling
from oscine.evaluation.fitted import OracleRow
from oscine.evaluation.protocol import EXAMPLE_S, Example, ExampleMetrics, cut, example_metrics
from oscine.evaluation.sound import Band
from oscine.evaluation.spectrum import energy_spectrum
from oscine.evaluation.tally import Metrics, Played, Sound, Tally, heard_sound, played
from oscine.evaluation.timing import Player, played_early
from oscine.models import Instrument
from oscine.models.conditioning import Piece, condition_pieces
from oscine.streaming import Stream

_PIECE_S = 60.0
_STREAM_S = 2.0
_ORACLE_WORK = 10  # a second of it takes about as long as this many of all the rest


class Evaluation(BaseModel):
    """The measures of an instrument on held-out audio."""

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
    """The instrument with one seed of its noise against itself with another: the run-to-run variation."""
    oracle: Metrics | None
    """Its synthesisers with controls that were fitted to the recording, without a network."""
    oracle_seconds: float
    """Held-out audio that the oracle was fitted to and is measured on, from the beginning; 0 without it."""
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

    def __str__(self) -> str:
        """Return a line in words."""
        one = self.instrument
        pitch = "no pitch" if one.f0_l1_semitones is None else f"f0 L1 {one.f0_l1_semitones:.3f} semitones"
        return (
            f"evaluation on {self.seconds:.1f} s: loudness L1 {one.loudness_l1_db:.2f} dB, {pitch}, "
            f"spectral loss {one.spectral_loss:.3f}, {self.n_parameters:,} parameters"
        )

    __repr__ = __str__


@dataclass(frozen=True)
class Comparison:
    """A held-out segment and the outputs for it, to plot and to play."""

    name: str
    target: Sound
    outputs: dict[str, Sound]
    """By the names of `Evaluation`'s fields: instrument, mean_control, harmonic_ceiling, and oracle, which
    may end before the target."""


@checked
def evaluate(
    instrument: Instrument | str | Path,
    dataset: Dataset | str | Path,
    *,
    baselines: bool = True,
    oracle: bool = False,
    on_comparison: Callable[[Comparison], None] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Evaluation:
    """Return the metrics of an instrument on the held-out part of a dataset, beside reference points.

    The instrument plays the inputs of each held-out stretch, after 0.75 s of silence, as before a recording
    in training, and earlier by its latency. Recording and output are analysed in the same way and compared
    frame by frame. Stretches are pooled, so each frame has the same weight. Memory does not grow with their
    length: a stretch is processed a minute at a time, and the instrument keeps its state.

    Args:
        instrument: The instrument to measure, or its name: see `oscine.load`.
        dataset: The dataset or its folder; only the held-out part is used.
        baselines: Measure the two baselines and the noise floor, too; it is faster without them.
        oracle: Fit the controls of the instrument's synthesiser to the recording (`oscine.fit`) and measure
            the result, too. It takes minutes, so only the first 60 s of held-out audio are fitted.
        on_comparison: Called with the audio of each stretch, or of each minute of a long stretch.
        on_progress: Called with the finished share, 0 … 1.

    Raises:
        InputError: When there is no such instrument or dataset, nothing is held out, instrument and dataset
            differ in sample rate or hop length, or the dataset lacks a curve or has an identity that the
            instrument lacks; with the oracle, when a part of the instrument takes an input other than the
            pitch.

    Reference:
        Engel et al., DDSP, 2020, section 5 and table 1 (definitions: ``oscine.evaluation.metrics``).
    """
    instrument, dataset = _opened(instrument, dataset)
    segments = dataset.held_out.segments
    n_frames = dataset.held_out.n_frames
    identities = _identities(instrument, dataset)

    band = _band(segments, dataset.sample_rate)

    players = {"instrument": Player(Stream(instrument), instrument)}
    if baselines:
        pieces = (piece for segment in segments for piece in _pieces(segment, instrument, identities))
        everything = ((piece.conditions, piece.features.loudness_db[None]) for piece in pieces)
        mean_control = Stream(MeanControl(instrument, everything))
        players["mean_control"] = Player(mean_control, instrument, takes_level=True)
        players["noise_floor"] = Player(Stream(instrument, seed=1), instrument)
    names = (*players, *(["harmonic_ceiling"] if baselines else []))
    tallies = {name: Tally(band, dataset.sample_rate) for name in names}
    fitted = OracleRow(instrument, band, n_frames if oracle else 0)
    progress = _Progress(on_progress, n_frames + _ORACLE_WORK * fitted.n_left)
    targets: list[Features] = []
    examples: list[Example] = []
    played_s = 0.0
    for segment in segments:
        pieces = _pieces(segment, instrument, identities)
        for early in played_early(pieces, players["instrument"].n_frames):
            original, features, conditions = early.piece
            target = heard_sound(original, features)
            recording = played(target, target, band)
            outputs: dict[str, Played] = {}
            for name, player in players.items():
                audio, took_s = player.play(early)
                played_s += took_s if name == "instrument" else 0.0
                outputs[name] = played(heard_sound(audio, features), target, band)
            if baselines:
                audio = harmonic_ceiling(original, features)
                outputs["harmonic_ceiling"] = played(heard_sound(audio, features), target, band)
            ours = outputs["instrument"].sound
            examples += cut(Example(ours.features, target.features, ours.loudness_db, target.loudness_db))
            for name, output in outputs.items():
                against = outputs["instrument"] if name == "noise_floor" else recording
                tallies[name].add(output, against, target.features)
            targets.append(target.features)
            shown = {name: output.sound for name, output in outputs.items() if name != "noise_floor"}
            progress.part(features.n_frames)(1.0)
            if n := min(features.n_frames, fitted.n_left):
                f0_hz = conditions.get("f0_hz", features.f0_hz[None])[0]
                nearest = fitted.add(recording, f0_hz, progress.part(_ORACLE_WORK * n))
                shown |= {} if nearest is None else {"oracle": nearest}
            if on_comparison is not None:
                on_comparison(Comparison(segment.name, target, shown))

    target = Features.concatenate(targets)
    hop_s = dataset.hop_length / dataset.sample_rate
    results = {name: tally.result() for name, tally in tallies.items()}
    first = next(_pieces(segments[0], instrument, identities)).conditions
    return Evaluation(
        instrument=results["instrument"],
        examples=example_metrics(examples),
        mean_control=results.get("mean_control"),
        harmonic_ceiling=results.get("harmonic_ceiling"),
        noise_floor=results.get("noise_floor"),
        oracle=fitted.result(),
        oracle_seconds=fitted.n_fitted * hop_s,
        cutoff_hz=band.cutoff_hz,
        seconds=n_frames * hop_s,
        n_segments=len(segments),
        is_unseen=dataset.is_held_out_unseen,
        confident_share=float((target.confidence >= metrics.CONFIDENT).double().mean()),
        sample_rate=dataset.sample_rate,
        hop_length=dataset.hop_length,
        n_parameters=instrument.n_parameters,
        n_bytes=sum(weight.numel() * weight.element_size() for weight in instrument.state_dict().values()),
        real_time_factor=played_s / (n_frames * hop_s),
        real_time_factor_streaming=streaming_real_time_factor(instrument, first),
        n_threads=torch.get_num_threads(),
    )


class _Progress:
    """Reports the finished share of a work of many parts.

    Args:
        on_progress: Is told; None to tell nobody.
        work: Size of all parts together.
    """

    def __init__(self, on_progress: Callable[[float], None] | None, work: int) -> None:
        self._on_progress, self._work, self._done = on_progress, work, 0

    def part(self, size: int) -> Callable[[float], None]:
        """Return a callback for the finished share of the next part."""
        before, self._done = self._done, self._done + size

        def tell(share: float) -> None:
            if self._on_progress is not None:
                self._on_progress(min(1.0, (before + size * share) / self._work))

        return tell


def _opened(instrument: Instrument | str | Path, dataset: Dataset | str | Path) -> tuple[Instrument, Dataset]:
    """Return both, loaded where only named, when they fit together."""
    if not isinstance(instrument, Instrument):
        instrument = Instrument.from_pretrained(instrument)
    if not isinstance(dataset, Dataset):
        dataset = Dataset.open(dataset)
    _require_fit(instrument, dataset)
    return instrument, dataset


def _require_fit(instrument: Instrument, dataset: Dataset) -> None:
    """Refuse an instrument of notes, a dataset of another rate or hop, or without a held-out part.

    Raises:
        InputError: When it is one.
    """
    if instrument.config.notes is not None:
        raise InputError(
            "The instrument is played by notes, and evaluate plays the pitch and loudness of a recording; "
            "play a MIDI file with oscine render."
        )
    if (instrument.sample_rate, instrument.hop_length) != (dataset.sample_rate, dataset.hop_length):
        raise InputError(
            f"The instrument plays at {instrument.sample_rate} Hz with hops of {instrument.hop_length}, but "
            f"{dataset.name} has {dataset.sample_rate} Hz with hops of {dataset.hop_length}; prepare the "
            f"recordings again at {instrument.sample_rate} Hz."
        )
    if not dataset.held_out.n_frames:
        raise InputError(f"{dataset.name} has no held-out part; prepare it again with one.")


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
