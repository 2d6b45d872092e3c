"""Polyphonic recordings whose notes are known: MIDI made by code, played by FluidSynth from a sound font."""

import random
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
import soundfile

_TICKS_PER_S = 960
_MAJOR = (0, 2, 4, 5, 7, 9, 11)
#: The chords of the first eleven bars of the Prelude in C major, BWV 846 (public domain), as keys.
_PRELUDE = (
    (60, 64, 67, 72, 76),
    (60, 62, 69, 74, 77),
    (59, 62, 67, 74, 77),
    (60, 64, 67, 72, 76),
    (60, 64, 69, 76, 81),
    (60, 62, 66, 69, 74),
    (59, 62, 67, 74, 79),
    (59, 60, 64, 67, 72),
    (57, 60, 64, 67, 72),
    (50, 57, 62, 66, 72),
    (55, 59, 62, 67, 71),
)


class Struck(NamedTuple):
    """A note of a piece."""

    start_s: float
    stop_s: float
    key: int
    velocity: int


class Piece(NamedTuple):
    """Notes, and when the pedal goes down and up."""

    notes: list[Struck]
    pedal: list[tuple[float, bool]]


def every_key(low: int, high: int, seed: int) -> Piece:
    """Return each key by itself, held for 1.1 s, in an order and at velocities by chance."""
    chance = random.Random(seed)
    keys = list(range(low, high + 1))
    chance.shuffle(keys)
    return Piece(
        [Struck(0.2 + 1.5 * i, 1.3 + 1.5 * i, key, chance.randint(30, 120)) for i, key in enumerate(keys)], []
    )


def music(seed: int, bars: int, low: int = 28, high: int = 100) -> Piece:
    """Return bars of four chords' progressions: a bass, broken or whole chords, a melody, the pedal.

    Args:
        seed: Of all that is left to chance.
        bars: Number of bars, 1.6 to 2.6 s each.
        low: Lowest key.
        high: Highest key.
    """
    chance = random.Random(seed)
    bar_s, tonic = chance.uniform(1.6, 2.6), chance.randint(0, 11)
    scale = [key for key in range(low, high + 1) if (key - tonic) % 12 in _MAJOR]
    middle = min(range(len(scale)), key=lambda i: abs(scale[i] - 67))
    notes: list[Struck] = []
    pedal: list[tuple[float, bool]] = []
    melody = middle
    uses_pedal, loud = chance.random() < 0.6, chance.randint(55, 95)

    def strike(start_s: float, length_s: float, place: int, accent: int = 0) -> None:
        key = scale[min(max(place, 0), len(scale) - 1)]
        velocity = min(max(round(chance.gauss(loud + accent, 9)), 12), 126)
        start_s += chance.gauss(0, 0.006)
        notes.append(Struck(max(start_s, 0.01), start_s + max(length_s, 0.05), key, velocity))

    for bar in range(bars):
        start_s = 0.2 + bar * bar_s
        root = middle - 14 + chance.choice((0, 3, 4, 5, 1))
        if uses_pedal:
            pedal += [(start_s + 0.02, True), (start_s + bar_s - 0.06, False)]
        strike(start_s, 0.9 * bar_s, root - chance.choice((0, 7)), 6)
        if chance.random() < 0.5:
            for i in range(8):
                place = root + (0, 4, 7, 9)[i % 4] + chance.choice((0, 0, 7))
                strike(start_s + i * bar_s / 8, bar_s / 8 * 0.9, place, -8)
        else:
            for beat in (0, 2) if chance.random() < 0.5 else (0, 1, 2, 3):
                for third in (0, 2, 4, 7)[: chance.randint(2, 4)]:
                    strike(start_s + beat * bar_s / 4, bar_s / 4 * 0.85, root + 7 + third, -6)
        n_notes = chance.choice((2, 4, 4, 8))
        for i in range(n_notes):
            melody += chance.choice((-4, -2, -1, -1, 1, 1, 2, 4))
            melody = min(max(melody, middle), middle + 17)
            if chance.random() < 0.85:
                strike(start_s + i * bar_s / n_notes, 0.9 * bar_s / n_notes, melody + 4, 12)
    return Piece(sorted(notes), pedal)


def prelude() -> Piece:
    """Return the first eleven bars of Bach's Prelude in C major, BWV 846, with the pedal in each bar."""
    notes: list[Struck] = []
    pedal: list[tuple[float, bool]] = []
    step_s = 0.19
    for bar, chord in enumerate(_PRELUDE):
        for half in range(2):
            start_s = 0.2 + (2 * bar + half) * 8 * step_s
            pedal += [(start_s + 0.02, True), (start_s + 8 * step_s - 0.05, False)]
            for i, place in enumerate((0, 1, 2, 3, 4, 2, 3, 4)):
                at_s = start_s + i * step_s
                notes.append(Struck(at_s, at_s + 0.9 * step_s, chord[place], 60 + 6 * (i == 0) + 2 * (i % 3)))
    return Piece(notes, pedal)


def write_piece(path: Path, piece: Piece) -> None:
    """Write a piece as a MIDI file of one track."""
    changes = [(note.start_s, 1, "note_on", note.key, note.velocity) for note in piece.notes]
    changes += [(note.stop_s, 0, "note_off", note.key, 0) for note in piece.notes]
    changes += [(time_s, 0, "control_change", 64, 127 * down) for time_s, down in piece.pedal]
    track, at = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)]), 0
    for time_s, _, kind, first, second in sorted(changes):
        tick = round(time_s * _TICKS_PER_S)
        names = ("control", "value") if kind == "control_change" else ("note", "velocity")
        track.append(mido.Message(kind, time=tick - at, **dict(zip(names, (first, second), strict=True))))
        at = tick
    file = mido.MidiFile(type=0, ticks_per_beat=_TICKS_PER_S // 2)
    file.tracks.append(track)
    file.save(path)


def play_piece(path: Path, sound_font: Path, programme: int, sample_rate: int, tail_s: float = 1.0) -> None:
    """Write what FluidSynth plays of a MIDI file beside it, as FLAC in mono.

    Args:
        path: The MIDI file.
        sound_font: An SF2 file.
        programme: Of General MIDI, 0 … 127.
        sample_rate: Hz.
        tail_s: Sound kept behind the last event.
    """
    song = mido.MidiFile(path)
    seconds = song.length + tail_s
    with tempfile.TemporaryDirectory() as folder:
        chosen, wav = Path(folder) / "song.mid", Path(folder) / "song.wav"
        song.tracks[0].insert(0, mido.Message("program_change", program=programme))
        song.save(chosen)
        command = ["fluidsynth", "-q", "-ni", "-C", "0", "-g", "1.5", "-r", str(sample_rate), "-F", str(wav)]
        subprocess.run([*command, str(sound_font), str(chosen)], check=True, capture_output=True)
        audio, _ = soundfile.read(wav, dtype="float32")
    mono = audio.mean(axis=1)
    n_samples = round(seconds * sample_rate)
    mono = np.pad(mono, (0, max(0, n_samples - len(mono))))[:n_samples]
    soundfile.write(path.with_suffix(".flac"), mono, sample_rate, subtype="PCM_16")


def make_recordings(
    folder: Path, sound_font: Path, programme: int, sample_rate: int, *, low: int = 21, high: int = 108
) -> None:
    """Write the pieces to learn from, and two to measure on whose names begin with ``test``, if missing.

    Args:
        folder: Where they go, ``NAME.flac`` and ``NAME.mid``.
        sound_font: An SF2 file.
        programme: Of General MIDI.
        sample_rate: Hz.
        low: Lowest key of the instrument.
        high: Highest key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pieces = {"keys": every_key(low, high, 1)}
    pieces |= {f"music{number:02d}": music(100 + number, 8, low + 7, high - 8) for number in range(10)}
    pieces |= {"test-music": music(999, 8, low + 7, high - 8), "test-prelude": prelude()}
    for name, piece in pieces.items():
        path = folder / f"{name}.mid"
        if not path.with_suffix(".flac").exists():
            write_piece(path, piece)
            play_piece(path, sound_font, programme, sample_rate)


def write_pitch(path: Path, piece: Piece, seconds: float) -> None:
    """Write the pitch of a piece whose notes sound one at a time, as `NAME.f0.csv` beside its MIDI file.

    Args:
        path: The MIDI file.
        piece: What is in it.
        seconds: Length of the recording.
    """
    time_s = np.arange(0.0, seconds, 0.01)
    confidence, f0_hz = np.zeros(len(time_s)), np.full(len(time_s), 440.0)
    for note in piece.notes:
        inside = (time_s >= note.start_s) & (time_s < note.start_s + 1.45)
        f0_hz[inside], confidence[inside] = 440 * 2 ** ((note.key - 69) / 12), 1.0
    rows = [f"{t:.3f},{f:.4f},{c:g}" for t, f, c in zip(time_s, f0_hz, confidence, strict=True)]
    path.with_suffix(".f0.csv").write_text("time_s,f0_hz,confidence\n" + "\n".join(rows) + "\n")
