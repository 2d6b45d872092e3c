"""FM alone: what folds back at Nyquist, and why its ratios are fixed. fm.md has both tables.

    python -m benchmarks.fm [--trials N] [--write]

A patch of six operators is rendered, and its amplitudes and indices are fitted to its own sound by gradient,
from one start for all trials: once with the true ratios, and once with ratios that start up to 30 % off and
are fitted too. ``--write`` writes the tables into the page.
"""

import argparse
import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.measure import table
from benchmarks.page import machine, write_section
from oscine.functional import accumulate_phase, dx7_algorithm, fm_carriers, fm_oscillator, limit_fm_levels
from oscine.losses import MultiScaleSpectralLoss

PAGE = "fm"
SAMPLE_RATE, HOP, N_FRAMES, F0_HZ = 16_000, 64, 64, 220.0
ALGORITHM, RATIOS = 5, (1.0, 1.0, 2.0, 3.0, 3.0, 7.0)
START, CARRIER, N_STEPS, LEARNING_RATE = 0.5, 0.4, 200, 0.05
RECOVERED = 0.05


class Trial(NamedTuple):
    """How one fit ended."""

    index_error: float
    """The largest of the six levels, radians."""
    ratio_error: float
    loss: float


def constant_tone(hz: Tensor, levels: Tensor, algorithm: int) -> Tensor:
    """Return `oscine.functional.fm_oscillator` of constant controls, with gradients of the frequencies.

    Args:
        hz: Of the six operators.
        levels: Of the same; they are not limited.
        algorithm: 1 … 32.
    """
    modulators = dx7_algorithm(algorithm)
    frames = hz.double().expand(1, N_FRAMES, -1)
    turns, _ = accumulate_phase(frames, frames, torch.zeros(1, len(hz)), SAMPLE_RATE, HOP)
    angles = 2 * math.pi * turns.flatten(1, 2)
    sounds: dict[int, Tensor] = {}
    for i in reversed(range(len(modulators))):
        angle = angles[..., i] + sum(sounds[source] for source in modulators[i])
        sounds[i + 1] = levels[i] * torch.sin(angle)
    return torch.stack([sounds[carrier] for carrier in fm_carriers(modulators)]).sum(0).float()


def recover(seed: int, *, free_ratios: bool) -> Trial:
    """Fit a random patch's levels, and its ratios too if they are free, to its own sound."""
    random = torch.Generator().manual_seed(seed)
    true = 0.3 + 1.2 * torch.rand(6, generator=random)
    off = 1 + 0.3 * (2 * torch.rand(6, generator=random) - 1)
    start = torch.full((6,), START)
    for carrier in fm_carriers(dx7_algorithm(ALGORITHM)):
        true[carrier - 1], start[carrier - 1] = 0.5, CARRIER
    ratios = torch.tensor(RATIOS)
    target = constant_tone(F0_HZ * ratios, true, ALGORITHM)
    levels = start.log().requires_grad_()
    factors = (off if free_ratios else torch.ones(6)).log().requires_grad_(free_ratios)
    groups = [{"params": [levels]}, *([{"params": [factors]}] if free_ratios else [])]
    optimizer = torch.optim.Adam(groups, lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, N_STEPS)
    spectral = MultiScaleSpectralLoss(SAMPLE_RATE)
    loss = torch.zeros(())
    for _ in range(N_STEPS):
        optimizer.zero_grad()
        loss = spectral(constant_tone(F0_HZ * ratios * factors.exp(), levels.exp(), ALGORITHM), target)
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return Trial(
            float((levels.exp() - true).abs().max()), float((factors.exp() - 1).abs().max()), loss.item()
        )


def recovery_table(n_trials: int) -> str:
    """Return how often the levels are recovered, in Markdown."""
    rows = []
    for name, free in (("fixed", False), ("free, from ±30 %", True)):
        trials = [recover(seed, free_ratios=free) for seed in range(n_trials)]
        rows.append(
            [
                name,
                f"{sum(one.index_error < RECOVERED for one in trials)} of {n_trials}",
                f"{median(one.index_error for one in trials):.4f}",
                f"{100 * median(one.ratio_error for one in trials):.0f} %",
                f"{median(one.loss for one in trials):.3f}",
            ]
        )
    return table(
        ["ratios", "recovered", "largest error, median", "ratio error, median", "loss, median"], rows
    )


def folded_db(
    algorithm: int, ratios: Sequence[float], f0_hz: int, levels: Tensor, *, is_limited: bool = True
) -> Tensor:
    """Return the strongest partial that folds back, dB of the strongest partial, of each row of levels.

    It is the difference to the same sound at eight times the rate, with the levels that were played.

    Args:
        algorithm: 1 … 32.
        ratios: Of the six operators.
        f0_hz: Whole, so that a second is a period.
        levels: (row, 6).
        is_limited: As in the product; otherwise levels are played as they are.
    """
    modulators = dx7_algorithm(algorithm)
    hop = SAMPLE_RATE // 100
    f0 = torch.full((len(levels), 100), float(f0_hz))
    given = levels.double().unsqueeze(1).expand(-1, 100, -1)
    routing = {"ratios": tuple(ratios), "modulators": modulators}
    if is_limited:
        played = limit_fm_levels(f0, given, **routing, sample_rate=SAMPLE_RATE)
        low = fm_oscillator(f0, given, **routing, sample_rate=SAMPLE_RATE, hop_length=hop)
    else:
        # At eight times the rate nothing is limited; every eighth sample of it is what would be played.
        played = given
        low = fm_oscillator(f0, given, **routing, sample_rate=8 * SAMPLE_RATE, hop_length=8 * hop)[:, ::8]
    high = fm_oscillator(f0, played, **routing, sample_rate=8 * SAMPLE_RATE, hop_length=8 * hop)
    ours, true = (torch.fft.rfft(one)[:, : SAMPLE_RATE // 2] / one.shape[1] for one in (low, high))
    return 20 * torch.log10((ours - true).abs().amax(-1) / true.abs().amax(-1) + 1e-15)


def folding_table(n_patches: int) -> str:
    """Return what folds back for random patches, in Markdown."""
    rows = []
    patches = {
        "strings": (2, (1, 1, 1, 1, 3, 14)),
        "flute": (16, (1, 1, 1, 2, 2, 1.5)),
        "three pairs": (5, (1, 2, 1, 3, 1, 7)),
        "one modulator of three": (22, (1, 1, 1, 1, 1, 5)),
    }
    for name, (algorithm, ratios) in patches.items():
        for f0_hz in (210, 790, 1990):
            levels = 4 * torch.rand(n_patches, 6, generator=torch.Generator().manual_seed(f0_hz))
            limited, free = (
                folded_db(algorithm, ratios, f0_hz, levels, is_limited=one) for one in (True, False)
            )
            both = (one.clamp(min=-120) for one in (limited, free))
            cells = [f"{one.median():.0f}, {one.max():.0f}" for one in both]
            rows.append([f"{name}, algorithm {algorithm}", f"{f0_hz}", *cells])
    columns = ["patch", "f0, Hz", "limited: median, most, dB", "as it is: median, most, dB"]
    return table(columns, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables, and write them into the page if wanted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fm", description=__doc__)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--write", action="store_true", help="write the tables into fm.md")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    tables = {"recovery": recovery_table(options.trials), "folding": folding_table(2 * options.trials)}
    command = f"python -m benchmarks.fm --trials {options.trials}"
    for name, content in tables.items():
        print(content, "", sep="\n", flush=True)
        if options.write:
            write_section(name, f"{content}\n\n*`{command}`; {machine()}.*", PAGE)


if __name__ == "__main__":
    main()
