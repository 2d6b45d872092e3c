"""Extrapolation: the violin one and two octaves below what it has learned."""

from dataclasses import replace

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from examples.measure import listen
from examples.page import Page
from examples.violin import Settings, held_out, learning, violin, violin_dataset
from oscine.analysis import CONFIDENT, Features
from oscine.analysis.spectrogram import draw_spectrogram
from oscine.evaluation import f0_median, f0_outliers, f0_unsure
from oscine.functional.centroid import spectral_centroid_midi
from oscine.functional.units import midi_to_hz
from oscine.processors import HarmonicOscillator
from oscine.training.objective import synth_part
from oscine.transfer import PlayableInstrument

_OCTAVES = (0, -1, -2)


def main(settings: Settings) -> dict[str, float]:
    """Write the page and return what was measured."""
    instrument, heard = violin(settings), held_out(violin_dataset(settings)).features()
    figures: dict[str, float] = {}
    rows, sounds = [], []
    page = Page(settings, "extrapolation", "Extrapolation: notes below the training range")
    for octave in _OCTAVES:
        meant = replace(heard, f0_hz=heard.f0_hz * 2.0**octave)
        with torch.no_grad():
            sound = instrument(meant.f0_hz[None], meant.loudness_db[None])[0]
        played, plain = listen(sound, instrument), listen(_plain_tone(instrument, meant), instrument)
        counted = heard.confidence >= CONFIDENT
        low, high = (float(torch.quantile(meant.f0_hz[counted], q)) for q in (0.01, 0.99))
        centroid = spectral_centroid_midi(sound[None], instrument.sample_rate, instrument.hop_length)[0]
        measured = {
            "cents": 100 * (f0_median(played, meant) or 0.0),
            "outliers": f0_outliers(played, meant) or 0.0,
            "unsure": f0_unsure(played, meant) or 0.0,
            "tracker_cents": 100 * (f0_median(plain, meant) or 0.0),
            "tracker_outliers": f0_outliers(plain, meant) or 0.0,
            "centroid_hz": float(midi_to_hz(centroid[counted].median())),
            "unlearned": _unlearned(instrument, meant, counted),
        }
        figures |= {f"{name}_{-octave}": value for name, value in measured.items()}
        rows.append(
            [
                "as written" if octave == 0 else f"{-octave} lower",
                f"{low:.0f} … {high:.0f} Hz",
                f"{measured['cents']:.1f}",
                f"{measured['outliers']:.1%}",
                f"{measured['unsure']:.0%}",
                f"{measured['tracker_cents']:.1f} / {measured['tracker_outliers']:.1%}",
                f"{measured['centroid_hz']:.0f} Hz",
                f"{measured['unlearned']:.1%}",
                page.sound(f"{-octave}", sound, instrument.sample_rate),
            ]
        )
        sounds.append(sound)

    page.text(
        "This page plays a learned violin below its range, and measures pitch and timbre. "
        "The lowest note of a violin is its G string, 196 Hz. The oscillator of the learned violin "
        "takes any pitch. Here the instrument plays the held-out part as it was recorded, and one and "
        "two octaves lower, with the same loudness."
    )
    page.table(
        [
            "octave",
            "f0, 1 … 99 %",
            "cents off (median)",
            "more than an octave off",
            "unsure",
            "error of the tracker: cents / outliers",
            "spectral centroid",
            "energy in unlearned harmonics",
            "",
        ],
        rows,
    )
    page.picture("spectrograms", _picture(instrument, sounds), "Spectrograms of the three octaves")
    page.text(
        "**The pitch is right.** The oscillator plays the given pitch, independently of the network. "
        "Errors are over the frames in which the recording's pitch is confident. The error of the "
        "tracker alone is measured on a synthetic tone of the same pitch, with harmonics that fall by "
        "1 / k."
    )
    page.text(
        f"**The timbre is not learned.** The lowest learned notes have {_n_learned(instrument)} harmonics "
        f"below {instrument.sample_rate / 2:.0f} Hz, so "
        "the further outputs of the network never sounded in training. An octave lower they sound. The "
        "last column of figures has their share of the energy of all harmonics; in the pictures they are "
        "the bright blocks of some notes. The resonances of a violin's body stay at the same frequencies, "
        "and the network cannot learn their effect on such low pitches. The centroid is its "
        "extrapolation; no recording shows the right value."
    )
    page.text(learning(settings, "violin", violin_dataset(settings)))
    page.write()
    return figures


def _n_learned(instrument: PlayableInstrument) -> int:
    """Return the number of harmonics that the lowest notes learned have below Nyquist's frequency."""
    assert instrument.statistics is not None
    lowest_hz = midi_to_hz(torch.tensor(instrument.statistics.pitch_midi_quantiles[1]))
    return int(instrument.sample_rate / 2 / lowest_hz)


def _unlearned(instrument: PlayableInstrument, meant: Features, counted: Tensor) -> float:
    """Return the energy of the harmonics that never sounded in training, as a share of all."""
    with torch.no_grad():
        controls, _ = instrument.control({"f0_hz": meant.f0_hz[None], "loudness_db": meant.loudness_db[None]})
    shares = controls["harmonic.harmonic_distribution"][0]
    order = torch.arange(1, shares.shape[1] + 1)
    audible = meant.f0_hz[:, None] * order < instrument.sample_rate / 2
    shares = shares * audible / (shares * audible).sum(-1, keepdim=True)
    power = (controls["harmonic.amplitude"][0].reshape(-1, 1) * shares).square()[counted]
    return float(power[:, _n_learned(instrument) :].sum() / power.sum())


def _plain_tone(instrument: PlayableInstrument, meant: Features) -> Float[Tensor, " time"]:
    """Return what is easy to track: harmonics of 1 / k at the loudness's dynamics."""
    _, oscillator = synth_part(instrument, HarmonicOscillator)
    shares = 1 / torch.arange(1, oscillator.n_harmonics + 1)
    amplitude = 0.3 * 10 ** ((meant.loudness_db - meant.loudness_db.max()) / 20)
    distribution = (shares / shares.sum()).expand(1, meant.n_frames, -1)
    return oscillator(meant.f0_hz[None], amplitude[None], distribution)[0]


def _picture(instrument: PlayableInstrument, sounds: list[Tensor]) -> Figure:
    figure = Figure(figsize=(10, 3.4), layout="constrained", facecolor="none")
    for octave, sound, axes in zip(_OCTAVES, sounds, figure.subplots(1, 3, sharey=True), strict=True):
        name = "as written" if octave == 0 else f"{-octave} octave{'s' if octave < -1 else ''} lower"
        draw_spectrogram(axes, sound[: 4 * instrument.sample_rate], instrument.sample_rate)
        axes.set(title=name, xlabel="time (s)")
    return figure
