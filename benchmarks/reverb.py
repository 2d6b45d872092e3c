"""The room: convolution with one second of impulse response against an FFT of the next power of two."""

from functools import partial

import torch
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
from oscine.functional import convolve

BATCH_SIZE, SECONDS, ROOM_S = 16, 4.0, 1.0
SAMPLE_RATES = (16_000, 48_000)
FORMS = {"Oscine": convolve, "textbook": textbook.room}


def _inputs(batch_size: int, n_samples: int, n_taps: int) -> list[Tensor]:
    decay = torch.exp(-7 * torch.arange(n_taps) / n_taps)
    taps = decay * random_like(n_taps, seed=2)
    return [random_like(batch_size, n_samples).requires_grad_(), taps.requires_grad_()]


def contender(form: str, batch_size: int, n_samples: int, n_taps: int) -> list[Call]:
    """One of the forms, by name."""
    upstream = random_like(batch_size, n_samples, seed=3)
    return both_ways(FORMS[form], _inputs(batch_size, n_samples, n_taps), upstream)


def run(quick: bool) -> str:
    """Return the section."""
    rows = []
    for sample_rate in SAMPLE_RATES:
        batch_size, shorter = (1, 40) if quick else (BATCH_SIZE, 1)
        size = (batch_size, round(SECONDS * sample_rate) // shorter, round(ROOM_S * sample_rate) // shorter)
        costs = {form: measure(partial(contender, form, *size), quick) for form in FORMS}
        right = textbook.room(*(x.detach().double() for x in _inputs(*size)))
        for form, cost in costs.items():
            error = f"{signal_to_noise_db(cost.result.value, right):.0f}"
            rows.append(cost_row(f"{sample_rate} Hz: {form}", cost, error, costs["textbook"]))
    head = f"{BATCH_SIZE} × {SECONDS:g} s through {ROOM_S:g} s of room; gradients of both."
    return f"{head}\n\n{table(DIFFERENTIABLE, rows)}"
