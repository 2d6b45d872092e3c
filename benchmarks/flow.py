"""Does a flow give a decoded envelope what coding took away? The tables in flow.md.

    python -m benchmarks.flow envelopes SPEECH --model NAME=FILE… [--write]
    python -m benchmarks.flow sounds SPEECH --model NAME=FILE… [--write]
    python -m benchmarks.flow words VOICE… --model NAME=FILE… [--write]
    python -m benchmarks.flow picture RECORDING --model NAME=FILE -o PICTURE

SPEECH has the recordings of each speaker in a folder of its own, at 16 kHz, of which nothing was trained on.
FILE is what tools/make_envelope_flow.py writes; the same NAME for several files means several seeds. VOICE is
one of flite's voices. Needs pesq, pystoi, speechmos (DNSMOS) and pocketsphinx from PyPI, and matplotlib.
"""

import argparse
import dataclasses
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.conversion import SENTENCES, errors, spoken
from benchmarks.enhancement import files, read, scores
from benchmarks.measure import table
from benchmarks.page import write_section
from oscine.voices import CodedVoice, EnvelopeFlow, Voice, analyze_voice, encode, refined_pieces

RATE = 16_000
PAGE = "flow"
LONGEST_S = 8.0
#: Of a recording's loudest frame: quieter frames count for no figure, dB.
RANGE_DB = 45.0
#: Least density that is coded, dB per Hz.
QUIET_DB = -115.0
STEPS = (1, 4, 8, 20)
Models = dict[str, list[EnvelopeFlow]]


def coarse(voice: Voice) -> CodedVoice:
    """Return a voice as four cosines, pitch and noise ratio every 35 ms."""
    coded = CodedVoice.read(encode(voice, 1.2))
    residuals = coded.residuals.copy()
    residuals[:, 4 : coded.n_cosines] = 0
    return dataclasses.replace(coded, residuals=residuals)


def settings(kbps: Sequence[float]) -> dict[str, Any]:
    """Return the ways of coding by name."""
    ways: dict[str, Any] = {"4 cosines": coarse}
    for rate in kbps:
        ways[f"{rate:g} kb/s"] = lambda voice, rate=rate: CodedVoice.read(encode(voice, rate))
    return ways


def joined(pieces: Iterator[Voice]) -> Voice:
    """Return a voice that comes in pieces as one."""
    parts = list(pieces)
    names = ("f0_hz", "density_db", "noise_ratio_db")
    whole = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
    return dataclasses.replace(parts[0], **whole)


def contenders(coded: CodedVoice, models: Models, steps: Sequence[int]) -> Iterator[tuple[str, list[Voice]]]:
    """Yield what is compared: the name, and the voice of each seed."""
    yield "decoded", [joined(coded.pieces())]
    first = next(iter(models.values()))
    yield "predictor", [joined(refined_pieces(coded, one, n_steps=0)) for one in first]
    for name, seeds in models.items():
        for n in steps:
            made = [joined(refined_pieces(coded, one, n_steps=n, seed=i)) for i, one in enumerate(seeds)]
            yield f"{name}, {n} step{'s' if n > 1 else ''}", made


def variation(found: Tensor, target: Tensor) -> list[float]:
    """Return the mean absolute error, dB, and variances over the target's: of shape, and of its movement.

    A shape is an envelope minus its mean over the bands; its movement the difference from one frame of 10 ms
    to the next. Variances are over frames, summed over bands. Quiet frames don't count.
    """
    level = target.mean(1)
    heard = level > level.max() - RANGE_DB
    shapes = [one - one.mean(1, keepdim=True) for one in (found, target)]
    moves = [(one[1:] - one[:-1])[heard[1:] & heard[:-1]] for one in shapes]
    error = float((found - target)[heard].abs().mean())
    spreads = [
        (one[0].var(0).sum() / one[1].var(0).sum()).item() for one in ([s[heard] for s in shapes], moves)
    ]
    return [error, *spreads]


def floored(density_db: Tensor) -> Tensor:
    """Return densities above what is heard, softly limited as the codec does, of every second frame."""
    quiet = torch.full_like(density_db, QUIET_DB)
    scale = 10 / np.log(10)
    return torch.logaddexp(density_db / scale, quiet / scale)[1::2] * scale


def speakers(folder: Path, n: int) -> dict[str, list[np.ndarray]]:
    """Return the first recordings of each speaker, at most 8 s each."""
    return {
        one.name: [read(path)[: round(LONGEST_S * RATE)] for path in files(one)[:n]]
        for one in sorted(folder.iterdir())
        if one.is_dir()
    }


def envelopes(options: argparse.Namespace, models: Models) -> str:
    """Return the table of errors and variances."""
    rows = []
    recordings = speakers(options.speech, options.recordings)
    voices = {name: [analyze_voice((one, RATE)) for one in many] for name, many in recordings.items()}
    for setting, way in settings(options.kbps).items():
        found: dict[str, dict[str, list[list[list[float]]]]] = {}
        rates = []
        for speaker, many in voices.items():
            for voice in many:
                coded, target = way(voice), floored(voice.density_db)
                rates.append(len(coded.write()) / 125 / (coded.n_frames / 200))
                for name, made in contenders(coded, models, STEPS):
                    figures = [variation(floored(one.density_db)[: len(target)], target) for one in made]
                    found.setdefault(name, {}).setdefault(speaker, []).append(figures)
        for name, by_speaker in found.items():
            # recording, seed, figure → the mean over recordings of each seed
            means = {speaker: np.mean(np.array(one), 0) for speaker, one in by_speaker.items()}
            overall = np.mean(list(means.values()), 0)
            cells = [f"{overall[:, k].mean():.2f}" for k in range(3)]
            spread = f"{overall[:, 1].min():.2f} … {overall[:, 1].max():.2f}" if len(overall) > 1 else ""
            each = " / ".join(f"{one[:, 1].mean():.2f}" for one in means.values())
            rows.append([f"{setting} ({np.mean(rates):.2f})", name, *cells, spread, each])
            print(*rows[-1], sep=" | ", flush=True)
    headings = [
        "coded (kb/s)",
        "",
        "L1, dB",
        "variance of shape",
        "of movement",
        "shape, seeds",
        f"shape: {' / '.join(voices)}",
    ]
    return table(headings, rows)


def sounds(options: argparse.Namespace, models: Models) -> str:
    """Return the table of computed scores of the sounds."""
    from pesq import pesq  # type: ignore[import-not-found]

    rows = []
    for speaker, recordings in speakers(options.speech, options.recordings).items():
        voices = [analyze_voice((one, RATE)) for one in recordings]
        found: dict[str, list[list[float]]] = {}

        def judge(name: str, clean: np.ndarray, made: Sequence[Voice], found: Any = found) -> None:
            for voice in made:
                sound = voice.play().numpy()
                n = min(len(sound), len(clean))
                values = scores(clean[:n], sound[:n])
                found.setdefault(name, []).append([*values, pesq(RATE, clean[:n], sound[:n], "wb")])

        for clean, voice in zip(recordings, voices, strict=True):
            judge("not coded", clean, [voice])
            for setting, way in settings(options.kbps).items():
                for name, made in contenders(way(voice), models, [options.steps]):
                    judge(f"{setting}: {name}", clean, made)
        for name, values in found.items():
            overall, _, _, p808, stoi, estoi, quality = np.mean(values, 0)
            cells = [f"{stoi:.3f}", f"{estoi:.3f}", f"{quality:.2f}", f"{overall:.2f}", f"{p808:.2f}"]
            rows.append([speaker, name, *cells])
            print(*rows[-1], sep=" | ", flush=True)
    return table(["speaker", "", "STOI", "ESTOI", "PESQ", "DNSMOS", "P.808"], rows)


def words(options: argparse.Namespace, models: Models) -> str:
    """Return the table of word error rates of 20 sentences that flite speaks."""
    from pocketsphinx import Decoder  # type: ignore[import-not-found]

    decoder, rows = Decoder(samprate=RATE, loglevel="FATAL"), []

    def wrong(text: list[str], audio: np.ndarray) -> int:
        decoder.start_utt()
        scaled = (audio / np.abs(audio).max() * 16_383).astype(np.int16)
        decoder.process_raw(scaled.tobytes(), full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp()
        return errors(text, [re.sub(r"\(\d\)", "", one) for one in heard.hypstr.split()] if heard else [])

    texts = [re.sub(r"[^a-z' ]", "", sentence.lower()).split() for sentence in SENTENCES]
    n_words = sum(map(len, texts))
    for speaker in options.voice:
        found: dict[str, list[float]] = {}
        with tempfile.TemporaryDirectory() as folder:
            recordings = [read(path) for path in spoken(speaker, Path(folder))]
        for text, audio in zip(texts, recordings, strict=True):
            voice = analyze_voice((audio, RATE))
            found.setdefault("original", []).append(wrong(text, audio))
            found.setdefault("not coded", []).append(wrong(text, voice.play().numpy()))
            for setting, way in settings(options.kbps).items():
                for name, made in contenders(way(voice), models, [options.steps]):
                    mean = float(np.mean([wrong(text, one.play().numpy()) for one in made]))
                    found.setdefault(f"{setting}: {name}", []).append(mean)
        for name, values in found.items():
            rows.append([speaker, name, f"{sum(values) / n_words:.2f}"])
            print(*rows[-1], sep=" | ", flush=True)
    return table(["voice", "", "word errors"], rows)


def picture(options: argparse.Namespace, models: Models) -> None:
    """Draw the envelopes of two seconds: recording, decoded, predictor, flow."""
    from matplotlib.figure import Figure

    voice = analyze_voice((read(options.recording)[: round(LONGEST_S * RATE)], RATE))
    shown = slice(*(round(200 * second) for second in options.seconds))
    ways = settings(options.kbps)
    figure = Figure(figsize=(9, 2.2 * 4), layout="constrained")
    axes = figure.subplots(4, len(ways), squeeze=False)
    for column, (setting, way) in zip(axes.T, ways.items(), strict=True):
        made = {"recording": voice, **{n: v[0] for n, v in contenders(way(voice), models, [options.steps])}}
        for axis, (name, one) in zip(column, made.items(), strict=True):
            density = one.density_db[shown].T.numpy()
            axis.imshow(density, origin="lower", aspect="auto", vmin=-110, vmax=-40, cmap="magma")
            axis.set_title(f"{setting}: {name}" if name != "recording" else name, fontsize=9)
            axis.set_ylabel("band")
    figure.savefig(options.output, dpi=90)


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flow", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("envelopes", "sounds", "words", "picture"):
        one = commands.add_parser(name)
        if name == "words":
            one.add_argument("voice", nargs="+")
        elif name == "picture":
            one.add_argument("recording", type=Path)
            one.add_argument("-o", "--output", type=Path, required=True)
            one.add_argument("--seconds", type=float, nargs=2, default=(1.0, 3.0))
        else:
            one.add_argument("speech", type=Path)
            one.add_argument("--recordings", type=int, default=4, help="of each speaker (%(default)d)")
        one.add_argument("--model", action="append", required=True, metavar="NAME=FILE")
        one.add_argument("--kbps", type=float, nargs="+", default=[0.6, 1.2, 2.0])
        one.add_argument("--steps", type=int, default=4, help="Euler's (%(default)d)")
        one.add_argument("--write", action="store_true", help="write flow.md")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    models: Models = {}
    for given in options.model:
        name, path = given.split("=", 1)
        models.setdefault(name, []).append(EnvelopeFlow.load(path))
    if options.command == "picture":
        picture(options, models)
        return
    made = {"envelopes": envelopes, "sounds": sounds, "words": words}[options.command](options, models)
    if options.write:
        write_section(f"flow {options.command}", made, PAGE)


if __name__ == "__main__":
    main()
