"""PyTorch's own layers as operations of a program."""

from torch import nn

from oscine.streaming import NotCompilable, Program, Wire

_LAYERS = (nn.Sequential, nn.Identity, nn.Linear, nn.LayerNorm, nn.LeakyReLU, nn.SiLU, nn.GLU)


def lower_layer(program: Program, layer: nn.Module, x: Wire) -> Wire:
    """Append a layer, or a sequence of layers, to a program and return the wire of its output.

    Args:
        program: Gets the operations.
        layer: A layer over the last axis, one of `_LAYERS`.
        x: The input of one frame.

    Raises:
        NotCompilable: When the layer is of another class, or of a subclass with another `forward`.
    """
    kind = next((kind for kind in _LAYERS if isinstance(layer, kind)), None)
    if kind is None or type(layer).forward is not kind.forward:
        known = ", ".join(kind.__name__ for kind in _LAYERS)
        raise NotCompilable(f"{type(layer).__name__} has no compiled form; these layers have one: {known}.")
    if isinstance(layer, nn.Sequential):
        for one in layer:
            x = lower_layer(program, one, x)
    elif isinstance(layer, nn.Linear):
        x = program.linear(x, layer.weight, layer.bias)
    elif isinstance(layer, nn.LayerNorm):
        x = program.layer_norm(x, layer.weight, layer.bias, layer.eps)
    elif isinstance(layer, nn.LeakyReLU):
        x = program.leaky_relu(x, layer.negative_slope)
    elif isinstance(layer, nn.SiLU):
        x = program.silu(x)
    elif isinstance(layer, nn.GLU):
        value, gate = x.split(x.size // 2, x.size // 2)
        x = program.multiply(value, program.sigmoid(gate))
    return x
