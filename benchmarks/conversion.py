"""Voice conversion: speaker similarity and word error rate, in conversion.md.

    python -m benchmarks.conversion TARGETS [--source awb] [--seconds 60] [--write]

TARGETS has each target's recordings in a folder of its own. Every other one, up to ``--seconds``, gives the
target's statistics; the others say whom the result is to be like. The source is 20 Harvard sentences (lists 3
and 4), spoken by a voice of flite (Debian package ``flite``). Recordings
below −50 dB, the prompts of silence in Asterisk, are left out. Needs Resemblyzer (similarity: the
cosine of its embeddings) and pocketsphinx (words) from PyPI.
"""

import argparse
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from benchmarks.measure import table
from benchmarks.page import write_section
from oscine.analysis import Features
from oscine.transfer.streaming import listen
from oscine.voices import (
    Conversion,
    PitchMap,
    VoiceStatistics,
    built_in_converter,
    voice_bands,
    voice_hop,
    voice_pieces,
    voice_statistics,
)
from oscine.voices.decoding import KnownFrames, SpokenVoice, shaped_pieces
from oscine.voices.heard import HeardVoice, heard_in
from oscine.voices.playing import Change, changed_blocks

RATE = 16_000
PAGE = "conversion"
SENTENCES = """The small pup gnawed a hole in the sock.
The fish twisted and turned on the bent hook.
Press the pants and sew a button on the vest.
The swan dive was far short of perfect.
The beauty of the view stunned the young boy.
Two blue fish swam in the tank.
Her purse was full of useless trash.
The colt reared and threw the tall rider.
It snowed, rained, and hailed the same morning.
Read verse out loud for pleasure.
Hoist the load to your left shoulder.
Take the winding path to reach the lake.
Note closely the size of the gas tank.
Wipe the grease off his dirty face.
Mend the coat before you go out.
The wrist was badly strained and hung limp.
The stray cat gave birth to kittens.
The young girl gave no clear response.
The meal was cooked before the bell rang.
What joy there is in living.""".splitlines()


def diagonal(statistics: VoiceStatistics) -> VoiceStatistics:
    """Return statistics whose bands vary each by itself: the classic map of mean and variance."""
    return replace(statistics, covariance=torch.diag_embed(statistics.covariance.diagonal(dim1=1, dim2=2)))


def spoken(voice: str, folder: Path) -> list[Path]:
    """Return the sentences as flite speaks them."""
    paths = [folder / f"{i:02d}.wav" for i in range(len(SENTENCES))]
    for path, sentence in zip(paths, SENTENCES, strict=True):
        subprocess.run(["flite", "-voice", voice, "-t", sentence, "-o", str(path)], check=True)
    return paths


def is_speech(path: Path) -> bool:
    """Return whether a recording is longer than 1.5 s, and no silence."""
    return soundfile.info(path).duration > 1.5 and float(np.mean(sound_of([path]) ** 2)) > 1e-5


def halves(folder: Path, seconds: float) -> tuple[list[Path], list[Path]]:
    """Return recordings for the statistics and others for the reference, each of so many seconds."""
    paths = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".wav", ".flac")]
    both: tuple[list[Path], list[Path]] = ([], [])
    totals = [0.0, 0.0]
    for i, path in enumerate(path for path in paths if is_speech(path)):
        if totals[i % 2] < seconds:
            both[i % 2].append(path)
            totals[i % 2] += soundfile.info(path).duration
    return both


def sound_of(paths: Sequence[Path]) -> np.ndarray:
    """Return recordings joined, at 16 kHz."""
    parts = []
    for path in paths:
        audio, rate = soundfile.read(path, dtype="float32")
        parts.append(audio if rate == RATE else soxr.resample(audio, rate, RATE))
    return np.concatenate(parts)


class Judges:
    """Whose voice it is, and which words."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder  # type: ignore[import-not-found]
        from resemblyzer import VoiceEncoder  # type: ignore[import-not-found]

        self.encoder = VoiceEncoder("cpu", verbose=False)
        self.decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def voice(self, audio: np.ndarray) -> np.ndarray:
        """Return the embedding of a voice, a unit vector."""
        level = 10 ** (-30 / 20) / np.sqrt(np.mean(audio**2))
        return self.encoder.embed_utterance((audio * level).astype(np.float32))

    def words(self, audio: np.ndarray) -> list[str]:
        """Return the words that are recognised."""
        self.decoder.start_utt()
        scaled = (audio / np.abs(audio).max() * 16_383).astype(np.int16)
        self.decoder.process_raw(scaled.tobytes(), full_utt=True)
        self.decoder.end_utt()
        found = self.decoder.hyp()
        return [re.sub(r"\(\d\)", "", word) for word in found.hypstr.split()] if found else []


def errors(right: Sequence[str], found: Sequence[str]) -> int:
    """Return the least number of words that are put in, left out or exchanged."""
    distances = list(range(len(found) + 1))
    for i, word in enumerate(right, 1):
        above, distances[0] = distances[:], i
        for j, other in enumerate(found, 1):
            distances[j] = min(above[j] + 1, distances[j - 1] + 1, above[j - 1] + (word != other))
    return distances[-1]


def figures(
    judges: Judges, sounds: Sequence[np.ndarray], target: np.ndarray, source: np.ndarray
) -> list[float]:
    """Return cosines to target and source, each of five sentences together, and the word error rate."""
    texts = [re.sub(r"[^a-z' ]", "", sentence.lower()).split() for sentence in SENTENCES]
    wrong = sum(errors(text, judges.words(sound)) for text, sound in zip(texts, sounds, strict=True))
    voices = [judges.voice(np.concatenate(sounds[i : i + 5])) for i in range(0, len(sounds), 5)]
    cosines = [float(np.mean([voice @ one for voice in voices])) for one in (target, source)]
    return [*cosines, wrong / sum(map(len, texts))]


def played(voices: Sequence[HeardVoice], way: Change) -> list[np.ndarray]:
    """Return the sound of voices, changed."""
    return [torch.cat(list(changed_blocks(voice, way))).numpy() for voice in voices]


def decoded(
    known: Sequence[Path], sources: Sequence[Path], heard: Sequence[tuple[Features, int]]
) -> list[HeardVoice]:
    """Return the sources' voices with the envelopes that the trained network gives them."""
    converter = built_in_converter()
    step = converter.config.hop_length // voice_hop(RATE)
    target, source = SpokenVoice(step), SpokenVoice(step)
    for path in known:
        target.add(voice_pieces(path, listen(path, RATE, voice_hop(RATE))[0]))
    for path, (features, _) in zip(sources, heard, strict=True):
        source.add(voice_pieces(path, features))
    frames, voices = KnownFrames(converter, target), []
    for path, grid, spoken in zip(sources, heard, source.frames()[0], strict=True):
        voice = heard_in(path, *grid, voice_bands(RATE), [])
        voices.append(replace(voice, pieces=shaped_pieces(voice.pieces, frames.shapes(spoken), step)))
    return voices


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conversion", description=__doc__)
    parser.add_argument("targets", type=Path)
    parser.add_argument("--source", default="awb", help="a voice of flite (%(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each target (%(default)g)")
    parser.add_argument("--write", action="store_true", help="write conversion.md")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    judges, rows = Judges(), []
    with tempfile.TemporaryDirectory() as folder:
        sources = spoken(options.source, Path(folder))
        raw = [sound_of([path]) for path in sources]
        whose = judges.voice(np.concatenate(raw))
        source = voice_statistics(list(sources), RATE)
        heard = [listen(path, RATE, voice_hop(RATE)) for path in sources]
        for target_folder in sorted(path for path in options.targets.iterdir() if path.is_dir()):
            known, reference = halves(target_folder, options.seconds)
            target, aim = voice_statistics(list(known), RATE), judges.voice(sound_of(reference))
            ceiling = float(judges.voice(sound_of(known)) @ aim)
            ways = {
                "pitch only": PitchMap(source, target),
                "mean and variance": Conversion(diagonal(source), diagonal(target)),
                "transport, strength 0.5": Conversion(source, target, 0.5),
                "transport": Conversion(source, target),
            }
            results = {"original": figures(judges, raw, aim, whose)}
            for name, way in ways.items():
                voices = [
                    heard_in(path, *grid, voice_bands(RATE), [])
                    for path, grid in zip(sources, heard, strict=True)
                ]
                results[name] = figures(judges, played(voices, way), aim, whose)
            voices = decoded(known, sources, heard)
            results["trained network"] = figures(judges, played(voices, ways["pitch only"]), aim, whose)
            start = results["pitch only"][0]
            for name, (to_target, to_source, words) in results.items():
                closed = (to_target - start) / (ceiling - start)
                share = "" if name in ("original", "pitch only") else f"{100 * closed:.0f} %"
                cells = [f"{to_target:.3f}", share, f"{to_source:.3f}", f"{words:.2f}"]
                rows.append([f"{target_folder.name} ({ceiling:.2f})", name, *cells])
                print(*rows[-1], sep=" | ", flush=True)
    headings = ["target (ceiling)", "", "cosine to target", "gap closed", "cosine to source", "word errors"]
    made = table(headings, rows)
    print(made)
    if options.write:
        write_section(f"conversion {options.source}", made, PAGE)


if __name__ == "__main__":
    main()
