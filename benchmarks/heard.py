"""An embedding heard from a clip, by ridge regression: what benchmarks/imitate.py compares a fit with."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.few_seconds import clip
from oscine.analysis import VOICED
from oscine.data import Segment, Split
from oscine.functional.mfcc import log_mel_spectrogram
from oscine.models import Instrument
from oscine.models.inputs.identity import EMBEDDING

CLIP_S, N_CLIPS = 5.0, 20
_N_MELS, _HIGHEST_HZ = 40, 12_000.0
_PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10_000.0)


class Ear(NamedTuple):
    """A linear map from what a clip sounds like to an embedding."""

    mean: Float[Tensor, " feature"]
    deviation: Float[Tensor, " feature"]
    weight: Float[Tensor, "feature channel"]
    centre: Float[Tensor, " channel"]

    def __call__(self, segments: Sequence[Segment]) -> Float[Tensor, " channel"]:
        """Return the embedding of a clip."""
        return (described(segments) - self.mean) / self.deviation @ self.weight + self.centre


def described(segments: Sequence[Segment]) -> Float[Tensor, " feature"]:
    """Return mean and deviation of pitch and of the mel bands, relative to their level, while voiced."""
    bands, pitches = [], []
    for one in segments:
        audio = torch.from_numpy(np.array(one.slice("audio", 0, one.n_frames)))
        features = one.features()
        mel = log_mel_spectrogram(
            audio[None], one.sample_rate, one.hop_length, n_mels=_N_MELS, f_max_hz=_HIGHEST_HZ
        )[0]
        voiced = features.confidence[: len(mel)] >= VOICED
        bands.append(mel[voiced])
        pitches.append(features.midi[: len(mel)][voiced])
    mel, midi = torch.cat(bands), torch.cat(pitches)
    mel = mel - mel.mean()
    return torch.cat([mel.mean(0), mel.std(0), torch.stack([midi.mean(), midi.std()])])


def trained_ear(base: Instrument, learned: Split) -> Ear:
    """Return the regression from clips of the known instruments to their embeddings.

    Its penalty is the one with which instruments that are left out of the regression, one at a time, are
    found best.
    """
    embeddings = base.state_dict()[EMBEDDING].T
    rows, numbers = [], []
    for number in range(len(embeddings)):
        own = [one for one in learned.segments if one.identity == number]
        rows += [described(clip(own, CLIP_S, count)) for count in range(N_CLIPS)]
        numbers += [number] * N_CLIPS
    x, y = torch.stack(rows), torch.tensor(numbers)
    mean, deviation = x.mean(0), x.std(0).clamp(min=1e-3)
    x = (x - mean) / deviation
    centre = embeddings.mean(0)

    def weight(kept: Tensor, penalty: float) -> Tensor:
        a, b = x[kept], embeddings[y[kept]] - centre
        return torch.linalg.solve(a.T @ a + penalty * torch.eye(a.shape[1]), a.T @ b)

    def error(penalty: float) -> float:
        total = 0.0
        for number in range(len(embeddings)):
            out = y == number
            total += float((x[out] @ weight(~out, penalty) - (embeddings[number] - centre)).square().sum())
        return total

    best = min(_PENALTIES, key=error)
    return Ear(mean, deviation, weight(torch.ones(len(y), dtype=torch.bool), best), centre)
