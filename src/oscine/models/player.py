"""An instrument as a compiled player: the fastest stream, for one voice on the CPU."""

import weakref
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

from oscine.functional.noise import filter_taps
from oscine.kernels import chosen, library
from oscine.networks.recurrent import Recurrent

if TYPE_CHECKING:
    from oscine.models.instrument import Instrument


class Player:
    """Plays an instrument frame by frame, without torch in between: `Instrument.step` to within rounding.

    It has the weights of the moment when it is made, and keeps its own state, so it is played by one thread
    at a time and can't be copied.

    Args:
        instrument: In float32, on the CPU.
        seed: Of the noise.
    """

    def __init__(self, instrument: "Instrument", seed: int = 0) -> None:
        kernels = library.find(chosen())
        assert kernels is not None
        self.hop_length = instrument.hop_length
        self._play = kernels.player_play
        self._kept: list[object] = []
        description = self._describe(instrument, seed)
        self._player = kernels.player_new(library.address(description))
        weakref.finalize(self, kernels.player_free, self._player)

    def __reduce__(self) -> str:
        raise TypeError("a player holds memory of the compiled library and can't be copied; make another one")

    @staticmethod
    def can_play(instrument: "Instrument") -> bool:
        """Return whether there is a compiled library here, and the instrument is one that it knows."""
        parameters = list(instrument.parameters())
        return (
            chosen(instrument.device) in library.INSTRUCTION_SETS
            and all(one.dtype == torch.float32 for one in parameters)
            and type(instrument.controller.core) is Recurrent
            and not instrument.condition_names
            and all(one.curve in ("given", "exp_sigmoid", "distribution") for one in instrument.controls)
        )

    def __call__(
        self, f0_hz: Float[Tensor, "..."], loudness_db: Float[Tensor, "..."]
    ) -> Float[Tensor, "1 time"]:
        """Return the audio of the next frames, from (1, frame) each.

        Raises:
            ValueError: When there are several voices, or the two differ in length.
        """
        n_frames = f0_hz.shape[1]
        if f0_hz.shape != (1, n_frames) or loudness_db.shape != f0_hz.shape:
            raise ValueError(
                f"f0_hz is {tuple(f0_hz.shape)}, loudness_db {tuple(loudness_db.shape)}; "
                "give one voice, (1, frame), and both as many frames"
            )
        f0_hz, loudness_db = (x.to("cpu", torch.float32).contiguous() for x in (f0_hz, loudness_db))
        audio = torch.empty(1, n_frames * self.hop_length, dtype=torch.float32, device="cpu")
        self._play(self._player, f0_hz.data_ptr(), loudness_db.data_ptr(), n_frames, audio.data_ptr())
        return audio

    def _describe(self, instrument: "Instrument", seed: int) -> library.Instrument:
        config, controller, room = instrument.config, instrument.controller, instrument.room
        curves = [one for one in instrument.controls if one.width]
        stacks = [self._layers(stack) for stack in controller.before]
        after = self._layers(controller.after) if stacks else []
        core = controller.core
        assert isinstance(core, Recurrent)
        gru = core.gru
        weight, recurrent_weight, bias, recurrent_bias = gru.all_weights[0]
        gates = library.Dense(
            n_in=gru.input_size,
            n_out=3 * gru.hidden_size,
            weight=self._pointer(weight),
            bias=self._pointer(bias),
        )
        return library.Instrument(
            sample_rate=config.sample_rate,
            hop_length=config.hop_length,
            n_harmonics=config.n_harmonics,
            n_bands=config.n_noise_bands,
            n_taps=0 if room is None else room.n_taps,
            hidden_size=gru.hidden_size,
            seed=seed,
            n_before=len(stacks[0]) if stacks else 0,
            n_after=len(after),
            before=self._array([layer for stack in stacks for layer in stack]),
            gates=self._array([gates]),
            recurrent_weight=self._pointer(recurrent_weight),
            recurrent_bias=self._pointer(recurrent_bias),
            after=self._array(after),
            head=self._array([self._dense(controller.head)]),
            maximum=tuple(one.maximum for one in curves),
            bias=tuple(one.bias for one in curves),
            filters=self._pointer(filter_taps(config.n_noise_bands).T),
            room=None if room is None else self._pointer(room.taps()),
        )

    def _layers(self, stack: nn.Module) -> list[library.Dense]:
        modules = list(stack.children())
        return [
            self._dense(linear, norm, relu)
            for linear, norm, relu in zip(modules[::3], modules[1::3], modules[2::3], strict=True)
        ]

    def _dense(
        self, linear: nn.Module, norm: nn.Module | None = None, relu: nn.Module | None = None
    ) -> library.Dense:
        assert isinstance(linear, nn.Linear)
        layer = library.Dense(
            n_in=linear.in_features,
            n_out=linear.out_features,
            weight=self._pointer(linear.weight),
            bias=self._pointer(linear.bias),
        )
        if isinstance(norm, nn.LayerNorm) and isinstance(relu, nn.LeakyReLU):
            layer.norm_weight, layer.norm_bias = self._pointer(norm.weight), self._pointer(norm.bias)
            layer.epsilon, layer.slope = norm.eps, relu.negative_slope
        return layer

    def _pointer(self, tensor: Tensor) -> int:
        kept = tensor.detach().to("cpu", torch.float32).contiguous().clone()
        self._kept.append(kept)
        return kept.data_ptr()

    def _array(self, layers: list[library.Dense]) -> object:
        array = (library.Dense * max(1, len(layers)))(*layers)
        self._kept.append(array)
        return array
