"""Timbre transfer: a voice becomes a violin, a trumpet a saxophone."""

from collections.abc import Sequence
from typing import Literal

import soundfile
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from examples.measure import envelope_distance_db, listen
from examples.page import HEARD, LONGEST_S, PLAYED, Page
from examples.violin import (
    SAMPLE_RATE,
    Settings,
    dataset,
    learning,
    sax,
    training_audio,
    violin,
    violin_dataset,
)
from oscine import recordings
from oscine.analysis import CONFIDENT, Features
from oscine.analysis.spectrogram import draw_spectrogram
from oscine.audio import read_audio
from oscine.cli.demonstration import follows
from oscine.data import Dataset
from oscine.transfer import Options, PlayableInstrument, transfer_file

#: The saxophone's notes are all about as loud, and to match the trumpet's to them would flatten its phrase.
_LOUDNESS: dict[str, Literal["auto"] | float] = {"singing": "auto", "trumpet": 10.0}


def main(settings: Settings) -> dict[str, float]:
    """Write the page and return what was measured."""
    page = Page(settings, "timbre_transfer", "Timbre transfer")
    page.text(
        "This page plays singing with a violin and a trumpet with a saxophone, and measures the results. "
        "The instrument gets only the pitch and the loudness of a melody, and plays it with its own "
        "timbre. The violin and the saxophone learned from recordings that contain neither the melody "
        "nor the voice or the trumpet."
    )
    figures = _play(page, settings, "singing", "violin", violin(settings), violin_dataset(settings))
    if settings.sax is None:
        page.text("The saxophone is left out: there were no recordings of one to learn from.")
    else:
        learned = sax(settings, settings.sax), dataset("sax", settings.sax, settings)
        figures |= _play(page, settings, "trumpet", "sax", *learned)
        page.text(
            f"The trumpet's loudness is raised by {_LOUDNESS['trumpet']:g} dB and not mapped to the "
            "saxophone's. The "
            "saxophone's recordings are long single notes with nearly equal loudness, so the mapping would "
            "remove the dynamics of the trumpet's phrase."
        )
    page.text(
        "Pitch is the median absolute difference in cents, without the octave shift, and loudness is "
        "the correlation in dB, both over the frames in which the melody's pitch is confident. The "
        "spectral envelope is the mel-cepstral distortion, in dB, between averages over all notes: the "
        "distance of the input and of the output from the instrument's recordings. A multi-scale "
        "spectral distance is not possible, because no recording has the same melody."
    )
    made_with = [] if settings.sax is None else ["--sax FOLDER"]
    made_by: list[str] = [*recordings.CREDITS]
    if settings.sax is not None and settings.sax_credit is not None:
        made_with.append("--sax-credit SENTENCE")
        made_by.append(settings.sax_credit)
    for credit in made_by:
        page.text(f"*{credit}*")
    page.write(*made_with)
    return figures


def _play(
    page: Page,
    settings: Settings,
    melody: str,
    name: str,
    instrument: PlayableInstrument,
    learned_from: Dataset,
) -> dict[str, float]:
    heard, _ = read_audio(recordings.path(melody), SAMPLE_RATE)
    source, played_file = settings.work / f"{melody}.wav", settings.work / f"{melody}-{name}.wav"
    heard = heard[: 5 * SAMPLE_RATE] if settings.quick else heard
    soundfile.write(source, heard, SAMPLE_RATE)
    report = transfer_file(instrument, source, played_file, Options(loudness=_LOUDNESS[melody]))
    played, _ = read_audio(played_file)

    both = listen(heard, instrument), listen(played, instrument)
    cents, correlation = follows(*both, report.octave)
    own = training_audio(learned_from)
    before = envelope_distance_db(heard, own, SAMPLE_RATE)
    after = envelope_distance_db(played, own, SAMPLE_RATE)
    page.text(f"## {melody.capitalize()} → {name}")
    page.table(
        ["", "sound", "spectral envelope against the recordings' (dB)"],
        [
            [f"the {melody}", page.sound(melody, heard, SAMPLE_RATE), f"{before:.1f}"],
            [f"the {name}", page.sound(f"{melody}-{name}", played, SAMPLE_RATE), f"{after:.1f}"],
        ],
    )
    page.text(
        f"The {name} follows the pitch within {cents:.1f} cents (median, {report.octave:+d} octaves), the "
        f"loudness with a correlation of {correlation:.3f}. {learning(settings, name, learned_from)}"
    )
    for remark in report.remarks:
        page.text(remark)
    sounds = (melody, torch.from_numpy(heard), both[0]), (name, torch.from_numpy(played), both[1])
    what = f"Pitch, loudness and spectrograms of the {melody} and of the {name}"
    page.picture(melody, _picture(sounds), what)
    return {
        f"{name}_cents": cents,
        f"{name}_loudness_correlation": correlation,
        f"{name}_envelope_before_db": before,
        f"{name}_envelope_after_db": after,
    }


def _picture(sounds: Sequence[tuple[str, Float[Tensor, " time"], Features]]) -> Figure:
    figure = Figure(figsize=(10, 5.4), layout="constrained", facecolor="none")
    (*spectra, pitch, loudness) = figure.subplots(2, 2).ravel()
    for (name, audio, features), color, axes in zip(sounds, (HEARD, PLAYED), spectra, strict=True):
        rate, shown = features.sample_rate, features.slice(0, round(LONGEST_S * features.frame_rate))
        draw_spectrogram(axes, audio[: round(LONGEST_S * rate)], rate)
        axes.set(title=name, xlabel="time (s)")
        time_s = shown.time_s.numpy()
        sure = shown.confidence >= CONFIDENT
        pitch.plot(time_s, shown.midi.masked_fill(~sure, torch.nan).numpy(), color=color, label=name)
        loudness.plot(time_s, shown.loudness_db.numpy(), color=color, label=name)
    for axes, title in ((pitch, "pitch (MIDI)"), (loudness, "loudness (dB)")):
        axes.set_title(title)
        axes.set_xlabel("s")
        axes.set_xlim(0, LONGEST_S)
    return figure
