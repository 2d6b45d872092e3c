"""From a MIDI file to sound: every voice of every instrument, mixed."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32
from pydantic import BaseModel, ConfigDict, Field

from oscine.audio.output import check_output, write_audio
from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.files import printable, write_atomically
from oscine.models import Instrument
from oscine.models.conditioning import identity_number, statistics_of
from oscine.notes.expression import Expression
from oscine.notes.midi_file import Score, read_midi
from oscine.notes.voices import VoiceCurves, count_voices
from oscine.performance.curves import conditions_of, voice_curves
from oscine.plural import counted
from oscine.processors import Reverb
from oscine.streaming import Stream

_BLOCK_FRAMES = 512
_MIXED_SAMPLES = 1 << 16
_MOST_VOICES = 32
_LARGEST_SEED = (1 << 62) - 1
_DRUMS = 10
_SEEDS_APART = 1 << 20
Players = Mapping[int | None, Instrument] | Instrument
"""Who plays each channel; None is for all that are not named, and one instrument for all alike."""
Block = Float32[np.ndarray, " time"]


@dataclass(frozen=True)
class RenderOptions:
    """How a score is played.

    Args:
        expression: How notes become curves.
        voices: How many notes an instrument can play together, 1 … 32; "auto" for as many as the score has
            at once, 16 at most. With 1, notes that overlap are tied.
        octave: Octaves to add, −8 … 8.
        dry: Leave out the effects.
        seed: Of the noise.
        identity: Which of the instruments in an instrument; the first if left out.

    Raises:
        InputError: When one is out of its range.
    """

    expression: Expression = field(default_factory=Expression)
    voices: Literal["auto"] | int = "auto"
    octave: int = 0
    dry: bool = False
    seed: int = 0
    identity: str | None = None

    def __post_init__(self) -> None:
        if self.voices != "auto" and not _is_whole(self.voices, 1, _MOST_VOICES):
            raise InputError(f"voices is {self.voices}; give 1 to {_MOST_VOICES}, or 'auto'.")
        if not _is_whole(self.octave, -8, 8):
            raise InputError(f"octave is {self.octave}; give a whole number from -8 to 8.")
        if not _is_whole(self.seed, 0, _LARGEST_SEED):
            raise InputError(f"seed is {self.seed}; give a whole number from 0 to {_LARGEST_SEED}.")


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


class PartReport(BaseModel):
    """What one instrument played."""

    model_config = ConfigDict(frozen=True)

    channels: list[int]
    notes: int
    voices: int
    range_share: float = Field(description="share of the notes inside the learned pitches (1 to 99 %)")


class RenderReport(BaseModel):
    """The report of a rendering."""

    model_config = ConfigDict(frozen=True)

    output: str | None = Field(description="the file that was written; null of a sound in memory")
    sample_rate: int
    seconds: float
    parts: list[PartReport]
    peak: float = Field(description="of the mix, before it was scaled")
    scaled_db: float
    real_time_factor: float = Field(description="time that it took, over the length")
    remarks: list[str]

    def __str__(self) -> str:
        """Return a line in words."""
        notes, n_players = sum(part.notes for part in self.parts), len(self.parts)
        return (
            f"song: {self.seconds:.1f} s at {self.sample_rate} Hz, {counted(notes, 'note')} by "
            f"{counted(n_players, 'instrument')}, {counted(len(self.remarks), 'remark')}"
        )

    __repr__ = __str__


class _Part(NamedTuple):
    instrument: Instrument
    curves: list[VoiceCurves]
    n_samples: int
    identity: str | None
    report: PartReport


def render(
    score: Score,
    instruments: Players,
    options: RenderOptions | None = None,
) -> tuple[Block, int]:
    """Return a score, played, and its sample rate: the highest of the instruments'.

    Args:
        score: What `read_midi` returns.
        instruments: Who plays each channel; None for those that are not named; or one for all.
        options: How; the defaults if left out.

    Raises:
        InputError: When no channel with notes has an instrument, or an instrument has no such identity.
    """
    audio, report = render_with_report(score, instruments, options)
    return audio, report.sample_rate


def render_with_report(
    score: Score, instruments: Players, options: RenderOptions | None = None
) -> tuple[Block, RenderReport]:
    """Return a score, played, and the report on it; see `render`."""
    options = options or RenderOptions()
    began = time.perf_counter()
    parts, remarks = _parts(score, instruments, options)
    audio = np.concatenate(list(_mixed(parts, options)))
    peak = float(np.abs(audio).max(initial=0.0))
    return audio, _report(None, parts, remarks, peak, 1.0, time.perf_counter() - began)


def render_file(
    midi_path: str | Path,
    instruments: Players,
    output_path: str | Path,
    options: RenderOptions | None = None,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> RenderReport:
    """Play a MIDI file and write it, as 24-bit PCM; if its peak would clip, its level is reduced.

    Args:
        midi_path: Format 0 or 1.
        instruments: Who plays each channel; None for those that are not named; or one for all.
        output_path: ``.wav`` or ``.flac``; it appears complete or not at all.
        options: How; the defaults if left out.
        on_progress: Called with the share that is finished.

    Raises:
        InputError: As `render` and `read_midi`, and when the output can't be written.
    """
    options = options or RenderOptions()
    midi_path, output_path = Path(midi_path), Path(output_path)
    check_output(output_path, midi_path)
    began = time.perf_counter()
    parts, remarks = _parts(read_midi(midi_path), instruments, options)
    sample_rate, n_samples = _length(parts)

    def told() -> Iterator[torch.Tensor]:
        done = 0
        for block in _mixed(parts, options):
            yield torch.from_numpy(block)
            done += len(block)
            if on_progress:
                on_progress(done / n_samples)

    peak = gain = 1.0

    def write(path: Path) -> None:
        nonlocal peak, gain
        peak, gain = write_audio(path, told(), sample_rate, n_samples)

    write_atomically(output_path, write)
    return _report(printable(output_path), parts, remarks, peak, gain, time.perf_counter() - began)


def _report(
    output: str | None,
    parts: Sequence[_Part],
    remarks: Sequence[str],
    peak: float,
    gain: float,
    took_s: float,
) -> RenderReport:
    sample_rate, n_samples = _length(parts)
    seconds, scaled_db = n_samples / sample_rate, float(20 * np.log10(gain))
    return RenderReport(
        output=output,
        sample_rate=sample_rate,
        seconds=seconds,
        parts=[part.report for part in parts],
        peak=peak,
        scaled_db=scaled_db,
        real_time_factor=took_s / seconds,
        remarks=[*remarks, *_remarks(parts, peak, scaled_db)],
    )


def _parts(score: Score, instruments: Players, options: RenderOptions) -> tuple[list[_Part], list[str]]:
    """Return what each instrument plays, and what is to be said of it; channels of one are played together.

    Raises:
        InputError: When no channel with notes has an instrument, none of the instruments has the identity,
            or no key is left by the octave.
    """
    players, remarks = _players(score, instruments)
    if options.identity and not any(one.config.identities for one in players.values()):
        identity_number(next(iter(players.values())), options.identity)
    of_instrument: dict[int, list[int]] = {}
    for channel, instrument in players.items():
        of_instrument.setdefault(id(instrument), []).append(channel)
    parts = []
    for channels in of_instrument.values():
        instrument = players[channels[0]]
        identity = options.identity if instrument.config.identities else None
        # Controllers of a channel without notes count as well: it may be the master of an MPE zone.
        events = [event for event in score.events if event.channel in channels]
        keys = [event.number + 12 * options.octave for event in events if event.kind == "note_on"]
        keys = [key for key in keys if 0 <= key <= 127]
        if not keys:
            continue
        n_voices = count_voices(events) if options.voices == "auto" else options.voices
        curves = voice_curves(
            events,
            score.seconds,
            instrument,
            _expression(instrument, options.expression),
            n_voices=n_voices,
            octave=options.octave,
            identity=identity,
        )
        tail = 0 if options.dry else _ringing(instrument)
        n_samples = (len(curves[0].gain) - 1) * instrument.hop_length + tail
        report = PartReport(
            channels=[channel for channel in channels if channel in score.channels],
            notes=len(keys),
            voices=n_voices,
            range_share=_inside(keys, statistics_of(instrument, identity)),
        )
        parts.append(_Part(instrument, curves, n_samples, identity, report))
    if not parts and options.octave:
        raise InputError(f"octave is {options.octave}, and no note stays on the keyboard; give another one.")
    if not parts:
        there = ", ".join(map(str, score.channels))
        raise InputError(f"No instrument plays a channel that has notes; those are {there}.")
    return parts, remarks


def _expression(instrument: Instrument, asked: Expression) -> Expression:
    """Return how notes are played: as asked, and where nothing is asked as the instrument has learned it."""
    learned = {} if instrument.config.notes is None else instrument.config.notes.model_dump()
    own = {name: value for name, value in learned.items() if name not in asked.model_fields_set}
    return asked.model_copy(update=own)


def _players(score: Score, instruments: Players) -> tuple[dict[int, Instrument], list[str]]:
    """Return who plays each channel, and a remark on those that nobody plays.

    A player of all channels leaves out channel 10, the drums of General MIDI, if others have notes; not in a
    song by MPE, whose notes have a channel each.
    """
    named: Mapping[int | None, Instrument] = (
        {None: instruments} if isinstance(instruments, Instrument) else instruments
    )
    mpe = any(event.kind == "control" and (event.number, event.value) == (100, 6) for event in score.events)
    players, remarks = {}, []
    for channel in range(1, 17):
        is_drums = channel == _DRUMS and not mpe and score.channels != [_DRUMS]
        others = None if is_drums else named.get(None)
        if (player := named.get(channel, others)) is not None:
            players[channel] = player
        elif channel in score.channels:
            why = "has the drums, by General MIDI," if is_drums else "has no instrument"
            remarks.append(f"Channel {channel} {why} and is not played; give --to {channel}=INSTRUMENT.")
    return players, remarks


def _inside(keys: Sequence[int], learned: Statistics | None) -> float:
    if learned is None:
        return 1.0
    low, high = learned.pitch_midi_quantiles[1] - 0.5, learned.pitch_midi_quantiles[99] + 0.5
    return float(np.mean([low <= key <= high for key in keys]))


def _ringing(instrument: Instrument) -> int:
    """Return for how many samples the effects sound on when nothing comes in."""
    return sum(module.n_taps for module in instrument.effects.modules() if isinstance(module, Reverb))


def _length(parts: Sequence[_Part]) -> tuple[int, int]:
    """Return the sample rate of the mix and its length in samples."""
    sample_rate = max(part.instrument.sample_rate for part in parts)
    return sample_rate, max(-(-part.n_samples * sample_rate // part.instrument.sample_rate) for part in parts)


def _mixed(parts: Sequence[_Part], options: RenderOptions) -> Iterator[Block]:
    """Yield the sum of the parts."""
    sample_rate, n_samples = _length(parts)
    # No two parts have the same noise.
    sources = [
        _cut(_at_rate(_played(part, options, options.seed + i * _SEEDS_APART), part, sample_rate))
        for i, part in enumerate(parts)
    ]
    for start in range(0, n_samples, _MIXED_SAMPLES):
        mix = np.zeros(min(_MIXED_SAMPLES, n_samples - start), np.float32)
        for source in sources:
            block = next(source, mix[:0])
            mix[: len(block)] += block[: len(mix)]
        yield mix


def _cut(blocks: Iterator[Block]) -> Iterator[Block]:
    """Yield the same samples in blocks of one length."""
    kept: list[Block] = []
    n_kept = 0
    for block in blocks:
        kept.append(block)
        n_kept += len(block)
        if n_kept >= _MIXED_SAMPLES:
            whole = np.concatenate(kept)
            n_whole = n_kept // _MIXED_SAMPLES * _MIXED_SAMPLES
            for start in range(0, n_whole, _MIXED_SAMPLES):
                yield whole[start : start + _MIXED_SAMPLES]
            kept, n_kept = [whole[n_whole:]], n_kept - n_whole
    if n_kept:
        yield np.concatenate(kept)


def _at_rate(blocks: Iterator[Block], part: _Part, sample_rate: int) -> Iterator[Block]:
    if part.instrument.sample_rate == sample_rate:
        yield from blocks
        return
    import soxr

    resampler = soxr.ResampleStream(part.instrument.sample_rate, sample_rate, 1, dtype="float32")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _played(part: _Part, options: RenderOptions, seed: int) -> Iterator[Block]:
    """Yield an instrument's audio: its voices, and behind them its effects, once for all voices.

    A voice is computed while it has a note, and for as long as its source lags behind it.
    """
    instrument, hop_length = part.instrument, part.instrument.hop_length
    effects = instrument.effects
    shared = not (options.dry or effects.inputs or effects.controls) and len(effects.parts) > 0
    rest = Stream(effects, seed=seed) if shared else None
    dry = options.dry or shared
    voices = [Stream(instrument, seed=seed + i, dry=dry) for i in range(len(part.curves))]
    # The first frame lies before the score.
    skip = hop_length + voices[0].latency + (rest.latency if rest else 0)
    late = -(-(voices[0].latency + (0 if dry else _ringing(instrument))) // hop_length)
    n_frames, left = len(part.curves[0].gain), part.n_samples
    computed = [_around(curves.sounding, late) for curves in part.curves]
    n_all = -(-(part.n_samples + skip) // hop_length)
    for start in range(0, n_all, _BLOCK_FRAMES):
        stop = min(start + _BLOCK_FRAMES, n_all)
        audio = torch.zeros(1, (stop - start) * hop_length)
        for stream, curves, on in zip(voices, part.curves, computed, strict=True):
            for a, b in _runs(on[start : min(stop, n_frames + late)]):
                block = conditions_of(instrument, curves, slice(start + a, start + b), part.identity)
                block = {name: curve.to(instrument.device) for name, curve in block.items()}
                audio[:, a * hop_length : b * hop_length] += stream.push(**block).cpu()
        samples = (rest.push(audio.to(instrument.device)).cpu() if rest else audio)[0].numpy()
        samples, skip = samples[skip:], max(skip - len(samples), 0)
        if len(samples):
            yield samples[:left]
            left -= min(len(samples), left)


def _around(on: np.ndarray, n_late: int) -> np.ndarray:
    """Return the frames of notes, the one before and behind each, and so many more behind it."""
    wide = np.zeros(len(on) + n_late, bool)
    for start, stop in _runs(on):
        wide[max(start - 1, 0) : stop + 1 + n_late] = True
    return wide


def _runs(on: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _remarks(parts: Sequence[_Part], peak: float, scaled_db: float) -> list[str]:
    remarks = []
    for part in parts:
        if part.report.range_share < 0.8:
            outside = round(100 * (1 - part.report.range_share))
            where = ", ".join(map(str, part.report.channels))
            remarks.append(
                f"{outside} % of the notes of channel {where} are outside the learned pitches and may sound "
                "wrong; try --octave."
            )
        if part.instrument.statistics is None:
            remarks.append("An instrument has no statistics, so velocities are not mapped to its loudness.")
    if scaled_db < 0:
        remarks.append(
            f"The peak was {peak:.2f} of full scale, so the level was reduced by {-scaled_db:.1f} dB."
        )
    return remarks
