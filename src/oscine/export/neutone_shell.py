"""The model for Neutone's wrapper, compiled by torch.jit.script: an instrument that follows a sound."""

import math

import torch
from torch import Tensor, nn

from oscine.export.plain_listener import PlainListener


class NeutoneShell(nn.Module):
    """An instrument as an audio effect: sound in, sound out, in blocks of any length at its own rate.

    The live tracker finds pitch and loudness; they are mapped to the instrument by the rules of the runtime's
    hearing (runtime/native/hearing.h). Until the first pitch there is silence.

    Args:
        one: A traced plain program of one frame: inputs and states in, audio and states out.
        eight: The same of eight frames.
        start: The states before the first sample.
        told: For each input of the program what it is given: 0 the pitch, 1 the loudness, 2 the gain, 3 the
            time since the onset; −1 its steady value.
        steady: The steady values of each input.
        curve_db: The instrument's loudness at each velocity (`models.dynamics`).
        least_db: The least that the network is asked for.
        latency: Of the program, samples.
        sample_rate: Hz.
        hop_length: Samples per frame.
    """

    states: list[Tensor]

    def __init__(
        self,
        one: nn.Module,
        eight: nn.Module,
        start: list[Tensor],
        told: list[int],
        steady: list[Tensor],
        curve_db: tuple[float, ...],
        least_db: float,
        latency: int,
        sample_rate: int,
        hop_length: int,
    ) -> None:
        super().__init__()
        self.one, self.eight, self.start_states = one, eight, start
        self.told, self.steady = told, steady
        self.loud_db, self.loudest_db, self.least_db = curve_db[115], curve_db[127], least_db
        self.sample_rate, self.hop_length = sample_rate, hop_length
        self.listener = PlainListener(sample_rate, hop_length)
        # So many samples after the sound the frame that follows it is there, whatever the blocks are.
        self.wait = self.listener.delay
        self.latency = self.wait + latency
        self.states = []
        self.sound = torch.zeros(0)
        self.is_begun, self.heard_db, self.voiced_s, self.unvoiced_s, self.note = False, 0.0, 0.0, 0.0, 0.0
        self.last_hz, self.last_db = 0.0, 0.0
        self.reset()

    @torch.jit.export
    def reset(self) -> None:
        """Go back to before the first sample."""
        self.listener.reset()
        self.states = [state.clone() for state in self.start_states]
        self.sound = torch.zeros(self.wait)
        self.is_begun, self.heard_db, self.voiced_s, self.unvoiced_s = False, -10.0, 0.0, 1e9
        self.note, self.last_hz, self.last_db = -1e9, 440.0, self.least_db

    def forward(
        self, x: Tensor, octave: float, loudness_db: float, autotune: float, is_matched: bool
    ) -> Tensor:
        """Return the audio of the next block, (1, time), as long as the sound ``x``, (1, time).

        Args:
            x: The sound at the instrument's rate.
            octave: Added to the pitch, a whole number.
            loudness_db: Added to the loudness that is heard.
            autotune: 0 … 1, how far the pitch is moved to the nearest note.
            is_matched: Map the loudness of the input to the instrument's.
        """
        heard = self.listener.hear(x[0].to(torch.float32))
        rows: list[list[float]] = []
        for i in range(heard.shape[0]):
            row = self.frame(
                float(heard[i, 0]), float(heard[i, 1]), float(heard[i, 2]), loudness_db, autotune, is_matched
            )
            rows.append([row[0] * 2.0**octave, row[1], row[2], float(heard[i, 3])])
        done = 0
        while done < len(rows):
            if not self.is_begun and rows[done][2] <= 0:
                self.sound = torch.cat([self.sound, torch.zeros(self.hop_length)])
                done += 1
                continue
            self.is_begun = True
            n_frames = 8 if len(rows) - done >= 8 else 1
            self.sound = torch.cat([self.sound, self.play(torch.tensor(rows[done : done + n_frames]))])
            done += n_frames
        audio, self.sound = self.sound[: x.shape[1]], self.sound[x.shape[1] :]
        return audio.unsqueeze(0)

    def frame(
        self,
        f0_hz: float,
        confidence: float,
        heard_db: float,
        loudness_db: float,
        autotune: float,
        is_matched: bool,
    ) -> list[float]:
        """Return pitch, loudness and gain for a frame that was heard."""
        step_s = self.hop_length / self.sample_rate
        if confidence >= 0.5:
            step_db = 0.4 if self.voiced_s < 2.0 else 0.04
            self.heard_db += step_db * (0.9 if heard_db > self.heard_db else -0.1)
            self.voiced_s += step_s
            self.unvoiced_s = 0.0
        else:
            self.unvoiced_s += step_s
        target_db = heard_db + loudness_db
        if is_matched:
            target_db += self.loud_db - self.heard_db
        if confidence < 0.5:
            target_db = min(target_db, self.least_db) - 20.0 - 60.0 * max(self.unvoiced_s - 0.05, 0.0)
        target_db = min(max(target_db, -200.0), self.loudest_db)
        asked_db = min(max(target_db, self.least_db), self.loudest_db)
        fade = min(max((target_db + 80.0) / 10.0, 0.0), 1.0)
        gain = 10.0 ** ((target_db - asked_db) / 20.0) * fade
        semitone = 69.0 + 12.0 * math.log(f0_hz / 440.0) / math.log(2.0)
        if abs(semitone - self.note) > 0.6:
            self.note = float(math.floor(semitone + 0.5))
        tuned_hz = f0_hz * 2.0 ** (autotune * (self.note - semitone) / 12.0)
        if gain > 0:
            self.last_hz, self.last_db = tuned_hz, asked_db
        return [self.last_hz, self.last_db, gain]

    def play(self, rows: Tensor) -> Tensor:
        """Return the audio of one or eight frames."""
        n_frames = rows.shape[0]
        inputs: list[Tensor] = []
        for i in range(len(self.told)):
            size = self.steady[i].shape[0]
            values = self.steady[i].expand(n_frames, size)
            if self.told[i] >= 0:
                values = rows[:, self.told[i]].unsqueeze(-1)
            inputs.append(values.reshape([1, n_frames, size] if size > 1 else [1, n_frames]))
        if n_frames == 8:
            audio, self.states = self.eight(inputs, self.states)
        else:
            audio, self.states = self.one(inputs, self.states)
        return torch.where(audio.abs() <= 1e6, audio, torch.zeros_like(audio))[0]
