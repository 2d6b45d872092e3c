"""Seconds of an instrument to learn from, other pitches of it to measure on: for benchmarks/imitate.py."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.few_minutes import shortened
from oscine.analysis import VOICED, Features
from oscine.analysis.features import FEATURES
from oscine.data import Dataset, Segment, Split, prepare
from oscine.data.held_out import NOTE_AT_MOST_S
from oscine.data.manifest import MANIFEST
from oscine.data.segment import ArrayPart
from oscine.data.statistics import measure_statistics
from oscine.evaluation.metrics import multi_scale_spectral
from oscine.models import Instrument, Recipe, load_recipe
from oscine.training import Callback, TrainingLoop
from oscine.training.schedule import Budget
from oscine.training.starting import Start

HELD_OUT_S, TESTED_S = 45.0, 30.0
_EVERY_PITCH = 3
_BEFORE_S = 0.25
#: Both ways of training: dry instruments need no more before a crop, and a short run no long rise.
_SHORT = {"training.preroll_s": _BEFORE_S, "training.n_validations": 1}
_WARMUP_SHARE, _MOST_WARMUP = 0.2, 50


class Material(NamedTuple):
    """Recordings of one instrument."""

    name: str
    learned: list[Segment]
    test: Split


class Trained(NamedTuple):
    """An instrument, and what its training cost."""

    instrument: Instrument
    cpu_s: float


def material(recordings: Path, place: Path, sample_rate: int) -> Material:
    """Return what is learned from an instrument's recordings and 30 s to measure on, made at ``place`` once.

    Of tunes the last one is held out, and of isolated notes every third semitone: no pitch of the test is in
    what is learned.
    """
    if not (place / MANIFEST).exists():
        prepare(recordings, place, sample_rate=sample_rate, held_out_s=HELD_OUT_S, n_workers=1)
    dataset = Dataset.open(place)
    rate = sample_rate / dataset.hop_length
    learned, test = list(dataset.train.segments), list(dataset.held_out.segments)
    every = [*learned, *dataset.validation.segments, *test]
    if np.median([one.n_frames for one in every]) <= NOTE_AT_MOST_S * rate:
        parts: tuple[list[Segment], list[Segment]] = ([], [])
        for one in every:
            parts[round(_pitch(one)) % _EVERY_PITCH == 0].append(one)
        learned, test = parts
    else:
        learned = [one for one in learned if one.name not in {other.name for other in test}]
    there_s = sum(one.n_frames for one in test) / rate
    chosen = shortened(Split(test, dataset.hop_length), rate, min(TESTED_S, there_s - 1) / 60)
    return Material(recordings.name, learned, Split(chosen, dataset.hop_length))


def _pitch(segment: Segment) -> float:
    features = segment.features()
    voiced = features.confidence >= VOICED
    return float(features.midi[voiced if bool(voiced.any()) else slice(None)].median())


def clip(learned: Sequence[Segment], seconds: float, number: int) -> list[Segment]:
    """Return seconds of recordings drawn by a number: of each a stretch, or all of it if it is shorter."""
    random = np.random.default_rng(number)
    left = round(seconds * learned[0].sample_rate / learned[0].hop_length)
    found: list[Segment] = []
    for place in random.permutation(len(learned)):
        one = learned[place]
        n_frames = min(left, one.n_frames)
        start = int(random.integers(one.n_frames - n_frames + 1))
        # A note is cut behind its beginning.
        is_note = one.n_frames <= NOTE_AT_MOST_S * one.sample_rate / one.hop_length
        start = 0 if is_note else start
        columns = {name: np.array(one.slice(name, start, start + n_frames)) for name in ("audio", *FEATURES)}
        found.append(Segment(one.name, [ArrayPart(columns, n_frames)], one.sample_rate, one.hop_length))
        left -= n_frames
        if left <= 0:
            return found
    raise ValueError(f"there are less than {seconds:g} s of it")


def sound(segments: Sequence[Segment]) -> tuple[np.ndarray, int]:
    """Return the samples of segments, one after the other, and their rate."""
    parts = [one.slice("audio", 0, one.n_frames) for one in segments]
    return np.concatenate(parts), segments[0].sample_rate


def new_pitches(segments: Sequence[Segment], test: Split) -> float:
    """Return the share of the test's voiced frames whose semitone is nowhere in the segments."""
    learned, tested = (
        torch.cat([one.midi[one.confidence >= VOICED].round() for one in map(Segment.features, part)])
        for part in (segments, test.segments)
    )
    return float((~torch.isin(tested, learned)).float().mean())


@torch.no_grad()
def measured(player: Instrument, test: Split, shift_db: float = 0.0, number: int = 0) -> float:
    """Return the spectral loss of an instrument on recordings.

    Args:
        player: Who plays.
        test: The recordings.
        shift_db: What it plays louder than they are; taken back before the comparison.
        number: Of its identity.
    """
    outputs: list[Tensor] = []
    targets: list[Tensor] = []
    n_before = round(_BEFORE_S * player.config.frame_rate)
    for one in test.segments:
        batch = Split([one], test.hop_length).batch(0, 0, 1, one.n_frames, n_before)
        features = {"f0_hz": batch.f0_hz, "confidence": batch.confidence}
        features["loudness_db"] = batch.loudness_db + shift_db
        given = {"identity": torch.tensor([number])} if player.config.identities else {}
        played = player(player.conditions(batch.audio, features, given))[0] * 10 ** (-shift_db / 20)
        heard = slice(n_before * test.hop_length, None)
        outputs.append(played[heard])
        targets.append(batch.audio[0, heard])
    return multi_scale_spectral(torch.cat(outputs), torch.cat(targets), player.sample_rate)


class _Clock(Callback):
    """CPU seconds of the steps, the validation at the end left out."""

    def on_start(self, loop: TrainingLoop) -> None:
        """Begin."""
        self.began = self.ended = time.process_time()

    def on_step(self, loop: TrainingLoop) -> None:
        """Take the time."""
        self.ended = time.process_time()


def trained(segments: Sequence[Segment], steps: int, base: Instrument | None) -> Trained:
    """Return the instrument that is learned from segments, as `oscine train` does with or without ``--from``.

    Args:
        segments: All of them; no checkpoint is chosen, as there are no recordings to choose it by.
        steps: Of the training.
        base: What it is started from; from nothing, by the recipe ``dry``, if left out.
    """
    hop_length, rate = segments[0].hop_length, segments[0].sample_rate
    every = Features.concatenate([one.features() for one in segments])
    columns = (every.f0_hz.numpy(), every.confidence.numpy(), every.loudness_db.numpy())
    statistics = measure_statistics(*columns, rate / hop_length, VOICED)
    dataset = Dataset(
        name="the clip",
        sample_rate=rate,
        hop_length=hop_length,
        train=segments,
        held_out=segments,
        statistics=statistics,
        fingerprint="",
    )
    settings = {**_SHORT, "training.warmup_steps": min(_MOST_WARMUP, round(_WARMUP_SHARE * steps))}
    start = None if base is None else Start(base, dataset)
    recipe: Recipe = load_recipe("dry", settings) if start is None else start.recipe(settings)
    torch.manual_seed(recipe.training.seed)
    one = Instrument(recipe.instrument.fit(rate, hop_length, (), ("",)), statistics)
    if start is not None:
        start.hand_over(one)
    clock = _Clock()
    loop = TrainingLoop(one, dataset.train, dataset.validation, recipe.training, Budget(None, steps))
    loop.run([clock])
    return Trained(one.eval(), clock.ended - clock.began)
