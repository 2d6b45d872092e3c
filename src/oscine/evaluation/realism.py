"""Realism: how often a small fixed classifier distinguishes half a second from the recording."""

import math
from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from oscine.errors import InputError
from oscine.evaluation.spectrum import N_MELS, mel_power

PATCH_S, HOP_S = 0.5, 0.005
"""Length of a patch, and from one of its frames to the next."""

N_FOLDS = 5
_WINDOW_S = 0.01
_WITHIN_DB = 35.0
_PATCH_FLOOR_DB = -80.0
_N_GROUPS = 16
_MODULATION_HZ = (3.0, 8.0, 16.0, 32.0, 64.0, 100.0)
_QUICK_HZ = 8.0
_N_FEATURES = N_MELS + _N_GROUPS * (len(_MODULATION_HZ) - 1) + _N_GROUPS * (_N_GROUPS - 1) // 2
_LEAST_DEPTH_DB = 0.01
_PENALTY = 1.0
_AT_LEAST_PATCHES = 20
_MOST_STEPS = 50


def patch_features(
    audio: Float[Tensor, " time"], sample_rate: int, highest_hz: float
) -> tuple[Float[Tensor, "patch feature"], Float[Tensor, " patch"]]:
    """Return the classifier's input for each half second, and the level of each, in dB.

    From 64 mel bands between 40 Hz and 15.5 kHz, every 5 ms, in dB, less the patch's level:

    - 64 means over time, one of each band;
    - 80 modulation depths: 16 groups of four bands, each in 3–8, 8–16, 16–32, 32–64 and 64–100 Hz, as the
      logarithm of the depth in dB;
    - 120 correlations of the movements above 8 Hz, one of each pair of groups.

    Args:
        audio: A sound; a rest shorter than half a second is left out.
        sample_rate: In Hz.
        highest_hz: Where the bands end, if that is below 15.5 kHz: the recording's cut-off.
    """
    n_frames = round(PATCH_S / HOP_S)
    power = mel_power(audio, sample_rate, _WINDOW_S, HOP_S, highest_hz).double()
    n_patches = len(power) // n_frames
    if not n_patches:
        return torch.zeros(0, _N_FEATURES, dtype=torch.float64), torch.zeros(0, dtype=torch.float64)
    power = power[: n_patches * n_frames].unflatten(0, (n_patches, n_frames))
    level = power.sum(-1).mean(-1).clamp(min=1e-20)
    relative = power / level[:, None, None]
    floor = 10.0 ** (_PATCH_FLOOR_DB / 10.0)
    bands_db = 10.0 * torch.log10(relative + floor)
    groups = relative.unflatten(-1, (_N_GROUPS, N_MELS // _N_GROUPS)).sum(-1)
    groups_db = 10.0 * torch.log10(groups + floor)
    moves_db = groups_db - groups_db.mean(1, keepdim=True)
    window = torch.hann_window(n_frames, dtype=torch.float64)[:, None]
    spectrum = torch.fft.rfft(moves_db * window, dim=1)
    # Parseval: the sum over a band of 2 |X|² / (n · Σ w²) is the variance that it contributes.
    variance = 2.0 * spectrum.abs().square() / (n_frames * float(window.square().sum()))
    modulation_hz = torch.arange(spectrum.shape[1]) / PATCH_S
    depths = [
        variance[:, (modulation_hz >= low) & (modulation_hz < high)].sum(1).sqrt()
        for low, high in pairwise(_MODULATION_HZ)
    ]
    depth = torch.stack(depths, -1).clamp(min=_LEAST_DEPTH_DB).log().flatten(1)
    quick = spectrum * (modulation_hz >= _QUICK_HZ)[:, None]
    products = torch.einsum("pfa,pfb->pab", quick, quick.conj()).real
    power_of = products.diagonal(dim1=1, dim2=2).clamp(min=1e-12).sqrt()
    correlation = products / (power_of[:, :, None] * power_of[:, None])
    above = torch.triu_indices(_N_GROUPS, _N_GROUPS, 1)
    features = torch.cat([bands_db.mean(1), depth, correlation[:, above[0], above[1]]], -1)
    return features, 10.0 * torch.log10(level)


def loud_patches(level_db: Float[Tensor, " patch"]) -> Bool[Tensor, " patch"]:
    """Return the patches that count: those within 35 dB of the loudest one.

    Args:
        level_db: Of the recording's patches.
    """
    return level_db >= level_db.amax() - _WITHIN_DB if len(level_db) else level_db.bool()


def told_apart(output: Float[Tensor, "patch feature"], target: Float[Tensor, "..."]) -> float | None:
    """Return the cross-validated accuracy of a classifier between two lists of patches: 0.5 is chance.

    A logistic regression on standardised features, with the penalty ``½ |w|²`` beside the sum of the
    logarithmic losses. Five contiguous passages are the folds: the patches of one, of both sounds, are told
    by a regression on the other four. Nothing is random.

    Args:
        output: Features of the output's patches, in order of time.
        target: Those of the recording's, patch by patch the same instants.

    Returns:
        The share of patches that are told, 0 … 1; None with fewer than 20 patches.

    Raises:
        InputError: When the numbers of patches differ.
    """
    if output.shape != target.shape:
        raise InputError(
            f"The output has {len(output)} patches, the target {len(target)}; compare sounds of one length."
        )
    n_patches = len(target)
    if n_patches < _AT_LEAST_PATCHES:
        return None
    fold = torch.arange(n_patches) * N_FOLDS // n_patches
    both = torch.cat([output, target]).double()
    is_output = torch.cat([torch.ones(n_patches), torch.zeros(n_patches)]).double()
    told = 0.0
    for number in range(N_FOLDS):
        held_out = (fold == number).repeat(2)
        learned = both[~held_out]
        mean, deviation = learned.mean(0), learned.std(0, unbiased=False)
        scaled = (both - mean) / deviation.clamp(min=1e-9)
        weights = _logistic_regression(scaled[~held_out], is_output[~held_out])
        score = scaled[held_out] @ weights[:-1] + weights[-1]
        # A score of exactly 0 says nothing: half of such patches are told.
        right = torch.where(score == 0, 0.5, ((score > 0) == (is_output[held_out] > 0.5)).double())
        told += float(right.sum())
    return told / (2 * n_patches)


def realism(
    output: Float[Tensor, " time"],
    target: Float[Tensor, "..."],
    sample_rate: int,
    highest_hz: float = math.inf,
) -> float | None:
    """Return how often half a second is distinguished from the recording; 0.5 is chance.

    Args:
        output: The output.
        target: The recording, of the same length.
        sample_rate: In Hz.
        highest_hz: The recording's cut-off.

    Returns:
        The cross-validated accuracy, 0 … 1 (`told_apart`); None with fewer than 20 patches within 35 dB of
        the recording's loudest.

    Raises:
        InputError: When the lengths differ.
    """
    highest_hz = min(highest_hz, sample_rate / 2)
    played, _ = patch_features(output, sample_rate, highest_hz)
    wanted, level_db = patch_features(target, sample_rate, highest_hz)
    if len(played) != len(wanted):
        raise InputError(
            f"The output has {len(output)} samples, the target {len(target)}; give both the same length."
        )
    counts = loud_patches(level_db)
    return told_apart(played[counts], wanted[counts])


def _logistic_regression(
    features: Float[Tensor, "sample feature"], label: Float[Tensor, " sample"]
) -> Float[Tensor, " weight"]:
    """Return the weights and, last, the bias of the regression with the least penalised loss.

    Newton's method: the loss is convex, so a few damped steps end at its only minimum.
    """
    given = torch.nn.functional.pad(features, (0, 1), value=1.0)
    penalty = features.new_full((given.shape[1],), _PENALTY)
    penalty[-1] = 0.0
    weights = torch.zeros_like(penalty)

    def loss(at: Tensor) -> Tensor:
        misses = torch.nn.functional.binary_cross_entropy_with_logits(given @ at, label, reduction="sum")
        return misses + 0.5 * (penalty * at.square()).sum()

    now = loss(weights)
    for _ in range(_MOST_STEPS):
        share = torch.sigmoid(given @ weights)
        slope = given.T @ (share - label) + penalty * weights
        curvature = given.T @ ((share * (1 - share)).unsqueeze(1) * given) + torch.diag(penalty + 1e-9)
        step, size = torch.linalg.solve(curvature, slope), 1.0
        while size > 1e-3 and float(loss(weights - size * step)) > float(now):
            size /= 2
        weights = weights - size * step
        before, now = now, loss(weights)
        if float(before - now) <= 1e-9 * float(before):
            break
    return weights
