"""The validation loss: how an instrument plays pieces of the part of a dataset that chooses a checkpoint."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.data.batch import Batch
from oscine.data.segment import Segment
from oscine.data.split import Split
from oscine.errors import InputError
from oscine.models import Instrument
from oscine.models.conditioning import held
from oscine.training.conditions import batch_conditions, played_notes
from oscine.training.data_parallel import DataParallelThreads
from oscine.training.objective import Objective
from oscine.training.processes import DataParallelProcesses

_PIECE_S, _PIECES_S = 8.0, 48.0


class Validation(NamedTuple):
    """The result of one validation, on the part that is not trained on."""

    loss: float
    """Mean over pieces of that part."""
    audio: Float[Tensor, " time"]
    """The longest piece, by the instrument."""
    target: Float[Tensor, " time"]
    """The same piece, recorded."""


def validate(
    instrument: Instrument,
    pieces: Sequence[Batch],
    objective: Objective,
    threads: DataParallelThreads | DataParallelProcesses,
    device: torch.device,
) -> Validation:
    """Return the loss of an instrument on pieces, and the longest one's audio.

    Args:
        instrument: Who plays.
        pieces: From `validation_pieces`.
        objective: Its loss of the sound counts.
        threads: They play a piece each.
        device: Where it is computed.
    """

    def play(piece: Batch) -> tuple[float, Tensor, Tensor]:
        with torch.no_grad():
            there = piece.map(lambda tensor: tensor.to(device))
            n_late = instrument.latency
            n_held = -(-n_late // instrument.hop_length)
            if instrument.config.notes is None:
                audio = instrument(**held(batch_conditions(instrument, there), n_held))
            else:
                audio = played_notes(instrument, there, n_held=n_held)
            audio = audio[:, n_late : n_late + there.audio.shape[1]]
            loss = objective.sound_loss(audio, there.audio).item() * audio.numel()
            return loss, audio[0], there.audio[0]

    results = threads.map(play, pieces)
    loss = sum(value for value, _, _ in results) / sum(len(audio) for _, audio, _ in results)
    _, audio, target = max(results, key=lambda result: len(result[1]))
    return Validation(loss, audio.cpu(), target.cpu())


def validation_pieces(split: Split, sample_rate: int) -> list[Batch]:
    """Return pieces of at most eight seconds, 48 s in all, spread evenly over the split.

    Raises:
        InputError: When a value is not finite: no instrument could be chosen by it.
    """
    longest = round(_PIECE_S * sample_rate / split.hop_length)
    places: list[tuple[Segment, int, int]] = []
    for segment in split.segments:
        n = -(-segment.n_frames // longest)
        ends = [segment.n_frames * i // n for i in range(n + 1)]
        places += [(segment, start, stop) for start, stop in pairwise(ends)]
    mean_s = split.n_frames / len(places) * split.hop_length / sample_rate
    n = min(max(1, round(_PIECES_S / mean_s)), len(places))
    return [_piece(*places[i * len(places) // n]) for i in range(n)]


def _piece(segment: Segment, start: int, stop: int) -> Batch:
    """Return frames ``start`` … ``stop − 1`` of a segment, a batch of one."""

    def part(name: str) -> Tensor:
        values = torch.tensor(segment.slice(name, start, stop))[None]
        if not torch.isfinite(values).all():
            raise InputError(
                f"The validation part has values that are not finite, in {name} of {segment.name}; prepare "
                "the dataset again."
            )
        return values

    return Batch(
        *(part(name) for name in ("audio", "f0_hz", "loudness_db", "confidence")),
        curves={name: part(name) for name in segment.curves},
        identity=torch.tensor([segment.identity]),
        voices=None if segment.voices is None else torch.tensor(segment.voices[start:stop])[None],
    )
