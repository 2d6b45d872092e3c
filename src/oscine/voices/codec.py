"""A voice in few bytes: pitch, envelope and noise, thinned, predicted, rounded and coded."""

import functools
import math
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64

from oscine.analysis.envelope import FLOOR_DB, MOST_RATIO_DB
from oscine.audio.samples import HIGHEST_RATE, LOWEST_RATE
from oscine.errors import InputError
from oscine.voices.range_coder import DamagedError, RangeCoder, RangeDecoder, RangeEncoder
from oscine.voices.voice import Voice, voice_bands, voice_hop

SUFFIX = ".ovc"
"""Ending of the name of a coded voice."""
LEAST_BITRATE, DEFAULT_BITRATE, MOST_BITRATE = 0.6, 2.0, 8.0
MOST_BYTES = 32 << 20
"""Of a file: four hours take 4 MB at 2 kb/s."""
_MAGIC, _VERSION = b"OVC", 1
#: Magic, version, sample rate, frames, frames per knot, step in quarters of a dB, checksum.
_HEADER = struct.Struct("<3sBIIBBI")
_MOST_FRAMES = 4 * 3600 * 201
PIECE_FRAMES = 4000
#: Cosines of the density at 80 bands, and of the noise's ratio.
_DENSITIES, _RATIOS = 20, 2
#: Below this density a recording at a usual level has nothing audible, dB per Hz.
_QUIET_DB = -115.0
_LEAST_RATIO_DB, _HIGHEST_RATIO_DB = -30.0, 20.0
#: An error of a ratio in dB is less audible than that of a density.
_COARSER = 5.0
_STEPS_PER_OCTAVE = 36.0
_REFERENCE_HZ = 100.0
_LOWEST_HZ = 40.0
#: The share of a knot's distance from the mean that is expected in the next knot.
_KEPT = 0.8
#: Residuals are rounded towards zero by so many steps more than to the nearest.
_DEAD = 0.18
#: Weight of the first knots in a mean, and of all later ones.
_MEAN_KNOTS = 16
#: Mean magnitudes, in sixteenths, that have probabilities of their own, and the first guess of each.
_BOUNDS = (8, 16, 28, 44, 64, 96, 144, 216, 320, 480, 720)
_GUESSES = [1, 3, 5, 9, 14, 20, 30, 45, 67, 100, 150, 220]


@dataclass(frozen=True)
class CodedVoice:
    """The content of a coded file: whole numbers at knots, with straight lines between them.

    Attributes:
        residuals: Of each knot: cosines of the density, cosines of the noise's ratio, pitch; in steps.
        n_frames: Frames of the voice, 5 ms each.
        knot_frames: Frames from knot to knot.
        step: Quarters of a dB per step of the density's cosines.
        sample_rate: Hz.
    """

    residuals: Int64[np.ndarray, "knot column"]
    n_frames: int
    knot_frames: int
    step: int
    sample_rate: int

    @property
    def hop_length(self) -> int:
        """Samples per frame."""
        return voice_hop(self.sample_rate)

    @property
    def n_bands(self) -> int:
        """Points of the envelope."""
        return voice_bands(self.sample_rate)

    @staticmethod
    def read(content: bytes) -> "CodedVoice":
        """Return what `write` wrote.

        Raises:
            InputError: When the bytes are none of a coded voice, of a later version, or damaged.
        """
        if len(content) < _HEADER.size or content[: len(_MAGIC)] != _MAGIC:
            raise InputError(f"This is not a coded voice ({SUFFIX}); give one that oscine voice wrote.")
        _, version, rate, n_frames, knot_frames, step, checksum = _HEADER.unpack_from(content)
        if version != _VERSION:
            raise InputError(f"This coded voice has version {version}, which is unknown here; update Oscine.")
        body = content[_HEADER.size :]
        sound = LOWEST_RATE <= rate <= HIGHEST_RATE and 1 <= n_frames <= _MOST_FRAMES and knot_frames and step
        if checksum != _checksum(content[: _HEADER.size - 4], body) or not sound:
            raise InputError("The coded voice is damaged; get it again.")
        n_columns, n_knots = sum(_sizes(rate)) + 1, _n_knots(n_frames, knot_frames)
        try:
            # Row by row: when the bytes end too early, no more was allocated than they account for.
            rows = ([0] * n_columns for _ in range(n_knots))
            residuals = _walk(RangeDecoder(_GUESSES * 3, body), rows, rate)
        except DamagedError:
            raise InputError("The coded voice is damaged; get it again.") from None
        return CodedVoice(residuals, n_frames, knot_frames, step, rate)

    @staticmethod
    def of(voice: Voice, knot_frames: int, step: int) -> "CodedVoice":
        """Return a voice coded with given knots and steps; `encode` chooses them by a bit rate.

        Raises:
            ValueError: See `encode`; and when a number is not in 1 … 255.
        """
        if not (1 <= knot_frames <= 255 and 1 <= step <= 255):
            raise ValueError(f"There are {knot_frames} frames to a knot and steps of {step}; give 1 to 255.")
        rows, sample_rate = _rows([voice])
        residuals = _residuals(_lines(rows, knot_frames) / _units(sample_rate, step))
        return CodedVoice(residuals, len(rows), knot_frames, step, sample_rate)

    def write(self) -> bytes:
        """Return the bytes of a file."""
        coder = RangeEncoder(_GUESSES * 3)
        _walk(coder, self.residuals.tolist(), self.sample_rate)
        body = coder.finish()
        fields = _MAGIC, _VERSION, self.sample_rate, self.n_frames, self.knot_frames, self.step
        head = _HEADER.pack(*fields, 0)[:-4]
        return head + struct.pack("<I", _checksum(head, body)) + body

    @property
    def n_cosines(self) -> int:
        """Cosines of the density, which are the first columns of the residuals."""
        return _sizes(self.sample_rate)[0]

    def pieces(self) -> Iterator[Voice]:
        """Yield the voice, 20 s at a time."""
        for first in range(0, self.n_frames, PIECE_FRAMES):
            yield self.span(first, min(first + PIECE_FRAMES, self.n_frames))

    def span(self, first: int, stop: int) -> Voice:
        """Return the frames ``first`` … ``stop − 1`` of the voice."""
        n_bands, n_densities = self.n_bands, _sizes(self.sample_rate)[0]
        place = np.arange(first, stop) / self.knot_frames
        below = np.minimum(place.astype(np.int64), len(self._knots) - 2)
        share = (place - below)[:, None]
        rows = (1 - share) * self._knots[below] + share * self._knots[below + 1]
        density_db = rows[:, :n_densities] @ cosines(n_densities, n_bands)
        ratio_db = rows[:, n_densities:-1] @ cosines(_RATIOS, n_bands)
        highest = math.log2(self.sample_rate / 4 / _REFERENCE_HZ)
        octaves = rows[:, -1].clip(math.log2(_LOWEST_HZ / _REFERENCE_HZ), highest)
        return Voice(
            torch.from_numpy(_REFERENCE_HZ * np.exp2(octaves)).float(),
            torch.from_numpy(density_db.clip(FLOOR_DB, 0.0)).float(),
            torch.from_numpy(ratio_db.clip(-MOST_RATIO_DB, MOST_RATIO_DB)).float(),
            self.sample_rate,
            self.hop_length,
        )

    @functools.cached_property
    def _knots(self) -> Float64[np.ndarray, "knot column"]:
        """Cosines and pitch at the knots: dB, dB, octaves."""
        return _summed(self.residuals) * _units(self.sample_rate, self.step)


def encode(voice: Voice | Iterable[Voice], bitrate: float = DEFAULT_BITRATE) -> bytes:
    """Return a voice as the bytes of a file, at most ``bitrate`` kb/s where that is possible.

    The envelopes become cosines over mel (20 of the density at 16 kHz, 2 of the ratio of noise). These and
    the pitch become straight lines between knots 15 … 35 ms apart, with least squared error. Each knot is
    predicted from the one before; the rest is rounded and goes through a range coder. The step of the
    rounding is the finest that keeps to the bit rate. Nothing is trained.

    Args:
        voice: The voice, or its pieces in order, as `analyze_voice` and `voice_pieces` give them.
        bitrate: kb/s of the whole file, 0.6 … 8. A sound of less than a second takes more: the header has 18
            bytes.

    Raises:
        InputError: When the bit rate is out of range.
        ValueError: When the voice has no frame, lasts more than 4 hours, has other frames or bands than
            `voice_hop` and `voice_bands` say, or a value is NaN.
    """
    check_bitrate(bitrate)
    rows, sample_rate = _rows([voice] if isinstance(voice, Voice) else voice)
    # Fewer knots with finer steps are better at low rates, more knots at high ones.
    knot_frames = 7 if bitrate < 1.3 else 5 if bitrate < 2.4 else 4 if bitrate < 3 else 3
    lines = _lines(rows, knot_frames)
    budget = bitrate * 125 * len(rows) * voice_hop(sample_rate) / sample_rate
    lowest, highest = 1, 255
    while True:
        step = (lowest + highest) // 2
        residuals = _residuals(lines / _units(sample_rate, step))
        content = CodedVoice(residuals, len(rows), knot_frames, step, sample_rate).write()
        if lowest == highest:
            return content
        if len(content) <= budget:
            highest = step
        else:
            lowest = step + 1


def check_bitrate(bitrate: float) -> None:
    """Refuse a bit rate, kb/s, that is out of range.

    Raises:
        InputError: In this case.
    """
    if not LEAST_BITRATE <= bitrate <= MOST_BITRATE:
        raise InputError(
            f"The bit rate is {bitrate:g} kb/s; give one from {LEAST_BITRATE:g} to {MOST_BITRATE:g}."
        )


def decode(content: bytes) -> Voice:
    """Return the voice in the bytes of a file; an hour takes 500 MB (`CodedVoice.pieces` takes less).

    Raises:
        InputError: When the bytes are none of a coded voice, of a later version, or damaged.
    """
    pieces = list(CodedVoice.read(content).pieces())
    return Voice(
        torch.cat([piece.f0_hz for piece in pieces]),
        torch.cat([piece.density_db for piece in pieces]),
        torch.cat([piece.noise_ratio_db for piece in pieces]),
        pieces[0].sample_rate,
        pieces[0].hop_length,
    )


def _checksum(head: bytes, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(head))


def _n_knots(n_frames: int, knot_frames: int) -> int:
    """Return the number of knots: one at the first frame, one at or behind the last, at least two."""
    return max(1, -(-(n_frames - 1) // knot_frames)) + 1


def _sizes(sample_rate: int) -> tuple[int, int]:
    """Return the numbers of cosines of the density, one for every 4 bands, and of the ratio."""
    return max(_RATIOS, round(_DENSITIES * voice_bands(sample_rate) / 80)), _RATIOS


def _units(sample_rate: int, step: int) -> Float64[np.ndarray, " column"]:
    """Return the size of a step of each column: dB, dB, octaves."""
    n_densities, n_ratios = _sizes(sample_rate)
    # A cosine's value grows with the square root of the bands for the same dB.
    step_db = step / 4 * math.sqrt(voice_bands(sample_rate) / 80)
    return np.array([step_db] * n_densities + [_COARSER * step_db] * n_ratios + [1 / _STEPS_PER_OCTAVE])


def cosines(n_cosines: int, n_bands: int) -> Float64[np.ndarray, "cosine band"]:
    """Return orthonormal cosines over the bands (DCT-II)."""
    number, band = np.arange(n_cosines)[:, None], np.arange(n_bands)[None]
    rows = math.sqrt(2 / n_bands) * np.cos(math.pi / n_bands * (band + 0.5) * number)
    rows[0] /= math.sqrt(2)
    return rows


def _rows(pieces: Iterable[Voice]) -> tuple[Float64[np.ndarray, "frame column"], int]:
    """Return the cosines and the pitch in octaves of all frames, and the sample rate."""
    parts, rates = [], set()
    for piece in pieces:
        rates.add(piece.sample_rate)
        n_bands = voice_bands(piece.sample_rate)
        if piece.hop_length != voice_hop(piece.sample_rate) or piece.density_db.shape[-1] != n_bands:
            raise ValueError(
                f"The voice has {piece.density_db.shape[-1]} bands every {piece.hop_length} samples; at "
                f"{piece.sample_rate} Hz give {n_bands} bands every {voice_hop(piece.sample_rate)} samples."
            )
        if any(bool(curve.isnan().any()) for curve in (piece.f0_hz, piece.density_db, piece.noise_ratio_db)):
            raise ValueError("A pitch, a density or a noise ratio of the voice is NaN; replace it.")
        n_densities, n_ratios = _sizes(piece.sample_rate)
        density = piece.density_db.double().numpy().clip(max=0.0)  # as it is decoded
        density = np.logaddexp(density * (math.log(10) / 10), _QUIET_DB * (math.log(10) / 10)) * (
            10 / math.log(10)
        )
        ratio = piece.noise_ratio_db.double().numpy().clip(_LEAST_RATIO_DB, _HIGHEST_RATIO_DB)
        octaves = np.log2(
            piece.f0_hz.double().numpy().clip(_LOWEST_HZ, piece.sample_rate / 4) / _REFERENCE_HZ
        )
        columns = density @ cosines(n_densities, n_bands).T, ratio @ cosines(n_ratios, n_bands).T
        parts.append(np.column_stack([*columns, octaves]))
    n_frames = sum(map(len, parts))
    if len(rates) != 1 or not 1 <= n_frames <= _MOST_FRAMES:
        raise ValueError(
            f"The voice has {n_frames} frames at {len(rates)} sample rates; give at most 4 hours at one rate."
        )
    return np.concatenate(parts), rates.pop()


def _lines(rows: Float64[np.ndarray, "frame column"], knot_frames: int) -> Float64[np.ndarray, "knot column"]:
    """Return values at the knots whose straight lines have the least squared distance from the rows.

    Each frame lies between two knots, so the normal equations have three diagonals.
    """
    n_knots = _n_knots(len(rows), knot_frames)
    place = np.arange(len(rows)) / knot_frames
    below = np.minimum(place.astype(np.int64), n_knots - 2)
    share = place - below
    diagonal = np.bincount(below, (1 - share) ** 2, n_knots) + np.bincount(below + 1, share**2, n_knots)
    # A knot behind the last frame is hardly bound: a little of the next row's own value holds it.
    diagonal += 1e-3
    beside = np.bincount(below, share * (1 - share), n_knots)
    right = 1e-3 * rows[np.minimum(np.arange(n_knots) * knot_frames, len(rows) - 1)]
    np.add.at(right, below, (1 - share)[:, None] * rows)
    np.add.at(right, below + 1, share[:, None] * rows)
    for k in range(1, n_knots):
        factor = beside[k - 1] / diagonal[k - 1]
        diagonal[k] -= factor * beside[k - 1]
        right[k] -= factor * right[k - 1]
    right[-1] /= diagonal[-1]
    for k in reversed(range(n_knots - 1)):
        right[k] = (right[k] - beside[k] * right[k + 1]) / diagonal[k]
    return right


class _Predictor:
    """The prediction of a knot: between the last decoded one and the mean of those before."""

    def __init__(self, n_columns: int) -> None:
        self._last, self._mean, self._seen = np.zeros(n_columns), np.zeros(n_columns), 0

    def next(self) -> Float64[np.ndarray, " column"]:
        return _KEPT * self._last + (1 - _KEPT) * self._mean

    def add(self, knot: Float64[np.ndarray, " column"]) -> None:
        self._seen = min(self._seen + 1, _MEAN_KNOTS)
        self._last, self._mean = knot, self._mean + (knot - self._mean) / self._seen


def _residuals(knots: Float64[np.ndarray, "knot column"]) -> Int64[np.ndarray, "knot column"]:
    """Return what prediction leaves of the knots, all in steps, in whole steps."""
    predictor, rows = _Predictor(knots.shape[1]), []
    for number, knot in enumerate(knots):
        guess = predictor.next()
        rest = knot - guess
        whole = np.sign(rest) * np.floor(np.abs(rest) + (0.5 - _DEAD if number else 0.5)).clip(0)
        predictor.add(guess + whole)
        rows.append(whole)
    return np.array(rows).astype(np.int64)


def _summed(residuals: Int64[np.ndarray, "knot column"]) -> Float64[np.ndarray, "knot column"]:
    """Return the knots, in steps, of which these are the residuals."""
    predictor, knots = _Predictor(residuals.shape[1]), np.empty(residuals.shape)
    for knot, rest in zip(knots, residuals, strict=True):
        knot[:] = predictor.next() + rest
        predictor.add(knot)
    return knots


def _walk(
    coder: RangeCoder, residuals: Iterable[list[int]], sample_rate: int
) -> Int64[np.ndarray, "knot column"]:
    """Encode the residuals, or decode in their place, and return them.

    The context of a number is its expected magnitude: of the number before in its column, of those before in
    its knot and of the column's mean.

    Raises:
        DamagedError: When the bytes end before the knots do.
    """
    n_densities, n_ratios = _sizes(sample_rate)
    n_contexts = len(_GUESSES)
    kinds = [0] * n_densities + [n_contexts] * n_ratios + [2 * n_contexts]
    means, before = [16] * len(kinds), [0] * len(kinds)
    # Many rows in one array: one each would take as much memory again.
    done, rows = [np.empty((0, len(kinds)), np.int64)], []
    for row in residuals:
        one = two = 0
        for column, first in enumerate(kinds):
            beside = before[column] if column == len(row) - 1 else one
            expected = 2 * means[column] + 16 * (before[column] + beside) + (0 if first else 8 * two)
            context = first + bisect_right(_BOUNDS, expected)
            row[column] = coder.number(context, row[column])
            two, one = one, abs(row[column])
            before[column] = one
            means[column] += (16 * one - means[column]) // 8
        rows.append(row)
        if len(rows) == PIECE_FRAMES:
            done.append(np.array(rows, np.int64))
            rows = []
    return np.concatenate([*done, np.array(rows, np.int64).reshape(-1, len(kinds))])
