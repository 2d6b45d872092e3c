"""Timbre transfer: a performance in, the same performance played by a trained instrument out."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from oscine.analysis import VOICED, F0Curve, Features, f0_file_beside, read_f0
from oscine.arguments import checked
from oscine.audio import FileReport, rate_of, sound_blocks
from oscine.audio.output import check_output, reduced, write_audio
from oscine.errors import InputError
from oscine.files import printable
from oscine.models import Instrument
from oscine.models.conditioning import absent_conditions, condition_pieces, statistics_of
from oscine.transfer.imitating import Imitation, imitate
from oscine.transfer.leveling import leveled
from oscine.transfer.matching import Matched, match
from oscine.transfer.options import Options
from oscine.transfer.plot import plot_transfer
from oscine.transfer.report import TransferReport
from oscine.transfer.result import PlayResult, Source
from oscine.transfer.sliders import with_sliders
from oscine.transfer.stems import stem_blocks
from oscine.transfer.streaming import Performance, describe, listen, play

if TYPE_CHECKING:
    from oscine.analysis.picture import Picture


def prepare(
    instrument: Instrument,
    performance: Performance,
    options: Options,
    on_report: Callable[[FileReport], None] | None = None,
    edit: Callable[[Features], Features] | None = None,
) -> tuple[Features, Matched, dict[str, Tensor], int]:
    """Return the input's features, what to play, the other conditions, and how many samples.

    The pitch of a file is that of the CSV file beside it (`oscine.analysis.f0_file_beside`), if there is one.

    Args:
        instrument: Who plays.
        performance: The input.
        options: How.
        on_report: Called with the verdict on the input.
        edit: Changes the features before they are matched.

    Raises:
        InputError: The input cannot be read or is empty, the pitch beside it is broken or another
            recording's, or the instrument has no such identity.
    """
    learned = statistics_of(instrument, options.identity)
    grid = instrument.sample_rate, instrument.hop_length
    reports: list[FileReport] = []
    beside = None if isinstance(performance, tuple) else f0_file_beside(performance)
    curve = None if beside is None else read_f0(beside)
    features, n_samples = listen(performance, *grid, reports.append, curve or options.tracker)
    for report in reports:
        if curve is not None and beside is not None:
            report = _with_pitch(report, curve, beside)  # noqa: PLW2901
        if on_report is not None:
            on_report(report)
    if edit is not None:
        features = edit(features)
    matched = match(
        features,
        learned,
        octave=options.octave,
        loudness=options.loudness,
        autotune_strength=float(options.autotune),
    )
    return features, matched, _conditions(instrument, performance, features, matched, options), n_samples


def _with_pitch(report: FileReport, curve: F0Curve, beside: Path) -> FileReport:
    """Return the verdict on an input with a word about its pitch.

    Raises:
        InputError: When the pitch is another recording's by its length.
    """
    try:
        curve.check_length(report.duration_s)
    except InputError as error:
        raise InputError(f"{printable(beside)} can't be used: {error}.") from None
    reasons = [*report.reasons, f"pitch taken from {printable(beside.name)}"]
    return report.model_copy(update={"reasons": reasons})


def _conditions(
    instrument: Instrument,
    performance: Performance,
    features: Features,
    matched: Matched,
    options: Options,
) -> dict[str, Tensor]:
    """Return what conditions the instrument beside the matched pitch and loudness, a batch of one."""
    others = [one for one in instrument.all_inputs() if one.name not in ("f0_hz", "loudness_db")]
    if not others:
        return {}
    absent = absent_conditions(instrument, features.n_frames, options.identity)
    # The pitch to play is known: an encoder of it need not run.
    known = absent | {"f0_hz": features.f0_hz[None], "loudness_db": features.loudness_db[None]}
    blocks = sound_blocks(performance, instrument.sample_rate)
    pieces = list(condition_pieces(instrument, blocks, features, known))
    shift_db = (matched.loudness_db - features.loudness_db)[None]
    conditions = {}
    for one in others:
        conditions[one.name] = torch.cat([piece.conditions[one.name].cpu() for piece in pieces], dim=1)
        if one.unit == "dB":
            # Another measure of the level moves with the loudness.
            conditions[one.name] = conditions[one.name] + shift_db
    return conditions


@checked
def transfer(instrument: Instrument, performance: Performance, options: Options | None = None) -> PlayResult:
    """Return a performance, played by an instrument: as long as the input, in time with it.

    Args:
        instrument: The instrument.
        performance: An audio file, or audio, ``(time,)`` or ``(channel, time)``, and its rate in Hz.
        options: The options; the defaults if left out.

    Returns:
        The audio and its sample rate in Hz, the instrument's, as a pair with a report and a picture. The
        audio may exceed ±1; files are scaled.

    Raises:
        InputError: The input or the clip cannot be read, or the instrument has no such identity, or none to
            imitate a clip with.
    """
    options = options or Options()
    began, verdicts = time.perf_counter(), list[FileReport]()
    player, like = instrument, options.like
    instrument, options, imitation = _imitating(instrument, options)
    features, matched, conditions, n_samples = prepare(instrument, performance, options, verdicts.append)
    matched = _leveled(instrument, matched, n_samples, conditions, options)
    # Only now, or leveling would take back what they change.
    changed = with_sliders(instrument, options.sliders)
    played = play(changed, matched, n_samples, conditions=conditions, dry=options.dry, seed=options.seed)
    audio = torch.cat(list(played))
    took, peak = time.perf_counter() - began, float(audio.abs().max())
    report = _report(
        instrument, features, matched, n_samples, options, None, peak, 1.0, took, verdicts[0], imitation
    )
    return PlayResult(
        audio,
        instrument.sample_rate,
        report,
        Source(
            f"{_words(performance)}, played by {player.called}",
            tuple(Path(one) for one in (performance, like) if isinstance(one, str | Path)),
            partial(_draw, performance, features, matched),
        ),
    )


def _words(performance: Performance) -> str:
    if isinstance(performance, PlayResult):
        return performance.source.words
    return describe(performance if isinstance(performance, tuple) else Path(performance).name)


def _draw(performance: Performance, features: Features, matched: Matched, result: PlayResult) -> "Picture":
    assert isinstance(result.report, TransferReport)
    return plot_transfer(performance, result, features, matched, result.report)


def _imitating(
    instrument: Instrument,
    options: Options,
    on_progress: Callable[[float], None] = lambda share: None,
) -> tuple[Instrument, Options, Imitation | None]:
    """Return who plays, how, and how it was fitted to the clip that it is to sound like, if there is one."""
    if options.like is None:
        return instrument, options, None
    one, found = imitate(instrument, options.like, on_progress=on_progress)
    return one, replace(options, like=None), found


def _leveled(
    instrument: Instrument,
    matched: Matched,
    n_samples: int,
    conditions: dict[str, Tensor],
    options: Options,
    on_progress: Callable[[str, float], None] = lambda what, share: None,
) -> Matched:
    """Return the match with the output's loudness corrected, as often as the options say."""
    n_played = 0

    def played(current: Matched) -> Iterator[Tensor]:
        nonlocal n_played
        # With the effects in any case: the loudness that was learned is that of the recordings.
        for block in play(instrument, current, n_samples, conditions=conditions, seed=options.seed):
            n_played += len(block)
            on_progress("leveling", n_played / (n_samples * options.level_passes))
            yield block

    return leveled(matched, played, instrument.sample_rate, instrument.hop_length, options.level_passes)


@checked
def transfer_file(
    instrument: Instrument,
    input_path: str | Path,
    output_path: str | Path,
    options: Options | None = None,
    *,
    plot: str | Path | None = None,
    stems: str | Path | None = None,
    edit: Callable[[Features], Features] | None = None,
    on_progress: Callable[[str, float], None] | None = None,
) -> TransferReport:
    """Play the performance in a file with an instrument, and write it to another file.

    The audio is that of `transfer`, as 24-bit PCM. If its peak would clip, the level is reduced. Memory does
    not grow with the length, apart from the features. The output file appears complete or not at all.

    Args:
        instrument: The instrument.
        input_path: The performance.
        output_path: ``.wav`` or ``.flac``.
        options: The options; the defaults if left out.
        plot: Path of a plot (PNG) of what was done.
        stems: A folder for the sound of each part of the synth alone, and of what the effects add, in the
            output's format: together they are the output.
        edit: Changes the input's features before they are matched to the instrument.
        on_progress: Called with the name of the current pass and the finished share of it.

    Returns:
        The report.

    Raises:
        InputError: The input or the clip cannot be read, or the output would overwrite one of them or cannot
            be written.
    """
    options = options or Options()
    input_path, output_path = Path(input_path), Path(output_path)
    sources = [input_path, *([Path(options.like)] if isinstance(options.like, str | Path) else [])]
    for source in sources:
        check_output(output_path, source)
        if plot is not None:
            check_output(Path(plot), source, (".png",))
    rate_of(input_path)  # a wrong name is told before the clip takes its seconds
    report = on_progress or (lambda what, share: None)
    began = time.perf_counter()
    instrument, options, imitation = _imitating(instrument, options, lambda share: report("imitating", share))

    report("analysing", 0.0)
    verdicts: list[FileReport] = []
    features, matched, conditions, n_samples = prepare(instrument, input_path, options, verdicts.append, edit)
    report("analysing", 1.0)
    matched = _leveled(instrument, matched, n_samples, conditions, options, report)

    player = with_sliders(instrument, options.sliders)
    played = play(player, matched, n_samples, conditions=conditions, dry=options.dry, seed=options.seed)

    peak, gain = write_audio(
        output_path, played, instrument.sample_rate, n_samples, lambda share: report("playing", share)
    )
    if stems is not None:
        for name, blocks in stem_blocks(player, matched, n_samples, conditions, options):
            place = Path(stems) / f"{name}{output_path.suffix}"
            scaled = (block * gain for block in blocks)
            write_audio(place, scaled, instrument.sample_rate, n_samples)
    took = time.perf_counter() - began

    result = _report(
        instrument,
        features,
        matched,
        n_samples,
        options,
        output_path,
        peak,
        gain,
        took,
        verdicts[0],
        imitation,
    )
    if plot is not None:
        plot_transfer(input_path, output_path, features, matched, result).write(plot)
    return result


def _report(
    instrument: Instrument,
    features: Features,
    matched: Matched,
    n_samples: int,
    options: Options,
    output_path: Path | None,
    peak: float,
    gain: float,
    took: float,
    verdict: FileReport,
    imitation: Imitation | None,
) -> TransferReport:
    seconds = n_samples / instrument.sample_rate
    return TransferReport(
        output=None if output_path is None else printable(output_path),
        sample_rate=instrument.sample_rate,
        seconds=seconds,
        octave=matched.octave,
        loudness_shift_db=matched.loudness_shift_db,
        autotune=float(options.autotune),
        scale=matched.scale.name if matched.scale else None,
        tuning_cents=matched.scale.tuning_cents if matched.scale else None,
        identity=options.identity or next(iter(instrument.config.identities), None),
        imitation=imitation,
        dry=options.dry,
        confident_share=float((features.confidence >= VOICED).float().mean()),
        note_share=float(matched.on_notes.float().mean()),
        range_share=matched.range_share,
        peak=peak,
        scaled_db=float(20 * np.log10(gain)),
        real_time_factor=took / seconds,
        remarks=_remarks(instrument, matched, peak, gain, verdict),
    )


def _remarks(
    instrument: Instrument, matched: Matched, peak: float, gain: float, verdict: FileReport
) -> list[str]:
    # A constant offset is inaudible in the input, and is not in the output.
    remarks = [f"Of the input: {reason}." for reason in verdict.reasons if "constant offset" not in reason]
    if not bool(matched.on_notes.any()):
        if verdict.cancels:
            why = "its channels cancel each other when mixed to mono; invert one of them"
        elif verdict.is_too_quiet:
            why = "it is too quiet, with a peak below -70 dB of full scale; record it louder"
        else:
            why = "it is neither too quiet nor cancelled out in mono; sing or hum a tune"
        remarks = [f"No note was found in the input, so there is nothing to play: {why}."]
    elif matched.range_share < 0.8:
        outside = round(100 * (1 - matched.range_share))
        remarks.append(
            f"{outside} % of the notes are outside the learned pitches and may sound wrong; "
            "try another octave."
        )
    if instrument.statistics is None:
        remarks.append("The instrument has no statistics, so pitch and loudness are not mapped to its range.")
    if gain < 1:
        remarks.append(reduced(peak, gain))
    return remarks
