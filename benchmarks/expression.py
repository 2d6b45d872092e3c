"""How exactly notes are played, and what each controller does to the sound, in notes.md.

    python -m benchmarks.expression INSTRUMENT [--write]

INSTRUMENT is a trained instrument whose range contains D4 to E5, such as the demo's violin.
"""

import argparse
from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.measure import table
from benchmarks.page import write_section
from oscine.analysis import CONFIDENT, Features, analyze
from oscine.functional.centroid import spectral_centroid_midi
from oscine.models import Instrument
from oscine.performance import Event, Expression, RenderOptions, Score, render, transcribe
from oscine.transfer import load

NOTES_PAGE = "notes"
SCALE = (62, 64, 66, 67, 69, 71, 73, 74, 76, 74, 73, 71, 69, 67, 66, 64, 62, 69, 74, 66, 71, 64, 76, 62)
HELD = (62, 66, 69, 74)
_HELD_S, _SETTLED_S = 2.0, 0.5
#: The controller's messages, and which quantity of the sound is its own.
CONTROLS: dict[str, tuple[list[tuple[str, int, int]], str]] = {
    "pitch bend, a semitone up": ([("bend", 0, 4096)], "pitch, semitones"),
    "modulation, full": ([("control", 1, 127)], "vibrato, cents"),
    "volume, half": ([("control", 7, 50)], "level, dB"),
    "expression, half": ([("control", 11, 64)], "level, dB"),
    "pressure, full": ([("pressure", 0, 127)], "level, dB"),
    "brightness, full": ([("control", 74, 127)], "centroid, semitones"),
    "brightness, none": ([("control", 74, 0)], "centroid, semitones"),
}
QUANTITIES = ("pitch, semitones", "vibrato, cents", "level, dB", "centroid, semitones")


def song() -> tuple[Score, list[tuple[float, float, int]]]:
    """Return a tune of 48 notes of many lengths and velocities, and its notes: start, end, key."""
    random = np.random.default_rng(0)
    events, notes, at_s = [], [], 0.5
    for key in SCALE * 2:
        length_s, velocity = float(random.choice([0.25, 0.375, 0.5, 0.75])), int(random.integers(40, 121))
        events.append(Event(at_s, 1, "note_on", key, velocity))
        events.append(Event(at_s + length_s, 1, "note_off", key, 0))
        notes.append((at_s, at_s + length_s, key))
        at_s += length_s + 0.125
    return Score(events, at_s), notes


def transcribed(instrument: Instrument, dry: bool) -> list[str]:
    """Return a line of the table: pitches and onsets that the tracker finds in the song, played."""
    score, notes = song()
    audio, rate = render(score, instrument, RenderOptions(dry=dry))
    heard = analyze(audio, rate)
    right, off_s = [], []
    for start_s, stop_s, key in notes:
        inside = slice(round((start_s + 0.04) * heard.frame_rate), round(stop_s * heard.frame_rate))
        right.append(abs(float(heard.midi[inside].median()) - key) < 0.5)
        off_s.append(_onset_s(heard, start_s, float(heard.power_db[inside].median())) - start_s)
    late_ms = 1e3 * np.array(off_s)
    found = transcribe(heard)
    n_right = sum(
        any(one.key == key and abs(one.start_s - start_s) <= 0.05 for one in found)
        for start_s, _, key in notes
    )
    shown = f"{np.median(late_ms):.0f}", f"{np.quantile(np.abs(late_ms), 0.95):.0f}"
    shown += f"{100 * n_right / len(notes):.0f}", f"{100 * n_right / max(len(found), 1):.0f}"
    return ["dry" if dry else "in its room", f"{100 * np.mean(right):.1f}", *shown]


def _onset_s(heard: Features, start_s: float, level_db: float) -> float:
    """Return when the level comes within 10 dB of the note's, behind the quietest frame around its start."""
    low, high = round((start_s - 0.06) * heard.frame_rate), round((start_s + 0.12) * heard.frame_rate)
    power_db = heard.power_db[low:high].numpy()
    quietest = int(power_db[: round(0.09 * heard.frame_rate)].argmin())
    return (low + quietest + int((power_db[quietest:] > level_db - 10).argmax())) / heard.frame_rate


def measured(instrument: Instrument, messages: Sequence[tuple[str, int, int]]) -> np.ndarray:
    """Return pitch, vibrato, level and centroid of held notes under a controller, each their median."""
    figures = []
    for key in HELD:
        events = [Event(0.0, 1, kind, number, value) for kind, number, value in messages]  # type: ignore[arg-type]
        events += [Event(0.0, 1, "note_on", key, 64), Event(_HELD_S, 1, "note_off", key, 0)]
        audio, rate = render(Score(events, _HELD_S), instrument, RenderOptions(Expression(), dry=True))
        heard = analyze(audio, rate)
        frames = slice(round(_SETTLED_S * heard.frame_rate), round((_HELD_S - 0.1) * heard.frame_rate))
        midi = heard.midi[frames][heard.confidence[frames] >= CONFIDENT].numpy()
        depth = 50 * (np.quantile(midi, 0.95) - np.quantile(midi, 0.05))
        piece = torch.from_numpy(audio[round(_SETTLED_S * rate) : round((_HELD_S - 0.1) * rate)])
        centroid = spectral_centroid_midi(piece[None], rate, instrument.hop_length)
        figures.append(
            [np.median(midi) - key, depth, float(heard.power_db[frames].median()), float(centroid.median())]
        )
    return np.median(figures, axis=0)


def effects(instrument: Instrument) -> str:
    """Return the table: each controller's change of each quantity, and its share of what its own ones do."""
    plain = measured(instrument, [])
    changes = {name: measured(instrument, messages) - plain for name, (messages, _) in CONTROLS.items()}
    own = [
        max(abs(changes[name][i]) for name, (_, whose) in CONTROLS.items() if whose == quantity)
        for i, quantity in enumerate(QUANTITIES)
    ]
    rows = []
    for name, (_, whose) in CONTROLS.items():
        cells = []
        for quantity, change, most in zip(QUANTITIES, changes[name], own, strict=True):
            share = "" if quantity == whose else f" ({100 * abs(change) / most:.0f} %)"
            cells.append(f"**{change:+.2f}**" if not share else f"{change:+.2f}{share}")
        rows.append([name, *cells])
    return table(["controller", *QUANTITIES], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.expression", description=__doc__)
    parser.add_argument("instrument")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    instrument = load(options.instrument)
    headings = ["played", "notes at their pitch, %", "onset, median ms", "onset off, 95 % within ms"]
    headings += ["notes found, %", "of those found, %"]
    found = table(headings, [transcribed(instrument, dry) for dry in (True, False)])
    command = "*`python -m benchmarks.expression INSTRUMENT --write`, with the demo's violin.*"
    content = f"{found}\n\n{effects(instrument)}\n\n{command}"
    print(content)
    if options.write:
        write_section("expression", content, NOTES_PAGE)


if __name__ == "__main__":
    main()
