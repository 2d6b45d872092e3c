"""From curves to sound, without notes and without a recording: `oscine render CURVES.csv`."""

import time
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from pydantic import BaseModel, ConfigDict, Field

from oscine.audio.output import check_output, reduced, write_audio
from oscine.audio.samples import span_blocks
from oscine.data.curves import Curves, read_curves
from oscine.errors import InputError
from oscine.files import printable
from oscine.models import Instrument
from oscine.models.conditioning import held, silence_before
from oscine.notes.voices import VoiceCurves
from oscine.performance.curves import conditions_of
from oscine.streaming import Stream

_BLOCK_FRAMES = 512
_LONGEST_S = 3600.0


class CurvesReport(BaseModel):
    """The report of a rendering."""

    model_config = ConfigDict(frozen=True)

    output: str | None = Field(description="the file that was written; null of a sound in memory")
    sample_rate: int
    seconds: float
    curves: list[str] = Field(description="the columns that were played")
    means: list[str] = Field(description="what the instrument takes beside, at the mean of what it learned")
    peak: float = Field(description="before the sound was scaled")
    scaled_db: float
    real_time_factor: float = Field(description="time that it took, over the length")
    remarks: list[str] = Field(description="what a listener may wonder about, a sentence each")

    def __str__(self) -> str:
        """Return a line in words."""
        return f"curves: {self.seconds:.1f} s at {self.sample_rate} Hz of {', '.join(self.curves)}"

    __repr__ = __str__


def play_curves(
    curves: Curves,
    instrument: Instrument,
    *,
    dry: bool = False,
    seed: int = 0,
    identity: str | None = None,
) -> tuple[Float32[np.ndarray, " time"], int]:
    """Return the sound of curves, and its sample rate.

    It begins at 0 s and ends with the last row.

    Args:
        curves: By the names of the instrument's inputs, such as ``f0_hz`` and ``loudness_db``, and those of
            the curves that it was trained with. A curve that is left out stays at the mean of what was
            learned; pitch and loudness can't be left out.
        instrument: Who plays.
        dry: Leave out the effects.
        seed: Of the noise.
        identity: Which of the instruments in it; the first if left out.

    Raises:
        InputError: When the instrument does not take one of the curves, or takes a pitch or a loudness that
            is missing, the curves are longer than an hour, or there is no such identity.
    """
    audio, report = play_curves_with_report(curves, instrument, dry=dry, seed=seed, identity=identity)
    return audio, report.sample_rate


def play_curves_with_report(
    curves: Curves, instrument: Instrument, *, dry: bool = False, seed: int = 0, identity: str | None = None
) -> tuple[Float32[np.ndarray, " time"], CurvesReport]:
    """Return the sound of curves, and the report on it; see `play_curves`."""
    began = time.perf_counter()
    conditions = _conditions(curves, instrument, identity)
    audio = np.concatenate(list(_played(conditions, instrument, dry, seed)))
    peak = float(np.abs(audio).max(initial=0.0))
    return audio, _report(None, curves, instrument, len(audio), peak, 1.0, time.perf_counter() - began)


def render_curves_file(
    curves_path: str | Path,
    instrument: Instrument,
    output_path: str | Path,
    *,
    dry: bool = False,
    seed: int = 0,
    identity: str | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> CurvesReport:
    """Play a file of curves, and write 24-bit PCM; if its peak would clip, its level is reduced.

    Args:
        curves_path: CSV: a header, ``time_s`` and the names, then lines of numbers (`read_curves`).
        instrument: Who plays.
        output_path: ``.wav`` or ``.flac``; it appears complete or not at all.
        dry: Leave out the effects.
        seed: Of the noise.
        identity: Which of the instruments in it; the first if left out.
        on_progress: Called with the share that is finished.

    Raises:
        InputError: As `play_curves` and `read_curves`, and when the output can't be written.
    """
    output_path = Path(output_path)
    check_output(output_path, Path(curves_path))
    began = time.perf_counter()
    curves = read_curves(curves_path, allowed=[one.name for one in instrument.all_inputs()])
    conditions = _conditions(curves, instrument, identity)
    n_samples = next(iter(conditions.values())).shape[1] * instrument.hop_length

    played = map(torch.from_numpy, _played(conditions, instrument, dry, seed))
    peak, gain = write_audio(output_path, played, instrument.sample_rate, n_samples, on_progress)
    took_s = time.perf_counter() - began
    return _report(printable(output_path), curves, instrument, n_samples, peak, gain, took_s)


def _report(
    output: str | None,
    curves: Curves,
    instrument: Instrument,
    n_samples: int,
    peak: float,
    gain: float,
    took_s: float,
) -> CurvesReport:
    seconds = n_samples / instrument.sample_rate
    means = [one.name for one in instrument.all_inputs() if one.name not in curves.values]
    remarks = [f"Not in the curves, so at the mean of what was learned: {', '.join(means)}."] if means else []
    if gain < 1:
        remarks.append(reduced(peak, gain))
    return CurvesReport(
        output=output,
        sample_rate=instrument.sample_rate,
        seconds=seconds,
        curves=list(curves.values),
        means=means,
        peak=peak,
        scaled_db=float(20 * np.log10(gain)),
        real_time_factor=took_s / seconds,
        remarks=remarks,
    )


def _conditions(curves: Curves, instrument: Instrument, identity: str | None) -> dict[str, torch.Tensor]:
    """Return what conditions the instrument, by name, a batch of one.

    Raises:
        InputError: See `play_curves`.
    """
    there = [one.name for one in instrument.all_inputs() if not one.size]
    for name, values in curves.values.items():
        if values.shape != curves.time_s.shape:
            raise InputError(
                f"The curve {name} has {len(values)} values and time_s {len(curves.time_s)}; give as many."
            )
        if name not in there:
            near = get_close_matches(name, there, n=1)
            hint = f"; the nearest is {near[0]}" if near else ""
            raise InputError(
                f"The instrument has no input {name}{hint}; it takes {', '.join(there)}. Remove the column."
            )
    needed = ["f0_hz", "loudness_db"]
    for name in needed:
        if name in there and name not in curves.values:
            raise InputError(f"The curves lack {name}, which the instrument takes; add a column {name}.")
    last_s = float(curves.time_s[-1]) if len(curves.time_s) else 0.0
    if not 0 < last_s <= _LONGEST_S:
        raise InputError(f"The curves end at {last_s:g} s; give a time above 0 s and of an hour at most.")
    rates = instrument.sample_rate, instrument.hop_length
    n_frames = max(1, round(last_s * rates[0] / rates[1]))
    frames = curves.frames(0, n_frames, *rates)
    still = np.zeros(n_frames, np.float32)
    pitch, loudness = (frames.get(name, still) for name in needed)
    voice = VoiceCurves(pitch, loudness, still + 1, still, still)
    conditions = conditions_of(instrument, voice, slice(0, n_frames), identity)
    del conditions["gain"]
    return conditions | {name: torch.from_numpy(values)[None] for name, values in frames.items()}


def _played(
    conditions: dict[str, torch.Tensor], instrument: Instrument, dry: bool, seed: int
) -> Iterator[Float32[np.ndarray, " time"]]:
    """Yield the sound, without the silence before it and the latency."""
    stream = Stream(instrument, seed=seed, dry=dry)
    n_frames = next(iter(conditions.values())).shape[1]
    before = silence_before(instrument, conditions)
    n_late = -(-stream.latency // instrument.hop_length)
    whole = held(conditions, n_late)
    whole = {name: torch.cat([before[name], values], dim=1) for name, values in whole.items()}
    n_before = next(iter(before.values())).shape[1]

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, n_before + n_frames + n_late, _BLOCK_FRAMES):
            block = {name: values[:, start : start + _BLOCK_FRAMES] for name, values in whole.items()}
            samples = stream.push(**{name: values.to(instrument.device) for name, values in block.items()})
            yield samples[0].cpu().numpy()

    first = n_before * instrument.hop_length + stream.latency
    yield from span_blocks(blocks(), first, n_frames * instrument.hop_length)
