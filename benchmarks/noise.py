"""Filtered noise against the textbook form, which makes and overlap-adds one windowed filter per frame."""

from functools import partial

from torch import Tensor

from benchmarks import textbook
from benchmarks.measure import (
    DIFFERENTIABLE,
    Call,
    both_ways,
    cost_row,
    measure,
    random_like,
    signal_to_noise_db,
    table,
)
from oscine.functional import filtered_noise

BATCH_SIZE, SECONDS = 16, 4.0
#: Sample rate, hop length, bands.
SIZES = ((16_000, 64, 65), (48_000, 192, 129))
FORMS = {"Oscine": filtered_noise, "textbook": textbook.filtered_noise}


def _magnitudes(batch_size: int, n_frames: int, n_bands: int) -> Tensor:
    return random_like(batch_size, n_frames, n_bands).sigmoid()


def contender(form: str, batch_size: int, n_frames: int, n_bands: int, hop_length: int) -> list[Call]:
    """One of the forms, by name."""
    magnitudes = _magnitudes(batch_size, n_frames, n_bands).requires_grad_()
    upstream = random_like(batch_size, n_frames * hop_length)
    return both_ways(partial(FORMS[form], hop_length=hop_length), [magnitudes], upstream)


def run(quick: bool) -> str:
    """Return the section; the textbook's noise is another at every call, so it has no error to tell."""
    rows = []
    for sample_rate, hop_length, n_bands in SIZES:
        batch_size, seconds = (1, 0.1) if quick else (BATCH_SIZE, SECONDS)
        size = (batch_size, round(seconds * sample_rate / hop_length), n_bands)
        costs = {form: measure(partial(contender, form, *size, hop_length), quick) for form in FORMS}
        right = filtered_noise(_magnitudes(*size).double(), hop_length=hop_length)
        errors = {"Oscine": f"{signal_to_noise_db(costs['Oscine'].result.value, right):.0f}"}
        rows += [
            cost_row(
                f"{sample_rate} Hz, hop {hop_length}, {n_bands} bands: {form}",
                cost,
                errors.get(form, "–"),
                costs["textbook"],
            )
            for form, cost in costs.items()
        ]
    return f"{BATCH_SIZE} × {SECONDS:g} s.\n\n{table(DIFFERENTIABLE, rows)}"
