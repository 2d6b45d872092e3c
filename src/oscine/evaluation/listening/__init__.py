"""Listening tests: the page that asks (MUSHRA, MOS, ABX), and what the answers say."""

from oscine.evaluation.listening.analysis import (
    Difference,
    Excluded,
    Rated,
    Report,
    Told,
    analyze,
    analyze_results,
)
from oscine.evaluation.listening.formats import METHODS, Key, Method, Result, Trial, read_key, read_result
from oscine.evaluation.listening.making import Made, make_test
from oscine.evaluation.listening.stimuli import REFERENCE, Item, level_db, lowpass, read_items

__all__ = [
    "METHODS",
    "REFERENCE",
    "Difference",
    "Excluded",
    "Item",
    "Key",
    "Made",
    "Method",
    "Rated",
    "Report",
    "Result",
    "Told",
    "Trial",
    "analyze",
    "analyze_results",
    "level_db",
    "lowpass",
    "make_test",
    "read_items",
    "read_key",
    "read_result",
]
