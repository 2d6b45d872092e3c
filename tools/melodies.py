"""Tunes of 1883, played by one instrument of a General MIDI soundfont: recordings to learn from.

The tunes are those of *Ryan's Mammoth Collection* (Boston, 1883), which music21 carries. Key, octave, tempo
and loudness are drawn by a seed. FluidSynth plays them without reverb and chorus, from the soundfont FluidR3
(MIT). On Debian and Ubuntu:

    apt-get install fluidsynth fluid-soundfont-gm
    pip install music21
"""

import importlib
import random
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import mido
import numpy as np
import soundfile

from oscine.errors import InputError
from oscine.performance import Note

SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
COLLECTION = "ryansMammoth"
SAMPLE_RATE = 48_000
PEAK = 0.8

_BEATS_PER_MINUTE = (48, 60, 72, 88, 104, 120)
_TICKS_PER_S = 960
_LONGEST_S, _LEAST_NOTES = 40.0, 20
_AFTER_S = 0.5


class Player(NamedTuple):
    """An instrument of the soundfont."""

    program: int
    """General MIDI, from 0."""
    lowest: int
    """MIDI key."""
    highest: int


def render(player: Player, folder: Path, minutes: float, seed: int) -> None:
    """Write tunes as FLAC files, mono, 48 kHz, until they are as long as asked for.

    One gain for all of them makes the loudest sample 0.8.

    Args:
        player: Who plays.
        folder: Where to; files in it are replaced.
        minutes: At least this long in all.
        seed: Of the choice of tunes, and of how each is played.

    Raises:
        InputError: When FluidSynth, the soundfont or music21 is missing.
    """
    if shutil.which("fluidsynth") is None or not SOUNDFONT.exists():
        raise InputError(
            f"FluidSynth or {SOUNDFONT} is missing; install the packages fluidsynth and fluid-soundfont-gm."
        )
    try:
        music21 = importlib.import_module("music21")
    except ImportError:
        raise InputError("The tunes are in music21; install it: pip install music21.") from None
    chance = random.Random(seed)
    paths = sorted(Path(path) for path in music21.corpus.getPaths() if COLLECTION in str(path))
    chance.shuffle(paths)
    rendered: dict[str, np.ndarray] = {}
    for path in paths:
        notes = _played(_melody(music21.converter.parse(path)), player, chance)
        if len(notes) >= _LEAST_NOTES:
            rendered[path.stem] = _sound(notes, player.program)
        if sum(map(len, rendered.values())) >= minutes * 60 * SAMPLE_RATE:
            break
    gain = PEAK / max(np.abs(audio).max() for audio in rendered.values())
    folder.mkdir(parents=True, exist_ok=True)
    for name, audio in rendered.items():
        soundfile.write(folder / f"{name}.flac", gain * audio, SAMPLE_RATE)


def _melody(score: object) -> list[tuple[float, float, int]]:
    """Return onset and length in beats, and MIDI key, of a score's top line, one note at a time."""
    part = getattr(score, "parts", [score])[0]
    melody: list[tuple[float, float, int]] = []
    for note in part.flatten().notes:
        onset, length = float(note.offset), float(note.duration.quarterLength)
        keys = [pitch.midi for pitch in getattr(note, "pitches", ())]
        if not keys or not length or (melody and onset <= melody[-1][0]):
            continue
        if melody:
            before = melody[-1]
            melody[-1] = before[0], min(before[1], onset - before[0]), before[2]
        melody.append((onset, length, max(keys)))
    return melody


def _played(melody: list[tuple[float, float, int]], player: Player, chance: random.Random) -> list[Note]:
    """Return a melody in a key and octave of the player's range, at a tempo, with a swell of velocity.

    A melody of a wider range than the player's has no notes.
    """
    keys = [key for _, _, key in melody]
    if not keys or max(keys) - min(keys) > player.highest - player.lowest:
        return []
    shift = chance.randint(player.lowest - min(keys), player.highest - max(keys))
    beat_s = 60 / chance.choice(_BEATS_PER_MINUTE)
    loudness, swell, period_s = chance.uniform(60, 95), chance.uniform(10, 30), chance.uniform(4, 12)
    notes = []
    for onset, length, key in melody:
        start_s = onset * beat_s
        if start_s > _LONGEST_S:
            break
        velocity = loudness + swell * np.sin(2 * np.pi * start_s / period_s) + chance.gauss(0, 4)
        stop_s = start_s + max(0.03, 0.97 * length * beat_s)
        notes.append(Note(start_s, stop_s, key + shift, int(np.clip(velocity, 25, 127))))
    return notes


def _sound(notes: list[Note], program: int) -> np.ndarray:
    """Return the sound of notes, mono."""
    changes = sorted(
        change
        for note in notes
        for change in ((note.start_s, note.key, note.velocity), (note.stop_s, note.key, 0))
    )
    track, now = mido.MidiTrack([mido.Message("program_change", program=program)]), 0
    for at_s, key, velocity in changes:
        tick = round(at_s * _TICKS_PER_S)
        track.append(mido.Message("note_on", note=key, velocity=velocity, time=tick - now))
        now = tick
    with TemporaryDirectory() as scratch:
        song, wav = Path(scratch, "song.mid"), Path(scratch, "song.wav")
        mido.MidiFile(ticks_per_beat=_TICKS_PER_S // 2, tracks=[track]).save(song)
        command = ["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.5", "-r", str(SAMPLE_RATE)]
        command += ["-O", "float", "-F", str(wav), str(SOUNDFONT), str(song)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        audio = soundfile.read(wav, always_2d=True)[0].mean(axis=1)
    return audio[: round((notes[-1].stop_s + _AFTER_S) * SAMPLE_RATE)]
