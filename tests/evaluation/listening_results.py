"""Keys and results of listening tests without a sound: ``python -m tests.evaluation.listening_results OUT``.

The command writes a key and twelve simulated listeners, whose analysis docs/how-to/listening.md shows.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oscine.evaluation.listening import Key, Method


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def key_of(
    method: Method, systems: Sequence[str], n_items: int, anchors_hz: Sequence[int] = (), repeats: int = 1
) -> Key:
    """Return the key of a test."""
    conditions = ["reference", *systems, *(f"anchor {hz} Hz" for hz in anchors_hz)]
    items = {
        _hash(f"item {i}"): {
            "name": f"item {i}",
            "sounds": {_hash(f"{i} {name}"): name for name in conditions},
            "gains_db": dict.fromkeys(systems, 0.0),
        }
        for i in range(n_items)
    }
    value = {
        "format": "oscine-listening-key",
        "version": 1,
        "test": _hash(f"{method} {conditions} {n_items}"),
        "method": method,
        "title": "A test",
        "seed": 0,
        "repeats": repeats,
        "sample_rate": 48000,
        "systems": list(systems),
        "anchors_hz": list(anchors_hz),
        "items": items,
        "tested": list(items),
        "training": next(iter(items)),
    }
    return Key.model_validate(value)


def answered(key: Key, listener: str, rate: Callable[[str], float]) -> dict[str, Any]:
    """Return a listener's result.

    Args:
        key: Of the test.
        listener: The name.
        rate: The rating of a condition; of ABX, the share of right answers for a system.
    """
    trials: list[dict[str, Any]] = []
    for name in key.tested:
        sounds = key.items[name].sounds
        if key.method == "mushra":
            trials.append(
                _trial(name, list(sounds), {one: rate(condition) for one, condition in sounds.items()})
            )
        elif key.method == "mos":
            trials += [_trial(name, [one], {one: rate(condition)}) for one, condition in sounds.items()]
        else:
            (reference,) = (one for one, condition in sounds.items() if condition == "reference")
            for one, condition in sounds.items():
                for i in range(key.repeats if one != reference else 0):
                    x, other = (one, reference) if i % 2 else (reference, one)
                    answer = x if i < rate(condition) * key.repeats else other
                    trials.append({**_trial(name, [one, reference]), "x": x, "answer": answer})
    return {
        "format": "oscine-listening-result",
        "version": 1,
        "test": key.test,
        "method": key.method,
        "listener": listener,
        "seed": 7,
        "started": "2026-01-01T10:00:00Z",
        "finished": "2026-01-01T10:10:00Z",
        "playback": {"device": "headphones", "sample_rate": 48000},
        "training_seconds": 12.5,
        "reloads": 0,
        "trials": trials,
    }


def _trial(item: str, order: list[str], ratings: dict[str, float] | None = None) -> dict[str, Any]:
    trial = {"item": item, "order": order, "seconds": 30.0, "plays": {}}
    return trial if ratings is None else {**trial, "ratings": ratings}


def written(folder: Path, key: Key) -> Path:
    """Write a key and return its path."""
    path = folder / "test.key.json"
    path.write_text(json.dumps(json.loads(key.model_dump_json())))
    return path


def main() -> None:
    """Write eleven listeners who rate what they hear, and one who does not find the reference."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    key = key_of("mushra", ["network", "average"], 8, [3500])
    written(folder, key)
    truth = {"reference": 100, "network": 68, "average": 57, "anchor 3500 Hz": 22}
    rng = np.random.default_rng(0)
    for i in range(12):
        offset = rng.normal(0, 6)

        def rate(condition: str, offset: float = offset, is_lost: bool = i == 11) -> int:
            if condition == "reference":
                return int(rng.integers(60, 101)) if is_lost else 100
            return int(np.clip(round(truth[condition] + offset + rng.normal(0, 10)), 0, 99))

        (folder / f"listener-{i}.json").write_text(json.dumps(answered(key, f"listener {i}", rate)))


if __name__ == "__main__":
    main()
