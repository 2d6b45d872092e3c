"""The range coder: what goes in comes out, in as many bits as the numbers are worth."""

import math
import random

import numpy as np
import pytest

from oscine.voices.range_coder import DamagedError, RangeDecoder, RangeEncoder

START = [1, 16, 200]


def _encode(numbers: list[tuple[int, int]]) -> bytes:
    coder = RangeEncoder(START)
    for context, value in numbers:
        coder.number(context, value)
    return coder.finish()


def _decode(content: bytes, contexts: list[int]) -> list[int]:
    coder = RangeDecoder(START, content)
    return [coder.number(context) for context in contexts]


@pytest.mark.parametrize("seed", range(5))
def test_numbers_come_back(seed: int) -> None:
    chance = random.Random(seed)
    spread = 10 ** chance.uniform(-2, 4.5)
    numbers = [
        (chance.randrange(3), max(-65536, min(65536, round(chance.gauss(0, spread))))) for _ in range(1000)
    ]
    assert _decode(_encode(numbers), [context for context, _ in numbers]) == [value for _, value in numbers]


@pytest.mark.parametrize("values", [[], [0] * 2000, [65536, -65536] * 40, [1] * 1000 + [-14, 13, 15] * 50])
def test_extremes_come_back(values: list[int]) -> None:
    assert _decode(_encode([(0, value) for value in values]), [0] * len(values)) == values


def test_a_geometric_source_takes_its_entropy() -> None:
    chance, go_on, n = np.random.default_rng(0), 0.4, 20_000
    magnitudes = chance.geometric(1 - go_on, n) - 1
    values = magnitudes * chance.choice([-1, 1], n)
    stop = 1 - go_on
    entropy = -(math.log2(stop) + go_on / stop * math.log2(go_on)) + go_on  # and a bit for each sign
    bits = 8 * len(_encode([(1, int(value)) for value in values]))
    assert bits / n == pytest.approx(entropy, rel=0.02)


def test_the_bytes_are_the_same_on_every_machine() -> None:
    numbers = [(k % 3, (k * k) % 7 - 3) for k in range(40)] + [(1, 5000), (2, -77)]
    assert _encode(numbers).hex() == GOLDEN


def test_bytes_that_end_too_early_are_told() -> None:
    numbers = [(1, k % 9 - 4) for k in range(400)]
    content = _encode(numbers)
    with pytest.raises(DamagedError):
        _decode(content[: len(content) // 2], [1] * 400)


def test_no_bytes_are_few_numbers() -> None:
    with pytest.raises(DamagedError):
        _decode(b"", [0] * 500)


GOLDEN = "0001eb5736e374077549d9ba39c14c9435b09825438eb2ef13"
