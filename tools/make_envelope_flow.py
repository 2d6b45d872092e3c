"""Train `oscine.voices.EnvelopeFlow` on a folder of clean speech at 16 kHz.

    python -m tools.make_envelope_flow SPEECH -o MODEL.safetensors [--minutes M] [--t-start T] [--device cuda]

Each recording is coded in six ways, from 2.4 to 0.4 kb/s. The networks see crops of 2 s of what is decoded,
often with fewer cosines. First the predictor learns the recording's envelope with the least mean absolute
error, then the flow learns the way to it from the predictor's output and noise.
"""

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from oscine.losses import flow_loss
from oscine.voices import CodedVoice, EnvelopeFlow, EnvelopeFlowConfig, analyze_voice
from oscine.voices.codec import cosines
from oscine.voices.envelope_flow import N_BANDS, Coarseness

SUFFIXES = (".wav", ".flac")
RATE, N_COSINES = 16_000, 20
#: Frames of 5 ms from knot to knot, and quarters of a dB per step.
WAYS = ((5, 24), (7, 32), (7, 64), (7, 120), (10, 48), (10, 100))
#: Cosines that are kept, each as often as it stands here.
KEPT = (4, 6, 8, 12, 20, 20, 20, 20)
CROP, LEARNING_RATE, PREDICTOR_SHARE, MEAN_OF = 200, 2e-3, 0.3, 500
MOST_GAIN_DB, QUIET_DB = 8.0, -115.0


class Speech:
    """Recordings' envelopes and what is decoded of them.

    Args:
        paths: The recordings.
        flow: Says what the conditions are.
        device: Where the crops are to be.
        seed: Of the recordings' gains, which are random.
    """

    def __init__(self, paths: Sequence[Path], flow: EnvelopeFlow, device: str, seed: int) -> None:
        rng, scale = np.random.default_rng(seed), 10 / math.log(10)
        basis = torch.from_numpy(cosines(N_COSINES, N_BANDS)).float()
        targets, known, starts, n = [], [], [], 0
        for path in paths:
            voice = analyze_voice(path)
            if voice.sample_rate != RATE:
                raise SystemExit(f"{path} is at {voice.sample_rate} Hz; give recordings at {RATE} Hz.")
            voice = replace(voice, density_db=voice.density_db + rng.uniform(-MOST_GAIN_DB, MOST_GAIN_DB))
            quiet = torch.full_like(voice.density_db, QUIET_DB / scale)
            targets.append((torch.logaddexp(voice.density_db / scale, quiet)[1::2] * scale + 80) / 20)
            ways = []
            for way in WAYS:
                decoded = CodedVoice.of(voice, *way).span(0, len(voice.f0_hz))
                conditions = flow.conditions(decoded, Coarseness(N_COSINES, *way))
                ways.append(torch.cat([conditions[:, :N_BANDS] @ basis.T, conditions[:, N_BANDS:]], -1))
            known.append(torch.stack(ways, 1))
            starts.append(n + torch.arange(max(0, len(targets[-1]) - CROP)))
            n += len(targets[-1])
        self.targets, self.known = torch.cat(targets).to(device), torch.cat(known).to(device)
        self.starts, self.basis = torch.cat(starts).to(device), basis.to(device)
        self.kept = torch.tensor(KEPT, device=device)

    def crops(self, n: int) -> tuple[Tensor, Tensor]:
        """Return conditions and envelopes of random crops, each with random coarseness."""
        device = self.starts.device
        at, way, kept = (torch.randint(len(one), (n,), device=device) for one in (self.starts, WAYS, KEPT))
        frames = self.starts[at][:, None] + torch.arange(CROP, device=device)
        known, n_kept = self.known[frames, way[:, None]], self.kept[kept][:, None, None]
        left = known[..., :N_COSINES] * (torch.arange(N_COSINES, device=device) < n_kept)
        ratios_and_pitch, coding = known[..., N_COSINES:-3], known[..., -2:]
        share = (n_kept / N_COSINES).to(known).expand(-1, CROP, -1)
        return torch.cat([left @ self.basis, ratios_and_pitch, share, coding], -1), self.targets[frames]


def train(network: nn.Module, loss_of: Callable[[], Tensor], seconds: float) -> int:
    """Train a network for so many seconds, leave the mean of its last weights, and return the steps."""
    parameters = list(network.parameters())
    optimizer = torch.optim.AdamW(parameters, LEARNING_RATE, betas=(0.9, 0.99), weight_decay=1e-3)
    mean = [one.detach().clone() for one in parameters]
    began, n_steps = time.monotonic(), 0
    while (share := (time.monotonic() - began) / seconds) < 1 or not n_steps:
        rate = LEARNING_RATE * min(1.0, (n_steps + 1) / 200)
        for group in optimizer.param_groups:
            group["lr"] = rate * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * min(share, 1.0))))
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        n_steps += 1
        with torch.no_grad():
            for average, one in zip(mean, parameters, strict=True):
                average.lerp_(one, max(1 / MEAN_OF, 1 / n_steps))
        if n_steps % 500 == 0:
            print(f"step {n_steps}: loss {float(loss.detach()):.4f}", flush=True)
    with torch.no_grad():
        for one, average in zip(parameters, mean, strict=True):
            one.copy_(average)
    return n_steps


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tools.make_envelope_flow", description=__doc__)
    parser.add_argument("speech", type=Path, help="a folder of clean speech at 16 kHz")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL")
    parser.add_argument("--minutes", type=float, default=8.0, help="of training (%(default)g)")
    parser.add_argument("--hold-out", type=int, default=5, metavar="N", help="leave out every Nth file")
    parser.add_argument("--t-start", type=float, default=0.7, help="0 starts from noise (%(default)g)")
    parser.add_argument("--width", type=int, default=128, help="channels of the flow (%(default)d)")
    parser.add_argument("--batch", type=int, default=32, help="crops in a step (%(default)d)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.manual_seed(options.seed)
    config = EnvelopeFlowConfig(width=options.width, t_start=options.t_start)
    flow = EnvelopeFlow(config)
    paths = sorted(path for path in options.speech.rglob("*") if path.suffix.lower() in SUFFIXES)
    paths = [path for i, path in enumerate(paths) if i % options.hold_out != options.hold_out - 1]
    speech = Speech(paths, flow, options.device, options.seed)
    flow = flow.to(options.device)

    def predictor_loss() -> Tensor:
        conditions, targets = speech.crops(options.batch)
        return (flow.predicted(conditions) - targets).abs().mean()

    def loss_of_flow() -> Tensor:
        conditions, targets = speech.crops(options.batch)
        with torch.no_grad():
            smooth = flow.predicted(conditions)
        noise, place = torch.randn_like(targets), torch.rand(len(targets), device=targets.device)
        return flow_loss(
            lambda x, t: flow.flow(x, t, smooth, conditions),
            targets,
            smooth,
            noise,
            place,
            t_start=config.t_start,
        )

    seconds = 60 * options.minutes
    steps = [train(flow.predictor, predictor_loss, PREDICTOR_SHARE * seconds)]
    steps.append(train(flow.flow, loss_of_flow, (1 - PREDICTOR_SHARE) * seconds))
    flow.save(options.output)
    print(f"{options.output}: {steps[0]} and {steps[1]} steps on {len(paths)} recordings")


if __name__ == "__main__":
    main()
