"""Instruments: named parts and a short forward; their configs; their recipes."""

from oscine.models.bundled import BundledInstrument, list_instruments
from oscine.models.config import InstrumentConfig
from oscine.models.dynamics import Dynamics, dynamics_of
from oscine.models.instrument import Instrument
from oscine.models.recipes import DistillationConfig, Recipe, TrainingConfig, list_recipes, load_recipe
from oscine.models.state import ControlState, InstrumentState, PlayState

__all__ = [
    "BundledInstrument",
    "ControlState",
    "DistillationConfig",
    "Dynamics",
    "Instrument",
    "InstrumentConfig",
    "InstrumentState",
    "PlayState",
    "Recipe",
    "TrainingConfig",
    "dynamics_of",
    "list_instruments",
    "list_recipes",
    "load_recipe",
]
