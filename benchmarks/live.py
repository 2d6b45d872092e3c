"""Ten minutes of live playing at 48 kHz in blocks of 128, by MIDI and by a voice, in docs/live.md.

    python -m benchmarks.live INSTRUMENT… [--minutes 10] [--write]

Files stand in the place of the sound card, at its pace: a block that comes late is an overrun. The recording
that is followed is made by code: a voice-like tone with vibrato, glides, breaths and pauses.
"""

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from benchmarks.expression import song
from benchmarks.measure import table
from benchmarks.page import write_section
from oscine.performance import Event, Score
from oscine.realtime import FileDevice, Session, SessionReport
from oscine.realtime.priority import without_pauses
from oscine.runtime import Performer
from oscine.transfer import load

PAGE = Path(__file__).parent.parent / "docs" / "live.md"
RATE, BLOCK = 48_000, 128
_PHRASE_S = 8.0


def long_song(seconds: float) -> Score:
    """Return the tune of `benchmarks.expression`, again and again."""
    score, _ = song()
    events, at_s = [], 0.0
    while at_s < seconds:
        events += [
            Event(at_s + event.time_s, event.channel, event.kind, event.number, event.value)
            for event in score.events
        ]
        at_s += score.seconds
    return Score([event for event in events if event.time_s < seconds], seconds)


def voice(seconds: float) -> Float32[np.ndarray, " time"]:
    """Return a voice-like sound: eight seconds of glides with vibrato, breath and a pause, repeated."""
    random = np.random.default_rng(0)
    time_s = np.arange(round(_PHRASE_S * RATE)) / RATE
    semitones = np.interp(time_s, [0, 1, 2, 3.5, 5, 6.5, 8], [0, 4, 2, 7, 5, 9, 0])
    semitones += 0.4 * np.sin(2 * np.pi * 5.5 * time_s) * (time_s % 2 > 0.7)
    phase = 2 * np.pi * np.cumsum(220 * 2 ** (semitones / 12)) / RATE
    partials = np.arange(1, 11)[:, None]
    tone = (np.sin(partials * phase) / partials).sum(0) * 0.15
    gate = np.interp(time_s, [0, 0.1, 3, 3.1, 3.6, 3.7, 7, 7.2], [0, 1, 1, 0, 0, 1, 0.5, 0])
    breath = 0.003 * random.standard_normal(len(time_s)) * (gate < 0.5)
    phrase = (tone * gate + breath).astype(np.float32)
    return np.resize(phrase, round(seconds * RATE))


def played(program: bytes, by_voice: bool, minutes: float) -> SessionReport:
    """Return how a session went."""
    performer = Performer(program, RATE)
    performer.set(source=int(by_voice))
    session = Session(performer, BLOCK)
    seconds = 60 * minutes
    with tempfile.TemporaryDirectory() as folder, without_pauses():
        device = FileDevice(
            Path(folder) / "out.flac",
            heard=voice(seconds) if by_voice else None,
            score=None if by_voice else long_song(seconds),
            is_paced=True,
            seconds=seconds,
        )
        device.start(session)
        while device.is_running:
            time.sleep(0.1)
        device.stop()
    return session.report()


def main() -> None:
    """Play, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("instruments", nargs="+", metavar="NAME=INSTRUMENT")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    rows = []
    for text in given.instruments:
        name, _, folder = text.rpartition("=")
        instrument = load(folder)
        program = instrument.program().to_bytes("float16")
        # Both at once, each in a process of its own.
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            reports = list(pool.map(played, [program] * 2, (False, True), [given.minutes] * 2))
        for by_voice, report in enumerate(reports):
            latency_ms = report.voice_latency_ms if by_voice else report.note_latency_ms
            rows.append(
                [
                    f"{name or folder}, {instrument.sample_rate / 1000:g} kHz",
                    "voice" if by_voice else "MIDI",
                    f"{latency_ms:.1f}",
                    f"{100 * report.load_median:.1f}",
                    f"{100 * report.load_p999:.1f}",
                    f"{report.overruns} of {round(report.seconds * RATE / BLOCK):,}",
                ]
            )
    headings = ["instrument", "by", "latency, ms", "load, %", "99.9 %", "overruns"]
    content = table(headings, rows) + (
        f"\n\n*`python -m benchmarks.live NAME=INSTRUMENT --write`: {given.minutes:g} minutes each, 48 kHz, "
        "blocks of 128.*\n"
    )
    if given.write:
        write_section("live", content, PAGE)
    else:
        print(content)


if __name__ == "__main__":
    main()
