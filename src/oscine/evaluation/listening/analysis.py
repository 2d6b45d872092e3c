"""The analysis of a listening test: means with intervals, differences with tests, and who is left out."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field

from oscine.errors import InputError
from oscine.evaluation.listening.formats import Key, Method, Result, read_key, read_result
from oscine.evaluation.listening.statistics import (
    Interval,
    binomial_interval,
    binomial_p,
    bootstrap_interval,
    holm,
    sign_flip_p,
    t_interval,
)
from oscine.evaluation.listening.stimuli import REFERENCE, anchor_name
from oscine.files import printable

_MOST_RESULTS = 10_000
#: Of the standard: a listener who rates the hidden reference below 90, or a 7 kHz anchor above 90, in more
#: than 15 % of the items is left out.
_REFERENCE_LEAST, _ANCHOR_MOST, _MOST_WRONG = 90, 90, 0.15
_MIDDLE_ANCHOR = anchor_name(7000)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Excluded(_Frozen):
    """A listener whose answers do not count."""

    listener: str
    reason: str


class Rated(_Frozen):
    """The ratings of one condition."""

    condition: str
    mean: float
    t_interval: Interval | None = Field(description="95 %, by Student's t over the units' means")
    bootstrap_interval: Interval | None = Field(description="95 %, listeners and items drawn anew")
    median: float
    median_interval: Interval | None = Field(description="95 %, likewise by bootstrap")


class Difference(_Frozen):
    """How far two conditions are apart."""

    conditions: tuple[str, str]
    mean: float = Field(description="of the first minus the second")
    interval: Interval | None = Field(description="95 %, by Student's t over the units' differences")
    bootstrap_interval: Interval | None
    p: float = Field(description="two-sided, by sign flips of the units' differences")
    p_holm: float = Field(description="corrected for the number of differences")


class Told(_Frozen):
    """How often a system was distinguished from the reference."""

    system: str
    listener: str | None = Field(description="null for all listeners together")
    n_right: int
    n: int
    share: float
    interval: Interval = Field(description="95 %, exact")
    p: float = Field(description="of so many right answers by guessing, exact and one-sided")
    p_holm: float | None = Field(description="corrected for the number of systems; null for one listener")


class Report(_Frozen):
    """The analysis of a test."""

    method: Method
    test: str
    title: str
    n_listeners: int = Field(description="whose answers count")
    n_items: int
    n_answers: int
    unit: str = Field(
        description="of intervals and tests: listeners, the items of a single one, or answers (ABX)"
    )
    excluded: list[Excluded]
    rated: list[Rated] = []
    differences: list[Difference] = []
    told: list[Told] = []


def analyze_results(key_path: Path, paths: Sequence[Path]) -> Report:
    """Return the analysis of the results that listeners sent back.

    Args:
        key_path: The key that was written beside the page.
        paths: Results, or folders of them.

    Raises:
        InputError: When a file can't be used, a listener is there twice, or nobody's answers count.
    """
    key = read_key(key_path)
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        files += [one for one in inside if not (path.is_dir() and one.name.endswith(".key.json"))]
    if not 1 <= len(files) <= _MOST_RESULTS:
        raise InputError(f"There are {len(files)} results; give 1 to {_MOST_RESULTS:,} files.")
    results: dict[str, Result] = {}
    for path in files:
        result = read_result(path, key)
        if result.listener in results:
            raise InputError(
                f"{printable(path)} is the second result of the listener {printable(result.listener)}; leave "
                "one out."
            )
        results[result.listener] = result
    return analyze(key, list(results.values()))


def analyze(key: Key, results: Sequence[Result]) -> Report:
    """Return the analysis of checked results; see `analyze_results`.

    MUSHRA and MOS: of each condition the mean and the median over listeners and items. The unit of intervals
    and tests is the listener, of whom the mean over items counts, since the ratings of one listener are not
    independent; with a single listener it is the item. MUSHRA leaves out listeners as the standard says.
    ABX: for each system, how often it was distinguished from the reference.

    Reference:
        Recommendation ITU-R BS.1534-3, 2015, section 4.1.2 (post-screening); ITU-T P.800, 1996, annex
        B (five points).
    """
    if key.method == "abx":
        return _abx(key, results)
    conditions = _conditions(key)
    ratings = np.stack([_ratings(key, one, conditions) for one in results])
    excluded: list[Excluded] = []
    if key.method == "mushra":
        reasons = [_reason(one, conditions) for one in ratings]
        excluded = [
            Excluded(listener=one.listener, reason=reason)
            for one, reason in zip(results, reasons, strict=True)
            if reason
        ]
        ratings = ratings[[not reason for reason in reasons]]
    if not len(ratings):
        raise InputError("No listener is left after the post-screening; ask more listeners.")
    is_single = len(ratings) == 1
    by_unit = ratings[0] if is_single else ratings.mean(1)
    rated = [
        Rated(
            condition=name,
            mean=float(ratings[..., i].mean()),
            t_interval=t_interval(by_unit[:, i]),
            bootstrap_interval=bootstrap_interval(ratings[..., i]),
            median=float(np.median(ratings[..., i])),
            median_interval=bootstrap_interval(ratings[..., i], "median"),
        )
        for i, name in enumerate(conditions)
    ]
    return Report(
        method=key.method,
        test=key.test,
        title=key.title,
        n_listeners=len(ratings),
        n_items=len(key.tested),
        n_answers=ratings.size,
        unit="items" if is_single else "listeners",
        excluded=excluded,
        rated=sorted(rated, key=lambda one: -one.mean),
        differences=_differences(ratings, by_unit, conditions),
    )


def _conditions(key: Key) -> list[str]:
    return [REFERENCE, *key.systems, *map(anchor_name, key.anchors_hz)]


def _ratings(key: Key, result: Result, conditions: Sequence[str]) -> Float[np.ndarray, "item condition"]:
    ratings = np.full((len(key.tested), len(conditions)), np.nan)
    for trial in result.trials:
        for one, rating in trial.ratings.items():
            condition = key.items[trial.item].sounds[one]
            ratings[key.tested.index(trial.item), conditions.index(condition)] = rating
    return ratings


def _reason(ratings: Float[np.ndarray, "item condition"], conditions: Sequence[str]) -> str | None:
    """Return why a listener does not count, by the rules of the standard."""
    low = float((ratings[:, conditions.index(REFERENCE)] < _REFERENCE_LEAST).mean())
    if low > _MOST_WRONG:
        return f"rated the hidden reference below {_REFERENCE_LEAST} in {100 * low:.0f} % of the items"
    if _MIDDLE_ANCHOR in conditions:
        high = float((ratings[:, conditions.index(_MIDDLE_ANCHOR)] > _ANCHOR_MOST).mean())
        if high > _MOST_WRONG:
            return f"rated the {_MIDDLE_ANCHOR} above {_ANCHOR_MOST} in {100 * high:.0f} % of the items"
    return None


def _differences(
    ratings: Float[np.ndarray, "listener item condition"],
    by_unit: Float[np.ndarray, "unit condition"],
    conditions: Sequence[str],
) -> list[Difference]:
    """Return the differences of all pairs but those with an anchor."""
    kept = [i for i, name in enumerate(conditions) if not name.startswith("anchor")]
    pairs = list(combinations(kept, 2))
    units = [by_unit[:, i] - by_unit[:, j] for i, j in pairs]
    p_values = [sign_flip_p(one) for one in units]
    return [
        Difference(
            conditions=(conditions[i], conditions[j]),
            mean=float(one.mean()),
            interval=t_interval(one),
            bootstrap_interval=bootstrap_interval(ratings[..., i] - ratings[..., j]),
            p=p,
            p_holm=corrected,
        )
        for (i, j), one, p, corrected in zip(pairs, units, p_values, holm(p_values), strict=True)
    ]


def _abx(key: Key, results: Sequence[Result]) -> Report:
    counts = {name: {result.listener: (0, 0) for result in results} for name in key.systems}
    for result in results:
        for trial in result.trials:
            (system,) = {key.items[trial.item].sounds[one] for one in trial.order} - {REFERENCE}
            n_right, n = counts[system][result.listener]
            counts[system][result.listener] = n_right + (trial.answer == trial.x), n + 1
    pooled = {
        system: (sum(right for right, _ in of.values()), sum(n for _, n in of.values()))
        for system, of in counts.items()
    }
    corrected = holm([binomial_p(*one) for one in pooled.values()])
    told: list[Told] = []
    for system, p_holm in zip(key.systems, corrected, strict=True):
        told.append(_told(system, None, *pooled[system], p_holm))
        told += [_told(system, listener, *one, None) for listener, one in counts[system].items()]
    return Report(
        method="abx",
        test=key.test,
        title=key.title,
        n_listeners=len(results),
        n_items=len(key.tested),
        n_answers=sum(n for _, n in pooled.values()),
        unit="answers",
        excluded=[],
        told=told,
    )


def _told(system: str, listener: str | None, n_right: int, n: int, p_holm: float | None) -> Told:
    return Told(
        system=system,
        listener=listener,
        n_right=n_right,
        n=n,
        share=n_right / n,
        interval=binomial_interval(n_right, n),
        p=binomial_p(n_right, n),
        p_holm=p_holm,
    )
