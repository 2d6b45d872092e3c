"""The refiner: a delay at first, a factor passes, and what it can learn."""

import pytest
import torch

from oscine.functional import db_to_amplitude
from oscine.processors import Refiner
from oscine.processors.refiner import MOST_GAIN_NEPERS

RATE, HOP = 16_000, 32


def _refiner(*, loud: bool = True) -> Refiner:
    torch.manual_seed(0)
    refiner = Refiner(RATE, HOP, hidden_size=12, n_layers=2).double()
    if loud:
        torch.nn.init.normal_(refiner.head.weight, std=0.2)
    return refiner


def _signal(n_frames: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(1, n_frames * HOP).double(), torch.full((1, n_frames), 200.0).double()


def test_before_training_it_is_a_delay_of_its_latency() -> None:
    refiner, (audio, f0_hz) = _refiner(loud=False), _signal()
    output = refiner(audio, f0_hz)
    late = refiner.latency
    assert late == 7 * HOP
    torch.testing.assert_close(output[:, late:], audio[:, :-late], rtol=0, atol=1e-12)
    assert output[:, :late].abs().max() < 1e-12


def test_nothing_comes_before_it_is_there() -> None:
    refiner, (audio, f0_hz) = _refiner(), _signal()
    other = audio.clone()
    other[:, 20 * HOP :] = 0
    same = (refiner(audio, f0_hz) - refiner(other, f0_hz)).abs()
    assert same[:, : 20 * HOP].max() == 0
    assert same[:, 20 * HOP :].max() > 1e-3


@pytest.mark.parametrize("gain_db", [-20.0, 12.0])
def test_a_factor_on_the_signal_is_one_on_the_output(gain_db: float) -> None:
    refiner, (audio, f0_hz) = _refiner(), _signal()
    factor = float(db_to_amplitude(torch.tensor(gain_db)))
    output = refiner(audio, f0_hz)
    torch.testing.assert_close(refiner(factor * audio, f0_hz), factor * output, rtol=0, atol=1e-4 * factor)
    assert (output[:, refiner.latency :] - audio[:, : -refiner.latency]).abs().max() > 0.1


def test_gain_and_turn_are_those_of_the_head() -> None:
    refiner, (audio, f0_hz) = _refiner(loud=False), _signal()
    late, n_bins = refiner.latency, refiner.n_fft // 2 + 1
    with torch.no_grad():
        refiner.head.bias[:n_bins] = 100.0
    output = refiner(audio, f0_hz)
    most = torch.tensor(MOST_GAIN_NEPERS).exp().double()
    torch.testing.assert_close(output[:, late:], most * audio[:, :-late], rtol=1e-6, atol=1e-9)
    with torch.no_grad():
        refiner.head.bias[:n_bins], refiner.head.bias[n_bins:] = 0.0, torch.pi
    torch.testing.assert_close(refiner(audio, f0_hz)[:, late:], -audio[:, :-late], rtol=0, atol=1e-6)


def test_it_learns_a_filter_that_depends_on_the_pitch() -> None:
    torch.manual_seed(0)
    refiner = Refiner(RATE, HOP, hidden_size=16, n_layers=1)
    optimizer = torch.optim.Adam(refiner.parameters(), lr=1e-2)
    f0_hz = torch.cat([torch.full((4, 60), 110.0), torch.full((4, 60), 880.0)])
    factor = torch.where(f0_hz[:, :1] < 400, 0.25, 2.0)

    def loss() -> torch.Tensor:
        audio = torch.randn(8, 60 * HOP)
        late = refiner.latency
        difference = refiner(audio, f0_hz)[:, late:] - factor * audio[:, :-late]
        return difference.square().mean()

    first = loss().item()
    for _ in range(60):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert loss().item() < 0.1 * first


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        Refiner(RATE, HOP, window_frames=5)
    with pytest.raises(ValueError, match="give 32 samples for each frame"):
        Refiner(RATE, HOP)(torch.zeros(1, 100), torch.ones(1, 4))
