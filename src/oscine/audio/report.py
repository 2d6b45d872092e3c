"""The verdict on a sound: what was found while it was read from end to end."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float32
from pydantic import BaseModel, ConfigDict, Field

from oscine.audio.findings import Findings
from oscine.audio.samples import HIGHEST_RATE, LOWEST_RATE, mix_down
from oscine.functional.runs import runs

_SHORTEST_S = 0.1
#: The noise of every microphone is above -70 dB of full scale, so a softer peak is silence.
_SILENCE = 10 ** (-70 / 20)
_LARGEST_SAMPLE = 64.0
_AUDIBLE_OFFSET = 0.01
_NOTHING = 1e-6
#: Of a channel's peak, −30 dB: channels that differ in more than their sign leave more when they are mixed.
_CANCELLED = 10 ** (-30 / 20)
_FULL = 0.999

Verdict = Literal["ok", "repaired", "rejected"]


class FileReport(BaseModel):
    """The verdict on one file: used as it is, used after a repair, or rejected, with the reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(description="as given, or relative to the folder that was prepared")
    verdict: Verdict
    reasons: list[str] = Field(
        default_factory=list, description="how it was repaired, or why it was rejected"
    )
    format: str = Field(default="", description="as libsndfile names it, or ffmpeg")
    sample_rate: int = Field(default=0, description="Hz, of the file")
    n_channels: int = 0
    n_bytes: int = 0
    duration_s: float = Field(default=0.0, description="of what can be read")
    peak: float = Field(default=0.0, description="greatest magnitude of the mono sum; 1 is full scale")
    channel_peak: float = Field(default=0.0, description="greatest magnitude of any channel")
    offset: float = Field(default=0.0, description="mean of the mono sum, taken out when read")
    n_bad_samples: int = Field(default=0, description="NaN or infinite samples, read as 0")
    clipped_s: float = Field(
        default=0.0, description="time spent in runs of three or more samples at full scale"
    )

    @property
    def is_too_quiet(self) -> bool:
        """Whether no channel reaches −70 dB of full scale."""
        return max(self.peak, self.channel_peak - abs(self.offset)) < _SILENCE

    @property
    def cancels(self) -> bool:
        """Whether the mono sum is so much less than a channel that one must be inverted."""
        return not self.is_too_quiet and self.peak < _CANCELLED * self.channel_peak


class Tally:
    """One pass over a sound: the sums that the verdict needs, while it goes by.

    Attributes:
        n_frames: Samples of each channel so far.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.n_frames = 0
        self._n_bad = self._n_clipped = 0
        self._total, self._low, self._high, self._channel_peak = 0.0, np.inf, -np.inf, 0.0

    def mono(
        self, channels: Iterator[Float[np.ndarray, "channel time"]]
    ) -> Iterator[Float32[np.ndarray, " time"]]:
        """Yield the mean of the channels, and count what goes by; what is not finite is 0.

        Args:
            channels: Stretches of the sound.
        """
        for block in channels:
            low, high = (float(block.min()), float(block.max())) if block.size else (0.0, 0.0)
            if not np.isfinite(low + high):
                self._n_bad += int(np.count_nonzero(~np.isfinite(block)))
                block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)  # noqa: PLW2901
            # Most of a silent file goes this way, and fast.
            is_constant = low == high and block.size > 0
            mixed = np.full(block.shape[1], low, np.float32) if is_constant else mix_down(block)
            self._see(block, mixed)
            yield mixed

    def _see(self, channels: Float[np.ndarray, "channel time"], mixed: Float32[np.ndarray, " time"]) -> None:
        if not len(mixed):
            return
        self.n_frames += len(mixed)
        low, high = float(mixed.min()), float(mixed.max())
        self._channel_peak = max(self._channel_peak, float(channels.max()), -float(channels.min()))
        self._low, self._high = min(self._low, low), max(self._high, high)
        if low == high:
            self._total += low * len(mixed)
            return
        self._total += float(mixed.sum(dtype=np.float64))
        if max(high, -low) >= _FULL:
            self._n_clipped += n_clipped(mixed)

    def report(
        self,
        path: str,
        sample_rate: int,
        n_channels: int,
        findings: Findings | None = None,
        *,
        guess_frames: int | None = None,
        damage: str | None = None,
        form: str = "",
        n_bytes: int = 0,
    ) -> FileReport:
        """Return the verdict on what went by.

        Args:
            path: What to call it.
            sample_rate: In Hz.
            n_channels: Of the sound.
            findings: What the file's container says; None for a sound that is no file.
            guess_frames: The length by the decoder's account, which counts where the container has none.
            damage: What stopped the decoder before the end, if anything did.
            form: The file's format.
            n_bytes: Size of the file.
        """
        findings = findings or Findings()
        n_frames = self.n_frames
        offset = self._total / n_frames if n_frames else 0.0
        # What is left when the constant part is taken out: constant 0.3 is as silent as zeros.
        swing = max(self._high - offset, offset - self._low) if n_frames else 0.0
        repairs = self._repairs(findings, sample_rate, guess_frames, damage, offset)
        rejections = [*findings.fatal, *self._rejections(sample_rate, offset, swing, damage, repairs)]
        return FileReport(
            path=path,
            verdict="rejected" if rejections else "repaired" if repairs else "ok",
            reasons=rejections or repairs,
            format=form,
            sample_rate=sample_rate,
            n_channels=n_channels,
            n_bytes=n_bytes,
            duration_s=round(n_frames / sample_rate, 6) if sample_rate > 0 else 0.0,
            peak=round(swing, 6),
            channel_peak=round(self._channel_peak, 6),
            offset=0.0 if abs(offset) < _AUDIBLE_OFFSET else offset,
            n_bad_samples=self._n_bad,
            clipped_s=round(self._n_clipped / sample_rate, 6) if sample_rate > 0 else 0.0,
        )

    def _rejections(
        self, rate: int, offset: float, swing: float, damage: str | None, repairs: list[str]
    ) -> list[str]:
        found: list[str] = []
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            return [f"a sample rate of {rate} Hz is not one of recorded sound"]
        if self.n_frames == 0:
            what = f"decoding fails at the start ({damage})" if damage else "it holds no samples"
            found.append(what if damage or not repairs else f"{what} ({repairs[0].split(':')[0]})")
        elif self.n_frames < _SHORTEST_S * rate:
            found.append(
                f"it lasts {1000 * self.n_frames / rate:.0f} ms; {1000 * _SHORTEST_S:.0f} ms is the least"
            )
        elif swing < _SILENCE and self._channel_peak - abs(offset) >= _SILENCE:
            found.append("its channels cancel each other when mixed to mono; invert one of them")
        elif swing < _NOTHING and self._n_bad:
            found.append(f"{self._n_bad} of its samples are NaN or infinite, and the rest is silent")
        elif swing < _NOTHING:
            found.append(f"it is silent from end to end ({self.n_frames / rate:.1f} s)")
        elif swing < _SILENCE:
            found.append(f"it is too quiet: its peak is {20 * np.log10(swing):.0f} dB of full scale")
        elif swing > _LARGEST_SAMPLE:
            found.append(f"its samples reach {swing:.3g} where full scale is 1; scale it down")
        return found

    def _repairs(
        self, findings: Findings, rate: int, guess_frames: int | None, damage: str | None, offset: float
    ) -> list[str]:
        found = list(findings.harmless)
        # What is read is what counts; what was promised, or guessed, only tells that something is missing.
        declared = guess_frames if findings.declared_frames is None else findings.declared_frames
        is_said = any(text.startswith(("truncated", "damaged")) for text in found)
        if declared is not None and self.n_frames < declared - findings.slack_frames and not is_said:
            found.append(
                f"{'damaged' if damage else 'truncated'}: {self.n_frames / rate:.2f} s of the declared "
                f"{declared / rate:.2f} s can be read; those are used"
            )
        elif damage and not is_said:
            found.append(f"damaged after {self.n_frames / rate:.2f} s ({damage}); what comes before is used")
        if self._n_bad:
            found.append(f"{self._n_bad} samples are NaN or infinite; set to 0")
        if abs(offset) >= _AUDIBLE_OFFSET:
            found.append(f"a constant offset of {offset:.3f} of full scale; taken out")
        return found


def n_clipped(samples: Float32[np.ndarray, " time"]) -> int:
    """Return how many samples are in runs of three or more at full scale.

    Args:
        samples: Mono, full scale is 1.
    """
    clipped = runs(torch.from_numpy(np.abs(samples) >= _FULL), at_least=3)
    return int((clipped[:, 1] - clipped[:, 0]).sum())
