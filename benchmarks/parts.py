"""The parts of a training step, each alone: forward and backward, in the sizes of a recipe."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from benchmarks import textbook
from benchmarks.measure import Call, by_form, random_like
from oscine.data.batch import Batch
from oscine.functional import hz_to_midi
from oscine.losses import MultiScaleSpectralLoss
from oscine.models import Instrument, Recipe
from oscine.processors import FilteredNoise, HarmonicOscillator, split_controls
from oscine.training.objective import synth_part

PARTS = ("controller", "activations", "oscillator", "noise", "reverb", "loss", "optimiser")


def contender(form: str, recipe: Recipe, batch: Batch, n_preroll: int) -> list[Call]:
    """Return the calls, in the order of `PARTS`, with the kernels in one form."""
    torch.set_flush_denormal(True)
    instrument = Instrument(recipe.instrument)
    calls = by_form(form, [*_synthesis(instrument, batch), _loss(instrument, batch, n_preroll)])
    return [*calls, _optimiser(instrument, recipe)]


def _synthesis(instrument: Instrument, batch: Batch) -> list[Call]:
    controller, reverb, f0_hz = instrument.controller, textbook.reverb(instrument), batch.f0_hz
    assert reverb is not None
    _, oscillator = synth_part(instrument, HarmonicOscillator)
    _, noise = synth_part(instrument, FilteredNoise)
    features = ((hz_to_midi(f0_hz) / 127)[..., None], (batch.loudness_db / 80 + 1)[..., None])
    state = controller.init_state(len(f0_hz))
    with torch.no_grad():
        raw, _ = controller.step(*features, state=state)
        controls = split_controls(raw, instrument.controls)
    raw.requires_grad_()
    audio = batch.audio.clone().requires_grad_()
    amplitude, distribution, magnitudes = (controls[name].requires_grad_() for name in controls)
    return [
        _both(lambda: [controller.step(*features, state=state)[0]], controller.parameters()),
        _both(lambda: list(split_controls(raw, instrument.controls).values()), [raw]),
        _both(lambda: [oscillator(f0_hz, amplitude, distribution)], [amplitude, distribution]),
        _both(lambda: [noise(magnitudes)], [magnitudes]),
        _both(lambda: [reverb(audio)], [audio, *reverb.parameters()]),
    ]


def _loss(instrument: Instrument, batch: Batch, n_preroll: int) -> Call:
    heard = n_preroll * instrument.hop_length
    loss = MultiScaleSpectralLoss(instrument.sample_rate)
    target = batch.audio[:, heard:]
    audio = 0.1 * random_like(*target.shape, seed=4)
    audio.requires_grad_()
    return _both(lambda: [loss(audio, target)], [audio])


def _optimiser(instrument: Instrument, recipe: Recipe) -> Call:
    config, parameters = recipe.training, list(instrument.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    for parameter in parameters:
        parameter.grad = random_like(*parameter.shape)

    def step() -> None:
        torch.nn.utils.clip_grad_norm_(parameters, config.gradient_clip)
        optimizer.step()

    return step


def _both(form: Callable[[], list[Tensor]], wanted: Iterable[Tensor]) -> Call:
    wanted = list(wanted)
    with torch.no_grad():
        upstream = [random_like(*one.shape) for one in form()]
    return lambda: torch.autograd.grad(form(), wanted, upstream)
