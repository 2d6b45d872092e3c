"""The Conformer: its formula, its first frames, its context, and the memory that a long sound takes."""

import torch

from oscine.networks.conformer import Attention, Conformer, ConformerLayer


def _slowly(attention: Attention, x: torch.Tensor, context_frames: int) -> torch.Tensor:
    """The attention, frame by frame and head by head."""
    width, n_heads = x.shape[1], attention.n_heads
    query, key, value = (
        part.reshape(len(x), n_heads, width // n_heads)
        for part in attention.inputs(attention.norm(x)).chunk(3, dim=-1)
    )
    rows = []
    for t in range(len(x)):
        first = max(0, t - context_frames + 1)
        heads = []
        for h in range(n_heads):
            ago = torch.arange(t - first, -1, -1, dtype=x.dtype)
            scores = key[first : t + 1, h] @ query[t, h] / (width // n_heads) ** 0.5
            weights = torch.softmax(scores - 2.0 ** (-8 * (h + 1) / n_heads) * ago, 0)
            heads.append(weights @ value[first : t + 1, h])
        rows.append(torch.cat(heads))
    return attention.output(torch.stack(rows))


def _layer_slowly(layer: ConformerLayer, x: torch.Tensor, context_frames: int) -> torch.Tensor:
    x = x + 0.5 * layer.before(x)
    x = x + _slowly(layer.attention, x, context_frames)
    convolution = layer.convolution
    n_before = convolution.depthwise.kernel_size[0] - 1
    frames = torch.cat([torch.zeros(n_before, x.shape[1], dtype=x.dtype), convolution.inputs(x)])
    taps = convolution.depthwise.weight[:, 0].T
    convolved = torch.stack([(frames[t : t + len(taps)] * taps).sum(0) for t in range(len(x))])
    assert convolution.depthwise.bias is not None
    x = x + convolution.output(convolved + convolution.depthwise.bias)
    return layer.norm(x + 0.5 * layer.after(x))


def _conformer(context_frames: int = 5, n_inputs: int = 3) -> Conformer:
    return Conformer(n_inputs, 8, 2, kernel_size=4, n_heads=2, context_frames=context_frames).double()


def test_it_is_its_formula() -> None:
    network = _conformer()
    x = torch.randn(2, 17, 3, dtype=torch.float64)
    with torch.no_grad():
        for item, whole in zip(x, network(x), strict=True):
            y = network.inputs(item)
            for layer in network.layers:
                assert isinstance(layer, ConformerLayer)
                y = _layer_slowly(layer, y, 5)
            torch.testing.assert_close(whole, y, rtol=0, atol=1e-12)


def test_it_depends_on_its_context_and_on_no_later_frame() -> None:
    network = _conformer(n_inputs=1)
    reach = 2 * ((5 - 1) + (4 - 1))
    x = torch.randn(1, 60, 1, dtype=torch.float64, requires_grad=True)
    # The sum over the channels of a normalised frame is constant, so one channel is used.
    (slope,) = torch.autograd.grad(network(x)[0, 40, 0], x)
    used = slope[0, :, 0].nonzero()[:, 0].tolist()
    assert used == list(range(40 - reach, 41))


def test_a_context_of_one_frame_uses_no_past() -> None:
    network = Conformer(1, 8, 1, kernel_size=1, n_heads=2, context_frames=1)
    x, other = torch.randn(2, 1, 9, 1)
    other[:, 4] = x[:, 4]
    with torch.no_grad():
        torch.testing.assert_close(network(x)[:, 4], network(other)[:, 4])


def test_frames_before_the_beginning_are_not_attended_to() -> None:
    network = _conformer(context_frames=50)
    x = torch.randn(1, 10, 3, dtype=torch.float64)
    empty = network.init_state(1)
    filled = empty._replace(
        layers=tuple(
            layer._replace(keys=torch.randn_like(layer.keys), values=torch.randn_like(layer.values))
            for layer in empty.layers
        )
    )
    with torch.no_grad():
        output, state = network.step(x, state=empty)
        torch.testing.assert_close(network.step(x, state=filled)[0], output, rtol=0, atol=0)
        assert state.n_past.tolist() == [10]
        assert network.step(torch.randn(1, 60, 3).double(), state=state)[1].n_past.tolist() == [49]


def test_memory_grows_with_the_length_and_not_with_its_square() -> None:
    # The square of 200 000 frames would be 300 GB.
    network = Conformer(1, 4, 1, kernel_size=2, n_heads=2, context_frames=6)
    x = torch.randn(1, 200_000, 1)
    with torch.no_grad():
        whole = network(x)
        torch.testing.assert_close(whole[:, -20:], network(x[:, -40:])[:, -20:], rtol=0, atol=1e-5)
