"""A player in Python: what it takes, what it refuses, what it does with bad values and bad weights."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from tests.runtime.programs import RATE, busy_program, cases

from oscine.runtime import Engine, TooLarge, engines
from oscine.streaming import Program

pytestmark = pytest.mark.skipif(
    not engines(), reason="no compiled runtime: there was no C++ compiler when the package was installed"
)

CONTENT = busy_program().to_bytes()
N_FRAMES = 40


def _inputs(n_frames: int = N_FRAMES) -> dict[str, torch.Tensor]:
    return {
        "f0_hz": 100 + 400 * torch.rand(1, n_frames),
        "loudness_db": -60 * torch.rand(1, n_frames),
        "z": torch.randn(1, n_frames, 3),
    }


def _echo(size: int = 1, *, positive: bool = False) -> Program:
    """A program whose audio is its input."""
    program = Program(RATE, size)
    x = program.input("x", size, default=3.0, minimum=-5.0, maximum=7.0, positive=positive)
    program.output = program.affine(x, 1.0, 0.0)
    return program


def test_it_says_what_it_is() -> None:
    engine = Engine(CONTENT)
    assert (engine.sample_rate, engine.hop_length, engine.latency, engine.weight_bits) == (RATE, 48, 32, 32)
    assert list(engine.inputs) == ["f0_hz", "loudness_db", "z", "gain"]
    assert engine.inputs["f0_hz"] == (1, 220.0, 20.0, 8000.0)
    assert engine.inputs["z"].size == 3
    assert engine.metadata == {"name": "busy", "licence": "CC0-1.0"}
    assert repr(engine) == f"Engine({engines()[0]}, 16000 Hz, hop 48, f0_hz, loudness_db, z, gain)"


@pytest.mark.parametrize("name", engines())
def test_however_it_is_cut_the_samples_are_the_same(name: str) -> None:
    inputs = _inputs()
    whole = Engine(CONTENT, name).play(inputs)
    assert whole.abs().max() > 0.01
    for block in (1, 7):
        player = Engine(CONTENT, name)
        cut = [
            player.play({key: value[:, first : first + block] for key, value in inputs.items()})
            for first in range(0, N_FRAMES, block)
        ]
        torch.testing.assert_close(torch.cat(cut, 1), whole, rtol=0, atol=0)


@pytest.mark.parametrize("name", engines())
def test_reset_goes_back_to_the_start_with_the_seed_that_is_given(name: str) -> None:
    inputs, player = _inputs(), Engine(CONTENT, name)
    first = player.play(inputs)
    assert not torch.equal(player.play(inputs), first)
    player.reset()
    assert torch.equal(player.play(inputs), first)
    for seed in (1, -1, 2**40 + 3):
        player.reset(seed)
        other = player.play(inputs)
        assert not torch.equal(other, first)
        player.reset(seed)
        assert torch.equal(player.play(inputs), other)


def test_players_beside_each_other_do_not_meet() -> None:
    inputs = [_inputs() for _ in range(8)]
    alone = [Engine(CONTENT).play(one) for one in inputs]
    players = [Engine(CONTENT) for _ in inputs]
    with ThreadPoolExecutor(4) as pool:
        beside = list(pool.map(lambda pair: pair[0].play(pair[1]), zip(players, inputs, strict=True)))
    for one, other in zip(alone, beside, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_player_is_not_copied(copied) -> None:
    with pytest.raises(TypeError, match="can't be copied"):
        copied(Engine(CONTENT))


def test_what_is_left_out_stands_at_its_default() -> None:
    inputs = _inputs()
    given = {**inputs, "gain": torch.ones(1, N_FRAMES)}
    assert torch.equal(Engine(CONTENT).play(inputs), Engine(CONTENT).play(given))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"pitch": torch.ones(1, N_FRAMES)}, "pitch was given; the inputs are f0_hz, loudness_db, z, gain"),
        ({"f0_hz": torch.ones(1, N_FRAMES + 1)}, "differ in frames: f0_hz has 41"),
        ({"f0_hz": torch.ones(2, N_FRAMES)}, r"f0_hz is \(2, 40\); give \(1, frame\)"),
        ({"f0_hz": torch.ones(N_FRAMES)}, r"f0_hz is \(40,\); give \(1, frame\)"),
        ({"f0_hz": torch.ones(())}, r"f0_hz is \(\); give"),
        ({"f0_hz": torch.ones(1, N_FRAMES) * 1j}, "f0_hz is complex; give a tensor of real numbers"),
        ({"z": torch.ones(1, N_FRAMES)}, r"z is \(1, 40\); give \(1, frame, 3\)"),
        ({"z": torch.ones(1, N_FRAMES, 2)}, r"z is \(1, 40, 2\); give \(1, frame, 3\)"),
    ],
)
def test_what_does_not_fit_is_one_sentence(change: dict[str, torch.Tensor], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Engine(CONTENT).play({**_inputs(), **change})


def test_nothing_and_no_frames() -> None:
    with pytest.raises(ValueError, match="Nothing was given"):
        Engine(CONTENT).play({})
    assert Engine(CONTENT).play(_inputs(0)).shape == (1, 0)
    with pytest.raises(ValueError, match="There is no engine neon; there is"):
        Engine(CONTENT, "neon")


def test_numbers_that_lie_scattered_or_are_doubles_are_read_all_the_same() -> None:
    inputs = _inputs()
    expected = Engine(CONTENT).play(inputs)
    scattered = {name: value.repeat_interleave(2, 1)[:, ::2].double() for name, value in inputs.items()}
    scattered["f0_hz"] = scattered["f0_hz"].unsqueeze(-1).requires_grad_()
    played = Engine(CONTENT).play(scattered)
    assert torch.equal(played, expected)
    assert played.dtype == torch.float32
    assert not played.requires_grad


# ---- bad values


@pytest.mark.parametrize("name", engines())
def test_bad_values_are_held_and_large_ones_clamped(name: str) -> None:
    nan, inf = torch.nan, torch.inf
    given = torch.tensor([[nan, 1.0, nan, -9.0, nan, inf, nan, -inf, 0.0, 1e-42, 8.0]])
    expected = [[3.0, 1.0, 1.0, -5.0, -5.0, 7.0, 7.0, -5.0, 0.0, 0.0, 7.0]]
    assert Engine(_echo().to_bytes(), name).play({"x": given}).tolist() == expected


@pytest.mark.parametrize("name", engines())
def test_values_that_must_be_positive_are_held_where_they_are_not(name: str) -> None:
    nan, inf = torch.nan, torch.inf
    given = torch.tensor([[-1.0, nan, 2.0, 0.0, -3.0, inf, 9.0, -inf, nan]])
    expected = [[3.0, 3.0, 2.0, 2.0, 2.0, 2.0, 7.0, 7.0, 7.0]]
    assert Engine(_echo(positive=True).to_bytes(), name).play({"x": given}).tolist() == expected


def test_each_value_of_a_wide_input_is_held_for_itself() -> None:
    nan = torch.nan
    given = torch.tensor([[[1.0, nan], [nan, 2.0], [nan, nan]]])
    expected = [[1.0, 3.0, 1.0, 2.0, 1.0, 2.0]]
    assert Engine(_echo(2).to_bytes()).play({"x": given}).tolist() == expected
    engine = Engine(_echo(2).to_bytes())
    engine.play({"x": given})
    engine.reset()
    assert engine.play({"x": torch.full((1, 1, 2), nan)}).tolist() == [[3.0, 3.0]]


@pytest.mark.parametrize("name", engines())
def test_nothing_that_is_given_ever_makes_a_bad_sample(name: str) -> None:
    bad = torch.tensor([torch.nan, torch.inf, -torch.inf, 0.0, -1.0, 1e30, -1e30, 1e-30, 1e-42, 3e38])
    inputs = _inputs(200)
    for value in inputs.values():
        value[torch.rand_like(value) < 0.5] = bad[torch.randint(len(bad), ())]
    player = Engine(CONTENT, name)
    assert torch.isfinite(player.play(inputs)).all()
    clean = player.play(_inputs(100))
    assert torch.isfinite(clean).all()
    assert clean[:, -48 * 20 :].abs().max() > 1e-3


@pytest.mark.parametrize("name", engines())
def test_weights_that_overflow_make_a_silent_frame_and_a_new_start(name: str) -> None:
    program = Program(RATE, 8)
    x = program.affine(program.input("x"), 1e30, 0.0)
    blown = program.concatenate(*[program.multiply(x, x)] * 8)
    noise = program.noise(program.linear(program.input("m"), torch.ones(3, 1)))
    program.output = program.add(noise, blown)
    player = Engine(program.to_bytes(), name)
    x, m = torch.tensor([[0.0, 0.0, 1e6, 0.0, 0.0]]), torch.ones(1, 5)
    frames = player.play({"x": x, "m": m}).reshape(5, 8)
    assert torch.equal(frames[2], torch.zeros(8))
    assert frames[0].abs().max() > 0
    assert torch.equal(frames[3:], frames[:2])


@pytest.mark.parametrize("name", engines())
def test_the_processors_way_with_tiny_numbers_is_as_it_was(name: str) -> None:
    tiny = torch.full((1,), 1e-40)
    Engine(CONTENT, name).play(_inputs())
    assert float(tiny * 1.0) != 0.0


# ---- what is too large


def _endless(n_ops: int) -> Program:
    program = Program(RATE, 4096)
    f0_hz, amplitude = program.input("f0_hz"), program.input("amplitude")
    weights = program.linear(amplitude, torch.ones(8192, 1))
    for _ in range(n_ops):
        program.output = program.harmonic(f0_hz, amplitude, weights)
    return program


def test_too_much_work_or_memory_is_refused_before_any_is_taken() -> None:
    assert Engine(_endless(1).to_bytes())
    with pytest.raises(TooLarge, match="more than the runtime allows"):
        Engine(_endless(60).to_bytes())
    remembering = Program(RATE, 64)
    audio = remembering.input("audio", 64)
    for _ in range(9):
        audio = remembering.delay(audio, 1 << 24)
    remembering.output = audio
    with pytest.raises(TooLarge, match="more than the runtime allows"):
        Engine(remembering.to_bytes())


def test_an_operation_of_a_later_version_is_named_as_such() -> None:
    program = cases()["add"].program()
    program.output = program.append("granulate", [program.inputs[0].wire], program.hop_length)
    with pytest.raises(ValueError, match="an operation that this runtime does not know"):
        Engine(program.to_bytes())
