"""What a dataset contains, in the few numbers that an instrument carries with it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float32
from pydantic import BaseModel, ConfigDict, Field, model_validator

from oscine.note_names import note_name

#: Loudness of digital silence by the models' definition, in dB.
LOUDNESS_FLOOR_DB = -80.0

N_QUANTILES = 101
#: What statistics are of, beside the dataset's own curves.
MEASURED = ("f0_hz", "confidence", "loudness_db")

Part = TypeVar("Part")


class Statistics(BaseModel):
    """Statistics of pitch, loudness and curves of the training part: the learned range of an instrument."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    minutes: float = Field(ge=0, description="length of the training part")
    voiced_share: float = Field(ge=0, le=1, description="share of frames that have a pitch")
    pitch_midi_quantiles: list[float] = Field(
        min_length=N_QUANTILES, max_length=N_QUANTILES, description="0 … 100 %, over voiced frames"
    )
    loudness_db_quantiles: list[float] = Field(
        min_length=N_QUANTILES, max_length=N_QUANTILES, description="0 … 100 %, over voiced frames"
    )
    loudness_db_silence: float = Field(description="1st percentile of loudness over all frames")
    curves: dict[str, tuple[float, float]] = Field(
        default={}, description="mean and standard deviation of each further curve of the dataset"
    )
    identities: dict[str, "Statistics"] = Field(
        default={}, description="of each identity by itself, where there are several"
    )

    @property
    def range_words(self) -> str:
        """The pitches in words, from the 1st to the 99th percentile, such as "G3 to E6"."""
        low, high = (note_name(round(self.pitch_midi_quantiles[i])) for i in (1, -2))
        return f"{low} to {high}"

    def __str__(self) -> str:
        """Return a line in words."""
        return (
            f"statistics of {self.minutes:.1f} minutes, {100 * self.voiced_share:.0f} % voiced, "
            f"{self.range_words}, {self.loudness_db_quantiles[1]:.0f} to "
            f"{self.loudness_db_quantiles[-2]:.0f} dB"
        )

    __repr__ = __str__

    @model_validator(mode="before")
    @classmethod
    def _earlier_name(cls, values: Any) -> Any:
        """Take ``voices``, as datasets and instruments of earlier versions call the identities."""
        if isinstance(values, dict) and "voices" in values:
            values = {"identities" if name == "voices" else name: value for name, value in values.items()}
        return values


def measure_statistics(
    f0_hz: Float32[np.ndarray, " frame"],
    confidence: Float32[np.ndarray, " frame"],
    loudness_db: Float32[np.ndarray, " frame"],
    frame_rate: float,
    voiced_from: float,
    minutes: int | float | None = None,
    curves: Mapping[str, Float32[np.ndarray, " frame"]] | None = None,
) -> Statistics:
    """Return the statistics of frames.

    Args:
        f0_hz: Fundamental frequency in Hz.
        confidence: 0 … 1.
        loudness_db: Loudness in dB.
        frame_rate: Frames per second; gives the minutes.
        voiced_from: A frame is voiced from this confidence on.
        minutes: The length to state, where the frames are a sample of a longer set.
        curves: The dataset's own curves by name, in their own units.

    Returns:
        The statistics; without a voiced frame the quantiles are those of a constant 69 (A4) and of all
        frames. The deviation of a curve that never moves is 1, so that it can be divided by.
    """
    voiced = confidence >= voiced_from
    grid = np.linspace(0.0, 1.0, N_QUANTILES)
    some = bool(voiced.any())
    midi = 69.0 + 12.0 * np.log2(f0_hz[voiced].astype(np.float64) / 440.0) if some else np.full(1, 69.0)
    everything = loudness_db.astype(np.float64) if len(loudness_db) else np.full(1, LOUDNESS_FLOOR_DB)
    loudness = everything[voiced] if some else everything
    return Statistics(
        minutes=len(f0_hz) / frame_rate / 60 if minutes is None else minutes,
        voiced_share=float(voiced.mean()) if len(voiced) else 0.0,
        pitch_midi_quantiles=[round(float(value), 4) for value in np.quantile(midi, grid)],
        loudness_db_quantiles=[round(float(value), 4) for value in np.quantile(loudness, grid)],
        loudness_db_silence=round(float(np.quantile(everything, 0.01)), 4),
        curves={name: _mean_and_deviation(values) for name, values in (curves or {}).items()},
    )


def with_identities(
    parts: list[Part], identity_of: Callable[[Part], str], measure: Callable[[list[Part]], Statistics]
) -> Statistics:
    """Return the statistics of parts of a dataset and, where they are of several identities, of each.

    Args:
        parts: Of the training part.
        identity_of: Which identity a part is of.
        measure: Returns the statistics of parts.
    """
    by_identity: dict[str, list[Part]] = {}
    for part in parts:
        by_identity.setdefault(identity_of(part), []).append(part)
    whole = measure(parts)
    if len(by_identity) == 1:
        return whole
    return whole.model_copy(update={"identities": {name: measure(own) for name, own in by_identity.items()}})


def _mean_and_deviation(values: Float32[np.ndarray, " frame"]) -> tuple[float, float]:
    if not len(values) or values.min() == values.max():
        return (float(values[0]) if len(values) else 0.0), 1.0
    exact = values.astype(np.float64)
    return float(exact.mean()), float(exact.std())
