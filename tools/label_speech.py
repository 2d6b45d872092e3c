"""Label English speech with phones by pocketsphinx (PyPI), for `tools.make_converter`: no transcripts needed.

    python -m tools.label_speech SPEECH LABELS

Each recording is recognised, then aligned with what was recognised; LABELS gets a NAME.lab of it, one phone a
line: the second at which it ends, 0, its name. Words that were recognised wrongly give wrong phones.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oscine.audio import sound_blocks
from oscine.files import write_atomically

RATE, FRAMES_PER_S = 16_000, 100
SUFFIXES = (".wav", ".flac")


def heard(decoder: Any, sound: bytes) -> None:
    """Let a decoder hear a recording."""
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()


def phones_of(recogniser: Any, aligner: Any, sound: bytes) -> list[tuple[float, str]] | None:
    """Return the ends of the phones in seconds, and their names; None where nothing could be aligned."""
    heard(recogniser, sound)
    found = recogniser.hyp()
    if not found:
        return None
    try:
        aligner.set_align_text(re.sub(r"\(\d\)", "", found.hypstr))
        heard(aligner, sound)
        aligner.set_alignment()
        heard(aligner, sound)
        words = aligner.get_alignment()
        return [((one.start + one.duration) / FRAMES_PER_S, one.name) for word in words for one in word]
    except RuntimeError:
        return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    from pocketsphinx import Decoder  # type: ignore[import-not-found]

    parser = argparse.ArgumentParser(prog="python -m tools.label_speech", description=__doc__)
    parser.add_argument("speech", type=Path)
    parser.add_argument("labels", type=Path)
    options = parser.parse_args(arguments)
    recogniser = Decoder(samprate=RATE, loglevel="FATAL")
    aligner = Decoder(samprate=RATE, loglevel="FATAL", lm=None)
    for path in sorted(path for path in options.speech.rglob("*") if path.suffix.lower() in SUFFIXES):
        audio = np.concatenate(list(sound_blocks(path, RATE)))
        sound = (audio / max(float(np.abs(audio).max()), 1e-6) * 16_383).astype(np.int16).tobytes()
        phones = phones_of(recogniser, aligner, sound)
        if phones is None:
            print(f"{path}: not aligned", flush=True)
            aligner = Decoder(samprate=RATE, loglevel="FATAL", lm=None)
            continue
        lines = [f"{end:.2f} 0 {name}\n" for end, name in phones]
        write_atomically(options.labels / f"{path.stem}.lab", "".join(lines))


if __name__ == "__main__":
    main()
