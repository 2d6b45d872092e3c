"""Arguments of a wrong type are a sentence in every public function, before anything is read or written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import oscine
from oscine.arguments import checked
from oscine.errors import InputError
from oscine.notes.midi_file import Score
from oscine.transfer import Options

_TUNE = np.zeros(8000, np.float32)
_API: Any = oscine  # whose types these calls break
_CALLS: list[tuple[Callable[[], Any], str]] = [
    (lambda: _API.analyze(None, 16_000), "^audio is None; give "),
    (lambda: _API.analyze({}), "^audio is of type dict; give a name, a path, "),
    (lambda: _API.analyze(_TUNE, "16000"), "^sample_rate is '16000'; give a number or None"),
    (lambda: _API.analyze(_TUNE, 16_000, float("nan")), "^The hop length is nan samples"),
    (lambda: _API.analyze(_TUNE, 16_000, tracker=["yin"]), "^tracker is of type list; give a text or "),
    (
        lambda: _API.play(_TUNE, to="violin"),
        r"^performance is of type ndarray; give .*\(samples, sample_rate\)",
    ),
    (lambda: _API.play([_TUNE, 16_000], to="violin"), "^performance is of type list"),
    (lambda: _API.play(b"a.wav", to="violin"), "^performance is of type bytes"),
    (lambda: _API.play("a\0.wav", to="violin"), "^performance holds a null character"),
    (lambda: _API.play((_TUNE, 16_000), to=None), "^to is None; give a name, a path or an Instrument"),
    (lambda: _API.render(3, to="violin"), "^song is 3; give "),
    (lambda: _API.render("a.mid", to="violin", octave=1.5), "^octave is 1.5; give a whole number"),
    (lambda: _API.render("a.mid", to="violin", dry=1), "^dry is 1; give True or False"),
    (lambda: _API.render("a.mid", to="violin", voices="many"), "^voices is 'many'; give 'auto' or a whole"),
    (lambda: _API.render(Score([], 1.0), to="violin-16k"), "^The score has no note; give one with notes"),
    (lambda: _API.load("VIOLIN"), "the nearest is violin;"),
    (lambda: _API.load("violin", device="meta"), "^The device meta can't be used here"),
    (lambda: _API.prepare("", "set"), "^folder is empty; give a name or a path"),
    (lambda: _API.prepare("takes", "set", n_workers=-1), "^The number of processes is -1; give 1 or more"),
    (lambda: _API.load(None), "^name is None; give a name or a path"),
    (lambda: _API.fit((_TUNE, 16_000), steps="x"), "^steps is 'x'; give a whole number"),
    (lambda: _API.fit((_TUNE, 16_000), steps=True), "^steps is True; give a whole number"),
    (lambda: _API.prepare(None, "set"), "^folder is None; give a name or a path"),
    (lambda: _API.prepare("takes", "set", sample_rate=16_000.5), "^sample_rate is 16000.5; give a whole"),
    (lambda: _API.prepare("takes", "set", on_progress=3), "^on_progress is 3; give a function or None"),
    (lambda: _API.train("set", 3), "^instrument_folder is 3; give a name or a path"),
    (lambda: _API.train("set", "toy", steps="3"), "^steps is '3'; give a whole number or None"),
    (lambda: _API.evaluate("violin", None), "^dataset is None; give a Dataset, a name or a path"),
]


@pytest.mark.parametrize(("call", "words"), _CALLS, ids=range(len(_CALLS)))
def test_a_wrong_type_is_a_sentence(
    call: Callable[[], Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=words) as refusal:
        call()
    assert str(refusal.value).endswith(".")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("tensor", [torch.zeros(9, device="meta"), torch.zeros(9).to_sparse()])
def test_a_tensor_without_samples_is_no_audio(tensor: torch.Tensor) -> None:
    with pytest.raises(InputError, match="meta tensor is not audio"):
        oscine.analyze(tensor, 16_000)


def test_a_folder_is_no_performance() -> None:
    for place in (".", Path("/")):
        with pytest.raises(InputError, match="is not a regular file"):
            oscine.play(place, to="violin-16k")


def test_numbers_of_numpy_are_numbers() -> None:
    options = Options()
    for name, number in (("octave", np.int64(1)), ("seed", np.int32(3)), ("level_passes", np.uint8(0))):
        object.__setattr__(options, name, number)  # the types of the tests refuse them at its birth
    options.__post_init__()
    assert (options.octave, options.seed, options.level_passes) == (1, 3, 0)
    assert type(options.seed) is int

    @checked
    def double(number: int | float, on: bool = False) -> float:
        assert (type(number), type(on)) in ((float, bool), (int, bool))
        return 2 * number

    assert double(np.float32(2.5), np.True_) == 5.0  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="unexpected keyword argument 'nope'"):
        double(1, nope=2)  # pyright: ignore[reportCallIssue]
