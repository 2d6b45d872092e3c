"""Instruments: named parts and a short forward; their configs; their recipes."""

from oscine.models.config import InstrumentConfig
from oscine.models.instrument import Instrument, InstrumentState
from oscine.models.recipes import Recipe, TrainingConfig, list_recipes, load_recipe

__all__ = [
    "Instrument",
    "InstrumentConfig",
    "InstrumentState",
    "Recipe",
    "TrainingConfig",
    "list_recipes",
    "load_recipe",
]
