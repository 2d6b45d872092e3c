"""Arrays in memory as the recordings of a dataset: checked, analysed where need be, in whole frames."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from oscine.analysis import VOICED, Features, analyze
from oscine.analysis.features import FEATURES
from oscine.audio.samples import Rate, check_rate, mono_blocks
from oscine.data.curves import check_names
from oscine.data.manifest import HIGHEST_RATE, LOWEST_RATE, longest_hop
from oscine.errors import InputError

_LARGEST_SAMPLE = 1e3


class TakeArrays:
    """One recording.

    Args:
        name: Its name.
        audio: ``n_frames * hop_length`` samples, mono.
        features: Of each frame.
        curves: Further curves by name, sorted, one value a frame.
    """

    def __init__(
        self,
        name: str,
        audio: Float32[np.ndarray, " time"],
        features: Features,
        curves: Mapping[str, Float32[np.ndarray, " frame"]],
    ) -> None:
        self.name = name
        self.curves = tuple(curves)
        self.hop_length = features.hop_length
        self.n_frames = features.n_frames
        per_frame = {one: getattr(features, one).numpy().astype(np.float32) for one in FEATURES}
        self._columns = {"audio": audio, **per_frame, **curves}
        voiced = features.midi[features.confidence >= VOICED]
        self.pitch_midi = float(voiced.median()) if len(voiced) else 0.0

    def columns(self, start: int, stop: int) -> dict[str, Float32[np.ndarray, " time"]]:
        """Return all columns over frames ``start`` … ``stop − 1``."""
        hop_length = self.hop_length
        return {
            name: values[start * hop_length : stop * hop_length] if name == "audio" else values[start:stop]
            for name, values in self._columns.items()
        }

    def content(self) -> Iterator[bytes]:
        """Yield everything in it, to be hashed."""
        for name, values in self._columns.items():
            yield f"{self.name} {name} {len(values)}".encode()
            yield np.ascontiguousarray(values).tobytes()


def dataset_rate(sample_rate: Rate) -> int:
    """Return the sample rate of a dataset as a whole number of Hz.

    Raises:
        InputError: When it is not whole, or none that a dataset may have.
    """
    try:
        rate = check_rate(sample_rate)
    except InputError:
        rate = 0
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise InputError(
            f"A sample rate of {sample_rate} Hz is not possible; choose a whole number from {LOWEST_RATE} to "
            f"{HIGHEST_RATE}."
        )
    return rate


def gather_takes(
    audio: Tensor | np.ndarray | Sequence[Tensor] | Sequence[np.ndarray],
    sample_rate: int,
    hop_length: int | None,
    features: Features | Sequence[Features] | None,
    curves: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None,
    names: Sequence[str] | None,
) -> list[TakeArrays]:
    """Return the recordings; for the arguments and errors see `Dataset.from_arrays`."""
    sounds = [audio] if isinstance(audio, Tensor | np.ndarray) else list(audio)
    if not sounds:
        raise InputError("There is no audio to make a dataset of; give an array or a list of them.")
    known: list[Any] = (
        [features] if isinstance(features, Features) else list(features or [None] * len(sounds))
    )
    own: list[Any] = [curves] if isinstance(curves, Mapping) else list(curves or [{}] * len(sounds))
    called = list(names or [f"{number:04d}" for number in range(len(sounds))])
    for what, given in (("features", known), ("curves", own), ("names", called)):
        if len(given) != len(sounds):
            raise InputError(
                f"There are {len(sounds)} recordings and {len(given)} {what}; give one for each."
            )
    if len(set(called)) < len(called):
        raise InputError("Two recordings have the same name; give each its own.")
    takes = [
        _take(name, sound, sample_rate, hop_length, feature, curve)
        for name, sound, feature, curve in zip(called, sounds, known, own, strict=True)
    ]
    first = takes[0]
    for take in takes:
        if take.hop_length != first.hop_length or take.curves != first.curves:
            raise InputError(
                f"The recordings {first.name} and {take.name} differ in their hop length or their curves; "
                "give all of them the same."
            )
    # In sorted order, as `prepare` takes files.
    return sorted(takes, key=lambda take: take.name)


def _take(
    name: str,
    sound: Tensor | np.ndarray,
    sample_rate: int,
    hop_length: int | None,
    features: Features | None,
    curves: Mapping[str, Any],
) -> TakeArrays:
    mono = np.concatenate([np.zeros(0, np.float32), *mono_blocks(sound, sample_rate)]).astype(np.float32)
    if not len(mono) or not np.isfinite(mono).all() or np.abs(mono).max() > _LARGEST_SAMPLE:
        raise InputError(f"The recording {name} is empty or has samples that are not numbers in −1 … 1.")
    if features is None:
        hop_length = round(sample_rate / 250) if hop_length is None else hop_length
        if not 1 <= hop_length <= longest_hop(sample_rate):
            raise InputError(
                f"A hop length of {hop_length} is not possible; choose one from 1 to "
                f"{longest_hop(sample_rate)}."
            )
        features = analyze(mono, sample_rate, hop_length)
    n_frames = -(-len(mono) // features.hop_length)
    if (features.sample_rate, features.n_frames) != (sample_rate, n_frames) or (
        hop_length not in (None, features.hop_length)
    ):
        raise InputError(
            f"The features of {name} are {features.n_frames} frames at {features.sample_rate} Hz with a hop "
            f"of {features.hop_length}; its audio needs {n_frames} at {sample_rate} Hz."
        )
    try:
        ordered = check_names(sorted(curves))
    except ValueError as error:
        raise InputError(f"The curves of {name} can't be used: {error}.") from None
    values = {one: np.asarray(curves[one], np.float32) for one in ordered}
    for one, column in {**values, **{key: getattr(features, key).numpy() for key in FEATURES}}.items():
        if column.shape != (n_frames,) or not np.isfinite(column).all():
            raise InputError(f"{one} of {name} is not {n_frames} finite numbers; give one for each frame.")
    if (features.f0_hz <= 0).any():
        raise InputError(f"f0_hz of {name} has values that are not positive; hold the last pitch instead.")
    padded = np.zeros(n_frames * features.hop_length, np.float32)
    padded[: len(mono)] = mono
    return TakeArrays(name, padded, features, values)
