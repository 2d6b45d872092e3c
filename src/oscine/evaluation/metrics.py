"""The metrics of the paper, each a function of an output and its target.

All compare frame by frame: ``output`` and ``target`` have the same frames. Several stretches of sound count
as one long one: ``Features.concatenate`` them first.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine.analysis import ANALYSIS_RATE, CONFIDENT, VOICED, Features
from oscine.analysis.signal import to_analysis_rate
from oscine.errors import InputError
from oscine.functional.mfcc import mfcc
from oscine.losses import default_fft_sizes, multi_scale_spectral_loss

OUTLIER_SEMITONES = 12.0
"""A pitch that is further off is an outlier; it does not count in the mean."""

MCD_HOP = 256
"""Samples at 16 kHz, 16 ms, from one frame of mel-cepstral distortion to the next."""
_MCD_N_FFT = 1024
_MCD_N_MELS = 128
_MCD_ORDER = 24
_MCD_FLOOR_DB = -80.0


class PitchErrors(NamedTuple):
    """The pitch of an output against its target, over the frames in which the target's pitch is confident."""

    semitones: Float[Tensor, " frame"]
    """Absolute difference."""
    confidence: Float[Tensor, " frame"]
    """The output's."""

    @property
    def outlier(self) -> Bool[Tensor, " frame"]:
        """Frames with a pitch more than 12 semitones off."""
        return self.semitones > OUTLIER_SEMITONES

    @property
    def lost(self) -> Bool[Tensor, " frame"]:
        """Outliers, and frames in which the tracker finds no pitch in the output."""
        return self.outlier | (self.confidence < VOICED)

    @property
    def unsure(self) -> Bool[Tensor, " frame"]:
        """Frames in which the output's pitch is not as confident as the target's must be to count."""
        return self.confidence < CONFIDENT


def pitch_errors(output: Features, target: Features) -> PitchErrors:
    """Return the differences in pitch over the frames in which the target's confidence is at least 0.85.

    Raises:
        InputError: When the numbers of frames differ.
    """
    if output.n_frames != target.n_frames:
        raise InputError(
            f"The output has {output.n_frames} frames, the target {target.n_frames}; compare sounds of one "
            "length."
        )
    counted = target.confidence >= CONFIDENT
    semitones = (output.midi - target.midi).abs()[counted]
    return PitchErrors(semitones, output.confidence[counted])


def f0_l1(output: Features, target: Features) -> float | None:
    """Return the mean absolute difference of pitch, in semitones; outliers do not count.

    Args:
        output: Features of the output.
        target: Features of the target; frames with a confidence below 0.85 do not count.

    Returns:
        Semitones; None when no frame counts.

    Raises:
        InputError: When the numbers of frames differ.

    Reference:
        Engel et al., DDSP, 2020, table 1.
    """
    errors = pitch_errors(output, target)
    kept = errors.semitones[~errors.outlier]
    return float(kept.double().mean()) if len(kept) else None


def f0_outliers(output: Features, target: Features) -> float | None:
    """Return the share of frames in which the output's pitch is more than 12 semitones off.

    If the tracker finds no pitch in the output, its estimate counts all the same; `f0_lost` counts such
    frames.

    Args:
        output: Features of the output.
        target: Features of the target; frames with a confidence below 0.85 do not count.

    Returns:
        A share of the target's confident frames, 0 … 1; None when it has no confident frame.

    Raises:
        InputError: When the numbers of frames differ.

    Reference:
        Engel et al., DDSP, 2020, table 1.
    """
    errors = pitch_errors(output, target)
    return float(errors.outlier.double().mean()) if len(errors.outlier) else None


def f0_lost(output: Features, target: Features) -> float | None:
    """Return the share of frames in which the output's pitch is an outlier or the tracker finds none.

    Args:
        output: Features of the output; a confidence below 0.5 is not a pitch.
        target: Features of the target; frames with a confidence below 0.85 do not count.

    Returns:
        A share of the target's confident frames, 0 … 1; None when it has no confident frame.

    Raises:
        InputError: When the numbers of frames differ.
    """
    errors = pitch_errors(output, target)
    return float(errors.lost.double().mean()) if len(errors.lost) else None


def f0_unsure(output: Features, target: Features) -> float | None:
    """Return the share of frames in which the recording's pitch is confident and the output's is not.

    This is a strict reading of the paper's outliers, because a frame may be unsure and exactly in tune. Of
    the recordings' harmonics, played without noise, a few percent of the frames are unsure
    (docs/background/laboratory/nsynth.md).

    Returns:
        A share of the target's confident frames, 0 … 1; None when it has no confident frame.

    Raises:
        InputError: When the numbers of frames differ.
    """
    errors = pitch_errors(output, target)
    return float(errors.unsure.double().mean()) if len(errors.unsure) else None


def f0_median(output: Features, target: Features) -> float | None:
    """Return the median absolute difference of pitch, in semitones, over the target's confident frames.

    Outliers count with the tracker's estimate.

    Returns:
        Semitones; None when the target has no confident frame.

    Raises:
        InputError: When the numbers of frames differ.
    """
    errors = pitch_errors(output, target)
    return float(errors.semitones.double().median()) if len(errors.semitones) else None


def loudness_l1(output_db: Float[Tensor, " frame"], target_db: Float[Tensor, " frame"]) -> float:
    """Return the mean absolute difference of loudness, in dB.

    Args:
        output_db: Loudness of the output, by the paper's definition
            (``oscine.analysis.paper_loudness``).
        target_db: Loudness of the target.

    Reference:
        Engel et al., DDSP, 2020, table 1.
    """
    return float((output_db - target_db).abs().double().mean())


def multi_scale_spectral(
    output: Float[Tensor, " time"], target: Float[Tensor, "..."], sample_rate: int
) -> float:
    """Return the multi-scale spectral loss with its usual settings (``oscine.losses``).

    Args:
        output: The output.
        target: The target, of the same length.
        sample_rate: In Hz; the FFT sizes, 2048 … 64 at 16 kHz, scale with it.

    Raises:
        InputError: When the lengths differ.
    """
    with torch.no_grad():
        return float(multi_scale_spectral_loss(output, target, fft_sizes=default_fft_sizes(sample_rate)))


def mcd_per_frame(
    output: Float[Tensor, " time"], target: Float[Tensor, "..."], sample_rate: int
) -> Float[Tensor, " frame"]:
    """Return the mel-cepstral distortion of each 16 ms, in dB.

    ``MCD = 10 / ln 10 · √(2 Σ_{d=1}^{24} (c_d − c'_d)²)``, where the cepstrum c is that of the natural
    logarithm of the magnitude in 128 mel bands, ``ln M[n] = c_0 / 2 + Σ_d c_d cos(π d (n + ½) / 128)``. It
    is the root-mean-square distance in dB, along the mel axis, of the two smoothed spectral envelopes without
    their levels (c_0).

    Both sounds are resampled to 16 kHz (bands from 20 to 8000 Hz, Hann window of 1024 samples). The logarithm
    has a floor 80 dB below a full-scale sine, so differences in silence do not count.

    Args:
        output: The output.
        target: The target, of the same length; the two are not aligned in time.
        sample_rate: In Hz.

    Raises:
        InputError: When the lengths differ.

    Reference:
        Kubichek, Mel-cepstral distance measure for objective speech quality assessment, 1993.
    """
    if output.shape != target.shape:
        raise InputError(
            f"The output has {len(output)} samples, the target {len(target)}; give both the same length."
        )
    both = torch.stack([torch.from_numpy(to_analysis_rate(x, sample_rate)) for x in (output, target)])
    floor = 10.0 ** (_MCD_FLOOR_DB / 20.0) * _MCD_N_FFT / 4
    # In parts, each a minute: the windows of all frames at once would be 4 times the audio, their spectra
    # more.
    part = 3750 * MCD_HOP
    squares = []
    for start in range(0, both.shape[-1], part):
        # A window's length of context on both sides, whole hops, which is cut away again.
        first = max(0, start - 4 * MCD_HOP)
        piece = both[:, first : start + part + 4 * MCD_HOP]
        cepstrum = mfcc(
            piece,
            ANALYSIS_RATE,
            MCD_HOP,
            n_mfcc=_MCD_ORDER + 1,
            n_fft=_MCD_N_FFT,
            n_mels=_MCD_N_MELS,
            eps=floor,
        )
        kept = slice((start - first) // MCD_HOP, (start - first) // MCD_HOP + part // MCD_HOP)
        squares.append((cepstrum[0] - cepstrum[1])[kept, 1:].square().sum(-1))
    # The coefficients are those of an orthonormal transform: c_d = √(2 / 128) · mfcc_d.
    scale = 10.0 / math.log(10.0) * math.sqrt(2.0 * 2.0 / _MCD_N_MELS)
    return scale * torch.cat(squares).sqrt()


def mcd(output: Float[Tensor, " time"], target: Float[Tensor, "..."], sample_rate: int) -> float:
    """Return the mel-cepstral distortion in dB: the mean of ``mcd_per_frame`` (same arguments)."""
    return float(mcd_per_frame(output, target, sample_rate).double().mean())
