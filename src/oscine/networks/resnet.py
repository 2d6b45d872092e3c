"""A residual network over spectrograms: it reduces the frequency axis and keeps the time axis."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

SIZES = {
    "tiny": (8, (2, 3, 4)),
    "small": (32, (2, 3, 4)),
    "medium": (32, (3, 4, 6)),
    "large": (64, (3, 4, 6)),
}
"""Channels of the first stack, and layers in each of the first three."""
_LAST_STACK = 3


class ResNet(nn.Module):
    """Bottleneck layers with norm and ReLU before each convolution, over (batch, channel, frame, bin).

    A 7 × 7 convolution and a pool, then four stacks; each but the first halves the bins and doubles channels.

    Args:
        size: One of ``SIZES``.
        causal: Whether a frame uses only the frames before it, not those on both sides.

    Attributes:
        width: Output channels.

    Raises:
        ValueError: When there is no such size.

    Reference: He et al., Identity mappings in deep residual networks, 2016; the sizes are those of the DDSP
    paper's public code.
    """

    def __init__(self, size: str = "small", causal: bool = False) -> None:
        super().__init__()
        if size not in SIZES:
            raise ValueError(f"size is {size!r}; give one of {', '.join(SIZES)}.")
        self.size, self.causal = size, causal
        channels, n_layers = SIZES[size]
        self.stem = nn.Sequential(
            FrameConvolution(1, 64, 7, 2, causal), nn.MaxPool2d((1, 3), (1, 2), padding=(0, 1))
        )
        layers: list[nn.Module] = []
        n_inputs = 64
        for stack, n in enumerate((*n_layers, _LAST_STACK)):
            width = channels << stack
            for i in range(n):
                stride = 2 if stack and not i else 1
                layers.append(ResidualLayer(n_inputs, width, stride, project=not i, causal=causal))
                n_inputs = 4 * width
            if stack >= len(n_layers) - 1:
                layers += [FrameNorm(n_inputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.width = n_inputs

    def extra_repr(self) -> str:
        """Return the size."""
        return f"{self.size}, causal" if self.causal else self.size

    @staticmethod
    def n_bins(n_inputs: int) -> int:
        """Return the number of output bins for ``n_inputs`` bins of a spectrogram."""
        for _ in range(5):
            n_inputs = -(-n_inputs // 2)
        return n_inputs

    def forward(self, x: Float[Tensor, "batch 1 frame bin"]) -> Float[Tensor, "batch channel frame less"]:
        """Return the features of every frame."""
        return self.layers(self.stem(x))


class ResidualLayer(nn.Module):
    """``y = x + conv(relu(norm(conv(relu(norm(conv(relu(norm(x)))))))))``: 1 × 1, 3 × 3, 1 × 1.

    Args:
        n_inputs: Input channels.
        width: Channels inside; the output has four times as many.
        stride: Along the bins.
        project: Whether a 1 × 1 convolution brings ``x`` to the output's size.
        causal: See `ResNet`.
    """

    def __init__(self, n_inputs: int, width: int, stride: int, project: bool, causal: bool) -> None:
        super().__init__()
        self.norm = FrameNorm(n_inputs)
        self.project = nn.Conv2d(n_inputs, 4 * width, 1, (1, stride)) if project else None
        self.bottleneck = nn.Sequential(
            nn.Conv2d(n_inputs, width, 1),
            FrameNorm(width),
            nn.ReLU(),
            FrameConvolution(width, width, 3, stride, causal),
            FrameNorm(width),
            nn.ReLU(),
            nn.Conv2d(width, 4 * width, 1),
        )

    def forward(self, x: Float[Tensor, "batch channel frame bin"]) -> Float[Tensor, "batch wide frame less"]:
        """Return the layer's output."""
        active = nn.functional.relu(self.norm(x))
        return self.bottleneck(active) + (x if self.project is None else self.project(active))


class FrameConvolution(nn.Conv2d):
    """A square convolution that keeps the number of frames.

    Args:
        n_inputs: Input channels.
        n_outputs: Output channels.
        size: Frames and bins that it combines, odd.
        stride: Along the bins.
        causal: Whether the present frame is the last of these frames, not the middle one.
    """

    def __init__(self, n_inputs: int, n_outputs: int, size: int, stride: int, causal: bool) -> None:
        super().__init__(
            n_inputs, n_outputs, size, (1, stride), padding=(0 if causal else size // 2, size // 2)
        )
        self.n_before = size - 1 if causal else 0

    def forward(  # the argument's name is the base class's
        self,
        input: Float[Tensor, "batch _ frame bin"],  # noqa: A002
    ) -> Float[Tensor, "batch channel frame less"]:
        """Return the convolved frames."""
        return super().forward(nn.functional.pad(input, (0, 0, self.n_before, 0)))


class FrameNorm(nn.Module):
    """Normalises each frame over its channels and bins; then a learned scale and shift per channel.

    The public code normalises over all frames of a sound. Ours normalises each frame by itself, so the output
    at an instant does not depend on how the sound was cut.

    Args:
        n_channels: Channels.
        eps: Added to the variance.
    """

    def __init__(self, n_channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.scale = nn.Parameter(torch.ones(n_channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(n_channels, 1, 1))

    def forward(
        self, x: Float[Tensor, "batch channel frame bin"]
    ) -> Float[Tensor, "batch channel frame bin"]:
        """Return the normalised tensor."""
        variance, mean = torch.var_mean(x, dim=(1, 3), unbiased=False, keepdim=True)
        return (x - mean) * (torch.rsqrt(variance + self.eps) * self.scale) + self.shift
