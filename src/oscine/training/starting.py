"""A new instrument that starts from a trained one: what it takes over, and how it is trained further."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from oscine.data.dataset import Dataset
from oscine.errors import InputError
from oscine.files import printable, resolved
from oscine.models import Instrument, Recipe, TrainingConfig
from oscine.models.inputs.identity import EMBEDDING
from oscine.models.recipes import change_recipe
from oscine.processors import Reverb

#: How weights that have learned another instrument are trained further. The figures are in
#: docs/background/laboratory/few-minutes.md.
FINE_TUNING = TrainingConfig(batch_size=4, crop_s=1.0, preroll_s=0.75, learning_rate=1e-3)
#: The losses of the recipe `default`, without which an instrument whose controls shimmer would lose that.
_WITH_SHIMMER = {"loudness_weight": 0.1, "texture_weight": 0.5}
_MOST_CHARACTERS = 300


class Start:
    """A trained instrument from which another one is learned.

    Taken over are the config (rates, inputs, networks, parts) and all weights but the reverb's: a room is the
    recording's and not the instrument's. Where the effects alone are trained, the reverb's are too: the rest
    has learned to sound in that room. The effects may be others; those of the same name keep their weights.
    Statistics, such as the range of pitch and loudness, are those of the new recordings. Of several
    identities in the trained instrument, those that the new dataset has as well keep their embeddings; the
    others start from the mean of all.

    Attributes:
        instrument: The trained one.
        description: What it is called, and its licence and credit, for the new one's model card.

    Args:
        instrument: The trained instrument, or its folder or hub id.
        dataset: What the new one learns from.

    Raises:
        InputError: When there is no such instrument, or the dataset has other rates.
    """

    def __init__(self, instrument: str | Path | Instrument, dataset: Dataset) -> None:
        in_memory = isinstance(instrument, Instrument)
        self.instrument = instrument if in_memory else Instrument.from_pretrained(instrument)
        self.description = _description(instrument_name(instrument), self.instrument.card)
        rate, hop_length = self.instrument.sample_rate, self.instrument.hop_length
        if (rate, hop_length) != (dataset.sample_rate, dataset.hop_length):
            raise InputError(
                f"The instrument to start from plays at {rate} Hz with hops of {hop_length}, but "
                f"{dataset.name} has {dataset.sample_rate} Hz with hops of {dataset.hop_length}; prepare the "
                f"recordings again at {rate} Hz."
            )

    def recipe(self, overrides: Mapping[str, Any]) -> Recipe:
        """Return the recipe of the new instrument.

        Args:
            overrides: Values of the training and the effects by dotted key,
                ``{"training.learning_rate": 1e-4}``.

        Raises:
            InputError: When one is of neither, there is no such key, or a value is not allowed.
        """
        for key in overrides:
            if key.split(".")[0] != "training" and key.split(".")[:2] != ["instrument", "effects"]:
                raise InputError(
                    f"{key} can't be set: the instrument to start from says what the new one is; only "
                    "training.… and instrument.effects can be."
                )
        shimmers = bool(self.instrument.config.controller.shimmer_frames)
        made = Recipe(
            name="fine-tuning",
            description="A trained instrument, trained further on other recordings.",
            instrument=self.instrument.config,
            training=FINE_TUNING.model_copy(update=_WITH_SHIMMER if shimmers else {}),
        )
        return change_recipe(made, overrides) if overrides else made

    def hand_over(self, instrument: Instrument, *, with_room: bool = False) -> None:
        """Give a new instrument of the same config, identities and effects apart, the weights it starts from.

        Args:
            instrument: The new one.
            with_room: Take the reverb's weights over as well.
        """
        weights = dict(self.instrument.state_dict())
        rooms = [name for name, module in self.instrument.named_modules() if isinstance(module, Reverb)]
        for name in () if with_room else rooms:
            del weights[f"{name}.impulse_response"]
        there = instrument.state_dict()
        for name in [name for name in weights if name.startswith("effects.")]:
            if name not in there or there[name].shape != weights[name].shape:
                del weights[name]
        if EMBEDDING in weights:
            before, now = self.instrument.config.identities, instrument.config.identities
            weights[EMBEDDING] = _embeddings(weights[EMBEDDING], before, now)
        instrument.load_state_dict(weights, strict=False)


def instrument_name(instrument: str | Path | Instrument) -> str:
    """Return what an instrument that is given to a training is called on a model card."""
    if isinstance(instrument, Instrument):
        return "an instrument in memory"
    return printable(resolved(instrument).name)


def _embeddings(embedding: Tensor, before: tuple[str, ...], now: tuple[str, ...]) -> Tensor:
    """Return the embeddings, (channel, identity), of other identities: their own, or the mean."""
    mean = embedding.mean(dim=1)
    return torch.stack(
        [embedding[:, before.index(name)] if name in before else mean for name in now or ("",)], dim=1
    )


def _description(name: str, card: Mapping[str, Any]) -> str:
    facts = {"licence": "licence", "credit": "credit", "consent": "consent", "started_from": "started from"}
    told = ", ".join(f"{words} {card[key]}" for key, words in facts.items() if card.get(key))
    text = f"{name} ({told})" if told else name
    return printable(text)[:_MOST_CHARACTERS]
