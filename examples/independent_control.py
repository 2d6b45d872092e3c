"""Independent control: pitch, loudness and timbre of one violin, each moved while the others stay."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from matplotlib import colormaps
from matplotlib.figure import Figure
from torch import Tensor

from examples.measure import listen
from examples.page import Page
from examples.violin import Settings, held_out, learning, violin_dataset, violin_with_z
from oscine.analysis import CONFIDENT, Features
from oscine.functional.centroid import spectral_centroid_midi
from oscine.functional.units import hz_to_midi, midi_to_hz
from oscine.models.inputs import Z
from oscine.transfer import PlayableInstrument

_LONGEST_S = 4.0
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_LOUDNESS_DB = (-8.0, 8.0)


@dataclass(frozen=True)
class Controls:
    """What the violin is asked to play, a value a frame."""

    midi: Float[Tensor, " frame"]
    loudness_db: Float[Tensor, " frame"]
    z: Float[Tensor, "frame channel"]

    def towards(self, other: "Controls", share: float) -> "Controls":
        """Return what lies between the two, 0 being this one and 1 the other."""
        return Controls(
            torch.lerp(self.midi, other.midi, share),
            torch.lerp(self.loudness_db, other.loudness_db, share),
            torch.lerp(self.z, other.z, share),
        )


@dataclass(frozen=True)
class Played:
    """The output, analysed again."""

    audio: Float[Tensor, " time"]
    features: Features
    centroid_midi: Float[Tensor, " frame"]
    z: Float[Tensor, "frame channel"]


def main(settings: Settings) -> dict[str, float]:
    """Write the page and return what was measured."""
    instrument, segment = violin_with_z(settings), held_out(violin_dataset(settings))
    heard, recording = segment.features(), segment.audio()
    with torch.no_grad():
        z = _z(instrument, recording[None])[0]
    spread = float((z - z.mean(0)).square().sum(-1).mean().sqrt())
    n_frames = min(round(_LONGEST_S * heard.frame_rate), heard.n_frames // 2)
    here, there = heard.slice(0, n_frames), heard.slice(heard.n_frames - n_frames, heard.n_frames)
    counted = here.confidence >= CONFIDENT

    moves = _moves(instrument, here, there, z, heard.confidence >= CONFIDENT)
    page = Page(settings, "independent_control", "Independent control of pitch, loudness and timbre")
    figures, rows, everything = {}, [], {}
    for name, (start, end) in moves.items():
        steps = [start.towards(end, share) for share in _SHARES]
        played = [_play(instrument, one, recording) for one in steps]
        everything[name] = (steps, played)
        first, last = played[0], played[-1]
        measured = _changes(first, last, counted, spread)
        asked = _asked(start, end, counted, spread)
        errors = [_errors(one, sound, counted) for one, sound in zip(steps, played, strict=True)]
        measured |= {"cents": max(cents for cents, _ in errors), "db": max(db for _, db in errors)}
        figures |= {f"{name}_{what}": value for what, value in measured.items()}
        rows.append(
            [
                f"**{name}** by {asked}",
                f"{measured['pitch']:.2f}",
                f"{measured['loudness']:.1f}",
                f"{measured['centroid']:.1f}",
                f"{measured['z']:.2f}",
                f"{measured['cents']:.0f}",
                f"{measured['db']:.1f}",
                page.sound(f"{name}-from", first.audio, instrument.sample_rate),
                page.sound(f"{name}-to", last.audio, instrument.sample_rate),
            ]
        )

    page.text(
        "This page shows how independently pitch, loudness and timbre of one violin can be set. "
        "This violin was trained with an encoder that extracts z from the recording, so it has three "
        "inputs: f0, loudness and z. Below, each input moves in five steps from one curve to another, "
        "while the two others stay constant, and the output is analysed again. The curves are from the "
        "held-out part: f0 moves from one melody to another, loudness from 8 dB softer to 8 dB louder, "
        "and z from one moment to another, where its largest component is at its 5 % and 95 % "
        "quantiles."
    )
    page.table(
        [
            "moved",
            "pitch changed (semitones)",
            "loudness changed (dB)",
            "centroid changed (semitones)",
            "z changed (standard deviations)",
            "worst step: cents off",
            "worst step: dB off",
            "",
            "",
        ],
        rows,
    )
    page.text(
        "Changes are medians of the absolute difference between the first step and the last, over "
        "frames in which the recording's pitch is confident; for the pitch, the output's must be "
        "confident too. The encoder extracts z again from the output, with the recording played before "
        "it, because z is relative to the average of the whole sound; the unit is the standard "
        "deviation of z over the recording. *Off* is the median distance from the given f0 and "
        "loudness, in the worst of the five steps."
    )
    page.picture("curves", _picture(everything, counted), "Five steps of each move, analysed again")
    page.text(
        "Rows are the moved inputs, columns the measured outputs; the darkest line is the first step. "
        "The pitch comes from the oscillator and does not depend on the other inputs. Loudness and "
        "timbre come from the network, which cannot separate effects that always occurred together in "
        "the recording. The table has the change in each column that should stay constant. z is not "
        "only timbre: it is extracted from MFCCs, which change with the note, so the measured z "
        "changes with f0. The centroid is the clearer measure."
    )
    page.text(learning(settings, "violin-z", violin_dataset(settings)))
    page.write()
    return figures


def _moves(
    instrument: PlayableInstrument,
    here: Features,
    there: Features,
    z: Float[Tensor, "all channel"],
    confident: Bool[Tensor, " all"],
) -> dict[str, tuple[Controls, Controls]]:
    """Return where each move starts and ends."""
    base = Controls(here.midi, here.loudness_db, z[: here.n_frames])
    statistics = instrument.statistics
    assert statistics is not None
    low, high = statistics.loudness_db_quantiles[1], statistics.loudness_db_quantiles[99]
    soft, loud = (
        Controls(base.midi, (base.loudness_db + shift).clamp(low, high), base.z) for shift in _LOUDNESS_DB
    )
    # The direction in which z varies most, and two moments far apart along it.
    _, _, directions = torch.linalg.svd(z[confident] - z[confident].mean(0), full_matrices=False)
    along = z[confident] @ directions[0]
    moments = (z[confident][(along - along.quantile(q)).abs().argmin()] for q in (0.05, 0.95))
    one, other = (Controls(base.midi, base.loudness_db, moment.expand_as(base.z)) for moment in moments)
    return {
        "f0": (base, Controls(there.midi, base.loudness_db, base.z)),
        "loudness": (soft, loud),
        "z": (one, other),
    }


def _play(instrument: PlayableInstrument, controls: Controls, recording: Tensor) -> Played:
    with torch.no_grad():
        audio = instrument(
            f0_hz=midi_to_hz(controls.midi)[None],
            loudness_db=controls.loudness_db[None],
            z=controls.z[None],
        )
        features = listen(audio[0], instrument)
        both = torch.cat([recording[None], audio], dim=1)
        z = _z(instrument, both)[0, -features.n_frames :]
        centroid = spectral_centroid_midi(audio, instrument.sample_rate, instrument.hop_length)[0]
    return Played(audio[0], features, centroid, z)


def _z(instrument: PlayableInstrument, audio: Float[Tensor, "1 time"]) -> Float[Tensor, "1 frame channel"]:
    """Return what the instrument's encoder extracts from a sound."""
    return next(one for one in instrument.all_inputs() if isinstance(one, Z)).measure(audio, {})


def _changes(first: Played, last: Played, counted: Bool[Tensor, " frame"], spread: float) -> dict[str, float]:
    heard = counted & (first.features.confidence >= CONFIDENT) & (last.features.confidence >= CONFIDENT)
    pitched = heard if heard.any() else counted

    def change(one: Tensor, other: Tensor, where: Tensor) -> float:
        return float((other - one)[where].abs().double().median())

    return {
        "pitch": change(first.features.midi, last.features.midi, pitched),
        "loudness": change(first.features.loudness_db, last.features.loudness_db, counted),
        "centroid": change(first.centroid_midi, last.centroid_midi, counted),
        "z": float((last.z - first.z)[counted].norm(dim=-1).median()) / spread,
    }


def _asked(start: Controls, end: Controls, counted: Bool[Tensor, " frame"], spread: float) -> str:
    """Return how far the move was to go: the same medians of the controls themselves."""
    semitones = float((end.midi - start.midi)[counted].abs().median())
    if semitones > 0:
        return f"{semitones:.2f} semitones"
    level_db = float((end.loudness_db - start.loudness_db)[counted].abs().median())
    if level_db > 0:
        return f"{level_db:.1f} dB"
    return f"{float((end.z - start.z)[counted].norm(dim=-1).median()) / spread:.2f} spreads"


def _errors(asked: Controls, played: Played, counted: Bool[Tensor, " frame"]) -> tuple[float, float]:
    """Return how far pitch and loudness are from what was asked: medians, in cents and dB."""
    cents = 100 * (hz_to_midi(played.features.f0_hz) - asked.midi)[counted].abs().median()
    level_db = (played.features.loudness_db - asked.loudness_db)[counted].abs().median()
    return float(cents), float(level_db)


def _picture(
    everything: dict[str, tuple[list[Controls], list[Played]]], counted: Bool[Tensor, " frame"]
) -> Figure:
    figure = Figure(figsize=(11, 7), layout="constrained", facecolor="none")
    grid = figure.subplots(3, 3, sharex=True, sharey="col")
    colors = colormaps["viridis"](torch.linspace(0.0, 0.9, len(_SHARES)).numpy())
    for axes, (name, (_, played)) in zip(grid, everything.items(), strict=True):
        for sound, color in zip(played, colors, strict=True):
            time_s = sound.features.time_s.numpy()
            curves = sound.features.midi, sound.features.loudness_db, sound.centroid_midi
            for one, curve in zip(axes, curves, strict=True):
                one.plot(time_s, curve.masked_fill(~counted, torch.nan).numpy(), color=color, lw=1.2)
        axes[0].set_ylabel(f"{name} moved")
    for one, title in zip(
        grid[0], ("pitch (MIDI)", "loudness (dB)", "spectral centroid (MIDI)"), strict=True
    ):
        one.set_title(title)
    for one in grid[-1]:
        one.set_xlabel("s")
    return figure
