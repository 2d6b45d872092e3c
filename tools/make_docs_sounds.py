"""Writes the sounds of the documentation's home page: ``python -m tools.make_docs_sounds``.

The first seconds of the sung melody in the package, and of the same melody by instruments of the package.
"""

from pathlib import Path

import numpy as np
import soundfile

from oscine import instruments, recordings

FOLDER = Path(__file__).parents[1] / "docs" / "sounds"
PLAYERS = ("violin", "flute", "alto-saxophone")
SECONDS = 6.0


def main() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    sounds = {name: instruments.path(name) / "sound.flac" for name in PLAYERS}
    for name, path in {"melody": recordings.path("singing"), **sounds}.items():
        sample_rate = soundfile.info(path).samplerate
        audio, _ = soundfile.read(path, frames=round(SECONDS * sample_rate), dtype="float32")
        fade = round(0.1 * sample_rate)
        audio[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        soundfile.write(FOLDER / f"{name}.flac", audio, sample_rate, "PCM_16")


if __name__ == "__main__":
    main()
