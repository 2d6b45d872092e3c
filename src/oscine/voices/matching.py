"""A voice's envelopes replaced by those of the target's frames that say the same: kNN conversion.

For each frame of the input, the k frames of the target with the nearest content are found, by cosine; the
mean of their shapes, in dB, is the new shape. The level and the ratio of noise stay the input's.

Reference: Baas, van Niekerk and Kamper, Voice conversion with just nearest neighbors, 2023 (k = 4), where the
features themselves are averaged and played by a neural vocoder; here the envelopes of our own are.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.errors import InputError
from oscine.voices.content import ContentFeatures
from oscine.voices.statistics import level_kept, shape_of
from oscine.voices.voice import Voice

N_NEIGHBOURS = 4
_BLOCK = 256


class Neighbours:
    """Frames of a target: what they say, and with which envelope."""

    def __init__(self) -> None:
        self._directions: list[Tensor] = []
        self._shapes: list[Tensor] = []
        self._ready: tuple[Tensor, Tensor] | None = None

    @property
    def n_frames(self) -> int:
        """Frames that can be chosen."""
        return sum(map(len, self._shapes))

    def add(self, content: ContentFeatures, pieces: Iterator[Voice]) -> None:
        """Add a recording.

        Args:
            content: Of it.
            pieces: Its voice, some seconds at a time.

        Raises:
            InputError: When its features are of another number than those before.
        """
        size = content.values.shape[1]
        if self._directions and size != self._directions[0].shape[1]:
            raise _unequal(size, self._directions[0].shape[1])
        at = 0
        for voice in pieces:
            # The mean of the voice's frames that are nearer to this frame of the content than to others.
            times = (torch.arange(at, at + len(voice.f0_hz)) + 1.0) * (voice.hop_length / voice.sample_rate)
            nearest = (times * content.frames_per_s - 0.5).round().long().clamp_min(0)
            at += len(voice.f0_hz)
            nearest = nearest.clamp_max(len(content.values) - 1)
            first, count = int(nearest[0]), int(nearest[-1] - nearest[0]) + 1
            shape = shape_of(voice.density_db)
            sums = shape.new_zeros(count, shape.shape[1]).index_add_(0, nearest - first, shape)
            weight = shape.new_zeros(count).index_add_(0, nearest - first, torch.ones(len(shape)))
            there = weight > 0
            self._shapes.append(sums[there] / weight[there, None])
            self._directions.append(_directions(content.values[first : first + count][there]))
        self._ready = None

    def require(self, content: ContentFeatures) -> None:
        """Check that features are of the same number as the target's.

        Raises:
            InputError: When they are not.
        """
        if content.values.shape[1] != self._directions[0].shape[1]:
            raise _unequal(content.values.shape[1], self._directions[0].shape[1])

    def shapes(self, content: Float[Tensor, "frame feature"]) -> Float[Tensor, "frame band"]:
        """Return the mean shape of the nearest frames for each of these, dB about the frame's own mean."""
        if self._ready is None:
            self._ready = torch.cat(self._directions), torch.cat(self._shapes)
        directions, shapes = self._ready
        k = min(N_NEIGHBOURS, len(shapes))
        found = [
            shapes[(_directions(part) @ directions.T).topk(k, 1).indices].mean(1)
            for part in content.split(_BLOCK)
        ]
        return torch.cat(found)


def _unequal(one: int, other: int) -> InputError:
    return InputError(
        f"The content has {one} features a frame in one recording and {other} in another; compute both alike."
    )


def _directions(values: Tensor) -> Tensor:
    return torch.nn.functional.normalize(values, dim=1)


def matched_pieces(
    pieces: Iterator[Voice], content: ContentFeatures, neighbours: Neighbours, strength: float = 1.0
) -> Iterator[Voice]:
    """Yield a voice in which each frame has the shape of the target's frames that say the same.

    Between two frames of the content the shape is on the straight line between theirs.

    Args:
        pieces: The voice, some seconds at a time.
        content: Of all of it.
        neighbours: The target's frames.
        strength: 0 … 1: how far towards the target.
    """
    at, last = 0, len(content.values) - 1
    for voice in pieces:
        times = (torch.arange(at, at + len(voice.f0_hz)) + 1.0) * (voice.hop_length / voice.sample_rate)
        at += len(voice.f0_hz)
        places = (times * content.frames_per_s - 0.5).clamp(0, last)
        low = places.floor().long()
        first, stop = int(low[0]), min(int(low[-1]) + 2, last + 1)
        found = neighbours.shapes(content.values[first:stop])
        high = (low + 1).clamp_max(last)
        shape = torch.lerp(found[low - first], found[high - first], (places - low)[:, None])
        shape = torch.lerp(shape_of(voice.density_db), shape, strength)
        yield replace(voice, density_db=level_kept(shape, voice))
