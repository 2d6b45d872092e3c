"""Train `oscine.voices.Converter` on folders of clean speech, a part of it with phone labels.

    python -m tools.make_converter -o MODEL.safetensors --english SPEECH [--russian SPEECH] [--minutes M]

NAME.lab beside a recording (or in ``--labels``) holds its phones, one a line: the second at which it ends,
any number, its name. `tools.label_speech` writes them. Recordings without labels help as well. One file is a
speaker: the other frames of a recording are the reference for a part of it.

The network gets each part with the head's size changed at random, and is to say it with another size, that
of the reference. A critic tells its shapes from real ones; what is said with another's reference must have
the same content.
"""

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from oscine.functional import envelope_grid_hz
from oscine.voices import Converter, ConverterConfig, analyze_voice
from oscine.voices.converter import SpokenFrames
from oscine.voices.decoding import SpokenVoice

SUFFIXES = (".wav", ".flac")
CROP, REFERENCE, LEARNING_RATE = 256, 768, 1.5e-3
#: Deviation of what is added to the content in training: less of the speaker gets through.
NOISE = 0.35
PHONES, CROSS, CRITIC = 0.35, 0.3, 0.1
#: Share of the time after which others' references and the critic begin.
LATE = 0.25
UNKNOWN = -100
#: Factors on the size of the head: 2^±0.36 in 37 steps.
N_SIZES = 37


class Utterance(NamedTuple):
    """A recording."""

    shape: Tensor
    level: Tensor
    voiced: Tensor
    pitch: Tensor
    active: Tensor
    labels: Tensor
    language: int


class Critic(nn.Module):
    """Tells real shapes from made ones, in patches, given level and voicing."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(3, width, (5, 5), (1, 2), 2),
                nn.Conv2d(width, 2 * width, (5, 5), (2, 2), 2),
                nn.Conv2d(2 * width, 2 * width, (3, 5), (1, 2), (1, 2)),
                nn.Conv2d(2 * width, 2 * width, 3, 1, 1),
            ]
        )
        self.last = nn.Conv2d(2 * width, 1, 3, 1, 1)

    def forward(self, shape: Tensor, level: Tensor, voiced: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the verdicts, and what the layers hold."""
        more = [one[..., None].expand_as(shape) for one in (level, voiced)]
        x, maps = torch.stack([shape, *more], 1), []
        for layer in self.layers:
            x = nnf.leaky_relu(layer(x), 0.2)
            maps.append(x)
        return self.last(x), maps


def labels_of(path: Path, n_frames: int, seconds: float, names: list[str]) -> Tensor:
    """Return the number of each frame's phone; new names are added."""
    labels, begin = torch.full((n_frames,), UNKNOWN), 0.0
    if not path.exists():
        return labels
    times = (torch.arange(n_frames) + 1) * seconds
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if len(fields) != 3 or line.startswith("#"):
            continue
        if fields[2] not in names:
            names.append(fields[2])
        end = float(fields[0])
        labels[(times > begin) & (times <= end)] = names.index(fields[2])
        begin = end
    return labels


def utterances_of(
    folder: Path, labels: Path | None, language: int, names: list[str], config: ConverterConfig
) -> list[Utterance]:
    """Return the recordings of a folder, analysed."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
        voice = analyze_voice(path)
        if voice.sample_rate != config.sample_rate:
            raise SystemExit(
                f"{path} is at {voice.sample_rate} Hz; give recordings at {config.sample_rate} Hz."
            )
        spoken = SpokenVoice(config.hop_length // voice.hop_length)
        spoken.add(iter([voice]))
        (frames,), (active,) = spoken.frames()
        where = (labels or path.parent) / f"{path.stem}.lab"
        phones = labels_of(where, len(active), config.hop_length / config.sample_rate, names)
        if len(active) > CROP + 300:
            shape, level, voiced, pitch = (one[0] for one in frames[:4])
            found.append(Utterance(shape, level, voiced, pitch, active, phones, language))
    return found


def sizes(n_bands: int, sample_rate: int) -> Tensor:
    """Return matrices that change the size of the head: shape @ matrix."""
    hz = envelope_grid_hz(n_bands, sample_rate).double()
    mel, made = 2595 * torch.log10(1 + hz / 700), []
    for factor in torch.exp2(torch.linspace(-0.36, 0.36, N_SIZES)):
        wanted = 2595 * torch.log10(1 + (hz / factor).clamp(max=float(hz[-1])) / 700)
        place = wanted / mel[-1] * (n_bands - 1)
        low = place.floor().clamp(max=n_bands - 2).long()
        matrix = torch.zeros(n_bands, n_bands)
        rows = torch.arange(n_bands)
        matrix[rows, low] += (1 - (place - low)).float()
        matrix[rows, low + 1] += (place - low).float()
        made.append(matrix.T)
    return torch.stack(made)


class Crops(NamedTuple):
    """Frames with their labels; the reference's follow the crop's."""

    frames: SpokenFrames
    reference: SpokenFrames
    heard: SpokenFrames
    labels: Tensor
    languages: Tensor


class Speech:
    """Draws crops and references of the same recordings."""

    def __init__(self, utterances: list[Utterance], config: ConverterConfig, device: str, seed: int) -> None:
        self.utterances, self.device = utterances, device
        self.sizes = sizes(config.n_bands, config.sample_rate).to(device)
        self.generator = torch.Generator().manual_seed(seed)
        self.weights = torch.tensor([(1.0, 0.5)[one.language] for one in utterances])

    def draw(self, n: int) -> Crops:
        """Return so many crops."""
        g, rows, labels, languages = self.generator, [], [], []
        for i in torch.multinomial(self.weights, n, True, generator=g).tolist():
            one = self.utterances[i]
            size = len(one.active)
            first = int(torch.randint(size - CROP, (), generator=g))
            outside = torch.cat(
                [torch.arange(max(0, first - 10)), torch.arange(min(size, first + CROP + 10), size)]
            )
            start = int(torch.randint(max(1, len(outside) - REFERENCE + 1), (), generator=g))
            chosen = outside[(start + torch.arange(REFERENCE)) % len(outside)]
            index = torch.cat([first + torch.arange(CROP), chosen])
            rows.append([one[k][index] for k in range(5)])
            labels.append(one.labels[first : first + CROP])
            languages.append(one.language)
        shape, level, voiced, pitch, active = (
            torch.stack(column).to(self.device) for column in zip(*rows, strict=True)
        )
        own = torch.randint(8, N_SIZES - 8, (n,), generator=g)
        other = (own + torch.randint(-12, 13, (n,), generator=g)).clamp(0, N_SIZES - 1)
        waves = torch.arange(1, 6)
        curve = torch.randn(n, 5, generator=g) * 0.25 / waves
        place = torch.linspace(0, 1, shape.shape[-1])
        phases = torch.rand(5, 1, generator=g) * 6.28
        tilt = (curve @ torch.cos(math.pi * waves[:, None] * place + phases))[:, None].to(self.device)

        def spoken(size: Tensor) -> SpokenFrames:
            moved = shape @ self.sizes[size.to(self.device)] + tilt
            return SpokenFrames(moved - moved.mean(-1, keepdim=True), level, voiced, pitch, shape[:, :4])

        right, heard = spoken(own), spoken(other)
        stretch, rest = slice(0, CROP), slice(CROP, None)
        reference = _with(right, rest, _statistics(right, active, rest))
        return Crops(
            _with(right, stretch, reference.statistics),
            reference,
            _with(heard, stretch, _statistics(heard, active, slice(None))),
            torch.stack(labels).to(self.device),
            torch.tensor(languages).to(self.device),
        )


def _with(frames: SpokenFrames, part: slice, statistics: Tensor) -> SpokenFrames:
    shape, level, voiced, pitch = (one[:, part] for one in frames[:4])
    return SpokenFrames(shape, level, voiced, pitch, statistics)


def _statistics(frames: SpokenFrames, active: Tensor, part: slice) -> Tensor:
    shape, there, means, spreads = frames.shape[:, part], active[:, part].float(), [], []
    for share in (frames.voiced[:, part], 1 - frames.voiced[:, part]):
        weight = share * there
        enough = weight.sum(1, keepdim=True) > 15
        weight = torch.where(enough, weight, there + 1e-3)[..., None]
        total = weight.sum(1, keepdim=True)
        mean = (weight * shape).sum(1, keepdim=True) / total
        means.append(mean)
        spreads.append(((weight * (shape - mean) ** 2).sum(1, keepdim=True) / total).clamp_min(1e-4).sqrt())
    return torch.cat(means + spreads, 1)


def distance(found: Tensor, frames: SpokenFrames) -> Tensor:
    """Return the distance of shapes, and of their slopes over time and over bands; loud frames count more."""
    weight = (0.1 + 0.9 * ((frames.level + 2.5) / 1.5).clamp(0, 1))[..., None]
    error = found - frames.shape
    total = weight.sum() * found.shape[-1]
    slope = (weight[:, 1:] * (error[:, 1:] - error[:, :-1]).abs()).sum()
    bands = (weight * (error[..., 1:] - error[..., :-1]).abs()).sum()
    return ((weight * error.abs()).sum() + 0.5 * slope + 0.5 * bands) / total


def phone_loss(converter: Converter, content: Tensor, crops: Crops) -> Tensor:
    """Return the cross entropy of the phones that are known."""
    loss = content.new_zeros(())
    for language, head in enumerate(converter.content.heads):
        rows = (crops.languages == language).nonzero()[:, 0]
        known = crops.labels[rows]
        if bool((known != UNKNOWN).any()):
            told = head(content[rows]).transpose(1, 2)
            loss = loss + nnf.cross_entropy(told, known, label_smoothing=0.05) * len(rows) / len(content)
    return loss


def noisy(content: Tensor) -> Tensor:
    """Return a content that holds less."""
    return content + NOISE * torch.randn_like(content)


def train(converter: Converter, speech: Speech, seconds: float, batch: int) -> int:
    """Train for so many seconds, and return the steps."""
    critic = Critic().to(speech.device)
    weights = list(converter.parameters())
    optimizer = torch.optim.AdamW(weights, LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    other = torch.optim.Adam(critic.parameters(), 4e-4, betas=(0.5, 0.9))
    began, n_steps = time.monotonic(), 0
    while (share := (time.monotonic() - began) / seconds) < 1:
        for group in optimizer.param_groups:
            slow = max(0.02, 0.5 + 0.5 * math.cos(math.pi * share))
            group["lr"] = LEARNING_RATE * min(1.0, (n_steps + 1) / 200) * slow
        crops = speech.draw(batch)
        content = converter.content(crops.heard)
        said, known = noisy(content), noisy(converter.content(crops.reference))
        found = converter.decoder(said, crops.frames, known, crops.reference)
        loss = distance(found, crops.frames) + PHONES * phone_loss(converter, content, crops)
        if share > LATE:
            # With another's reference, what is said must stay.
            theirs = SpokenFrames(*(one.roll(1, 0) for one in crops.reference))
            made = converter.decoder(said, crops.frames, known.roll(1, 0), theirs)
            again = converter.content(crops.frames._replace(shape=made, statistics=theirs.statistics))
            same = (again - content.detach()).abs().mean()
            loss = loss + CROSS * (same + PHONES * phone_loss(converter, again, crops))
            ramp = min(1.0, (share - LATE) / 0.15)
            loss = loss + CRITIC * ramp * criticised(critic, other, crops.frames, found, made)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 2.0)
        optimizer.step()
        n_steps += 1
        if n_steps % 100 == 0:
            print(f"step {n_steps}: loss {float(loss.detach()):.3f}", flush=True)
    return n_steps


def criticised(
    critic: Critic, optimizer: torch.optim.Optimizer, frames: SpokenFrames, found: Tensor, made: Tensor
) -> Tensor:
    """Train the critic by a step, and return its judgement: least squares, and feature matching."""
    both = torch.cat([found, made])
    level, voiced = (torch.cat([one, one]) for one in (frames.level, frames.voiced))
    real, _ = critic(frames.shape, frames.level, frames.voiced)
    false, _ = critic(both.detach(), level, voiced)
    optimizer.zero_grad()
    ((real - 1).square().mean() + false.square().mean()).backward()
    optimizer.step()
    critic.requires_grad_(False)
    verdict, maps = critic(both, level, voiced)
    _, right = critic(frames.shape, frames.level, frames.voiced)
    critic.requires_grad_(True)
    match = sum((a - b[: len(a)]).abs().mean() for a, b in zip(right, maps, strict=True)) / len(maps)
    return (verdict - 1).square().mean() + 2 * match


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tools.make_converter", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL")
    parser.add_argument("--english", type=Path, required=True, metavar="SPEECH")
    parser.add_argument("--russian", type=Path, metavar="SPEECH")
    parser.add_argument("--labels", type=Path, metavar="FOLDER", help="beside the recordings if left out")
    parser.add_argument("--minutes", type=float, default=8.0, help="%(default)g, for a GPU")
    parser.add_argument("--batch", type=int, default=48, help="crops a step (%(default)d)")
    parser.add_argument("--cache", type=Path, metavar="FILE", help="keep the analysis here")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.manual_seed(options.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = ConverterConfig()
    if options.cache is not None and options.cache.exists():
        kept = torch.load(options.cache, weights_only=True)
        utterances, names = [Utterance(*one) for one in kept["utterances"]], kept["names"]
    else:
        names: list[list[str]] = [[], []]
        utterances = []
        for language, folder in enumerate((options.english, options.russian)):
            if folder is not None:
                utterances += utterances_of(folder, options.labels, language, names[language], config)
        if options.cache is not None:
            torch.save({"utterances": [tuple(one) for one in utterances], "names": names}, options.cache)
    n_phones = max(1, len(names[0])), max(1, len(names[1]))
    converter = Converter(config.model_copy(update={"n_phones": n_phones})).to(device).train()
    speech = Speech(utterances, config, device, options.seed)
    n_steps = train(converter, speech, 60 * options.minutes, options.batch)
    converter.save(options.output)
    print(f"{options.output}: {n_steps} steps on {len(utterances)} recordings")


if __name__ == "__main__":
    main()
