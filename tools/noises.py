"""Noise made by code, for `tools.make_enhancer`: many crops at a time, on the device of the speech.

Five kinds: coloured noise with a moving level, babble of other stretches of the speech, hums and melodies,
single and repeated hits, and recordings where there are any. A crop has one kind or the sum of two.
"""

import math

import torch
from torch import Tensor

#: Cosines over log frequency in a random spectrum.
_COSINES = 6
_TABLE = 256
_RESPONSE_S = 0.5
_MOST_SPEAKERS = 7


class Noises:
    """Makes noise of random kinds.

    Args:
        speech: Speech without pauses between its recordings, for the babble.
        recorded: Recordings of noise, one after another; none if it is empty.
        sample_rate: Hz.
        seed: Of everything random.
    """

    def __init__(self, speech: Tensor, recorded: Tensor, sample_rate: int, seed: int) -> None:
        self.speech, self.recorded, self.sample_rate = speech, recorded, sample_rate
        self.device = speech.device
        self.choices = torch.Generator().manual_seed(seed)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.kinds = [(self.coloured, 0.35), (self.babble, 0.25), (self.tones, 0.12), (self.hits, 0.13)]
        if len(recorded):
            self.kinds.append((self.cut, 0.25))

    def batch(self, n_crops: int, n_samples: int) -> Tensor:
        """Return noise, (crop, time), each crop with a mean square of 1."""
        weights = torch.tensor([weight for _, weight in self.kinds])
        total = torch.zeros(n_crops, n_samples, device=self.device)
        for share in (1.0, 0.35):
            kind = torch.multinomial(weights, n_crops, replacement=True, generator=self.choices)
            kind[torch.rand(n_crops, generator=self.choices) >= share] = -1
            for i, (make, _) in enumerate(self.kinds):
                chosen = (kind == i).nonzero()[:, 0]
                if len(chosen):
                    level = self.uniform(len(chosen), 1, low=-6, high=0)
                    made = _unit(make(len(chosen), n_samples)) * 10 ** (level / 20)
                    total[chosen.to(self.device)] += made
        return _unit(total)

    def coloured(self, n_crops: int, n_samples: int) -> Tensor:
        """Return the sum of two coloured noises, the level of each on a random walk of its own."""
        both = self.shaped(self.normal(2 * n_crops, n_samples), 10.0)
        both = _unit(both) * self.moving(2 * n_crops, n_samples, 8.0)
        return both[:n_crops] + both[n_crops:] * self.uniform(n_crops, 1, low=0, high=1)

    def babble(self, n_crops: int, n_samples: int) -> Tensor:
        """Return three to seven stretches of speech at once."""
        start = self.places(self.speech, n_crops * _MOST_SPEAKERS, n_samples)
        parts = self.speech[start[:, None] + torch.arange(n_samples, device=self.device)].float()
        weights = self.uniform(n_crops, _MOST_SPEAKERS, low=0.4, high=1)
        count = 3 + (self.uniform(n_crops, 1, low=0, high=1) * (_MOST_SPEAKERS - 2)).floor()
        weights = weights * (torch.arange(_MOST_SPEAKERS, device=self.device) < count)
        return (_unit(parts).view(n_crops, _MOST_SPEAKERS, -1) * weights[..., None]).sum(1)

    def tones(self, n_crops: int, n_samples: int) -> Tensor:
        """Return three tones with up to 20 partials: each a glide, or notes that decay."""
        n_tones = 3 * n_crops
        partials = torch.arange(1, 21, device=self.device)
        tilt = self.uniform(n_tones, 1, low=0, high=2)
        spectrum = self.uniform(n_tones, 20, low=0, high=1) * partials**-tilt
        phase = self.uniform(n_tones, 20, low=0, high=2 * math.pi)
        table = torch.zeros(n_tones, _TABLE // 2 + 1, dtype=torch.complex64, device=self.device)
        table[:, 1:21] = torch.polar(spectrum, phase)
        cycle = torch.fft.irfft(table, _TABLE)
        n_notes = 2 + int(self.choice() * 10 * n_samples / self.sample_rate)
        octave = self.uniform(n_tones, 1, low=5.6, high=10) + self.normal(n_tones, n_notes) * 0.4 * (
            self.uniform(n_tones, 1, low=0, high=1) < 0.5
        )
        has_notes = self.choice() < 0.5
        octave = _stretched(octave, n_samples, "nearest" if has_notes else "linear")
        place = torch.cumsum(2.0 ** octave.double() / self.sample_rate, 1) % 1 * _TABLE
        sound = cycle.gather(1, place.long().clamp(0, _TABLE - 1))
        if has_notes:
            age = torch.arange(n_samples, device=self.device) * n_notes / n_samples % 1
            sound = sound * torch.exp(-age * self.uniform(n_tones, 1, low=0, high=6))
        levels = _unit(sound) * self.moving(n_tones, n_samples, 3.0)
        return (levels.view(n_crops, 3, -1) * self.uniform(n_crops, 3, 1, low=0, high=1)).sum(1)

    def hits(self, n_crops: int, n_samples: int) -> Tensor:
        """Return decaying noise after impulses: 1 to 12 a second at random, or some of a regular beat."""
        rate = self.uniform(n_crops, 1, low=1, high=12) / self.sample_rate
        struck = self.uniform(n_crops, n_samples, low=0, high=1) < rate
        beat = (self.sample_rate / self.uniform(n_crops, 1, low=2, high=10)).floor()
        on_beat = torch.arange(n_samples, device=self.device) % beat == 0
        on_beat &= self.uniform(n_crops, n_samples, low=0, high=1) < 0.7
        regular = self.uniform(n_crops, 1, low=0, high=1) < 0.4
        impulses = torch.where(regular, on_beat, struck) * self.normal(n_crops, n_samples)
        impulses[:, 0] += 0.1
        length = round(_RESPONSE_S * self.sample_rate)
        decay_s = 10 ** self.uniform(n_crops, 1, low=-2.7, high=-0.8)
        decay = torch.exp(-torch.arange(length, device=self.device) / (self.sample_rate * decay_s))
        response = self.shaped(self.normal(n_crops, length), 12.0) * decay
        size = n_samples + length
        both = torch.fft.rfft(impulses, size) * torch.fft.rfft(response, size)
        return torch.fft.irfft(both, size)[:, :n_samples]

    def cut(self, n_crops: int, n_samples: int) -> Tensor:
        """Return stretches of the recordings of noise, their spectra changed a little."""
        start = self.places(self.recorded, n_crops, n_samples)
        parts = self.recorded[start[:, None] + torch.arange(n_samples, device=self.device)].float()
        return self.shaped(parts, 3.0, tilt_db=12.0)

    def shaped(self, sound: Tensor, spread_db: float, tilt_db: float = 65.0) -> Tensor:
        """Return sounds with random smooth spectra: a tilt, and cosines over log frequency."""
        spectrum = torch.fft.rfft(sound)
        place = torch.log2(torch.linspace(0.004, 1, spectrum.shape[1], device=self.device)) / 8 + 1
        level = self.uniform(len(sound), 1, low=-0.77 * tilt_db, high=0.23 * tilt_db) * place
        for k in range(1, _COSINES + 1):
            turn = self.uniform(len(sound), 1, low=0, high=2 * math.pi)
            level = level + self.normal(len(sound), 1) * spread_db / k * torch.cos(math.pi * k * place + turn)
        return torch.fft.irfft(spectrum * 10 ** (level / 20), sound.shape[1])

    def moving(self, n_crops: int, n_samples: int, most_db: float) -> Tensor:
        """Return factors on a random walk."""
        n_points = 2 + int(n_samples / self.sample_rate * (0.5 + 11.5 * self.choice()))
        depth = self.uniform(n_crops, 1, low=0, high=most_db)
        return 10 ** (_stretched(self.normal(n_crops, n_points) * depth, n_samples, "linear") / 20)

    def places(self, sound: Tensor, n_crops: int, n_samples: int) -> Tensor:
        """Return where random crops begin."""
        free = max(1, len(sound) - n_samples)
        return (torch.rand(n_crops, device=self.device, generator=self.generator) * free).long()

    def uniform(self, *shape: int, low: float, high: float) -> Tensor:
        """Return random numbers between two limits."""
        return low + (high - low) * torch.rand(*shape, device=self.device, generator=self.generator)

    def normal(self, *shape: int) -> Tensor:
        """Return normally distributed numbers."""
        return torch.randn(*shape, device=self.device, generator=self.generator)

    def choice(self) -> float:
        """Return one number of 0 … 1 for the whole batch."""
        return float(torch.rand((), generator=self.choices))


def _unit(sound: Tensor) -> Tensor:
    """Return sounds with a mean square of 1."""
    return sound / sound.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-5)


def _stretched(points: Tensor, n_samples: int, mode: str) -> Tensor:
    return torch.nn.functional.interpolate(points[:, None], n_samples, mode=mode)[:, 0]
