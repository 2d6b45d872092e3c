"""The temporal convolutional network: its formula, and how far back it hears."""

import torch

from oscine.networks.tcn import Tcn, TcnLayer


def _slowly(layer: TcnLayer, x: torch.Tensor) -> torch.Tensor:
    """A layer's formula, frame by frame and tap by tap; nothing before the beginning."""
    size, dilation, width = layer.kernel_size, layer.dilation, x.shape[1]
    normed = layer.norm(x)
    rows = []
    for t in range(len(x)):
        total = layer.convolution.bias.clone()
        for j in range(size):
            moment = t - (size - 1 - j) * dilation
            if moment >= 0:
                total = total + layer.convolution.weight[:, j * width : (j + 1) * width] @ normed[moment]
        rows.append(x[t] + layer.output(torch.tanh(total[:width]) * torch.sigmoid(total[width:])))
    return torch.stack(rows)


def test_it_is_its_formula() -> None:
    network = Tcn(3, 5, n_layers=3, kernel_size=3).double()
    x = torch.randn(2, 17, 3, dtype=torch.float64)
    with torch.no_grad():
        for item, whole in zip(x, network(x), strict=True):
            y = network.inputs(item)
            for layer in network.layers:
                assert isinstance(layer, TcnLayer)
                y = _slowly(layer, y)
            torch.testing.assert_close(whole, network.norm(y), rtol=0, atol=1e-12)


def test_it_hears_as_far_back_as_it_says_and_nothing_ahead() -> None:
    network = Tcn(1, 6, n_layers=4, kernel_size=3).double()
    reach = sum(network.n_past)
    assert reach == 2 * (1 + 2 + 4 + 8)
    x = torch.randn(1, 100, 1, dtype=torch.float64, requires_grad=True)
    # The sum over channels of a normed frame is a constant: one channel is asked.
    (slope,) = torch.autograd.grad(network(x)[0, 60, 0], x)
    heard = slope[0, :, 0].nonzero()[:, 0].tolist()
    assert heard == list(range(60 - reach, 61))


def test_it_remembers_what_happened_a_while_ago() -> None:
    torch.manual_seed(0)
    network, head = Tcn(1, 16, n_layers=4, kernel_size=3), torch.nn.Linear(16, 1)
    optimizer = torch.optim.Adam([*network.parameters(), *head.parameters()], 1e-2)
    loss = torch.tensor(torch.inf)
    for _ in range(80):
        x = torch.randn(4, 60, 1)
        loss = (head(network(x))[:, 20:] - x[:, :-20]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # Who knows nothing of the past is wrong by the variance, 1.
    assert float(loss.detach()) < 0.3
