"""CREPE: pitch from the waveform by a convolutional network, differentiable, and its decoding."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from oscine import weights as bundled
from oscine.analysis.signal import ANALYSIS_RATE
from oscine.errors import InputError
from oscine.functional.framing import frames_at
from oscine.tensor_file import read_tensors

SIZES = {"tiny": 4, "small": 8, "medium": 16, "large": 24, "full": 32}
"""The factor on every number of channels."""

FRAME_LENGTH = 1024
"""Samples at 16 kHz in one frame of the network, 64 ms."""

N_BINS = 360
"""Pitches that are distinguished, 20 cents from each to the next."""

SILENCE = 1e-5
"""Added to a frame's deviation as power: −100 dB of full scale, below which a frame counts as silent."""

DECODERS = ("viterbi", "argmax")

_CHANNELS = (32, 4, 4, 4, 8, 16)
_CENTS_PER_BIN = 20.0
_LOWEST_CENTS = 1997.3794084376191  # above 10 Hz: 31.70 Hz
_REACH_BINS = 12.0  # within 10 ms
_NEAR_BINS = 4
_BATCH = 128  # frames; of the size "full" 134 MB in the first block


class Crepe(nn.Module):
    """The probabilities of 360 pitches, from frames of 1024 samples at 16 kHz.

    Six blocks of convolution, ReLU, batch normalisation and max pooling, then one linear layer and a sigmoid;
    each probability stands alone, they do not add up to 1. Each frame x is normalised first, to
    ``(x − mean) / sqrt(variance + SILENCE²)``, so that the level does not matter and silence has a gradient.
    Batch normalisation uses the statistics of the training in every mode: what is found in one frame does
    not depend on the others.

    Args:
        size: One of ``SIZES``; ``tiny`` has 0.49 million parameters, ``full`` 22 million.

    Raises:
        InputError: When the size is none of those.

    Reference:
        Kim, Salamon, Li, Bello: CREPE: A Convolutional Representation for Pitch Estimation, 2018. There the
        deviation of silence is not guarded, and dropout follows each block while training.

    Examples:
        >>> import torch
        >>> from oscine.analysis.pitch.crepe import load_crepe
        >>> tone = torch.sin(2 * torch.pi * 440 * torch.arange(1024) / 16000)
        >>> int(load_crepe("tiny")(tone).argmax())  # 31.70 Hz · 2^(228 · 20 / 1200)
        228
    """

    def __init__(self, size: str = "tiny") -> None:
        super().__init__()
        if size not in SIZES:
            raise InputError(f"CREPE has no size {size!r}; choose one of {', '.join(SIZES)}.")
        self.size = size
        channels = [1, *(SIZES[size] * n for n in _CHANNELS)]
        self.blocks = nn.ModuleList(
            _Block(n_in, n_out, kernel_size=512 if i == 0 else 64, stride=4 if i == 0 else 1)
            for i, (n_in, n_out) in enumerate(pairwise(channels))
        )
        # Stride 4 and six halvings leave 4 of the 1024 instants.
        self.classifier = nn.Linear(4 * channels[-1], N_BINS)

    def forward(self, frames: Float[Tensor, "*frame 1024"]) -> Float[Tensor, "*frame 360"]:
        """Return the probability, 0 … 1, of each pitch; see `bin_hz` for the pitches.

        Args:
            frames: Audio at 16 kHz.
        """
        top = self.activations(frames, len(self.blocks))
        return self.classifier(top.mT.flatten(-2)).sigmoid()

    def activations(
        self, frames: Float[Tensor, "*frame 1024"], block: int
    ) -> Float[Tensor, "*frame channel instant"]:
        """Return what a block puts out, after its max pooling.

        Args:
            frames: Audio at 16 kHz.
            block: Which, 1 … 6; block b has ``256 / 2^b`` instants.

        Raises:
            InputError: When there is no such block.
        """
        if not 1 <= block <= len(self.blocks):
            raise InputError(f"CREPE has no block {block}; choose 1 to {len(self.blocks)}.")
        x = _normalised(frames).reshape(-1, 1, FRAME_LENGTH)
        for one in self.blocks[:block]:
            x = one(x)
        return x.reshape(*frames.shape[:-1], *x.shape[1:])


class _Block(nn.Module):
    """Convolution without loss of length (but for the stride), ReLU, batch norm, the larger of each two."""

    def __init__(self, n_in: int, n_out: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        # "same" padding, with the odd sample at the end.
        missing = kernel_size - stride
        self.padding = (missing // 2, missing - missing // 2)
        self.convolution = nn.Conv1d(n_in, n_out, kernel_size, stride)
        self.norm = nn.BatchNorm1d(n_out, eps=1e-3)

    def forward(self, x: Float[Tensor, "frame channel time"]) -> Float[Tensor, "frame n_out instant"]:
        x = F.relu(self.convolution(F.pad(x, self.padding)))
        norm = self.norm
        x = F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
        return F.max_pool1d(x, 2)


def _normalised(frames: Float[Tensor, "*frame time"]) -> Float[Tensor, "*frame time"]:
    centred = frames - frames.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + SILENCE**2).sqrt()


def load_crepe(size: str = "tiny", weights: str | Path | None = None) -> Crepe:
    """Return CREPE with its published weights, ready to be asked.

    Args:
        size: One of ``SIZES``.
        weights: A file that ``tools/convert_crepe.py`` made; by default the package's own, which are those of
            ``tiny``.

    Raises:
        InputError: When there is no such size, the package does not have its weights, or the file is
            missing, unreadable or of another size.
    """
    model = Crepe(size)
    if weights is None:
        if f"crepe_{size}" not in bundled.names():
            raise InputError(
                f"The weights of CREPE {size} are not in the package; convert the published ones with "
                "tools/convert_crepe.py and name the file."
            )
        weights = bundled.path(f"crepe_{size}")
    try:
        # Matrices are stored in float16; they are copied into what the network computes with.
        model.load_state_dict(read_tensors(weights)[0])
    except OSError as error:
        raise InputError(f"{weights} can't be read ({error.strerror}); name another file.") from None
    except RuntimeError:
        raise InputError(
            f"{weights} does not hold CREPE in the size {size}; name the size that was converted, or convert "
            "the published weights again."
        ) from None
    return model.eval()


def bin_hz(bins: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return the pitch, in Hz, of bins 0 … 359 and of places between them: ``31.70 · 2^(20 b / 1200)``."""
    return 10.0 * torch.exp2((_LOWEST_CENTS + _CENTS_PER_BIN * bins) / 1200.0)


def crepe_pitch(
    audio_16k: Float[Tensor, " time"],
    centers: Int[Tensor, " frame"],
    model: Crepe,
    decoder: str = "viterbi",
) -> tuple[Float[Tensor, " frame"], Float[Tensor, " frame"]]:
    """Return the pitch at given instants, and the network's confidence in it.

    The decoder chooses one bin per frame; the pitch is the mean of the bins up to 4 away (80 cents), weighted
    by their probabilities, and confidence is the probability of the chosen bin. ``argmax`` takes the most
    probable bin of each frame; ``viterbi`` the path for which the product of all frames' probabilities and of
    all steps' is greatest, a step being the less probable the wider, in a straight line to none from 12 bins
    (240 cents) in 10 ms on, in proportion for other distances, but 2 bins at least. Memory is 9 kB per frame
    and, for the network, that of 128 frames.

    Args:
        audio_16k: At 16 kHz; beyond both ends there is silence.
        centers: The sample on which each frame of 64 ms is centred, none before its predecessor:
            ``functional.framing.frame_centers`` has them for a hop.
        model: From `load_crepe`.
        decoder: One of ``DECODERS``.

    Returns:
        ``f0_hz`` (32 … 2000) and ``confidence`` (0 … 1); no gradient. Where confidence is low the pitch means
        little; silence has one too.

    Raises:
        InputError: When there is no such decoder, the centres go back, or a sample is not a finite number.

    Reference:
        Kim and others, 2018, and the authors' code. There a path sees only which bin is the most probable,
        and steps are always 10 ms.

    Examples:
        >>> tone = torch.sin(2 * torch.pi * 440 * torch.arange(16000) / 16000)
        >>> f0_hz, confidence = crepe_pitch(tone, torch.arange(1000, 15000, 160), load_crepe())
        >>> bool((f0_hz / 440 - 1).abs().max() < 0.005), bool(confidence.min() > 0.8)
        (True, True)
    """
    if decoder not in DECODERS:
        raise InputError(f"There is no decoder {decoder!r}; choose one of {', '.join(DECODERS)}.")
    if not audio_16k.isfinite().all():
        raise InputError("The audio has samples that are not finite numbers; replace them.")
    centers = centers.cpu()
    steps = centers.diff()
    if (steps < 0).any():
        raise InputError("The centres go back in time; sort them.")
    probabilities = _probabilities(audio_16k, centers, model)
    if decoder == "viterbi":
        reach = np.maximum(_REACH_BINS * steps.numpy() / (0.01 * ANALYSIS_RATE), 2.0)
        path = torch.from_numpy(viterbi_path(probabilities.log().double().numpy(), reach))
    else:
        path = probabilities.argmax(-1)
    return _around(probabilities, path)


@torch.no_grad()
def _probabilities(
    audio: Float[Tensor, " time"], centers: Int[Tensor, " frame"], model: Crepe
) -> Float[Tensor, "frame 360"]:
    """Return the network's output, on the CPU; the smallest normal number in the place of 0."""
    parts = [torch.zeros(0, N_BINS)]
    for part in centers.split(_BATCH):
        if len(part) == 0:
            continue
        # Only the audio near these frames is looked at, or an hour would be padded again for each batch.
        first = int((part[0] - FRAME_LENGTH).clamp(0, len(audio)))
        near = audio[first : max(first, int(part[-1]) + FRAME_LENGTH)]
        frames = frames_at(near, part - first, FRAME_LENGTH)
        parts.append(model(frames.to(model.classifier.weight)).float().cpu())
    return torch.cat(parts).clamp(min=torch.finfo(torch.float32).tiny)


def _around(
    probabilities: Float[Tensor, "frame 360"], path: Int[Tensor, " frame"]
) -> tuple[Float[Tensor, " frame"], Float[Tensor, " frame"]]:
    """Return the pitch of the bins around the path's, and the probability of the path's own."""
    near = path[:, None] + torch.arange(-_NEAR_BINS, _NEAR_BINS + 1)
    weight = probabilities.gather(1, near.clamp(0, N_BINS - 1))
    weight = torch.where((near >= 0) & (near < N_BINS), weight, 0.0)
    mean = (weight * near).sum(-1) / weight.sum(-1)
    return bin_hz(mean), weight[:, _NEAR_BINS]


def viterbi_path(
    log_likelihood: Float[np.ndarray, "frame bin"], reach: Float[np.ndarray, " step"]
) -> Int[np.ndarray, " frame"]:
    """Return the bins that maximise ``Σ_t l[t, b_t] + Σ_t log p_t(b_{t−1} → b_t)``.

    ``p_t(i → j)`` is proportional to ``max(0, reach_t − |i − j|)`` and adds up to 1 over j; every bin is as
    likely to be the first.

    Args:
        log_likelihood: Natural logarithm of what speaks for each bin, up to a constant per frame.
        reach: One fewer than frames: the distance, in bins, that is out of reach from one to the next; > 0.

    Returns:
        One bin per frame.
    """
    n_frames, n_bins = log_likelihood.shape
    if n_frames == 0:
        return np.zeros(0, dtype=np.int64)
    best = log_likelihood[0]
    came_from = np.zeros((n_frames, n_bins), dtype=np.int16)
    for t in range(1, n_frames):
        widest = min(int(np.ceil(reach[t - 1])), n_bins) - 1
        offset = np.arange(-widest, widest + 1)
        triangle = reach[t - 1] - np.abs(offset)
        # Near the ends a bin has fewer successors, and each is the more likely.
        total = np.convolve(np.ones(n_bins), triangle)[widest : widest + n_bins]
        source = np.pad(best - np.log(total), widest, constant_values=-np.inf)
        candidates = np.lib.stride_tricks.sliding_window_view(source, 2 * widest + 1) + np.log(triangle)
        chosen = candidates.argmax(1)
        came_from[t] = np.arange(n_bins) + chosen - widest
        best = log_likelihood[t] + candidates[np.arange(n_bins), chosen]
    path = np.empty(n_frames, dtype=np.int64)
    path[-1] = best.argmax()
    for t in range(n_frames - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    return path
