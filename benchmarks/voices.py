"""One network of several instruments: how far apart they are, in conditioning.md.

    python -m benchmarks.voices RECORDINGS [--minutes M] [--results FOLDER] [--write]

RECORDINGS has each instrument's recordings in a folder of its own. Learns all of them with the recipe
``tiny`` on one thread, lets every identity play what is held out of each and the singing in the package, and
blends the first into the last. FOLDER keeps dataset and instrument: what is there is not made again.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine import load, recordings
from oscine.analysis import VOICED, analyze
from oscine.data import Dataset, Segment, prepare
from oscine.data.manifest import MANIFEST
from oscine.evaluation import evaluate
from oscine.evaluation.metrics import multi_scale_spectral
from oscine.functional.centroid import spectral_centroid_midi
from oscine.functional.units import midi_to_hz
from oscine.training import TrainResult, train
from oscine.transfer import PlayableInstrument

SAMPLE_RATE = 16_000
INPUTS = [{"kind": "f0"}, {"kind": "loudness"}, {"kind": "identity", "size": 8}]
NOTE_HZ, NOTE_S = 550.0, 4.0
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def learn(
    recordings_folder: Path, results: Path, minutes: float
) -> tuple[PlayableInstrument, Dataset, TrainResult]:
    """Return the instrument of all identities, its dataset, and how its training went."""
    if not (results / "dataset" / MANIFEST).exists():
        prepare(recordings_folder, results / "dataset", sample_rate=SAMPLE_RATE)
    result = train(
        results / "dataset",
        results / "instrument",
        recipe="tiny",
        minutes=minutes,
        overrides={"instrument.inputs": INPUTS},
        resume="auto",
        console=Console(stderr=True),
    )
    if result.interrupted:
        raise KeyboardInterrupt
    return load(results / "instrument"), Dataset.open(results / "dataset"), result


@torch.no_grad()
def played(band: PlayableInstrument, segment: Segment, number: int) -> Tensor:
    """Return what an identity makes of a stretch's pitch and loudness."""
    heard = segment.features()
    features = {"f0_hz": heard.f0_hz[None], "loudness_db": heard.loudness_db[None]}
    conditions = band.conditions(segment.audio()[None], features, {"identity": torch.tensor([number])})
    return band(conditions)[0]


def distances(band: PlayableInstrument, dataset: Dataset) -> str:
    """Return the table of spectral losses: what is held out of each identity, played by each."""
    names = band.config.identities
    rows = []
    for number, name in enumerate(names):
        own = [segment for segment in dataset.held_out.segments if segment.identity == number]
        n_frames = sum(segment.n_frames for segment in own)
        if not n_frames:
            continue
        losses = [
            sum(
                multi_scale_spectral(played(band, segment, player), segment.audio(), SAMPLE_RATE)
                * segment.n_frames
                for segment in own
            )
            / n_frames
            for player in range(len(names))
        ]
        cells = [f"{loss:.2f}" for loss in losses]
        cells[number] = f"**{cells[number]}**"
        rows.append([f"{name}, {n_frames * dataset.hop_length / SAMPLE_RATE:.0f} s", *cells])
    return table(["held out of", *(f"played by {name}" for name in names)], rows)


def sung(band: PlayableInstrument, dataset: Dataset) -> str:
    """Return the table of pitch and centroid: each identity's recordings, and the singing as it plays it."""
    singing = recordings.path("singing")
    rows = []
    for number, name in enumerate(band.config.identities):
        own = [segment.audio() for segment in dataset.held_out.segments if segment.identity == number]
        played, _ = band.transfer(singing, identity=name)
        heard = _pitch_and_centroid(torch.cat(own)) if own else ["–"] * 3
        rows.append([name, *heard, *_pitch_and_centroid(played)])
    columns = ["pitch", "centroid", "over the pitch"]
    headings = [f"{whose}: {column}" for whose in ("held out", "as it sings") for column in columns]
    return table(["identity", *headings], rows)


def _pitch_and_centroid(audio: Tensor) -> list[str]:
    """Return the medians over voiced frames: pitch and centroid in Hz, and the one over the other."""
    features = analyze(audio, SAMPLE_RATE)
    centroid_hz = midi_to_hz(spectral_centroid_midi(audio[None], SAMPLE_RATE, features.hop_length)[0])
    voiced = features.confidence >= VOICED
    pitch_hz, centroid_hz = features.f0_hz[voiced], centroid_hz[voiced]
    ratio = (centroid_hz / pitch_hz).median()
    return [f"{pitch_hz.median():.0f} Hz", f"{centroid_hz.median():.0f} Hz", f"{ratio:.1f}"]


@torch.no_grad()
def blended(band: PlayableInstrument, dataset: Dataset) -> str:
    """Return the sentence on a note between the first identity and the last, without the reverb."""
    names = band.config.identities
    f0_hz = torch.full((1, round(NOTE_S * SAMPLE_RATE / band.hop_length)), NOTE_HZ)
    loudness_db = torch.full_like(f0_hz, dataset.statistics.loudness_db_quantiles[50])
    centroids = []
    for share in SHARES:
        weights = torch.zeros(1, f0_hz.shape[1], len(names))
        weights[..., 0], weights[..., -1] = 1 - share, share
        note = band(f0_hz=f0_hz, loudness_db=loudness_db, identity=weights, dry=True)[0]
        centroids.append(_pitch_and_centroid(note)[1])
    return (
        f"A note of {NOTE_HZ:.0f} Hz without the reverb, blended from the {names[0]}'s weight to the "
        f"{names[-1]}'s in {len(SHARES) - 1} steps, has its centroid at "
        f"{', '.join(centroids)}."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voices", description=__doc__)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--minutes", type=float, default=3.0, help="of training (%(default)g)")
    parser.add_argument("--results", type=Path, default=Path("build/voices"), metavar="FOLDER")
    parser.add_argument("--write", action="store_true", help="write conditioning.md")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    band, dataset, training = learn(options.recordings, options.results, options.minutes)
    figures = evaluate(band, dataset)
    heard_s = dataset.train.n_frames * dataset.hop_length / SAMPLE_RATE
    control, minutes = figures.mean_control, f"{training.minutes:.2g}"
    parts = [
        f"{heard_s:.0f} s of {', '.join(band.config.identities)}; {minutes} minutes on one thread, "
        f"{training.steps} steps. "
        f"Spectral loss on all that is held out: {figures.instrument.spectral_loss:.2f}"
        + (f", of the mean control {control.spectral_loss:.2f}." if control else "."),
        distances(band, dataset),
        sung(band, dataset),
        blended(band, dataset),
        f"*{machine()}; `python -m benchmarks.voices RECORDINGS --minutes {minutes} --write`.*",
    ]
    content = "\n\n".join(parts)
    print(content)
    if options.write:
        write_section("voices", content, "conditioning")


if __name__ == "__main__":
    main()
