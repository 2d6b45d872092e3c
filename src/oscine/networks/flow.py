"""The velocity of a flow of frames, by a `Tcn` with some frames of look-ahead."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from oscine.networks.tcn import Tcn
from oscine.streaming import require_count

_N_TIMES = 8


class AheadTcn(nn.Module):
    """A `Tcn` whose output at a frame also depends on some frames after it, then a linear layer.

    Args:
        n_inputs: Input channels.
        n_outputs: Output channels; the linear layer starts at zero.
        width: Channels of the `Tcn`, kernel 3.
        n_layers: Layers of it.
        look_ahead: Frames after the present one that count. Behind the end, all inputs are 0.

    Attributes:
        n_past: Frames before the present one that count.

    Raises:
        ValueError: When a size is not a whole number of at least 1, or the look-ahead is negative.
    """

    def __init__(self, n_inputs: int, n_outputs: int, width: int, n_layers: int, look_ahead: int) -> None:
        super().__init__()
        require_count("n_outputs", n_outputs)
        require_count("look_ahead", look_ahead, at_least=0)
        self.look_ahead = look_ahead
        self.tcn = Tcn(n_inputs, width, n_layers, 3)
        self.n_past = max(0, sum(self.tcn.n_past) - look_ahead)
        self.head = nn.Linear(width, n_outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def extra_repr(self) -> str:
        """Return the frames that count."""
        return f"look-ahead {self.look_ahead}, {self.n_past} frames before"

    def forward(self, inputs: Float[Tensor, "batch frame input"]) -> Float[Tensor, "batch frame output"]:
        """Return the outputs of all frames."""
        padded = nn.functional.pad(inputs, (0, 0, 0, self.look_ahead))
        return self.head(self.tcn(padded)[:, self.look_ahead :])


class FlowNetwork(nn.Module):
    """The velocity ``v(x, t | smooth, conditions)`` of a flow of frames.

    All four are the inputs of an `AheadTcn`; the time as sines and cosines of ``2^i · t · π / 2``.

    Args:
        n_channels: Of what flows, and of its over-smoothed start.
        n_conditions: Channels of what else is known.
        width: See `AheadTcn`.
        n_layers: See `AheadTcn`.
        look_ahead: See `AheadTcn`.

    Examples:
        >>> import torch
        >>> from oscine.functional import euler_flow, flow_start
        >>> network = FlowNetwork(80, 3, width=16, n_layers=3, look_ahead=4)
        >>> smooth, conditions, noise = torch.zeros(1, 50, 80), torch.zeros(1, 50, 3), torch.randn(1, 50, 80)
        >>> start = flow_start(smooth, noise, 0.7)
        >>> euler_flow(lambda x, t: network(x, t, smooth, conditions), start, t_start=0.7, n_steps=4).shape
        torch.Size([1, 50, 80])
    """

    def __init__(
        self, n_channels: int, n_conditions: int, *, width: int, n_layers: int, look_ahead: int
    ) -> None:
        super().__init__()
        n_inputs = 2 * n_channels + n_conditions + 2 * _N_TIMES
        self.ahead = AheadTcn(n_inputs, n_channels, width, n_layers, look_ahead)

    def forward(
        self,
        x: Float[Tensor, "batch frame channel"],
        time: Float[Tensor, " batch"],
        smooth: Float[Tensor, "batch frame channel"],
        conditions: Float[Tensor, "batch frame condition"],
    ) -> Float[Tensor, "batch frame channel"]:
        """Return the velocity at a point of the flow."""
        angles = time[:, None] * (math.pi / 2 * torch.exp2(torch.arange(_N_TIMES, device=time.device)))
        times = torch.cat([torch.sin(angles), torch.cos(angles)], -1).to(x.dtype)
        return self.ahead(torch.cat([x, smooth, conditions, times[:, None].expand(-1, x.shape[1], -1)], -1))
