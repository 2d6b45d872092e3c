"""The networks of a flow: how far they look, and that they begin as nothing."""

import pytest
import torch

from oscine.functional import euler_flow, flow_start
from oscine.networks import AheadTcn, FlowNetwork


def disturbed(n_layers: int = 3, look_ahead: int = 4) -> AheadTcn:
    torch.manual_seed(0)
    network = AheadTcn(5, 2, 16, n_layers, look_ahead).double()
    torch.nn.init.normal_(network.head.weight)
    return network.requires_grad_(False)


def test_it_begins_as_zero():
    network = FlowNetwork(6, 2, width=16, n_layers=2, look_ahead=3).requires_grad_(False)
    x, conditions = torch.randn(2, 9, 6), torch.randn(2, 9, 2)
    assert float(network(x, torch.full((2,), 0.8), x, conditions).abs().max()) == 0.0


@pytest.mark.parametrize(("n_layers", "look_ahead"), [(3, 4), (2, 0)])
def test_a_frame_depends_on_the_frames_that_it_says(n_layers, look_ahead):
    network, inputs, at = disturbed(n_layers, look_ahead), torch.randn(1, 60, 5, dtype=torch.float64), 40
    before = network(inputs)
    assert network.n_past == 2 * (2**n_layers - 1) - look_ahead
    for offset, matters in (
        (-network.n_past - 1, False),
        (-network.n_past, True),
        (0, True),
        (look_ahead, True),
        (look_ahead + 1, False),
    ):
        changed = inputs.clone()
        changed[0, at + offset] += 1.0
        assert torch.equal(network(changed)[0, at], before[0, at]) != matters


def test_all_inputs_matter():
    torch.manual_seed(0)
    network = FlowNetwork(6, 2, width=16, n_layers=2, look_ahead=3)
    torch.nn.init.normal_(network.ahead.head.weight)
    x, smooth, conditions, time = (
        torch.randn(1, 9, 6),
        torch.randn(1, 9, 6),
        torch.randn(1, 9, 2),
        torch.tensor([0.8]),
    )
    found = network(x, time, smooth, conditions)
    for other in (
        network(x + 1, time, smooth, conditions),
        network(x, time + 0.1, smooth, conditions),
        network(x, time, smooth + 1, conditions),
        network(x, time, smooth, conditions + 1),
    ):
        assert not torch.allclose(found, other, atol=1e-4)


def test_gradients_flow_through_the_steps():
    torch.manual_seed(0)
    network = FlowNetwork(3, 1, width=8, n_layers=1, look_ahead=1).double()
    torch.nn.init.normal_(network.ahead.head.weight)
    conditions, noise = torch.randn(1, 4, 1).double(), torch.randn(1, 4, 3).double()

    def end(smooth):
        start = flow_start(smooth, noise, 0.7)
        return euler_flow(lambda x, t: network(x, t, smooth, conditions), start, t_start=0.7, n_steps=2)

    assert torch.autograd.gradcheck(end, torch.randn(1, 4, 3, dtype=torch.float64, requires_grad=True))


@pytest.mark.parametrize(("n_outputs", "look_ahead"), [(0, 4), (5, -1)])
def test_sizes_that_are_none_are_refused(n_outputs, look_ahead):
    with pytest.raises(ValueError, match="give a whole number of at least"):
        AheadTcn(3, n_outputs, 8, 2, look_ahead)
