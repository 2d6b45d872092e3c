"""Names of parts: PyTorch keeps a module's parts and its methods under one roof."""

from torch import nn


def is_part_name(name: str) -> bool:
    """Return whether a module can hold a part of this name.

    It cannot where the name is empty, has a dot, or is an attribute of every module, such as ``values``,
    ``type`` or ``training``: PyTorch then raises a KeyError.

    Example:
        >>> is_part_name("reed"), is_part_name("values")
        (True, False)
    """
    return bool(name) and "." not in name and not hasattr(nn.ModuleDict(), name)
