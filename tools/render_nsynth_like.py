#!/usr/bin/env python3
"""Render an NSynth-like set: single notes of acoustic instruments, in NSynth's published folders and format.

Needs: ``apt-get install fluidsynth fluid-soundfont-gm``, and numpy, soundfile and soxr, as Oscine itself.
Usage: ``python tools/render_nsynth_like.py FOLDER [--every 3] [--velocities 50,100] [--n-workers 2]``

NSynth (Engel et al., "Neural Audio Synthesis of Musical Notes with WaveNet Autoencoders", 2017) has 305,979
notes. This set has its format, its note (16 kHz, mono, 4 s, held for 3 s), its five velocities and its names,
and comes from General MIDI sounds in four minutes on two cores: 7090 notes of 42 instruments, 0.9 GB. The
split is by instrument, as there: no instrument is in both parts.
"""

import argparse
import itertools
import json
import shutil
import struct
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
SAMPLE_RATE, RENDER_RATE = 16_000, 48_000
LOWEST_PITCH, HIGHEST_PITCH = 24, 84
VELOCITIES = (25, 50, 75, 100, 127)
NOTE_S, HELD_S, SILENCED_S, GRID_S = 4.0, 3.0, 4.5, 5.0
TICKS_PER_S = 1920

#: One for all notes, so that a velocity means the same everywhere: the loudest note of the set peaks at 0.85.
GAIN = 3.0

#: NSynth's numbers of its families.
FAMILIES = (
    *("bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string"),
    *("synth_lead", "vocal"),
)


class Instrument(NamedTuple):
    """A General MIDI program, its natural range as MIDI pitches, and the part of the set that it is in."""

    program: int
    family: str
    lowest: int
    highest: int
    part: str = "train"


#: Acoustic, one clean pitch a note, by ``oscine.analyze`` within half a semitone of the label. Left out: 1
#: and 110 (the samples of 0 and 40 again), 8, 9, 10, 15 and 19 (octaves, or partials that are no harmonics,
#: are as strong as the fundamental), 13 (over after 0.2 s), 45 and 52 (sections), 76 (mostly breath, and a
#: fifth of a semitone sharp). So are the lowest notes of 11 and the highest of 43 and 105, which are noise,
#: silence or an octave up.
INSTRUMENTS = (
    Instrument(0, "keyboard", 24, 84),  # grand piano
    Instrument(6, "keyboard", 29, 84, "test"),  # harpsichord
    Instrument(11, "mallet", 59, 84, "test"),  # vibraphone
    Instrument(12, "mallet", 45, 84),  # marimba
    Instrument(108, "mallet", 53, 84),  # kalimba
    Instrument(20, "organ", 36, 84, "test"),  # reed organ
    Instrument(21, "organ", 53, 84),  # accordion
    Instrument(22, "reed", 60, 84),  # harmonica
    Instrument(23, "reed", 53, 84),  # bandoneon
    Instrument(64, "reed", 56, 84),  # soprano saxophone
    Instrument(65, "reed", 49, 80, "test"),  # alto saxophone
    Instrument(66, "reed", 44, 75),  # tenor saxophone
    Instrument(67, "reed", 36, 69),  # baritone saxophone
    Instrument(68, "reed", 58, 84, "test"),  # oboe
    Instrument(69, "reed", 52, 81),  # English horn
    Instrument(70, "reed", 34, 72),  # bassoon
    Instrument(71, "reed", 50, 84),  # clarinet
    Instrument(111, "reed", 58, 84),  # shanai
    Instrument(24, "guitar", 40, 80),  # nylon strings
    Instrument(25, "guitar", 40, 84, "test"),  # steel strings
    Instrument(104, "guitar", 48, 77),  # sitar
    Instrument(105, "guitar", 48, 74),  # banjo
    Instrument(106, "guitar", 50, 79),  # shamisen
    Instrument(107, "guitar", 48, 84),  # koto
    Instrument(32, "bass", 28, 60),  # double bass, plucked
    Instrument(40, "string", 55, 84),  # violin
    Instrument(41, "string", 48, 84, "test"),  # viola
    Instrument(42, "string", 36, 76),  # cello
    Instrument(43, "string", 28, 55),  # double bass, bowed
    Instrument(46, "string", 24, 84),  # harp
    Instrument(53, "vocal", 48, 80),  # one voice, "ooh"
    Instrument(56, "brass", 54, 82),  # trumpet
    Instrument(57, "brass", 40, 72),  # trombone
    Instrument(58, "brass", 28, 58),  # tuba
    Instrument(59, "brass", 54, 82),  # muted trumpet
    Instrument(60, "brass", 34, 77, "test"),  # French horn
    Instrument(72, "flute", 74, 84),  # piccolo
    Instrument(73, "flute", 60, 84),  # flute
    Instrument(74, "flute", 60, 84, "test"),  # recorder
    Instrument(75, "flute", 60, 84),  # pan flute
    Instrument(77, "flute", 55, 84),  # shakuhachi
    Instrument(79, "flute", 60, 84),  # ocarina
)


def midi_file(program: int, notes: list[tuple[int, int]]) -> bytes:
    """Return a MIDI file of (pitch, velocity) notes, one every ``GRID_S``, each silenced before the next."""
    track = bytes((0, 0xC0, program))
    silenced = round(SILENCED_S * TICKS_PER_S)
    held, rest = round(HELD_S * TICKS_PER_S), round(GRID_S * TICKS_PER_S) - silenced
    wait = 0
    for pitch, velocity in notes:
        track += _variable_length(wait) + bytes((0x90, pitch, velocity))
        track += _variable_length(held) + bytes((0x80, pitch, 0))
        # Controller 120, all sound off: no tail reaches the next note.
        track += _variable_length(silenced - held) + bytes((0xB0, 120, 0))
        wait = rest
    track += _variable_length(wait) + bytes((0xFF, 0x2F, 0))
    # At MIDI's own tempo, two beats a second.
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS_PER_S // 2)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def _variable_length(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | (number & 0x7F))
    return bytes(reversed(digits))


def render(program: int, notes: list[tuple[int, int]]) -> list[np.ndarray]:
    """Return the audio of each note."""
    with tempfile.TemporaryDirectory() as scratch:
        midi, wav = Path(scratch, "notes.mid"), Path(scratch, "notes.wav")
        midi.write_bytes(midi_file(program, notes))
        dry = ("-R", "0", "-C", "0")
        form = ("-g", "0.5", "-r", str(RENDER_RATE), "-T", "wav", "-O", "float")
        subprocess.run(
            ["fluidsynth", "-ni", "-q", *dry, *form, "-F", wav, SOUNDFONT, midi],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        stereo, _ = soundfile.read(wav, dtype="float32")
    audio = soxr.resample(stereo.mean(axis=1), RENDER_RATE, SAMPLE_RATE) * GAIN
    step, length = round(GRID_S * SAMPLE_RATE), round(NOTE_S * SAMPLE_RATE)
    return [audio[number * step : number * step + length] for number in range(len(notes))]


def write_instrument(
    folder: Path, instrument: Instrument, every: int, velocities: list[int]
) -> dict[str, dict[str, object]]:
    """Write the notes of an instrument and return their entries in ``examples.json``."""
    number = INSTRUMENTS.index(instrument)
    name = f"{instrument.family}_acoustic_{instrument.program:03d}"
    notes = list(itertools.product(pitches(instrument, every), velocities))
    examples = {}
    for count, ((pitch, velocity), audio) in enumerate(
        zip(notes, render(instrument.program, notes), strict=True)
    ):
        note = f"{name}-{pitch:03d}-{velocity:03d}"
        soundfile.write(folder / "audio" / f"{note}.wav", audio, SAMPLE_RATE, subtype="PCM_16")
        examples[note] = {
            "note": 1000 * number + count,
            "note_str": note,
            "instrument": number,
            "instrument_str": name,
            "pitch": pitch,
            "velocity": velocity,
            "sample_rate": SAMPLE_RATE,
            "qualities": [0] * 10,
            "qualities_str": [],
            "instrument_family": FAMILIES.index(instrument.family),
            "instrument_family_str": instrument.family,
            "instrument_source": 0,
            "instrument_source_str": "acoustic",
        }
    return examples


def pitches(instrument: Instrument, every: int) -> range:
    """Return the instrument's MIDI pitches in the set."""
    return range(max(instrument.lowest, LOWEST_PITCH), min(instrument.highest, HIGHEST_PITCH) + 1, every)


def main() -> None:
    """Render the set."""
    parser = argparse.ArgumentParser(description="Render an NSynth-like set of notes.")
    parser.add_argument("folder", type=Path, help="where the set goes; its parts are written anew")
    parser.add_argument("--every", type=int, default=1, help="semitones from one note to the next")
    parser.add_argument("--velocities", default=",".join(map(str, VELOCITIES)), help="of MIDI, with commas")
    parser.add_argument("--n-workers", type=int, default=2)
    options = parser.parse_args()
    velocities = [int(velocity) for velocity in options.velocities.split(",")]
    for part in ("train", "test"):
        folder = options.folder / f"nsynth-{part}"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "audio").mkdir(parents=True)
        instruments = [instrument for instrument in INSTRUMENTS if instrument.part == part]
        write = partial(write_instrument, folder, every=options.every, velocities=velocities)
        with ThreadPoolExecutor(options.n_workers) as pool:
            examples = {
                note: entry for entries in pool.map(write, instruments) for note, entry in entries.items()
            }
        (folder / "examples.json").write_text(json.dumps(examples, indent=1))
        print(f"{folder}: {len(instruments)} instruments, {len(examples)} notes")


if __name__ == "__main__":
    main()
