"""The two files of a listening test: the key, which stays with its maker, and what a listener sends back."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from oscine.errors import InputError
from oscine.evaluation.listening.stimuli import MOST_CONDITIONS, MOST_ITEMS, REFERENCE
from oscine.explain import explain
from oscine.files import printable, read_json

Method = Literal["mushra", "mos", "abx"]
METHODS: tuple[Method, ...] = ("mushra", "mos", "abx")
VERSION = 1
MOST_REPEATS = 20
KEY_FORMAT, RESULT_FORMAT = "oscine-listening-key", "oscine-listening-result"
_MOST_BYTES = 8 << 20
_MOST_TRIALS = MOST_ITEMS * MOST_CONDITIONS * MOST_REPEATS

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**6)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


_Model = TypeVar("_Model", bound=BaseModel)


class KeyItem(_Strict):
    """The meaning of the hashes of one item."""

    name: Name = Field(description="the file's name without its ending")
    sounds: dict[Hash, Name] = Field(max_length=MOST_CONDITIONS, description="the condition of each hash")
    gains_db: dict[Name, float] = Field(
        max_length=MOST_CONDITIONS, description="what the level match put on each system"
    )


class Key(_Strict):
    """The meaning of a test's hashes: a file beside the page, which must not be published with it."""

    format: Literal["oscine-listening-key"]
    version: Literal[1]
    test: Hash
    method: Method
    title: str
    seed: int
    repeats: int = Field(ge=1, le=MOST_REPEATS)
    sample_rate: int = Field(ge=1, le=10**6)
    systems: list[Name] = Field(min_length=1, max_length=MOST_CONDITIONS)
    anchors_hz: list[int] = Field(max_length=MOST_CONDITIONS)
    items: dict[Hash, KeyItem] = Field(min_length=1, max_length=MOST_ITEMS)
    tested: list[Hash] = Field(min_length=1, max_length=MOST_ITEMS, description="the items that are judged")
    training: Hash = Field(description="the item of the training, whose answers are not kept")


class Playback(_Strict):
    """Headphones or loudspeakers of the listener."""

    device: Literal["headphones", "loudspeakers", "unknown"]
    sample_rate: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | None


class Trial(_Strict):
    """One page of a test, as it was shown and answered."""

    item: Hash
    order: list[Hash] = Field(min_length=1, max_length=MOST_CONDITIONS, description="as shown, from the top")
    ratings: dict[Hash, Annotated[int, Field(ge=0, le=100)]] = Field(
        default={}, max_length=MOST_CONDITIONS, description="of MUSHRA 0 … 100, of MOS 1 … 5"
    )
    x: Hash | None = Field(default=None, description="of ABX, the sound that X was")
    answer: Hash | None = Field(default=None, description="of ABX, the sound that X was said to be")
    seconds: Seconds = Field(description="for which the page was shown")
    plays: dict[str, Count] = Field(
        max_length=MOST_CONDITIONS + 2, description="how often each sound was chosen"
    )


class Result(_Strict):
    """The answers of one listener."""

    format: Literal["oscine-listening-result"]
    version: Literal[1]
    test: Hash
    method: Method
    listener: Annotated[str, StringConstraints(pattern=r"^[\w. -]{1,40}$")]
    seed: int = Field(ge=0, lt=2**32, description="from which all orders follow")
    started: Annotated[str, StringConstraints(max_length=40)]
    finished: Annotated[str, StringConstraints(max_length=40)]
    playback: Playback
    training_seconds: Seconds
    reloads: Count = Field(description="how often the page was opened again before the end")
    trials: list[Trial] = Field(max_length=_MOST_TRIALS)


def read_key(path: str | Path) -> Key:
    """Return the key of a test.

    Raises:
        InputError: When the file is not one, or contradicts itself.
    """
    key = _read(path, Key, KEY_FORMAT, "the key of a listening test")
    conditions: set[str] | None = None
    for item in key.items.values():
        there = set(item.sounds.values())
        if (
            len(there) != len(item.sounds)
            or there != (conditions or there)
            or not there >= {REFERENCE, *key.systems}
        ):
            raise InputError(f"{printable(path)} contradicts itself; make the test again.")
        conditions = there
    hashes = [one for item in key.items.values() for one in item.sounds]
    named = {key.training, *key.tested}
    if named != set(key.items) or len(set(key.tested)) < len(key.tested) or len(set(hashes)) < len(hashes):
        raise InputError(f"{printable(path)} contradicts itself; make the test again.")
    return key


def read_result(path: str | Path, key: Key) -> Result:
    """Return what a listener sent back, when it is whole and belongs to the test.

    Raises:
        InputError: When the file is no result, of another test, incomplete, or contradicts the key.
    """
    name = printable(path)
    result = _read(path, Result, RESULT_FORMAT, "a listener's result")
    if result.test != key.test or result.method != key.method:
        raise InputError(f"{name} is the result of another test; give the key that was made with its page.")
    counts: dict[tuple[str, ...], int] = {}
    for number, trial in enumerate(result.trials, 1):
        item = key.items[trial.item] if trial.item in key.tested else None
        place = f"{name}: trial {number}"
        if (
            item is None
            or not set(trial.order) <= set(item.sounds)
            or len(set(trial.order)) < len(trial.order)
        ):
            raise InputError(f"{place} has sounds that are not in the test; leave the file out.")
        if problem := _problem(trial, item, key.method):
            raise InputError(f"{place} {problem}; leave the file out.")
        what = () if key.method == "mushra" else tuple(sorted(trial.order))
        counts[trial.item, *what] = counts.get((trial.item, *what), 0) + 1
    wanted = expected_trials(key)
    if counts != wanted:
        n_right = sum(min(counts.get(one, 0), n) for one, n in wanted.items())
        raise InputError(
            f"{name} has {n_right} of the {sum(wanted.values())} trials of the test, and "
            f"{len(result.trials) - n_right} others; leave the file out."
        )
    return result


def expected_trials(key: Key) -> dict[tuple[str, ...], int]:
    """Return how often a listener gets each trial, by its item and, of MOS and ABX, its sounds."""
    wanted: dict[tuple[str, ...], int] = {}
    for item_hash in key.tested:
        item = key.items[item_hash]
        hashes = {condition: one for one, condition in item.sounds.items()}
        if key.method == "mushra":
            wanted[(item_hash,)] = 1
        elif key.method == "mos":
            wanted |= {(item_hash, one): 1 for one in item.sounds}
        else:
            for system in key.systems:
                pair = sorted((hashes[REFERENCE], hashes[system]))
                wanted[item_hash, *pair] = key.repeats
    return wanted


def _problem(trial: Trial, item: KeyItem, method: Method) -> str | None:
    """Return what is wrong with a trial, as the end of a sentence."""
    if method == "abx":
        if len(trial.order) != 2 or trial.ratings:
            return "is no trial of an ABX test"
        if trial.x not in trial.order or trial.answer not in trial.order:
            return "lacks its answer"
        return None
    if trial.x is not None or trial.answer is not None or (method == "mos") != (len(trial.order) == 1):
        return "is no trial of this method"
    if method == "mushra" and set(trial.order) != set(item.sounds):
        return "lacks some of its sounds"
    if set(trial.ratings) != set(trial.order):
        return "lacks some of its ratings"
    if method == "mos" and not all(1 <= one <= 5 for one in trial.ratings.values()):
        return "has a rating that is not 1 to 5"
    return None


def _read(path: str | Path, model: type[_Model], form: str, what: str) -> _Model:
    name = printable(path)
    value: Any = read_json(path, _MOST_BYTES, "Get it again.")
    if not isinstance(value, dict) or value.get("format") != form:
        raise InputError(f"{name} is not {what}; its format is not {form!r}.")
    if value.get("version") != VERSION:
        raise InputError(f"{name} has another version of {what} than {VERSION}; use the Oscine that made it.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InputError(f"{name} can't be used: {printable(explain(error, model))}.") from None
    except (RecursionError, OverflowError):
        raise InputError(f"{name} can't be used: it has values that are none of {what}.") from None
