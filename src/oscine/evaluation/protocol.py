"""The table of the paper: its metrics over examples of four seconds, as in its public code."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from oscine.analysis import CONFIDENT, Features
from oscine.evaluation.metrics import OUTLIER_SEMITONES

EXAMPLE_S = 4.0


class ExampleMetrics(BaseModel):
    """Mean distances of outputs from their targets over examples; None if no example counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_examples: int
    """Stretches of at most four seconds."""
    n_pitched: int
    """Examples with a confident pitch in a frame of the target; only these count for f0."""
    loudness_l1_db: float
    """Mean absolute difference of loudness by the paper's definition, dB."""
    loudness_l1_deviations: float
    """The same, divided by the standard deviation of the targets' loudness, as the paper scales loudness."""
    f0_l1_semitones: float | None
    """Mean over examples of the mean absolute difference of f0 without outliers, semitones."""
    f0_outliers: float | None
    """Share of examples more than 12 semitones off on average."""
    f0_unheard: float | None
    """Share of examples whose output has no confident pitch in any frame."""


@dataclass(frozen=True)
class Example:
    """An example's frames in both sounds."""

    output: Features
    target: Features
    output_db: Float[Tensor, " frame"]
    """Loudness by the paper's definition."""
    target_db: Float[Tensor, " frame"]


def cut(example: Example) -> list[Example]:
    """Return a longer stretch as examples of four seconds, the last one shorter."""
    n_frames, step = example.target.n_frames, round(EXAMPLE_S * example.target.frame_rate)
    parts = [(start, min(start + step, n_frames)) for start in range(0, n_frames, step)]
    return [
        Example(
            example.output.slice(a, b),
            example.target.slice(a, b),
            example.output_db[a:b],
            example.target_db[a:b],
        )
        for a, b in parts
    ]


def example_metrics(examples: Sequence[Example]) -> ExampleMetrics:
    """Return the figures of the paper's table.

    An example's pitch is compared over the frames in which the target's confidence is at least 0.85; without
    such a frame the example does not count for f0.

    Args:
        examples: At least one.

    Reference:
        Engel et al., DDSP, 2020, table 1, and its public code (``training/metrics.py``). Its comments call an
        output without a confident pitch an outlier too, but it does not ask for the output's confidence.
    """
    loudness, distances, heard = [], [], []
    for one in examples:
        loudness.append((one.output_db - one.target_db).abs().double().mean())
        counted = one.target.confidence >= CONFIDENT
        if counted.any():
            distances.append(float((one.output.midi - one.target.midi).abs()[counted].double().mean()))
            heard.append(bool((one.output.confidence >= CONFIDENT).any()))
    kept = [distance for distance in distances if distance <= OUTLIER_SEMITONES]
    l1_db = float(torch.stack(loudness).mean())
    deviation = float(torch.cat([one.target_db for one in examples]).double().std(unbiased=False))
    return ExampleMetrics(
        n_examples=len(examples),
        n_pitched=len(distances),
        loudness_l1_db=l1_db,
        loudness_l1_deviations=l1_db / deviation if deviation else 0.0,
        f0_l1_semitones=sum(kept) / len(kept) if kept else None,
        f0_outliers=1 - len(kept) / len(distances) if distances else None,
        f0_unheard=1 - sum(heard) / len(heard) if heard else None,
    )
