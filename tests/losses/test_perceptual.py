"""The CREPE loss: what it does not hear, where it points, and that its network stays as it is."""

import pytest
import torch

from oscine.analysis.pitch.crepe import load_crepe
from oscine.errors import InputError
from oscine.functional.framing import frames_at
from oscine.losses.perceptual import CrepeLoss


@pytest.fixture(scope="module")
def loss():
    return CrepeLoss()


def tone(f0_hz, phase=0.0, n_samples=4096, n_partials=6):
    # Turns are counted from the middle, so that a pitch moves the phase of both ends alike.
    time_s = (torch.arange(n_samples, dtype=torch.float64) - n_samples / 2) / 16000
    partials = [torch.sin(2 * torch.pi * k * (f0_hz * time_s + phase)) / k for k in range(1, n_partials + 1)]
    return 0.1 * torch.stack(partials).sum(0)[None].float()


@pytest.mark.parametrize(("block", "hop_length"), [(5, 1024), (2, 160), (6, 700)])
@pytest.mark.parametrize("n_samples", [1, 1000, 3001])
def test_it_is_the_mean_over_centred_frames(block, hop_length, n_samples):
    a, b = torch.randn(2, 3, n_samples)
    centers = torch.arange(0, n_samples + hop_length - 1, hop_length)
    assert centers[-1] >= n_samples - 1
    network = load_crepe()
    frames = [network.activations(frames_at(x, centers, 1024), block) for x in (a, b)]
    expected = (frames[0] - frames[1]).abs().mean()
    got = CrepeLoss(block=block, hop_length=hop_length)(a, b)
    assert float(got) == pytest.approx(float(expected.detach()), rel=1e-4)


def test_level_does_not_count_and_pitch_and_timbre_do(loss):
    target = tone(220.0)
    same = float(loss(0.2 * target, target))
    assert same < 1e-4
    assert float(loss(tone(220.0, n_partials=2), target)) > 100 * same + 0.01
    # The steeper the nearer: and an octave is less wrong than a tritone.
    near, semitone, tritone, octave = (
        float(loss(tone(220.0 * 2 ** (s / 12), 0.3), tone(220.0))) for s in (0.1, 1.0, 6.0, 12.0)
    )
    assert near < semitone < tritone
    assert octave < tritone


@pytest.mark.parametrize("cents", [20.0, -20.0, 50.0, -50.0, 100.0, -100.0])
def test_within_a_semitone_the_gradient_points_to_the_pitch(loss, cents):
    # Many notes, each a batch of frames with phases of their own and one pitch in common. The frames go to
    # the network as they are: the loss would put silence around each.
    generator = torch.Generator().manual_seed(1)
    right = 0
    for midi in range(45, 81, 4):
        true_hz = 440.0 * 2 ** ((midi - 69) / 12)
        phases = torch.rand(2, 12, generator=generator)
        f0_hz = torch.tensor(true_hz * 2 ** (cents / 1200), dtype=torch.float64, requires_grad=True)
        audio, target = (
            torch.cat([tone(hz, float(phase), n_samples=1024) for phase in row])
            for hz, row in zip((f0_hz, true_hz), phases, strict=True)
        )
        heard = [loss.network.activations(frames, loss.block) for frames in (audio, target)]
        distance = (heard[0] - heard[1]).abs().mean()
        (gradient,) = torch.autograd.grad(distance, f0_hz)
        right += float(gradient) * cents > 0
    assert right >= 8  # of 9


def test_every_sample_counts(loss):
    target = torch.randn(1, 3001)
    for at in (0, 511, 512, 1500, 2999, 3000):
        audio = target.clone()
        audio[0, at] += 5.0
        assert float(loss(audio, target)) > 1e-4


def test_the_network_is_no_part_of_what_is_trained_or_saved():
    inside = torch.nn.ModuleDict({"loss": CrepeLoss()})
    assert not [*inside.parameters()]
    assert not inside.state_dict()
    a, b = torch.randn(2, 1, 3000)
    before = float(inside["loss"](a, b))
    inside.train()
    for _ in range(2):
        audio = a.clone().requires_grad_()
        inside["loss"](audio, b).backward()
        assert audio.grad is not None
        assert audio.grad.isfinite().all()
        assert audio.grad.abs().max() > 0
    assert float(inside["loss"](a, b)) == before


def test_identical_sounds_and_silence(loss):
    for audio in (torch.randn(2, 2000), torch.zeros(2, 2000)):
        prediction = audio.clone().requires_grad_()
        value = loss(prediction, audio)
        value.backward()
        assert float(value.detach()) == 0.0
        assert prediction.grad is not None
        assert torch.count_nonzero(prediction.grad) == 0
    silence = torch.zeros(1, 2000, requires_grad=True)
    loss(silence, torch.randn(1, 2000)).backward()
    assert silence.grad is not None
    assert silence.grad.isfinite().all()


def test_the_network_may_be_double():
    a, b = torch.randn(2, 1500)
    in_double = CrepeLoss().double()(a.double(), b.double())
    assert float(in_double) == pytest.approx(float(CrepeLoss()(a, b)), rel=1e-5)


def test_bad_input_is_refused(loss):
    with pytest.raises(InputError, match="16000 Hz only, and sample_rate is 44100"):
        CrepeLoss(44100)
    with pytest.raises(InputError, match="no block 7"):
        CrepeLoss(block=7)
    with pytest.raises(InputError, match="hop_length is 0"):
        CrepeLoss(hop_length=0)
    with pytest.raises(InputError, match="CREPE full are not in the package"):
        CrepeLoss(size="full")
    with pytest.raises(InputError, match="same batch and time"):
        loss(torch.zeros(2, 100), torch.zeros(2, 101))
    with pytest.raises(InputError, match="no samples"):
        loss(torch.zeros(2, 0), torch.zeros(2, 0))
    with pytest.raises(InputError, match="detach"):
        loss(torch.zeros(2, 100), torch.zeros(2, 100, requires_grad=True))
