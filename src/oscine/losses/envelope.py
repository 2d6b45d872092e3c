"""The difference of two envelopes in time, in dB: a loss for the onsets of sounds."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from oscine.errors import InputError
from oscine.functional.checks import comparable_sounds, require_whole

_WINDOWS_S = (0.0004, 0.0016, 0.0064)


class EnvelopeLoss(nn.Module):
    """``mean |10 log10(P̂ + e) − 10 log10(P + e)|`` over windows in time, in dB, the mean of some lengths.

    P is the mean square of a window. A spectral loss is nearly blind to what happens inside of its windows;
    the shortest ones here have 0.4 ms, and neighbours overlap by three quarters of their length.

    Args:
        sample_rate: In Hz.
        windows_s: Lengths of the windows, seconds.
        floor_db: Power e of silence, in dB of a mean square of 1.

    Raises:
        InputError: When the rate is not whole, there is no window, or one is shorter than two samples.

    Examples:
        >>> click = torch.zeros(1, 4410)
        >>> click[0, 1000] = 1.0
        >>> loss = EnvelopeLoss(44100)
        >>> bool(loss(click.roll(9), click) < loss(click.roll(90), click)), float(loss(click, click))
        (True, 0.0)
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        *,
        windows_s: Sequence[float] = _WINDOWS_S,
        floor_db: float = -70.0,
    ) -> None:
        super().__init__()
        require_whole(sample_rate=sample_rate)
        self.windows = [round(window_s * sample_rate) for window_s in windows_s]
        if not self.windows or min(self.windows) < 2:
            raise InputError(
                f"Windows of {list(windows_s)} s cannot be used at {sample_rate} Hz; give one or more of at "
                "least two samples."
            )
        self.floor = 10.0 ** (floor_db / 10.0)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"windows of {', '.join(map(str, self.windows))} samples"

    def forward(self, audio: Float[Tensor, "*batch time"], target: Float[Tensor, "..."]) -> Float[Tensor, ""]:
        """Return the loss of ``audio`` against ``target``, of the same shape: a scalar, in dB.

        Raises:
            InputError: When the shapes differ, or there is no sample.
        """
        audio, target = comparable_sounds(audio, target)
        distances = [
            (self._level_db(audio, n) - self._level_db(target, n)).abs().mean() for n in self.windows
        ]
        return torch.stack(distances).mean()

    def _level_db(self, audio: Tensor, n_window: int) -> Tensor:
        power = F.pad(audio.reshape(-1, audio.shape[-1]).square(), (n_window - 1, n_window - 1))
        mean = F.avg_pool1d(power.unsqueeze(1), n_window, max(1, n_window // 4))
        return 10.0 * torch.log10(mean + self.floor)
