"""How even the blocks of live playing are, in live.md: 64 samples at 48 kHz, by notes and by a voice.

    python -m benchmarks.evenness [--seconds 60] [--write]

A block's time is the thread's CPU time, without what other programs take. Frames and the reverb's segments
repeat after 1536 samples, so each of 24 blocks in a row has its own place; the median of the blocks at the
dearest place is free of the machine's noise as well.
"""

import argparse
import math
import time

import numpy as np

from benchmarks.live import RATE, voice
from benchmarks.measure import table
from benchmarks.page import write_section
from benchmarks.streaming import Setting
from oscine.realtime.priority import raise_priority, without_pauses
from oscine.runtime import Performer

PAGE = "live"
BLOCK, FRAME, SEGMENT = 64, 192, 512
PLACES = math.lcm(BLOCK, FRAME, SEGMENT) // BLOCK


def block_times_us(program: bytes, by_voice: bool, seconds: float) -> np.ndarray:
    """Return the CPU time of each block, after a second of playing: ``(n_rounds, PLACES)``."""
    performer = Performer(program, RATE)
    performer.set(source=int(by_voice))
    performer.take(bytes([0x90, 60, 100]))
    heard = voice(seconds + 1)
    times = []
    with without_pauses():
        for start in range(0, len(heard) - BLOCK + 1, BLOCK):
            block = heard[start : start + BLOCK]
            began = time.thread_time_ns()
            performer.play(BLOCK, block)
            times.append(time.thread_time_ns() - began)
    n_first = -(-RATE // (BLOCK * PLACES)) * PLACES
    n_rounds = (len(times) - n_first) // PLACES
    return np.reshape(times[n_first : n_first + n_rounds * PLACES], (n_rounds, PLACES)) / 1000


def main() -> None:
    """Time the blocks, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    raise_priority()
    block_us = 1e6 * BLOCK / RATE
    rows = []
    for setting in (Setting("default", 48_000, 192), Setting("default", 16_000, 64)):
        program = setting.instrument().program().to_bytes("float16")
        for by_voice in (False, True):
            times = block_times_us(program, by_voice, given.seconds)
            places = np.median(times, axis=0)
            p99, p999 = np.quantile(times, [0.99, 0.999])
            rows.append(
                [
                    f"`{setting.name}`, {setting.sample_rate // 1000} kHz",
                    "voice" if by_voice else "MIDI",
                    *(f"{value:.0f}" for value in (np.median(times), p99, p999, times.max())),
                    f"{places.max():.0f}",
                    f"{100 * places.max() / block_us:.1f}",
                    f"{100 * places.mean() / block_us:.1f}",
                ]
            )
    headings = ["instrument", "by", "median, µs", "99 %", "99.9 %", "max", "dearest place, µs"]
    headings += ["dearest, % of the block", "mean, %"]
    content = table(headings, rows) + (
        f"\n\n*`python -m benchmarks.evenness --write`: {given.seconds:g} s each, 48 kHz, blocks of {BLOCK} "
        f"({block_us:.0f} µs), one voice, CPU time of the thread.*\n"
    )
    if given.write:
        write_section("evenness", content, PAGE)
    else:
        print(content)


if __name__ == "__main__":
    main()
