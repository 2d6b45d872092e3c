"""The multi-scale spectral loss, forward and backward, against autograd through torch.stft."""

from collections.abc import Callable

import torch

from benchmarks.measure import measure, table
from oscine.losses import MultiScaleSpectralLoss

SAMPLE_RATE = 16_000
FFT_SIZES = (2048, 1024, 512, 256, 128, 64)


def _pair(quick: bool) -> tuple[torch.Tensor, torch.Tensor]:
    batch, seconds = (2, 0.5) if quick else (16, 4)
    random = torch.Generator().manual_seed(0)
    audio, target = 0.1 * torch.randn(2, batch, int(seconds * SAMPLE_RATE), generator=random)
    return audio.requires_grad_(), target


def textbook(audio: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the loss as it is usually written; its frames are those of torch.stft."""
    loss = audio.new_zeros(())
    for n_fft in FFT_SIZES:
        window = torch.hann_window(n_fft)
        ours, theirs = (
            torch.stft(x, n_fft, n_fft // 4, window=window, return_complex=True).abs()
            for x in (audio, target)
        )
        loss = loss + (ours - theirs).abs().mean()
        loss = loss + ((ours + 1e-5).log() - (theirs + 1e-5).log()).abs().mean()
    return loss


def ours_both(quick: bool) -> Callable[[], torch.Tensor]:
    """Oscine's loss and its gradient."""
    audio, target = _pair(quick)
    loss = MultiScaleSpectralLoss(SAMPLE_RATE)
    return lambda: torch.autograd.grad(loss(audio, target), audio)[0]


def textbook_both(quick: bool) -> Callable[[], torch.Tensor]:
    """The textbook loss and its gradient."""
    audio, target = _pair(quick)
    return lambda: torch.autograd.grad(textbook(audio, target), audio)[0]


def run(quick: bool) -> str:
    """Return the table; how closely the loss agrees with float64 is tested in tests/losses."""
    rows = []
    for name, contender in [("Oscine", ours_both), ("autograd through torch.stft", textbook_both)]:
        cost = measure(contender, quick)
        rows.append([name, f"{cost.milliseconds:.1f}", f"{cost.megabytes:.0f}"])
    audio, _ = _pair(quick)
    head = f"Multi-scale spectral loss: batch {audio.shape[0]}, {audio.shape[1]} samples"
    return f"{head}\n\n{table(['form', 'forward + backward ms', 'MB'], rows)}"
