"""Train the live tracker's network on what `gather` wrote, together with the filter behind it.

The loss is that of the filter's probabilities. Neighbouring frames see almost the same sound, so a filter
that takes each of them for a new observation is slow to leave a pitch. The network learns to compensate that.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.live_pitch.sounds import HOP, RATE
from oscine.analysis import VOICED
from oscine.analysis.pitch.live import (
    BINS_PER_OCTAVE,
    CLEAR,
    HIGHEST_HZ,
    LEAP,
    MOVE,
    N_BINS,
    LiveNetwork,
    audible,
    follow,
)

Data = Mapping[str, np.ndarray]

_FRAMES, _BATCH, _SKIPPED = 128, 16, 20
_RATE, _LAST_RATE = 4e-3, 2e-5
_BLUR = 0.6  # bins
# A wrong pitch in a pause is worse than a pitch that is missed for a moment.
_WEIGHT_OF_UNVOICED = 2.0
_CAUTION = 0.5  # is subtracted from the logit of voicing in the end


def load(path: Path) -> Data:
    """Return a part's arrays, with the place of f0 among the bins and which frames have one there."""
    with np.load(path) as file:
        data = {name: file[name] for name in file.files}
    place = BINS_PER_OCTAVE * np.log2(HIGHEST_HZ / np.maximum(data["f0_hz"], 1.0))
    inside = (place > -0.5) & (place < N_BINS - 0.5)
    data["place"] = place.astype(np.float32)
    data["has_pitch"] = data["voiced"] & data["counts"] & inside
    data["counts"] = data["counts"] & (inside | ~data["voiced"])
    return data


def filtered(pitch: Tensor, is_told: Tensor) -> Tensor:
    """Return the probabilities of the pitches given all frames so far, as `follow` computes them.

    Args:
        pitch: (batch, frame, bin), the network's probabilities.
        is_told: (batch, frame), the frames that say something about the pitch.
    """
    pitch_probabilities = torch.full_like(pitch[:, 0], 1.0 / N_BINS)
    found = []
    for likely, told in zip(pitch.unbind(1), is_told.unbind(1), strict=True):
        beside = F.pad(pitch_probabilities, (1, 1))
        stays = (1.0 - 2.0 * MOVE) * pitch_probabilities + MOVE * (beside[:, :-2] + beside[:, 2:])
        pitch_probabilities = ((1.0 - LEAP) * stays + LEAP / N_BINS) * torch.where(told[:, None], likely, 1.0)
        pitch_probabilities = pitch_probabilities / pitch_probabilities.sum(-1, keepdim=True).clamp(min=1e-30)
        found.append(pitch_probabilities)
    return torch.stack(found, 1)


def losses(network: LiveNetwork, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the cross entropies of the pitch, where there is one, and of voicing, where it is known."""
    # Half as long as in float32.
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, voicing = network(batch["difference"].float(), batch["scalars"].float())
    probability = logits.float().softmax(-1)
    pitch_probabilities = filtered(probability, voicing.sigmoid() >= CLEAR)[:, _SKIPPED:]
    voicing = voicing[:, _SKIPPED:].float()
    place, has_pitch, voiced, counts = (
        batch[name][:, _SKIPPED:].float() for name in ("place", "has_pitch", "voiced", "counts")
    )
    target = torch.exp(-0.5 * ((torch.arange(N_BINS) - place[..., None]) / _BLUR) ** 2)
    target = target / target.sum(-1, keepdim=True).clamp(min=1e-9)
    of_pitch = -(target * pitch_probabilities.clamp(min=1e-9).log()).sum(-1)
    of_voicing = F.binary_cross_entropy_with_logits(voicing, voiced, reduction="none")
    of_voicing = of_voicing * torch.where(voiced > 0, 1.0, _WEIGHT_OF_UNVOICED)
    return (
        (of_pitch * has_pitch).sum() / has_pitch.sum().clamp(min=1.0),
        (of_voicing * counts).sum() / counts.sum().clamp(min=1.0),
    )


def train(
    folder: Path, n_steps: int, seed: int, channels: int = 12, report: Callable[[str], None] = print
) -> LiveNetwork:
    """Return a network, the same to the bit for a seed on one machine and one thread.

    Speech and made sounds weigh twice.
    """
    parts = {path.stem.removesuffix("-train"): load(path) for path in sorted(folder.glob("*-train.npz"))}
    names = list(parts)
    weight = np.array([2.0 if any(one in name for one in ("speech", "made")) else 1.0 for name in names])
    random = np.random.default_rng(seed)
    torch.manual_seed(seed)
    network = LiveNetwork(channels)
    optimiser = torch.optim.Adam(network.parameters())
    for step in range(n_steps):
        warm = min(1.0, (step + 1) / 100)
        rate = warm * _RATE * 0.5 * (1.0 + np.cos(np.pi * step / n_steps)) + _LAST_RATE
        for group in optimiser.param_groups:
            group["lr"] = rate
        chosen = [parts[names[i]] for i in random.choice(len(names), _BATCH, p=weight / weight.sum())]
        starts = [random.integers(0, len(data["voiced"]) - _FRAMES) for data in chosen]
        batch = {
            key: torch.from_numpy(
                np.stack([data[key][at : at + _FRAMES] for data, at in zip(chosen, starts, strict=True)])
            )
            for key in chosen[0]
        }
        of_pitch, of_voicing = losses(network, batch)
        optimiser.zero_grad()
        (of_pitch + of_voicing).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        if (step + 1) % max(1, n_steps // 10) == 0:
            report(f"step {step + 1}: {of_pitch.item():.3f}, {of_voicing.item():.3f}")
    with torch.no_grad():
        network.voicing.bias.sub_(_CAUTION)
    report(validated(network, folder))
    return network


def estimates(network: LiveNetwork, data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of the pitches and of having one, for all frames of a part."""
    pitch, voicing = [], []
    with torch.inference_mode():
        for begin in range(0, len(data["voiced"]), 4096):
            part = slice(begin, begin + 4096)
            given = (torch.from_numpy(data[key][part]).float()[None] for key in ("difference", "scalars"))
            logits, voiced = network(*given)
            pitch.append(logits[0].double().softmax(-1).numpy())
            voicing.append(audible(voiced[0].double().sigmoid().numpy(), data["scalars"][part]))
    return np.concatenate(pitch), np.concatenate(voicing)


def validated(network: LiveNetwork, folder: Path) -> str:
    """Return how well each validation part is found by the network and the filter behind it, in per cent.

    The last line has the mean share of right pitches in recordings, by which one seed of several is chosen.
    """
    lines, right = [], []
    for path in sorted(folder.glob("*-validation.npz")):
        data = load(path)
        bins, confidence, _ = follow(*estimates(network, data))
        voiced, has_pitch = confidence >= VOICED, data["has_pitch"]
        off = np.abs(bins - data["place"])
        octaves = np.round(off / BINS_PER_OCTAVE)
        is_octave = (octaves > 0) & (np.abs(off - BINS_PER_OCTAVE * octaves) < 1.5)
        is_held = (
            has_pitch[1:] & has_pitch[:-1] & (np.abs(np.diff(data["place"])) < 1) & voiced[1:] & voiced[:-1]
        )
        leap = is_held & (np.abs(np.diff(bins)) > BINS_PER_OCTAVE // 2)
        shares = {
            "pitch": (voiced & (off < 1.5))[has_pitch].mean(),
            "octave errors": (voiced & is_octave)[has_pitch].mean(),
            "voiced": voiced[data["counts"] & data["voiced"]].mean(),
            "false alarms": voiced[data["counts"] & ~data["voiced"]].mean(),
        }
        text = ", ".join(f"{name} {100 * share:.1f}" for name, share in shares.items())
        if not path.stem.startswith("made"):
            right.append(shares["pitch"])
        leaps = leap.sum() / max(1, has_pitch.sum()) * RATE / HOP
        lines.append(f"  {path.stem.removesuffix('-validation')}: {text}, leaps per s {leaps:.2f}")
    return "\n".join([*lines, f"  mean pitch of the recordings: {100 * np.mean(right):.2f}"])
