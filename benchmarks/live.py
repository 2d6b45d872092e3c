"""Ten minutes of live playing at 48 kHz in blocks of 128, by MIDI and by a voice, in live.md.

    python -m benchmarks.live INSTRUMENT… [--minutes 10] [--write]

Files stand in the place of the sound card, at its pace: a block that comes late is an overrun. The recording
that is followed is made by code: a voice-like tone with vibrato, glides, breaths and pauses.

Beside each player, on the same core and at a higher priority, a process only waits for the end of each
block. An overrun when that process was late by half a block as well is the machine's.
"""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from benchmarks.expression import song
from benchmarks.measure import table
from benchmarks.page import write_section
from oscine.performance import Event, Score
from oscine.realtime import FileDevice, Session, SessionReport
from oscine.realtime.priority import raise_priority, real_time, without_pauses
from oscine.runtime import Performer
from oscine.transfer import load

PAGE = "live"
RATE, BLOCK = 48_000, 128
_PHRASE_S = 8.0
_SLACK_S = 20.0  # that the processes need to start


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


class Watched(Session):
    """A session that keeps when each overrun was found."""

    def __init__(self, performer: Performer, block: int) -> None:
        super().__init__(performer, block)
        self.late_at: list[float] = []

    def process(
        self, heard: Float32[np.ndarray, " time"], *, gap: bool = False
    ) -> Float32[np.ndarray, " time"]:
        """Return the next samples."""
        if gap:
            self.late_at.append(time.perf_counter())
        return super().process(heard, gap=gap)


class Played(NamedTuple):
    """How a session went, and when each overrun was found."""

    report: SessionReport
    late_at: list[float]


#: When a loop that only waits should have woken, and when it did.
Lateness = tuple[float, float]


def stay_on_core(number: int) -> None:
    """Keep this process on one core, where the system can; there are as many numbers as one likes."""
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[number % len(cores)]})


def wait_block_by_block(core: int, seconds: float) -> list[Lateness]:
    """Return where a loop that only waits was late by half a block."""
    stay_on_core(core)
    raise_priority(3)
    block_s, late = BLOCK / RATE, []
    due = time.perf_counter()
    end = due + seconds
    with without_pauses():
        while due < end:
            due += block_s
            time.sleep(max(0.0, due - time.perf_counter()))
            now = time.perf_counter()
            if now - due > block_s / 2:
                late.append((due, now))
                due = now
    return late


def n_of_machine(late_at: list[float], waits: list[Lateness]) -> int:
    """Return how many overruns came when the loop that only waits was late as well."""
    block_s = BLOCK / RATE
    return sum(any(due - block_s <= t <= woke + 2 * block_s for due, woke in waits) for t in late_at)


def played(program: bytes, by_voice: bool, minutes: float) -> Played:
    """Return how a session went."""
    stay_on_core(int(by_voice))
    performer = Performer(program, RATE)
    performer.set(source=int(by_voice))
    session = Watched(performer, BLOCK)
    seconds = 60 * minutes
    with tempfile.TemporaryDirectory() as folder, without_pauses(), real_time():
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
    return Played(session.report(), session.late_at)


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
        # Both at once, each in a process of its own, and each with one that only waits.
        with ProcessPoolExecutor(4, get_context("spawn")) as pool:
            waiting = [pool.submit(wait_block_by_block, i, 60 * given.minutes + _SLACK_S) for i in range(2)]
            playing = [pool.submit(played, program, by_voice, given.minutes) for by_voice in (False, True)]
            sessions = [one.result() for one in playing]
            waits = [one.result() for one in waiting]
        for by_voice, (report, late_at) in enumerate(sessions):
            n_waits = sum(woke - due > BLOCK / RATE for due, woke in waits[by_voice])
            latency_ms = report.voice_latency_ms if by_voice else report.note_latency_ms
            rows.append(
                [
                    f"{name or folder}, {instrument.sample_rate / 1000:g} kHz",
                    "voice" if by_voice else "MIDI",
                    f"{latency_ms:.1f}",
                    f"{100 * report.load_median:.1f}",
                    f"{100 * report.load_p999:.1f}",
                    f"{report.overruns} of {round(report.seconds * RATE / BLOCK):,}",
                    str(n_of_machine(late_at, waits[by_voice])),
                    str(n_waits),
                ]
            )
    headings = ["instrument", "by", "latency, ms", "load, %", "99.9 %", "overruns", "the machine's"]
    headings += ["a loop that waits, late"]
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
