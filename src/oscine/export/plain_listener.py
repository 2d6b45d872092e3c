"""The live tracker and loudness as a sound arrives, in plain torch, read by torch.jit.script."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from oscine.analysis.pitch import live
from oscine.analysis.pitch.live import BIN_LAGS, N_BINS, load_network
from oscine.analysis.signal import ANALYSIS_RATE
from oscine.functional.loudness import a_weighting_db

_WINDOW = 512  # of loudness
_LEAST_TAPS, _BETA, _CUTOFF = 96, 8.96, 0.9405  # of the resampler: runtime/native/resample.h


def _resampling(sample_rate: int) -> np.ndarray:
    """Return the taps from a rate to 16 kHz, (phase, tap): a sinc under Kaiser's window."""
    divisor = math.gcd(sample_rate, ANALYSIS_RATE)
    n_phases, ratio = ANALYSIS_RATE // divisor, max(1.0, sample_rate / ANALYSIS_RATE)
    n_taps = int(_LEAST_TAPS * ratio + 7) // 4 * 4
    u = np.arange(n_taps) - n_taps // 2 + 1 - np.arange(n_phases)[:, None] / n_phases
    inside = np.maximum(1.0 - (u / (n_taps / 2 - 1)) ** 2, 0.0)
    taps = np.sinc(u * _CUTOFF / ratio) * np.i0(_BETA * np.sqrt(inside)) * (inside > 0)
    return taps / taps.sum(-1, keepdims=True)


class PlainListener(nn.Module):
    """Sound in; f0, confidence, loudness and time since the onset out, of each frame of an instrument.

    It finds what `oscine.runtime.Listener` finds, from sound at the instrument's own rate. How the samples
    are cut into blocks makes no difference.

    Args:
        sample_rate: Of the sound and the instrument, Hz.
        hop_length: Samples per frame.

    Attributes:
        delay: Samples from the first one of a frame to the last one that its values are made of.
    """

    past: list[Tensor]
    """The network's last inputs of each convolution."""
    taps: Tensor
    close_bins: Tensor
    far_lags: Tensor
    bin_lags: Tensor
    to_quarters: Tensor
    hann: Tensor
    weight: Tensor

    def __init__(self, sample_rate: int, hop_length: int) -> None:
        super().__init__()
        divisor = math.gcd(sample_rate, ANALYSIS_RATE)
        self.sample_rate, self.hop_length = sample_rate, hop_length
        self.from_rate, self.to_rate = sample_rate // divisor, ANALYSIS_RATE // divisor
        self.is_resampling = sample_rate != ANALYSIS_RATE
        taps = _resampling(sample_rate) if self.is_resampling else np.ones((1, 1))
        self.n_taps = taps.shape[1]
        network = load_network()
        self.convolutions = network.convolutions
        self.pitch, self.hidden, self.voicing = network.pitch, network.hidden, network.voicing
        shapes = list(zip(network.KERNELS, network.DILATIONS, strict=True))
        self.sides = [(kernel[1] - 1) * step[1] // 2 for kernel, step in shapes]
        self.reaches = [(kernel[0] - 1) * step[0] for kernel, step in shapes]
        self.widths = [one.in_channels for one in network.convolutions if isinstance(one, nn.Conv2d)]
        self.length, self.lags, self.ahead, self.step = live.LENGTH, live.LAGS, live.AHEAD, live.HOP
        self.lengths, self.shortest_lag = [live.LONG, live.SHORT], live.SHORTEST_LAG
        self.n_bins, self.n_recent, self.window = N_BINS, live.RECENT, _WINDOW
        self.leap, self.move, self.change = live.LEAP, live.MOVE, live.CHANGE
        self.clear, self.clear_after_a_leap = live.CLEAR, live.CLEAR_AFTER_A_LEAP
        self.least_leap, self.no_pitch_hz = live.LEAST_LEAP, live.NO_PITCH_HZ
        self.least_level = live.LEAST_LEVEL
        self.near, self.side, self.rate = live.NEAR, live.SIDE, ANALYSIS_RATE
        n_close, close = live.interpolation()
        first = np.ceil(BIN_LAGS[n_close:] * 2.0 ** (-1 / 48)).astype(int)
        last = np.floor(BIN_LAGS[n_close:] * 2.0 ** (1 / 48)).astype(int)
        far = np.minimum(first[:, None] + np.arange((last - first).max() + 1), last[:, None])
        side = np.arange(-live.SIDE, live.SIDE + 1)
        bin_hz = torch.arange(_WINDOW // 2 + 1, dtype=torch.float64) * (ANALYSIS_RATE / _WINDOW)
        constants = {
            "taps": torch.from_numpy(taps).float(),
            "close_bins": torch.from_numpy(close.T.copy()),
            "far_lags": torch.from_numpy(far),
            "bin_lags": torch.from_numpy(BIN_LAGS.copy()),
            "to_quarters": torch.from_numpy(live.windowed_sinc(side[:, None] - np.arange(-4, 5) / 4)),
            "hann": torch.hann_window(_WINDOW, dtype=torch.float64),
            "weight": torch.pow(10.0, a_weighting_db(bin_hz) / 10.0) / len(bin_hz),
        }
        for name, value in constants.items():
            self.register_buffer(name, value)
        self.delay = self.needed()
        # What follows is set by `reset`.
        self.n_samples, self.n_heard, self.n_steps, self.n_frames = 0, 0, 0, 0
        self.raw, self.raw_first = torch.zeros(0), 0
        self.heard, self.heard_first = torch.zeros(0), 0
        self.past = []
        self.levels, self.pitch_probabilities = torch.zeros(0), torch.zeros(0)
        self.confidence, self.held, self.f0_hz, self.voiced_since = 0.0, -1, 0.0, 0
        self.decisions, self.first_decision = torch.zeros(0, 5), 0
        self.reset()

    def needed(self) -> int:
        """Return the longest way from the first sample of a frame to the last one that is needed for it."""
        longest = 0
        for frame in range(self.rate):
            last = self.instant(frame) + self.ahead - 1
            reach = self.n_taps // 2 if self.is_resampling else 0
            longest = max(longest, last * self.from_rate // self.to_rate + reach - frame * self.hop_length)
        return longest

    @torch.jit.export
    def reset(self) -> None:
        """Go back to before the first sample."""
        self.n_samples, self.n_heard, self.n_steps, self.n_frames = 0, 0, 0, 0
        self.raw, self.raw_first = torch.zeros(self.n_taps), -self.n_taps
        self.heard, self.heard_first = torch.zeros(self.length), -self.length
        self.past = [
            torch.zeros(1, self.widths[i], self.reaches[i], self.n_bins) for i in range(len(self.widths))
        ]
        self.levels = torch.full([self.n_recent - 1], -100.0, dtype=torch.float64)
        self.pitch_probabilities = torch.full([self.n_bins], 1.0 / self.n_bins, dtype=torch.float64)
        self.confidence, self.held, self.f0_hz, self.voiced_since = 0.0, -1, self.no_pitch_hz, 0
        self.decisions, self.first_decision = torch.zeros(0, 5, dtype=torch.float64), 0

    def instant(self, frame: int) -> int:
        """Return the sample at 16 kHz that a frame describes."""
        return (2 * (frame + 1) * self.hop_length * self.rate + self.sample_rate) // (2 * self.sample_rate)

    @torch.jit.export
    def hear(self, x: Tensor) -> Tensor:
        """Take the next samples, (time,), and return the frames that are complete, (frame, 4), float64."""
        self.take(torch.nan_to_num(x, 0.0, 0.0, 0.0).clamp(-1e4, 1e4))
        steps: list[int] = []
        while self.n_steps * self.step + self.ahead <= self.n_heard:
            steps.append(self.n_steps * self.step)
            self.n_steps += 1
        if len(steps) > 0:
            self.decide(steps)
        frames: list[int] = []
        while self.instant(self.n_frames) + self.ahead <= self.n_heard:
            frames.append(self.instant(self.n_frames))
            self.n_frames += 1
        described = self.describe(frames) if len(frames) > 0 else torch.zeros(0, 4, dtype=torch.float64)
        # What later frames and decisions still need.
        due = min(self.n_steps * self.step, self.instant(self.n_frames))
        drop = max(0, due + self.ahead - self.length - self.heard_first)
        self.heard, self.heard_first = self.heard[drop:], self.heard_first + drop
        old = max(0, self.instant(self.n_frames) // self.step - self.first_decision)
        old = min(old, self.decisions.shape[0] - 1)
        if old > 0:
            self.decisions, self.first_decision = self.decisions[old:], self.first_decision + old
        return described

    def take(self, x: Tensor) -> None:
        """Append samples to what is heard, at 16 kHz."""
        self.n_samples += x.shape[0]
        if not self.is_resampling:
            self.heard = torch.cat([self.heard, x])
            self.n_heard += x.shape[0]
            return
        self.raw = torch.cat([self.raw, x])
        stop = max(
            self.n_heard, ((self.n_samples - self.n_taps // 2) * self.to_rate - 1) // self.from_rate + 1
        )
        if stop > self.n_heard:
            at = torch.arange(self.n_heard, stop) * self.from_rate
            whole = torch.div(at, self.to_rate, rounding_mode="floor")
            first = whole - self.n_taps // 2 + 1 - self.raw_first
            rows = self.raw[first.unsqueeze(1) + torch.arange(self.n_taps)]
            self.heard = torch.cat([self.heard, (rows * self.taps[at - whole * self.to_rate]).sum(-1)])
            self.n_heard = stop
            drop = max(0, stop * self.from_rate // self.to_rate - self.n_taps // 2 + 1 - self.raw_first)
            self.raw, self.raw_first = self.raw[drop:], self.raw_first + drop

    def windows(self, instants: list[int], length: int) -> Tensor:
        """Return the samples up to 16 ms beyond each instant, (instant, length)."""
        first = torch.tensor(instants) + self.ahead - length - self.heard_first
        return self.heard[first.unsqueeze(1) + torch.arange(length)].to(torch.float64)

    def differences(self, instants: list[int]) -> tuple[Tensor, Tensor]:
        """Return `live.normalised_difference`: (window, instant, lag), and the power."""
        frames = self.windows(instants, self.length)
        frames = frames - frames.mean(-1, keepdim=True)
        spectrum = torch.fft.rfft(frames).conj()
        energy = torch.nn.functional.pad(torch.cumsum(frames * frames, -1), [1, 0])
        functions: list[Tensor] = []
        for length in self.lengths:
            newest = torch.cat([torch.zeros_like(frames[:, length:]), frames[:, self.length - length :]], 1)
            product = torch.fft.irfft(torch.fft.rfft(newest) * spectrum, self.length)[:, : self.lags + 1]
            shifted = self.length - torch.arange(self.lags + 1)
            of_shifted = energy[:, shifted] - energy[:, shifted - length]
            functions.append(2.0 * product / (of_shifted[:, :1] + of_shifted + 2e-10 * length))
        power = (energy[:, self.length] - energy[:, self.length - self.lengths[0]]) / self.lengths[0]
        return torch.stack(functions), power

    def estimate(self, functions: Tensor, power: Tensor) -> tuple[Tensor, Tensor]:
        """Return the network's probabilities of each pitch, (step, bin), and of having one, (step,)."""
        bins = torch.cat([functions @ self.close_bins, functions[:, :, self.far_lags].amax(-1)], -1)
        level_db = 10.0 * torch.log10(power + 1e-10)
        self.levels = torch.cat([self.levels, level_db])
        recent_db = self.levels.unfold(0, self.n_recent, 1).amax(-1)
        self.levels = self.levels[level_db.shape[0] :]
        shortest = functions[:, :, self.shortest_lag]
        above = ((level_db + 80.0) / 25.0).clamp(0.0, 1.0)
        scalars = torch.stack([(level_db - recent_db) / 20.0, above, shortest[0], shortest[1]], -1).float()
        x = bins.float().unsqueeze(0)
        past: list[Tensor] = []
        for i, convolution in enumerate(self.convolutions):
            x = torch.cat([self.past[i], x], 2)
            past.append(x[:, :, x.shape[2] - self.reaches[i] :])
            x = torch.relu(convolution(torch.nn.functional.pad(x, [self.sides[i], self.sides[i]])))
        self.past = past
        hidden = x[0].permute(1, 2, 0)
        probability = self.pitch(hidden).squeeze(-1).softmax(-1)
        at_pitch = (probability.unsqueeze(-1) * hidden).sum(-2)
        features = [at_pitch, hidden.mean(-2), probability.amax(-1, keepdim=True), scalars]
        voiced = self.voicing(torch.relu(self.hidden(torch.cat(features, -1)))).squeeze(-1)
        voicing = voiced.to(torch.float64).sigmoid()
        return probability.to(torch.float64), torch.where(above < self.least_level, 0.0, voicing)

    def decide(self, instants: list[int]) -> None:
        """Follow the pitch over the next instants, 4 ms apart: `live.follow`."""
        functions, power = self.differences(instants)
        pitch, voicing = self.estimate(functions, power)
        held: list[int] = []
        rows: list[list[float]] = []
        for i in range(len(instants)):
            voiced = float(voicing[i])
            was_voiced = self.confidence >= 0.5
            before = self.confidence * (1.0 - self.change) + (1.0 - self.confidence) * self.change
            yes, no = before * voiced, (1.0 - before) * (1.0 - voiced)
            self.confidence = yes / (yes + no)
            around = torch.nn.functional.pad(self.pitch_probabilities, [1, 1])
            moved = self.move * (around[2:] + around[:-2])
            stays = (1.0 - 2.0 * self.move) * self.pitch_probabilities + moved
            pitch_probabilities = (1.0 - self.leap) * stays + self.leap / self.n_bins
            if voiced >= self.clear:
                pitch_probabilities = pitch_probabilities * pitch[i]
            self.pitch_probabilities = pitch_probabilities / pitch_probabilities.sum()
            best = int(self.pitch_probabilities.argmax())
            is_leap = self.held >= 0 and abs(best - self.held) >= self.least_leap
            least = self.clear_after_a_leap if is_leap else self.clear
            is_clear = self.confidence >= 0.5 and voiced >= least
            if is_clear:
                self.held = best
            if self.confidence >= 0.5 and not was_voiced:
                self.voiced_since = instants[i]
            held.append(max(self.held, 0))
            rows.append([self.confidence, float(is_clear), float(self.voiced_since)])
        refined = self.refined(functions[0], torch.tensor(held))
        made: list[list[float]] = []
        for i in range(len(instants)):
            if rows[i][1] > 0:
                self.f0_hz = float(refined[i])
            made.append([self.f0_hz, rows[i][0], rows[i][1], rows[i][2], float(held[i])])
        self.decisions = torch.cat([self.decisions, torch.tensor(made, dtype=torch.float64)])

    def refined(self, function: Tensor, bins: Tensor) -> Tensor:
        """Return f0 from the best lag near a bin, between two samples: `live.refined_hz`."""
        lag = self.bin_lags[bins]
        low = (torch.floor(lag / self.near) - 1).clamp(min=float(self.shortest_lag)).unsqueeze(1)
        high = (torch.floor(lag * self.near) + 2).clamp(max=float(self.lags - self.side)).unsqueeze(1)
        whole = torch.arange(self.lags + 1)
        inside = (whole > low) & (whole < high)
        best = torch.where(inside, function, torch.full_like(function, -2.0)).argmax(-1)
        offsets = torch.arange(-self.side, self.side + 1)
        around = function.gather(1, best.unsqueeze(1) + offsets)
        middle = around[:, self.side]
        is_peak = (around[:, self.side - 1] <= middle) & (around[:, self.side + 1] <= middle)
        fine = around @ self.to_quarters
        highest = fine[:, 1:-1].argmax(-1) + 1
        at = fine.gather(1, torch.stack([highest - 1, highest, highest + 1], 1))
        fall, rise = at[:, 0] - at[:, 1], at[:, 2] - at[:, 1]
        bend = fall + rise
        offset = torch.where(bend < -1e-12, 0.5 * (fall - rise) / bend, torch.zeros_like(bend)).clamp(
            -0.5, 0.5
        )
        found = best + (highest + offset) / 4.0 - 1.0
        is_near = (found > lag / self.near) & (found < lag * self.near)
        return self.rate / torch.where(is_peak & is_near, found, lag)

    def describe(self, instants: list[int]) -> Tensor:
        """Return f0, confidence, loudness and time since the onset at frames' instants."""
        row = torch.div(torch.tensor(instants), self.step, rounding_mode="floor") - self.first_decision
        known = self.decisions[row]
        functions, _ = self.differences(instants)
        own_hz = self.refined(functions[0], known[:, 4].long())
        is_decision = torch.tensor(instants) % self.step == 0
        f0_hz = torch.where((known[:, 2] > 0) & ~is_decision, own_hz, known[:, 0])
        spectrum = torch.fft.rfft(self.windows(instants, self.window) * self.hann)
        power = (spectrum.real * spectrum.real + spectrum.imag * spectrum.imag) @ self.weight
        loudness_db = (10.0 * torch.log10(power.clamp(min=1e-30))).clamp(min=-80.0)
        since_s = (torch.tensor(instants, dtype=torch.float64) - known[:, 3]) / self.rate
        voiced_s = torch.where(known[:, 1] >= 0.5, since_s, torch.zeros_like(since_s))
        return torch.stack([f0_hz, known[:, 1], loudness_db, voiced_s], -1)
