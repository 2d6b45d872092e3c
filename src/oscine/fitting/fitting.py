"""Fitting: a free number for each control and frame, moved by the gradient of a loss to sound alike."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from oscine import instruments
from oscine.analysis import analyze
from oscine.analysis.pitch.f0_file import F0Curve
from oscine.arguments import checked
from oscine.audio import FileReport, Sound, rate_of, sound_blocks
from oscine.errors import InputError
from oscine.files import printable
from oscine.fitting.hits import find_onset, hit_speeds, hit_start
from oscine.fitting.losses import make_loss
from oscine.fitting.patch import LONGEST_S, Patch, PatchConfig, Residual, load_weights, pieces, weights_of
from oscine.fitting.strings import StringCurves, string_curves
from oscine.functional.transient import REACH
from oscine.losses import EnergyDistance, LogMelLoss, MultiScaleSpectralLoss
from oscine.models import Instrument, InstrumentConfig, list_recipes, load_recipe
from oscine.processors import HarmonicOscillator, split_controls

_LOWEST_RATE, _HIGHEST_RATE = 16_000, 48_000
_SHORTEST_S = 0.1
_LEARNING_RATE, _WEIGHTS_LEARNING_RATE, _FINAL_RATIO = 0.1, 3e-3, 0.02
_BETAS = (0.9, 0.99)
_MOST_STEPS = 100_000
_EDGE = 0.02  # the least share of a range that a start leaves to the gradient
_STIFF_SPEED = 0.04
_ONSET_SPEED = 0.02  # samples in a step


@checked
def fit(
    sound: Sound,
    synth: str | Path | Instrument = "default",
    *,
    loss: str | None = None,
    steps: int = 200,
    dry: bool = False,
    seed: int = 0,
    tracker: str | F0Curve = "swift-f0",
    on_progress: Callable[[float], None] = lambda share: None,
) -> Patch:
    """Return a patch: the controls with which a synthesiser comes nearest to a recording.

    The pitch is the tracker's, where a part takes one. The onset, where a part begins with a hit, is measured
    in the recording, and so is where modes, clicks and noise bands start. Every control is a free number for
    each frame, before its activation, or for each hit; Adam moves all of them, and the onset, at once by the
    gradient of the loss. Nothing is learned about other recordings.

    With ``loss="energy"`` the noise is another one in each step, so the controls are right for any noise.
    With the other losses it is the same in each step and in the patch: the controls shape this very noise,
    and the patch is nearer to the recording than with another seed.

    Args:
        sound: A path, or samples and their rate as ``(samples, sample_rate)``; mixed to mono, at most ten
            minutes.
        synth: An instrument, its folder or hub id: its parts as they were trained, its effects and its sample
            rate. Or a recipe by name or path, at the sound's own rate (within 16 … 48 kHz) and the recipe's
            frames a second. What its parts and effects learn, such as wavetables and a reverb, is then fitted
            too.
        loss: One of `LOSSES`; if left out, "hit" where a part begins with a hit, and else "spectral".
        steps: Steps of the optimiser.
        dry: Leave out the effects.
        seed: Of the noise and of the first wavetables.
        tracker: The pitch tracker, see `oscine.analyze`; or a known pitch.
        on_progress: Is told the share that is done, 0 to 1.

    Returns:
        The patch, with its residual.

    Raises:
        InputError: When the sound can't be read, is silent, too short or too long, there is no such synth or
            loss, or a number is out of its range.

    Reference:
        Engel et al., DDSP, ICLR 2020, for the synthesisers; there a network predicts the controls.
    """
    if not 1 <= steps <= _MOST_STEPS:
        raise InputError(f"steps is {steps}; give 1 … {_MOST_STEPS}.")
    if not 0 <= seed < 1 << 31:
        raise InputError(f"seed is {seed}; give 0 … {(1 << 31) - 1}.")
    instrument = _instrument(synth)
    model = (
        _at_rate_of(sound, load_recipe(str(synth)).instrument) if instrument is None else instrument.config
    )
    config = PatchConfig(
        sample_rate=model.sample_rate,
        hop_length=model.hop_length,
        n_samples=1,
        seed=seed,
        synth=model.synth,
        effects=() if dry else model.effects,
    )
    loss = loss or ("hit" if config.has_onset else "spectral")
    criterion = make_loss(loss, config.sample_rate)
    audio, remarks = _read(sound, config.sample_rate)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = config.build().eval()
    weights = [one for part in (body.synth, body.effects) for one in part.parameters()]
    if instrument is not None:
        trained = instrument.state_dict()
        load_weights(body, {name: trained[name] for name in weights_of(body)})
        weights = []
    body.requires_grad_(False)
    for one in weights:
        one.requires_grad_(True)

    n_frames = -(-(len(audio) + body.latency) // config.hop_length)
    padded = torch.nn.functional.pad(audio, (0, n_frames * config.hop_length - len(audio)))
    given = Given(config.sample_rate, config.hop_length)
    strings = given.take_pitch(padded, body, tracker) if "f0_hz" in body.inputs else None
    # The output is late by the latency, so the recording that it is compared with is made late as well.
    target = torch.nn.functional.pad(audio, (body.latency, 0))
    target = torch.nn.functional.pad(target, (0, len(padded) - len(target)))[: len(padded)]
    if config.has_onset:
        onset = find_onset(target, config.sample_rate) - REACH
        given.onset = torch.tensor(float(onset), dtype=torch.float64, requires_grad=True)
    measured = hit_start(body, target, None if given.onset is None else float(given.onset.detach()))
    raw = _start(body, n_frames, strings, measured)
    notes = None if strings is None else strings.note
    _descend(body, raw, notes, given, target[None], criterion, weights, steps, seed, on_progress)

    body.requires_grad_(False)
    with torch.no_grad():
        controls = {name: value[0] for name, value in split_controls(raw, body.controls).items()}
        controls |= {name: value[0] for name, value in given.curves(slice(0, n_frames)).items()}
    config = config.model_copy(
        update={
            "n_samples": len(audio),
            "source": printable(Path(sound).name) if isinstance(sound, str | Path) else "",
            "loss": loss,
            "remarks": tuple(remarks),
        }
    )
    played, _ = (patch := Patch(config, body, controls)).play()
    if not played.isfinite().all():
        raise InputError(f"The fit with the loss {loss} diverged; use another loss or fewer steps.")
    residual = _residual(played, audio, config.sample_rate)
    return Patch(config.model_copy(update={"residual": residual}), body, patch.controls)


def _instrument(synth: str | Path | Instrument) -> Instrument | None:
    """Return the instrument that is meant, or None for a recipe; a folder has precedence.

    Raises:
        InputError: When there is neither.
    """
    if isinstance(synth, Instrument):
        return synth
    if Path(synth).is_dir() or str(synth) in instruments.names():
        return Instrument.from_pretrained(synth)
    if str(synth) in list_recipes() or Path(synth).suffix in (".yaml", ".yml"):
        return None
    if str(synth).count("/") == 1 and not str(synth).startswith((".", "/")):
        return Instrument.from_pretrained(synth)
    raise InputError(
        f"There is no synth {synth}; give a recipe ({', '.join(list_recipes())}), a YAML file, the folder of "
        f"an instrument, or one in the package ({', '.join(instruments.names())})."
    )


def _at_rate_of(sound: Sound, config: InstrumentConfig) -> InstrumentConfig:
    """Return a recipe's instrument at a sound's sample rate, with as many frames a second."""
    rate = min(max(rate_of(sound), _LOWEST_RATE), _HIGHEST_RATE)
    return config.model_copy(update={"sample_rate": rate, "hop_length": round(rate / config.frame_rate)})


def _read(sound: Sound, sample_rate: int) -> tuple[Float[Tensor, " time"], list[str]]:
    """Return a sound as mono samples, and what is wrong with it and was repaired.

    Raises:
        InputError: When it can't be read, has samples that are not numbers, is silent, too short or too long.
    """
    name = printable(sound) if isinstance(sound, str | Path) else "The sound"
    blocks, n_samples, verdicts = [np.zeros(0, np.float32)], 0, []
    for block in sound_blocks(sound, sample_rate, on_report=verdicts.append):
        n_samples += len(block)
        if n_samples > LONGEST_S * sample_rate:
            raise InputError(
                f"{name} is longer than {LONGEST_S / 60:g} minutes; cut out what is to be fitted."
            )
        blocks.append(block)
    verdict: FileReport = verdicts[0]
    if verdict.n_bad_samples:
        raise InputError(f"{name} has {verdict.n_bad_samples} NaN or infinite samples; repair it.")
    if n_samples < _SHORTEST_S * sample_rate:
        raise InputError(
            f"{name} has {n_samples / sample_rate:.3f} s; give at least {_SHORTEST_S:g} s of sound."
        )
    if verdict.verdict == "rejected":
        raise InputError(f"{name} can't be fitted: {'; '.join(verdict.reasons)}.")
    return torch.from_numpy(np.concatenate(blocks)), verdict.reasons


def _stiff(instrument: Instrument) -> list[str]:
    """Return the names of the controls that are the inharmonicity of an oscillator at f0 itself."""
    return [
        f"{name}.inharmonicity"
        for name, part in instrument.synth
        if isinstance(part, HarmonicOscillator) and part.inharmonic and part.ratio == 1
    ]


class Given:
    """The inputs of the parts: the pitch, and the onset, which is one number that the gradient moves.

    Args:
        sample_rate: Hz.
        hop_length: Samples per frame.

    Attributes:
        f0_hz: At the frames' ends, (frame,), or None.
        onset: The sample at which the hit begins, float64, or None.
    """

    def __init__(self, sample_rate: int, hop_length: int) -> None:
        self.sample_rate, self.hop_length = sample_rate, hop_length
        self.f0_hz: Tensor | None = None
        self.onset: Tensor | None = None

    def take_pitch(
        self, audio: Float[Tensor, " time"], instrument: Instrument, tracker: str | F0Curve
    ) -> StringCurves | None:
        """Track the pitch, and return the curves of strings where a part is one."""
        features = analyze(audio, self.sample_rate, self.hop_length, tracker)
        strings = string_curves(audio, features) if _stiff(instrument) else None
        f0_hz = features.f0_hz if strings is None else strings.f0_hz
        self.f0_hz = f0_hz.clamp(1.0, self.sample_rate / 2)
        return strings

    def curves(self, frames: slice) -> dict[str, Float[Tensor, "1 frame"]]:
        """Return the inputs of some frames, by name."""
        made = {}
        if self.f0_hz is not None:
            made["f0_hz"] = self.f0_hz[None, frames]
        if self.onset is not None:
            end = self.hop_length * torch.arange(frames.start + 1, frames.stop + 1, dtype=torch.float64)
            made["onset_s"] = ((end - self.onset) / self.sample_rate).clamp(min=0).to(torch.float32)[None]
        return made


def _start(
    instrument: Instrument, n_frames: int, strings: StringCurves | None, measured: dict[str, Tensor]
) -> Float[Tensor, "1 frame channel"]:
    """Return what the controls are before their activations at the first step.

    It is what they are before training, if they are not measured; the inharmonicity of strings is that of
    their notes.
    """
    start = []
    for one in instrument.controls:
        values = torch.tensor(one.start) if one.start else torch.zeros(one.width)
        values = values.expand(n_frames, -1)
        if strings is not None and one.name in _stiff(instrument):
            share = (strings.inharmonicity / one.minimum).clamp(min=1.0).log()
            values = (share / math.log(one.maximum / one.minimum)).logit(_EDGE)[:, None]
        start.append(measured.get(one.name, values))
    return torch.cat(start, -1)[None].clone().requires_grad_()


def _descend(
    instrument: Instrument,
    raw: Float[Tensor, "1 frame channel"],
    notes: Int[Tensor, " frame"] | None,
    given: Given,
    target: Float[Tensor, "1 time"],
    criterion: nn.Module,
    weights: list[nn.Parameter],
    steps: int,
    seed: int,
    on_progress: Callable[[float], None],
) -> None:
    """Move the controls, and the parts' weights, in place.

    The inharmonicity of strings starts near its end, and a string has one: it moves slowly, by the mean
    gradient of its note. So do controls that a hit keeps, by the sum of their gradients.

    A long sound is played in pieces, with the state of the piece before: memory does not grow with its
    length, but for the controls. What a piece's controls do to the next one, such as reverberation, is heard
    there and has no gradient.
    """
    widths = [one.width for one in instrument.controls]
    stiff = [one.name in _stiff(instrument) and notes is not None for one in instrument.controls]
    is_stiff = torch.tensor(stiff).repeat_interleave(torch.tensor(widths))
    start, moved = raw.detach().clone(), torch.zeros_like(raw).requires_grad_()
    of_hits = hit_speeds(instrument)
    kept = [of_hits.get(one.name, 0.0) for one in instrument.controls]
    kept_speed = torch.tensor(kept).repeat_interleave(torch.tensor(widths))
    is_kept = kept_speed > 0
    speed = torch.where(is_stiff, _STIFF_SPEED, torch.where(is_kept, kept_speed, 1.0))
    groups: list[dict[str, Any]] = [{"params": [moved], "lr": _LEARNING_RATE, "first": _LEARNING_RATE}]
    if weights:
        groups.append({"params": weights, "lr": _WEIGHTS_LEARNING_RATE, "first": _WEIGHTS_LEARNING_RATE})
    if given.onset is not None:
        groups.append({"params": [given.onset], "lr": _ONSET_SPEED, "first": _ONSET_SPEED})
    optimizer = torch.optim.Adam(groups, betas=_BETAS)
    hop_length, n_frames = instrument.hop_length, raw.shape[1]
    draws_twice = isinstance(criterion, EnergyDistance)
    for step in range(steps):
        for group in optimizer.param_groups:
            fall = 0.5 + 0.5 * math.cos(math.pi * step / steps)
            group["lr"] = group["first"] * (_FINAL_RATIO + (1 - _FINAL_RATIO) * fall)
        optimizer.zero_grad()
        first = seed + 1 + 2 * step if draws_twice else seed
        state, other_state = instrument.play_state(1, first), instrument.play_state(1, first + 1)
        for piece in pieces(n_frames, hop_length, instrument.sample_rate):
            now = start[:, piece] + speed * moved[:, piece]
            controls = {**given.curves(piece), **split_controls(now, instrument.controls)}
            heard = target[:, piece.start * hop_length : piece.stop * hop_length]
            audio, state = instrument.play(controls, state=state)
            if draws_twice:
                with torch.no_grad():
                    other, other_state = instrument.play(controls, state=other_state)
                value = criterion(audio, heard, other)
            else:
                value = criterion(audio, heard)
            (value * (heard.shape[1] / target.shape[1])).backward()
            state = _detached(state)
        if notes is not None and moved.grad is not None:
            moved.grad[0, :, is_stiff] = _mean_per_note(moved.grad[0][:, is_stiff], notes)
        if moved.grad is not None and is_kept.any():
            # A hit keeps its controls, so all frames have the same.
            moved.grad[0, :, is_kept] = moved.grad[0][:, is_kept].sum(0)
        optimizer.step()
        on_progress((step + 1) / steps)
    with torch.no_grad():
        raw.copy_(start + speed * moved)


def _mean_per_note(
    values: Float[Tensor, "frame channel"], notes: Int[Tensor, " frame"]
) -> Float[Tensor, "frame channel"]:
    """Return the mean over each frame's note."""
    sums = values.new_zeros(int(notes.max()) + 1, values.shape[1]).index_add(0, notes, values)
    return (sums / notes.bincount()[:, None].clamp(min=1))[notes]


def _detached(state: Any) -> Any:
    """Return a state without the graph that made it: a tensor, or a (named) tuple of states."""
    if isinstance(state, Tensor):
        return state.detach()
    if isinstance(state, tuple):
        make = getattr(type(state), "_make", tuple)  # a named tuple is made from its parts by `_make`
        return make(_detached(one) for one in state)
    return state


@torch.no_grad()
def _residual(played: Float[Tensor, " time"], audio: Float[Tensor, "..."], sample_rate: int) -> Residual:
    ratio = float(played.square().mean() / audio.square().mean())
    return Residual(
        spectral_loss=float(MultiScaleSpectralLoss(sample_rate)(played[None], audio[None])),
        log_mel_db=float(LogMelLoss(sample_rate)(played[None], audio[None])),
        level_db=10.0 * math.log10(max(ratio, 1e-30)),
    )
