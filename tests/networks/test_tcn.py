"""The temporal convolutional network: its formula, and the frames that it depends on."""

import torch

from oscine.networks.tcn import Tcn, TcnLayer


def _slowly(layer: TcnLayer, x: torch.Tensor) -> torch.Tensor:
    """The formula of a layer, frame by frame and tap by tap; there is nothing before the beginning."""
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


def test_it_depends_on_as_many_frames_as_it_says_and_on_no_later_frame() -> None:
    network = Tcn(1, 6, n_layers=4, kernel_size=3).double()
    reach = sum(network.n_past)
    assert reach == 2 * (1 + 2 + 4 + 8)
    x = torch.randn(1, 100, 1, dtype=torch.float64, requires_grad=True)
    # The sum over the channels of a normalised frame is constant, so one channel is used.
    (slope,) = torch.autograd.grad(network(x)[0, 60, 0], x)
    used = slope[0, :, 0].nonzero()[:, 0].tolist()
    assert used == list(range(60 - reach, 61))


def test_it_learns_to_delay_by_many_frames() -> None:
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
    # Without the past, the error is the variance, 1.
    assert float(loss.detach()) < 0.3
