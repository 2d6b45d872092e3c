"""Cut the package's excerpts from the full recordings: ``python tools/make_recordings.py FOLDER``.

FOLDER holds the recordings that ``src/oscine/recordings/ATTRIBUTION.md`` names, under the paths below. The
whole edit is here: a cut at quiet instants, resampling by soxr, 10 ms fades, 16-bit FLAC.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

TARGET = Path(__file__).parents[1] / "src" / "oscine" / "recordings"
FADE_S = 0.01


class Cut(NamedTuple):
    """One excerpt: where it comes from, from which second to which, at which rate it is kept."""

    source: str
    target: str
    start_s: float
    stop_s: float
    sample_rate: int


CUTS = [
    Cut("train/violin_johngarner/john-garner_bwv1002_mov6.flac", "violin/movement_6.flac", 0.0, 108.3, 16000),
    Cut("train/violin_johngarner/john-garner_bwv1002_mov8.flac", "violin/movement_8.flac", 0.0, 90.0, 16000),
    Cut("demo/singing_vocadito_1.flac", "singing.flac", 0.0, 18.0, 24000),
    Cut("demo/trumpet_sorohan.flac", "trumpet.flac", 0.0, 6.0, 24000),
]


def quietest(audio: np.ndarray, sample_rate: int, second: float, reach_s: float = 1.0) -> int:
    """Return the sample of the quietest 50 ms within ``reach_s`` of ``second``, so that no note is cut."""
    if second <= 0:
        return 0
    if second >= len(audio) / sample_rate:
        return len(audio)
    width = int(0.05 * sample_rate)
    first = int((second - reach_s) * sample_rate)
    power = np.convolve(audio[first : int((second + reach_s) * sample_rate)] ** 2, np.ones(width), "valid")
    return first + int(power.argmin()) + width // 2


def main(folder: Path) -> None:
    """Write every excerpt of CUTS and say how long and how large it is."""
    total = 0
    for cut in CUTS:
        audio, sample_rate = soundfile.read(folder / cut.source, dtype="float64")
        start, stop = (quietest(audio, sample_rate, second) for second in (cut.start_s, cut.stop_s))
        excerpt = soxr.resample(audio[start:stop], sample_rate, cut.sample_rate, "VHQ")
        fade = np.linspace(0.0, 1.0, int(FADE_S * cut.sample_rate))
        excerpt[: len(fade)] *= fade
        excerpt[-len(fade) :] *= fade[::-1]
        target = TARGET / cut.target
        target.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(target, excerpt.clip(-1.0, 1.0), cut.sample_rate, subtype="PCM_16", format="FLAC")
        total += target.stat().st_size
        span = f"{start / sample_rate:.2f}–{stop / sample_rate:.2f} s"
        print(f"{cut.target}: {span}, {target.stat().st_size / 1e6:.2f} MB")
    print(f"together {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
