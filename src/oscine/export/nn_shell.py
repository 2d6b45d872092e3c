"""The model for nn~, compiled by torch.jit.script: signals at the host's rate, in blocks of any length."""

import math

import torch
from torch import Tensor, nn


class NnShell(nn.Module):
    """An instrument with the interface of nn~: (batch, channel, time) in, (batch, 1, time) out.

    The channels are the instrument's inputs as signals. A frame takes the values at its start and reaches
    them at its end, as in the C++ runtime. Each item of the batch is a voice with noise of its own. At
    another rate than the instrument's, the audio is resampled by a windowed sinc, which delays it by `WIDTH`
    of the slower rate's samples. Until the first pitch above 0 there is silence.

    Args:
        one: A traced plain program of one frame: inputs and states in, audio and states out.
        eight: The same of eight frames.
        start: The states before the first sample.
        seed_at: Which of them is the noise's seed.
        sizes: Values per frame of each input.
        defaults: Of the inputs that are no channel; None of those that are.
        pitch_at: Which channel is the pitch; −1 where there is none.
        sample_rate: Hz.
        hop_length: Samples per frame.
        labels: Of the channels.
    """

    WIDTH: int = 32

    states: list[list[Tensor]]
    """Of each voice."""
    sound: Tensor
    """The newest samples at the instrument's rate, (voice, time)."""

    def __init__(
        self,
        one: nn.Module,
        eight: nn.Module,
        start: list[Tensor],
        seed_at: int,
        sizes: list[int],
        defaults: list[float | None],
        pitch_at: int,
        sample_rate: int,
        hop_length: int,
        labels: list[str],
    ) -> None:
        super().__init__()
        self.one, self.eight = one, eight
        self.start_states, self.seed_at = start, seed_at
        self.sizes, self.defaults = sizes, [math.nan if x is None else x for x in defaults]
        self.pitch_at, self.own_rate, self.hop_length = pitch_at, sample_rate, hop_length
        self.rate, self.position, self.first, self.has_pitch = sample_rate, 0, 0, False
        self.states = []
        self.sound = torch.zeros(0, 0)
        self.width = self.WIDTH
        # What nn~ looks for.
        self.register_buffer("forward_params", torch.tensor([len(labels), 1, 1, 1]))
        self.forward_input_labels = labels
        self.forward_output_labels = ["(signal) audio"]

    @torch.jit.export
    def get_methods(self) -> list[str]:
        """Return what nn~ may call."""
        return ["forward"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        """Return the attributes that a patch may set: none, ``none`` in nn~'s language."""
        return ["none"]

    @torch.jit.export
    def get_sample_rate(self) -> int:
        """Return the host's rate, Hz."""
        return self.rate

    @torch.jit.export
    def set_sample_rate(self, sample_rate: int) -> None:
        """Set the host's rate, Hz, and go back to the start."""
        self.rate = sample_rate if sample_rate > 0 else self.own_rate
        self.reset(len(self.states))

    @torch.jit.export
    def reset(self, n_voices: int) -> None:
        """Go back to before the first sample; voice i has the seed i."""
        states: list[list[Tensor]] = []
        for voice in range(n_voices):
            own = [state.clone() for state in self.start_states]
            own[self.seed_at] = own[self.seed_at] + voice
            states.append(own)
        self.states = states
        self.sound = torch.zeros(n_voices, 0)
        self.position, self.first, self.has_pitch = 0, 0, False

    def forward(self, x: Tensor) -> Tensor:
        """Return the audio of the next block, as long as the signals."""
        n_voices, n_samples = x.shape[0], x.shape[2]
        if len(self.states) != n_voices:
            self.reset(n_voices)
        if not self.has_pitch and self.pitch_at >= 0:
            self.has_pitch = bool((x[:, self.pitch_at] > 0).any())
            if not self.has_pitch:
                return torch.zeros(n_voices, 1, n_samples)
        x = x.to(torch.float32)
        newest = ((self.position + n_samples - 1) * self.own_rate) // self.rate
        while self.first + self.sound.shape[1] <= newest:
            made = self.first + self.sound.shape[1]
            n_frames = 8 if made + 7 * self.hop_length <= newest else 1
            self.sound = torch.cat([self.sound, self.frames(x, made, n_frames)], 1)
        if self.rate == self.own_rate:
            audio = self.sound[:, self.position - self.first : self.position - self.first + n_samples]
        else:
            audio = self.resampled(n_samples)
        self.position += n_samples
        # The next block needs no more of the past than the resampler's width.
        cutoff = min(1.0, self.rate / self.own_rate)
        oldest = (self.position * self.own_rate) // self.rate - 2 * math.ceil(self.width / cutoff) - 1
        n_past = max(0, oldest - self.first)
        self.sound, self.first = self.sound[:, n_past:], self.first + n_past
        return audio.unsqueeze(1)

    def frames(self, x: Tensor, made: int, n_frames: int) -> Tensor:
        """Return the audio of the next frames; the first one starts with the instrument's sample ``made``."""
        at: list[int] = []
        for frame in range(n_frames):
            start = (made + frame * self.hop_length) * self.rate
            sample = (start + self.own_rate - 1) // self.own_rate - self.position
            at.append(min(max(sample, 0), x.shape[2] - 1))
        controls = x[:, :, torch.tensor(at)].transpose(1, 2)
        voices: list[Tensor] = []
        for voice in range(x.shape[0]):
            inputs: list[Tensor] = []
            channel = 0
            for i in range(len(self.sizes)):
                size = self.sizes[i]
                shape = [1, n_frames, size] if size > 1 else [1, n_frames]
                if math.isnan(self.defaults[i]):
                    inputs.append(controls[voice, :, channel : channel + size].reshape(shape))
                    channel += size
                else:
                    inputs.append(torch.full(shape, self.defaults[i]))
            if n_frames == 8:
                audio, states = self.eight(inputs, self.states[voice])
            else:
                audio, states = self.one(inputs, self.states[voice])
            self.states[voice] = states
            voices.append(audio)
        return torch.cat(voices)

    def resampled(self, n_samples: int) -> Tensor:
        """Return the next samples at the host's rate, by a sinc under a Hann window."""
        cutoff = min(1.0, self.rate / self.own_rate)
        width = math.ceil(self.width / cutoff)
        number = (self.position + torch.arange(n_samples)) * self.own_rate
        whole = torch.div(number, self.rate, rounding_mode="floor")
        share = (number - whole * self.rate).to(torch.float64) / self.rate
        tap = torch.arange(1 - width, width + 1)
        distance = tap - share.unsqueeze(1)
        window = torch.cos(math.pi / (2 * width) * distance) ** 2
        kernel = (cutoff * torch.sinc(cutoff * distance) * window).to(torch.float32)
        # Before the start there is silence.
        padded = nn.functional.pad(self.sound, [2 * width, 0])
        index = whole.unsqueeze(1) + tap - width - self.first + 2 * width
        return (padded[:, index] * kernel).sum(-1)
