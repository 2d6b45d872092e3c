"""An instrument that plays earlier by its latency, so that its sound is in time with the recording."""

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.models import Instrument
from oscine.models.conditioning import Piece, held, silence_before
from oscine.streaming import Stream

#: Among the conditions by name: the recording's loudness, which no input is called.
_LEVEL = "recorded loudness"


class Early(NamedTuple):
    """A piece, and what is played for it."""

    piece: Piece
    before: dict[str, Tensor] | None
    """At the first piece the frames that the latency takes, maybe none; else None."""
    conditions: dict[str, Tensor]
    """As many frames as the piece has, later by those."""


def played_early(pieces: Iterable[Piece], n_frames: int) -> Iterator[Early]:
    """Yield pieces of a recording with the conditions ``n_frames`` later; behind the end the last are held.

    Args:
        pieces: One after the other.
        n_frames: The latency in frames, rounded up.
    """
    source, waiting = iter(pieces), list[Piece]()
    known: dict[str, Tensor] = {}
    is_first = True

    def n_known() -> int:
        return known[_LEVEL].shape[1] if known else 0

    while True:
        while not waiting or n_known() < n_frames + waiting[0].features.n_frames:
            piece = next(source, None)
            if piece is None:
                break
            new = {**piece.conditions, _LEVEL: piece.features.loudness_db[None]}
            known = {name: torch.cat([known[name], x], 1) for name, x in new.items()} if known else new
            waiting.append(piece)
        if not waiting:
            return
        piece = waiting.pop(0)
        n = piece.features.n_frames
        known = held(known, max(0, n_frames + n - n_known()))
        before = {name: x[:, :n_frames] for name, x in known.items()} if is_first else None
        yield Early(piece, before, {name: x[:, n_frames : n_frames + n] for name, x in known.items()})
        known, is_first = {name: x[:, n:] for name, x in known.items()}, False


class Player:
    """A stream that plays the pieces of a stretch after silence, in time with the recording.

    Args:
        stream: The stream to measure.
        instrument: Its instrument, which has the hop length and the latency.
        takes_level: It takes the recording's loudness as ``loudness_db``.
    """

    def __init__(self, stream: Stream, instrument: Instrument, *, takes_level: bool = False) -> None:
        self.stream, self.instrument, self.takes_level = stream, instrument, takes_level
        self.n_frames = -(-instrument.latency // instrument.hop_length)
        self._rest = torch.zeros(0)

    def play(self, early: Early) -> tuple[Float[Tensor, " time"], float]:
        """Return the audio of a piece, and how long it took, seconds."""
        given = self._given(early.conditions)
        if early.before is not None:
            self.stream.reset()
            before = {name: torch.cat([x, given[name]], 1) for name, x in self._given(early.before).items()}
            silence = silence_before(self.instrument, before)
            audio = self.stream.push(
                **{name: torch.cat([x, before[name][:, : self.n_frames]], 1) for name, x in silence.items()}
            )[0].cpu()
            n_ahead = self.n_frames * self.instrument.hop_length - self.instrument.latency
            self._rest = audio[len(audio) - n_ahead :]
        began = time.perf_counter()
        audio = self.stream.push(**given)[0].cpu()
        took_s = time.perf_counter() - began
        both = torch.cat([self._rest, audio])
        self._rest = both[len(audio) :]
        return both[: len(audio)], took_s

    def _given(self, conditions: dict[str, Tensor]) -> dict[str, Tensor]:
        given = {name: x for name, x in conditions.items() if name != _LEVEL}
        if self.takes_level:
            given["loudness_db"] = conditions[_LEVEL].to(self.instrument.device)
        return given
