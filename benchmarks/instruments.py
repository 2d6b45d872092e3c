"""The instruments in the package, in instruments.md: their figures, and what it costs to play them.

    python -m benchmarks.instruments [--seconds 60] [--write]

The figures of the held-out part are those in each instrument's config; `tools.make_instrument` measured them.
The cost is CPU time of the thread, for blocks of 128 samples at 48 kHz by MIDI, one voice.
"""

import argparse
import time
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.live import BLOCK, RATE, long_song
from benchmarks.measure import table
from benchmarks.page import write_section
from oscine import instruments
from oscine.data.statistics import LOUDNESS_FLOOR_DB
from oscine.functional import midi_to_hz
from oscine.models import Instrument, list_instruments
from oscine.models.conditioning import absent_conditions
from oscine.models.saved import read_config
from oscine.note_names import note_name
from oscine.notes.midi_file import message_of
from oscine.realtime.priority import raise_priority, without_pauses
from oscine.runtime import Performer
from oscine.transfer import load

PAGE = "instruments"
FIGURES = (
    "told apart (%)",
    "log-mel L1 (dB)",
    "multi-scale spectral loss",
    "loudness L1 (dB)",
    "f0 median error (semitones)",
    "level (dB)",
    "above 8 kHz (dB)",
    "1/3 octaves, mean (dB)",
    "partials move (dB)",
    "attacks (dB/10 ms)",
    "rise (ms)",
)


class Cost(NamedTuple):
    """Share of a block's duration that its computation takes."""

    mean: float
    p999: float


def cost(program: bytes, seconds: float) -> Cost:
    """Return what it costs to play a tune by MIDI, without the first second."""
    performer = Performer(program, RATE)
    events = iter(long_song(seconds + 1).events)
    event = next(events, None)
    times_s = []
    with without_pauses():
        for start in range(0, round((seconds + 1) * RATE) - BLOCK + 1, BLOCK):
            began = time.thread_time()
            while event is not None and event.time_s * RATE < start + BLOCK:
                performer.take(message_of(event))
                event = next(events, None)
            performer.play(BLOCK)
            times_s.append(time.thread_time() - began)
    shares = np.array(times_s[RATE // BLOCK :]) * RATE / BLOCK
    return Cost(float(shares.mean()), float(np.quantile(shares, 0.999)))


def overview() -> str:
    """Return what there is."""
    rows = [
        [
            f"`{one.name}`",
            one.description,
            f"{note_name(round(one.lowest_midi))} to {note_name(round(one.highest_midi))}",
            f"{one.sample_rate / 1000:g}",
            f"{one.n_bytes / 1e6:.2f}",
            one.licence,
        ]
        for one in list_instruments()
    ]
    return table(["instrument", "what it is", "range", "kHz", "MB", "licence"], rows)


def figures() -> str:
    """Return what was measured on the held-out parts."""
    names = instruments.names()
    measured = [read_config(instruments.path(name)).card["evaluation"] for name in names]
    rows = [[label, *(one[label].replace("recording: ", "") for one in measured)] for label in FIGURES]
    silences = [f"{silence_db(load(instruments.path(name))):.0f}" for name in names]
    rows.append(["silence (dB below a note)", *silences])
    return table(["", *(f"`{name}`" for name in names)], rows)


@torch.no_grad()
def silence_db(instrument: Instrument) -> float:
    """Return how far a second of silence before a note of middle pitch and loudness is below it, dB."""
    learned, n_frames = instrument.statistics, round(instrument.config.frame_rate)
    assert learned is not None
    f0_hz = midi_to_hz(torch.full((1, 2 * n_frames), learned.pitch_midi_quantiles[50]))
    levels = torch.tensor([LOUDNESS_FLOOR_DB, learned.loudness_db_quantiles[50]])
    loudness_db = levels.repeat_interleave(n_frames)[None]
    features = {"f0_hz": f0_hz, "loudness_db": loudness_db}
    given = absent_conditions(instrument, 2 * n_frames)
    conditions = instrument.conditions(torch.zeros(1, 2 * n_frames * instrument.hop_length), features, given)
    silence, note = instrument(**conditions)[0].double().chunk(2)
    return float(10 * torch.log10(note.square().mean() / silence.square().mean()))


def half() -> str:
    """Return what half precision changes."""
    cards = [(name, read_config(instruments.path(name)).card["weights"]) for name in instruments.names()]
    return table(["instrument", "weights"], [[f"`{name}`", weights] for name, weights in cards])


def costs(seconds: float) -> str:
    """Return what it costs to play each."""
    rows = []
    for name in instruments.names():
        measured = cost(load(instruments.path(name)).program().to_bytes("float16"), seconds)
        rows.append([f"`{name}`", f"{100 * measured.mean:.1f}", f"{100 * measured.p999:.1f}"])
    return table(["instrument", "mean, % of the block", "99.9 %, % of the block"], rows) + (
        f"\n\n*`python -m benchmarks.instruments --write`: {seconds:g} s each, 48 kHz, blocks of {BLOCK} "
        f"({1e6 * BLOCK / RATE:.0f} µs), by MIDI, one voice, CPU time of the thread.*"
    )


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    raise_priority()
    for name, content in (
        ("overview", overview()),
        ("figures", figures()),
        ("half", half()),
        ("costs", costs(given.seconds)),
    ):
        if given.write:
            write_section(name, content, PAGE)
        else:
            print(f"{content}\n")


if __name__ == "__main__":
    main()
