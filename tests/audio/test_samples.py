"""Samples of any kind are the same sound; what is not a sound is refused with a sentence."""

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from tests.data.tunes import tune

from oscine.audio import FileReport, sound_blocks
from oscine.audio.samples import check_rate, equal_blocks, span_blocks
from oscine.errors import InputError

_RATE = 16_000
_TUNE = tune(1, _RATE)


def _read(samples: Any, rate: Any = _RATE) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.float32), *sound_blocks((samples, rate))])


@pytest.mark.parametrize(
    ("samples", "tolerance"),
    [
        (_TUNE.astype(np.float64), 1e-7),
        (_TUNE.astype(np.float16), 1e-3),
        (torch.from_numpy(_TUNE), 0),
        (torch.from_numpy(_TUNE).bfloat16(), 1e-2),
        (_TUNE.tolist(), 1e-7),
        (np.stack([1.5 * _TUNE, 0.5 * _TUNE]), 1e-7),
        (np.round(_TUNE * 32767).astype(np.int16), 1e-4),
        (np.round(_TUNE * 127).astype(np.int8), 1e-2),
        (np.round(_TUNE * 127 + 128).astype(np.uint8), 1e-2),
        (torch.from_numpy(np.round(_TUNE * 127 + 128).astype(np.uint8)), 1e-2),
    ],
    ids=[
        "float64",
        "float16",
        "tensor",
        "bfloat16",
        "list",
        "stereo",
        "int16",
        "int8",
        "uint8",
        "uint8 tensor",
    ],
)
def test_samples_of_any_kind_are_the_same_sound(samples: Any, tolerance: float) -> None:
    np.testing.assert_allclose(_read(samples), _TUNE, atol=tolerance)


def test_a_rate_may_be_any_whole_number_type() -> None:
    for rate in (16_000.0, np.int64(16_000), np.float32(16_000)):
        assert np.array_equal(_read(_TUNE, rate), _TUNE)


@pytest.mark.parametrize(
    ("samples", "rate", "words"),
    [
        (np.zeros((_RATE, 2)), _RATE, r"\(time, channel\), as soundfile gives it: transpose it"),
        (np.zeros((0, _RATE)), _RATE, "shape"),
        (np.zeros((1, 1, 5)), _RATE, "shape"),
        (np.zeros(5, complex), _RATE, "type complex128"),
        (np.array(["a"]), _RATE, "give integers or floats"),
        ([[1.0, 2.0], [3.0]], _RATE, "is not audio"),
        (_TUNE, 16_000.5, "16000.5 Hz; give a whole number"),
        (_TUNE, 1, "1 Hz"),
        (_TUNE, float("nan"), "nan Hz"),
        (np.array([0.0, np.nan]), _RATE, "sample 1 .* not finite numbers"),
        (np.array([0.0, np.inf]), _RATE, "sample 1 "),
        (np.array([0.0, 400.0]), _RATE, "divide by the full scale"),
    ],
)
def test_what_is_no_sound_is_refused(samples: Any, rate: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        list(sound_blocks((samples, rate)))


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (_TUNE, "^ndarray is not a sound; give a path, or samples and their sample rate"),
        (torch.zeros(9), "^Tensor is not a sound"),
        ((_RATE, _TUNE), r"^\(int, ndarray\) is not a sound; .*\(samples, sample_rate\)"),
        ((_TUNE,), r"^\(ndarray\) is not a sound"),
        ((_TUNE, None), r"^\(ndarray, NoneType\) is not a sound"),
        ((), "is not a sound"),
        (b"a.wav", "^bytes is not a sound"),
    ],
)
def test_samples_without_their_rate_behind_them_are_refused(sound: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        list(inspect.unwrap(sound_blocks)(sound))


def test_a_rate_that_is_no_number_is_refused() -> None:
    for rate in (_TUNE, torch.zeros(3), "16000", None):
        with pytest.raises(InputError, match="not a number but of type"):
            inspect.unwrap(check_rate)(rate)


def test_the_verdict_on_samples_is_that_of_a_file() -> None:
    reports: list[FileReport] = []
    inverted = np.stack([_TUNE, -0.99 * _TUNE])
    for samples in (_TUNE, inverted, 1e-5 * _TUNE, 0 * _TUNE):
        list(sound_blocks((samples, _RATE), on_report=reports.append))
    assert [report.verdict for report in reports] == ["ok", "ok", "rejected", "rejected"]
    assert [report.cancels for report in reports] == [False, True, False, False]
    assert [report.is_too_quiet for report in reports] == [False, False, True, True]
    assert "too quiet: its peak is -1" in reports[2].reasons[0]
    assert "silent from end to end" in reports[3].reasons[0]


@pytest.mark.parametrize("lengths", [[10], [3, 0, 4, 3], [1] * 10], ids=str)
def test_blocks_of_any_length_are_cut_anew(lengths: list[int]) -> None:
    sound = np.arange(10, dtype=np.float32)
    ends = np.cumsum(lengths)[:-1]
    equal = list(equal_blocks(iter(np.split(sound, ends)), 4))
    assert [len(block) for block in equal] == [4, 4, 2]
    assert np.array_equal(np.concatenate(equal), sound)
    for first, n_samples in ((0, 10), (3, 5), (9, 1)):
        of_arrays = span_blocks(iter(np.split(sound, ends)), first, n_samples)
        of_tensors = span_blocks(iter(torch.from_numpy(sound).split(lengths)), first, n_samples)
        assert np.array_equal(np.concatenate(list(of_arrays)), sound[first : first + n_samples])
        assert torch.cat(list(of_tensors)).tolist() == sound[first : first + n_samples].tolist()
