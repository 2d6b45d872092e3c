"""The whole loop on the recordings in the package: prepare, train, play, measure, and a page of it all."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from oscine import instruments, recordings
from oscine.analysis import CONFIDENT, Features, Quality, analyze
from oscine.audio import read_audio
from oscine.cli.train import TERMINATED
from oscine.data import Dataset, PrepareReport, prepare
from oscine.errors import InputError
from oscine.evaluation import Evaluation, Excerpts, Page, evaluate
from oscine.evaluation.pictures import comparison_picture
from oscine.evaluation.report import (
    BOLD,
    add_comparison,
    best_of_rows,
    best_of_sound_rows,
    facts,
    header,
    rows,
    sound_header,
    sound_rows,
)
from oscine.evaluation.tally import Sound
from oscine.files import write_atomically
from oscine.note_names import note_name
from oscine.plural import counted
from oscine.threads import one_thread
from oscine.training import TrainResult, train
from oscine.training.folder import RunFolder
from oscine.transfer import PlayableInstrument, TransferReport, load, transfer_file

if TYPE_CHECKING:
    from rich.console import Console

    from oscine.training.callbacks import Callback

SAMPLE_RATE = 16_000
HELD_OUT_S = 25.0
RECIPE = "tiny"
PAGE = "index.html"
#: So much of each sound is on the page; the files beside it have all of it.
EXCERPT_S = 12.0
_MELODIES = {"singing": "A voice", "trumpet": "A trumpet"}
#: The instrument of the package that plays the first melody as well.
BUNDLED = "violin"


@dataclass(frozen=True)
class Performance:
    """A melody, what an instrument made of it, and how closely it followed."""

    name: str
    source: Path
    played: Path
    melody: Sound
    answer: Sound
    report: TransferReport
    pitch_cents: float
    """Median absolute difference of pitch, without the octave shift, over confident frames."""
    loudness_correlation: float
    """Of the two loudnesses in dB, over the same frames."""


def demonstrate(
    folder: str | Path,
    *,
    minutes: float | None = 3.0,
    steps: int | None = None,
    recordings_folder: Path | None = None,
    console: "Console | None" = None,
    progress: "Callback | None" = None,
) -> Path:
    """Train the violin, transfer singing and a trumpet to it, evaluate it, and return the path of the page.

    The folder then holds the dataset, the instrument, what was played (WAV), the figures
    (``evaluation.json``) and the page. An earlier demo in it goes on: what is done is not done again.

    Args:
        folder: Where everything goes.
        minutes: Length of the training.
        steps: Length of the training in steps, in place of ``minutes``.
        recordings_folder: What to learn from; the package's violin when left out.
        console: Where it is said what is done; nowhere when left out.
        progress: Shows the training's progress in place of the console's.

    Raises:
        InputError: When the folder holds a demo with other settings, or one of another version.
    """
    folder = Path(folder)
    RunFolder(folder / "instrument")  # a name that can't be trained in is refused before anything is done

    def say(text: str) -> None:
        if console is not None:
            console.print(text, markup=False, highlight=False, soft_wrap=True)

    say("1. Preparing the violin's recordings: pitch, loudness, and what can be learned from them")
    prepared = prepare(
        recordings_folder or recordings.path("violin"),
        folder / "dataset",
        sample_rate=SAMPLE_RATE,
        held_out_s=HELD_OUT_S,
    )
    quality = prepared.quality
    say(
        f"   {quality.minutes:.1f} minutes, {quality.voiced_share:.0%} of them with a pitch; "
        f"the last {prepared.held_out_s:.0f} s are held out"
    )

    length = counted(steps, "step") if steps is not None else f"about {minutes:g} minutes"
    say(f"2. Training an instrument, {length}; Ctrl-C ends it and continues with the best instrument so far")
    try:
        trained = train(
            folder / "dataset",
            folder / "instrument",
            recipe=RECIPE,
            minutes=None if steps is not None else minutes,
            steps=steps,
            resume="auto",
            console=console,
            progress=progress,
            card={"licence": "cc-by-3.0", "credit": "John Garner (violin)"},
        )
    except InputError as error:
        raise InputError(f"{error} Or remove {folder}, or name another folder with --out.") from None
    if trained.terminated:
        raise SystemExit(TERMINATED)
    say(f"   {counted(trained.steps, 'step')} in {trained.minutes:.1f} minutes")
    instrument = load(folder / "instrument")

    with one_thread():
        say("3. Transferring a sung melody and a trumpet's phrase to it")
        performances = [_perform(instrument, name, folder, name) for name in _MELODIES]
        bundled = load(instruments.path(BUNDLED))
        first = next(iter(_MELODIES))
        beside = _perform(bundled, first, folder, f"{first}-{BUNDLED}-of-the-package")
        for one in (*performances, beside):
            say(f"   {one.played}: {_how_close(one)}")

        say("4. Evaluating it on the recordings that were held out")
        excerpts = Excerpts(at_most=1, seconds=EXCERPT_S)
        evaluation = evaluate(instrument, Dataset.open(folder / "dataset"), on_comparison=excerpts)
    write_atomically(folder / "evaluation.json", evaluation.model_dump_json(indent=1))

    page = _page(prepared, trained, performances, (bundled, beside), evaluation, excerpts)
    page.write(folder / PAGE)
    return folder / PAGE


def _perform(instrument: PlayableInstrument, name: str, folder: Path, stem: str) -> Performance:
    source, played = recordings.path(name), folder / f"{stem}.wav"
    report = transfer_file(instrument, source, played)
    melody, answer = (_heard_sound(path, instrument) for path in (source, played))
    pitch_cents, correlation = follows(melody.features, answer.features, report.octave)
    return Performance(name, source, played, _cut(melody), _cut(answer), report, pitch_cents, correlation)


def _heard_sound(path: Path, instrument: PlayableInstrument) -> Sound:
    audio, _ = read_audio(path, instrument.sample_rate)
    features = analyze(audio, instrument.sample_rate, instrument.hop_length)
    return Sound(torch.from_numpy(audio), features, features.loudness_db)


def _cut(sound: Sound) -> Sound:
    """Return what is shown of a sound."""
    n = min(round(EXCERPT_S * sound.features.frame_rate), sound.features.n_frames)
    audio = sound.audio[: n * sound.features.hop_length]
    return Sound(audio, sound.features.slice(0, n), sound.loudness_db[:n])


def follows(melody: Features, played: Features, octave: int) -> tuple[float, float]:
    """Return how closely a performance follows a melody: pitch in cents (median), correlation of loudness.

    Args:
        melody: The melody; frames below a confidence of 0.85 do not count.
        played: What was made of it, as long as the melody up to a frame.
        octave: Octaves by which the melody was shifted.

    Raises:
        InputError: When no frame of the melody has a confident pitch.
    """
    n_frames = min(melody.n_frames, played.n_frames)
    melody, played = melody.slice(0, n_frames), played.slice(0, n_frames)
    counted = melody.confidence >= CONFIDENT
    if int(counted.sum()) < 2:
        raise InputError(
            "The melody has no confident pitch, so nothing can follow it; give a sung or played one."
        )
    cents = 100 * (played.midi - melody.midi - 12 * octave).abs()[counted]
    loudness = torch.stack([melody.loudness_db, played.loudness_db])[:, counted]
    return float(cents.double().median()), float(torch.corrcoef(loudness.double())[0, 1])


def _how_close(one: Performance) -> str:
    return (
        f"pitch within {one.pitch_cents:.1f} cents of the melody (median, octave {one.report.octave:+d}), "
        f"loudness correlates by {one.loudness_correlation:.2f}"
    )


def _page(
    prepared: PrepareReport,
    trained: TrainResult,
    performances: list[Performance],
    bundled: tuple[PlayableInstrument, Performance],
    evaluation: Evaluation,
    excerpts: Excerpts,
) -> Page:
    page = Page(
        "A violin that was learned by listening",
        f"Oscine listened to {prepared.train_s / 60:.1f} minutes of a violin and learned it in "
        f"{trained.minutes:.1f} minutes, {counted(trained.steps, 'step')}, with "
        f"{evaluation.n_parameters:,} parameters.",
    )
    for one in performances:
        who = _MELODIES[one.name]
        page.heading(f"{who}, and the violin that follows it")
        sounds = [(who, one.source, "the melody"), ("The violin", one.played, "plays the same melody")]
        page.players([(label, *_excerpt(path), remark) for label, path, remark in sounds])
        page.paragraph(_sentence(_how_close(one)))
        for remark in one.report.remarks:
            page.paragraph(remark, note=True)
        page.picture(
            comparison_picture(one.melody, one.answer, (one.name, "violin")),
            f"Spectrograms, pitch and loudness of the melody ({one.name}) and of what the violin played",
            "Spectrograms; pitch, with a thin line where the confidence is low; A-weighted loudness.",
        )

    _add_bundled(page, *bundled)
    page.heading("The held-out part")
    page.paragraph(
        f"The last {prepared.held_out_s:.0f} s of the recordings were held out. The instrument was given "
        "their pitch and loudness and nothing else."
    )
    page.table(header(evaluation), rows(evaluation), best_of_rows(evaluation))
    page.table(sound_header(evaluation), sound_rows(evaluation), best_of_sound_rows(evaluation))
    page.paragraph(BOLD, note=True)
    for sentence in facts(evaluation):
        page.paragraph(sentence, note=True)
    for comparison in excerpts.kept:
        add_comparison(page, comparison)

    page.heading("What it learned from")
    page.paragraph(_sentence(_heard(prepared.quality)))
    for advice in prepared.quality.advice:
        page.paragraph(advice, note=True)
    page.heading("Whose recordings these are")
    for credit in recordings.CREDITS:
        page.paragraph(credit, note=True)
    return page


def _add_bundled(page: Page, instrument: PlayableInstrument, one: Performance) -> None:
    """Add the melody that an instrument of the package plays."""
    page.heading(f"{_MELODIES[one.name]}, and an instrument that comes with Oscine")
    sound = (
        "The violin of the package",
        *_excerpt(one.played),
        f"{instrument.sample_rate:,} Hz, trained before",
    )
    page.players([sound])
    page.paragraph(_sentence(_how_close(one)))
    page.paragraph(str(instrument.card.get("credit", "")), note=True)
    page.paragraph(
        f"oscine transfer hum.wav --to {BUNDLED} plays it; oscine instruments lists all.", note=True
    )


def _heard(quality: Quality) -> str:
    parts = [f"{quality.minutes:.1f} minutes, {quality.usable_minutes:.1f} of them to learn from"]
    if quality.lowest_midi is not None and quality.highest_midi is not None:
        parts.append(f"notes from {note_name(quality.lowest_midi)} to {note_name(quality.highest_midi)}")
    parts.append(f"{quality.loudness_range_db:.0f} dB from soft to loud")
    if quality.signal_to_noise_db is not None:
        parts.append(f"the pauses {quality.signal_to_noise_db:.0f} dB below the notes")
    return ", ".join(parts)


def _excerpt(path: Path) -> tuple[torch.Tensor, int]:
    audio, sample_rate = read_audio(path)
    return torch.from_numpy(audio[: round(EXCERPT_S * sample_rate)]), sample_rate


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
