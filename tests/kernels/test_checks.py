"""Whatever an operator is given, it computes the right thing or says what is wrong; it never reads beyond."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from oscine import kernels
from oscine.kernels import library
from oscine.kernels.allpole import allpole, allpole_backward
from oscine.kernels.gru import gru, gru_backward
from oscine.kernels.harmonic_bank import harmonic_bank, harmonic_bank_backward
from oscine.kernels.noise import filtered_noise, filtered_noise_backward

B, F, H, P, T = 2, 3, 4, 5, 6  # batch, frames, hop and hidden units, partials, taps


def _bank() -> dict[str, Any]:
    return {
        "polynomial": torch.rand(B, F, 1, 3, dtype=torch.float64),
        "frequency_hz": torch.rand(B, F, 1),
        "previous_hz": torch.rand(B, 1),
        "amplitude": torch.rand(B, F),
        "weights": torch.rand(B, F, P),
        "previous_amplitudes": torch.rand(B, P),
        "nyquist": 8000.0,
        "hop_length": H,
    }


def _noise() -> dict[str, Any]:
    numbers = {"seed": torch.arange(B), "sample": torch.arange(B)}
    return numbers | {"taps": torch.rand(B, F, T), "previous": torch.rand(B, T), "hop_length": H}


def _gru() -> dict[str, Any]:
    return {
        "gates": torch.rand(B, F, 3 * H),
        "initial": torch.rand(B, H),
        "weight": torch.rand(3 * H, H),
        "bias": torch.rand(3 * H),
        "keep": True,
    }


def _gru_grad() -> dict[str, Any]:
    given = _gru()
    return {
        "grad": torch.rand(B, F, H),
        "initial": given["initial"],
        "weight": given["weight"],
        "output": torch.rand(B, F, H),
        "kept": torch.rand(B, F, 4 * H),
    }


def _noise_grad() -> dict[str, Any]:
    given = _noise()
    del given["taps"]
    return {"grad": torch.rand(B, F * H)} | given


def _allpole() -> dict[str, Any]:
    shapes = {"audio": (B, F * H), "angles": (B, F, P), "previous": (B, P), "initial": (B, P)}
    return {key: torch.rand(shape, dtype=torch.float64) for key, shape in shapes.items()} | {"hop_length": H}


def _allpole_grad() -> dict[str, Any]:
    given = _allpole()
    grads = {"grad": given["audio"], "grad_states": torch.rand(B, F + 1, P, dtype=torch.float64)}
    kept = {key: given[key] for key in ("audio", "angles", "previous")}
    return grads | kept | {"states": grads["grad_states"], "hop_length": H}


OPERATORS: dict[str, tuple[Callable[..., Any], Callable[[], dict[str, Any]]]] = {
    "harmonic_bank": (harmonic_bank, _bank),
    "harmonic_bank_backward": (
        harmonic_bank_backward,
        lambda: {"grad": torch.rand(B, F * H)} | _bank() | {"with_polynomial": True},
    ),
    "filtered_noise": (filtered_noise, _noise),
    "filtered_noise_backward": (filtered_noise_backward, _noise_grad),
    "gru": (gru, _gru),
    "gru_backward": (gru_backward, _gru_grad),
    "allpole": (allpole, _allpole),
    "allpole_backward": (allpole_backward, _allpole_grad),
}


def _wrong(name: str) -> list[tuple[str, dict[str, Any]]]:
    """Return what an operator must refuse: each tensor in wrong shapes, kinds of number and places."""
    cases: list[tuple[str, dict[str, Any]]] = []
    given = OPERATORS[name][1]()
    for argument, value in given.items():
        if not isinstance(value, Tensor):
            continue
        changes = {
            "one item less": value[:1],
            "one number more": torch.cat([value, value[..., :1]], dim=-1),
            "an axis more": value.unsqueeze(-1),
            "an axis less": value.sum(dim=-1),
            "complex": value.to(torch.complex64),
            "bool": value > 0,
            "sparse": value.to_sparse(),
            "elsewhere": value.to("meta"),
        }
        # Integers are right for numbers alone, and fractions for all else.
        changes["another kind"] = value.double() if argument in ("seed", "sample") else value.long()
        if argument == "polynomial":
            changes["too coarse a phase"] = value.float()
        if argument in ("states", "grad_states"):
            changes["a frame less"] = value[:, :-1]
        if argument == "grad" and name == "filtered_noise_backward":
            changes["a part of a frame"] = changes.pop("one number more")
        if argument == "previous" and name == "filtered_noise_backward":
            # It says how many taps there are.
            del changes["one number more"]
        for what, changed in changes.items():
            cases.append((f"{argument}: {what}", given | {argument: changed}))
    for argument in ("hop_length", "nyquist"):
        if argument in given:
            for value in (0, -1):
                cases.append((f"{argument} {value}", given | {argument: type(given[argument])(value)}))
    if "nyquist" in given:
        cases.append(("nyquist nan", given | {"nyquist": float("nan")}))
    if "taps" in given:
        empty = {"taps": torch.rand(B, F, 0), "previous": torch.rand(B, 0)}
        cases.append(("no taps", given | empty))
    if "gates" in given:
        empty = {"gates": (B, F, 0), "initial": (B, 0), "weight": (0, 0), "bias": (0,)}
        cases.append(("no hidden units", given | {k: torch.rand(shape) for k, shape in empty.items()}))
    if name == "gru_backward":
        cases.append(("nothing kept", given | {"kept": torch.rand(0)}))
        cases.append(("grad of another precision", given | {"grad": given["grad"].double()}))
    if name == "gru":
        cases.append(("a weight of another precision", given | {"weight": given["weight"].double()}))
    return cases


CASES = [(name, what, wrong) for name in OPERATORS for what, wrong in _wrong(name)]
pytestmark = pytest.mark.skipif(library.open_library() is None, reason="no compiled kernels")


@pytest.mark.parametrize("name", OPERATORS)
def test_what_is_right_is_computed(name: str) -> None:
    operator, right = OPERATORS[name]
    operator(**right())


@pytest.mark.parametrize(("name", "what", "wrong"), CASES, ids=[f"{name}, {what}" for name, what, _ in CASES])
def test_what_is_wrong_is_refused(name: str, what: str, wrong: dict[str, Any]) -> None:
    operator = OPERATORS[name][0]
    with pytest.raises(ValueError, match=r"^\w+: .*\.$"):
        operator(**wrong)
    if "elsewhere" in what or "sparse" in what:
        return
    # The same where it is only traced.
    with FakeTensorMode() as mode:
        fakes = {
            key: mode.from_tensor(value) if isinstance(value, Tensor) else value
            for key, value in wrong.items()
        }
        with pytest.raises(ValueError, match=r"^\w+: .*\.$"):
            operator(**fakes)


def test_a_gru_that_kept_nothing_says_so_in_its_backward_pass() -> None:
    gates = _gru()["gates"].requires_grad_()
    output, _ = gru(**_gru() | {"gates": gates, "keep": False})
    with pytest.raises(ValueError, match="keep=True"):
        output.sum().backward()


@pytest.mark.parametrize("kind", [torch.int32, torch.int16, torch.uint8])
def test_integers_of_any_width_are_seeds_and_numbers(compiled: str, kind: torch.dtype) -> None:
    given = _noise()
    wide = filtered_noise(**given)
    narrow = given | {"seed": given["seed"].to(kind), "sample": given["sample"].to(kind)}
    assert torch.equal(filtered_noise(**narrow), wide)
    gradients = filtered_noise_backward(**_noise_grad() | {"seed": given["seed"].to(kind)})
    assert gradients[0].isfinite().all()


@pytest.mark.parametrize("name", OPERATORS)
def test_numbers_need_not_lie_one_after_the_other(compiled: str, name: str) -> None:
    operator, right = OPERATORS[name]
    torch.manual_seed(0)
    given = right()
    strewn = {
        key: value.unsqueeze(-1).repeat(*[1] * value.ndim, 2)[..., 0] if isinstance(value, Tensor) else value
        for key, value in given.items()
    }
    wanted, ours = operator(**given), operator(**strewn)
    for one, other in zip(
        (ours,) if isinstance(ours, Tensor) else ours,
        (wanted,) if isinstance(wanted, Tensor) else wanted,
        strict=True,
    ):
        assert torch.equal(one, other)


def test_any_number_of_threads_is_right(compiled: str) -> None:
    """The C interface takes any number, also none and fewer."""
    found = library.find(compiled)
    assert found is not None
    given = _noise()
    wanted = filtered_noise(**given)
    tensors = {key: given[key] for key in ("seed", "sample", "taps", "previous")}
    for n_threads in (-5, 0, 1, 2, 1000):
        audio = torch.full((B, F * H), torch.nan)
        sizes = {"batch": B, "n_frames": F, "hop_length": H, "n_taps": T}
        structure = library.fill(library.Noise, **sizes, **tensors, audio=audio)
        found.function("noise", torch.float32)(library.address(structure), 0, n_threads)
        assert torch.equal(audio, wanted)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_the_gradient_of_the_bank_may_have_another_precision(form: str, dtype: torch.dtype) -> None:
    grad = torch.rand(B, F * H).to(dtype)
    given = {"grad": grad} | _bank() | {"with_polynomial": True}
    wanted = harmonic_bank_backward(**given | {"grad": grad.float()})
    for ours, theirs in zip(harmonic_bank_backward(**given), wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in OPERATORS if "allpole" not in name])
def test_no_items_and_no_frames_give_nothing(compiled: str, name: str) -> None:
    operator, right = OPERATORS[name]
    for axis in (0, 1):
        given = {}
        for key, value in right().items():
            framed = isinstance(value, Tensor) and key not in ("initial", "previous", "previous_hz")
            framed = framed and key not in ("previous_amplitudes", "seed", "sample", "weight", "bias")
            shared = key in ("weight", "bias") and name.startswith("gru")
            cut = isinstance(value, Tensor) and not shared and (axis == 0 or framed)
            given[key] = value.narrow(axis, 0, 0) if cut else value
        results = operator(**given)
        for result in (results,) if isinstance(results, Tensor) else results:
            assert not result.numel() or not result.any()


@pytest.mark.parametrize("total", [1e-42, 1e-31, 0.0])
@pytest.mark.parametrize("sines", [1, P])
def test_weights_too_small_to_divide_by_are_silent(form: str, total: float, sines: int) -> None:
    given = _bank() | {"weights": torch.full((B, F, P), total / P), "previous_amplitudes": torch.zeros(B, P)}
    given |= _sines(sines)
    given["weights"].requires_grad_()
    given["amplitude"].requires_grad_()
    audio = harmonic_bank(**given)
    assert audio.abs().max() < 1e-29
    gradients = torch.autograd.grad(
        audio.square().sum() + audio.sum(), [given["weights"], given["amplitude"]]
    )
    with kernels.use("oracle"):
        truth = torch.autograd.grad(harmonic_bank(**given).sum(), [given["weights"], given["amplitude"]])
    for ours, theirs in zip(gradients, truth, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sines", [1, P])
def test_weights_just_large_enough_count(form: str, sines: int) -> None:
    given = _bank() | {"previous_amplitudes": torch.zeros(B, P)} | _sines(sines)
    small = given | {"weights": given["weights"] * 1e-29}
    torch.testing.assert_close(harmonic_bank(**small), harmonic_bank(**given), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sines", [1, P])
def test_weights_whose_sum_overflows_are_silent(form: str, sines: int) -> None:
    given = _bank() | {"weights": torch.full((B, F, P), 3e38), "previous_amplitudes": torch.zeros(B, P)}
    given |= _sines(sines)
    given["weights"].requires_grad_()
    given["amplitude"].requires_grad_()
    audio = harmonic_bank(**given)
    assert not audio.any()
    for gradient in torch.autograd.grad(audio.sum(), [given["weights"], given["amplitude"]]):
        assert not gradient.any()


def _sines(n: int) -> dict[str, Tensor]:
    """Return frequencies and phases for one phase or for one each."""
    return {
        "polynomial": torch.rand(B, F, n, 3, dtype=torch.float64),
        "frequency_hz": torch.rand(B, F, n),
        "previous_hz": torch.rand(B, n),
    }


@pytest.mark.parametrize("sines", [1, P])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1e300])
def test_a_phase_that_is_no_number_is_none_in_the_audio(form: str, sines: int, bad: float) -> None:
    given = _bank() | _sines(sines)
    given["polynomial"][:, 1] = bad
    audio = harmonic_bank(**given).unflatten(1, (F, H))
    assert audio[:, ::2].isfinite().all()
    if bad != -1e300:
        assert audio[:, 1].isnan().all()
