"""A distance between the activations of a pitch tracker's network for two sounds."""

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from oscine.analysis.pitch.crepe import FRAME_LENGTH, Crepe, load_crepe
from oscine.analysis.signal import ANALYSIS_RATE
from oscine.errors import InputError
from oscine.functional.checks import comparable_sounds


class CrepeLoss(nn.Module):
    """The mean of ``|A_b(x) − A_b(y)|``, A_b being the activations of CREPE's block b over all frames.

    The network was trained to find the pitch of natural sounds, so the positions of harmonics count, unlike
    in a spectral distance; the level does not count. For single frames the gradient points to the right pitch
    from up to a semitone away. Beyond 2 semitones its direction is random, and the loss at an octave is
    smaller than at a fourth. So it improves a pitch that is almost right, and it does not find one. Through a
    phase that was accumulated from one pitch over a second, two thirds of the gradients have the right sign.
    The network is fixed: it has buffers and no parameters, and the buffers are not saved.

    Args:
        sample_rate: In Hz; only 16000 is possible.
        size: Of CREPE, one of ``analysis.crepe.SIZES``.
        block: The block whose output is compared, 1 … 6.
        hop_length: Samples from frame to frame. By default a frame's length, so each sample is used once.
        weights: A file of CREPE's weights; by default the package's, which are those of ``tiny``.

    Raises:
        InputError: When the rate, the block or the hop cannot be used, or as in ``load_crepe``.

    Reference:
        Engel, Swavely, Hantrakul, Roberts, Hawthorne: Self-supervised Pitch Detection by Inverse Audio
        Synthesis, 2020. Their code multiplies this mean by 34 for the fifth block (so that 0.1 there
        is 3.4 here), and adds its 1e-5 to the deviation instead of to the power.

    Examples:
        >>> import torch
        >>> tone = torch.sin(2 * torch.pi * 440 * torch.arange(16000) / 16000)[None]
        >>> loss = CrepeLoss()
        >>> float(loss(0.1 * tone, tone)) < 1e-5 < float(loss(tone.roll(4000) ** 3, tone))
        True
    """

    def __init__(
        self,
        sample_rate: int = ANALYSIS_RATE,
        *,
        size: str = "tiny",
        block: int = 5,
        hop_length: int = FRAME_LENGTH,
        weights: str | Path | None = None,
    ) -> None:
        super().__init__()
        if sample_rate != ANALYSIS_RATE:
            raise InputError(
                f"The CREPE loss works at {ANALYSIS_RATE} Hz only, and sample_rate is {sample_rate}; train "
                f"at {ANALYSIS_RATE} Hz or set perceptual_weight to 0."
            )
        if hop_length < 1:
            raise InputError(f"hop_length is {hop_length} samples; give at least 1.")
        network = load_crepe(size, weights)
        if not 1 <= block <= len(network.blocks):
            raise InputError(f"CREPE has no block {block}; give 1 to {len(network.blocks)}.")
        self.network = _fixed(network)
        self.block = block
        self.hop_length = hop_length

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"block {self.block}, hop {self.hop_length}"

    def forward(self, audio: Float[Tensor, "*batch time"], target: Float[Tensor, "..."]) -> Float[Tensor, ""]:
        """Return the loss, a scalar; 0 if both differ in level only.

        Args:
            audio: The prediction; only it receives a gradient.
            target: The recording; same shape.

        Raises:
            InputError: When the shapes differ, there is no sample, or the target requires a gradient.
        """
        audio, target = comparable_sounds(audio, target)
        if target.requires_grad:
            raise InputError(
                "The target requires a gradient, but only the audio receives one; pass target.detach()."
            )
        with torch.no_grad():
            wanted = self._activations(target)
        return F.l1_loss(self._activations(audio), wanted)

    def _activations(
        self, audio: Float[Tensor, "*batch time"]
    ) -> Float[Tensor, "*batch frame channel instant"]:
        # Frames are centred on 0, hop, 2 hop …; the last one's centre is at or behind the last sample.
        half = FRAME_LENGTH // 2
        audio = audio.to(self.network.classifier.weight.dtype)
        padded = F.pad(audio, (half, half + (1 - audio.shape[-1]) % self.hop_length))
        return self.network.activations(padded.unfold(-1, FRAME_LENGTH, self.hop_length), self.block)


def _fixed(network: Crepe) -> Crepe:
    """Return the network with buffers in place of parameters: they are neither trained nor saved."""
    for module in network.modules():
        for name, value in [*module.named_parameters(recurse=False)]:
            delattr(module, name)
            module.register_buffer(name, value.detach(), persistent=False)
        for name, value in [*module.named_buffers(recurse=False)]:
            module.register_buffer(name, value, persistent=False)
    return network
