"""Loaded once by the process from which those with limits are forked: they then begin at once."""

import torch

torch.set_num_threads(1)  # a process with threads of its own can't be forked safely

from oscine.studio import decoding as decoding  # noqa: E402, PLC0414
from oscine.studio import shelf  # noqa: E402

#: What is told of the instruments in the package; to load them also loads what torch leaves for later.
BUNDLED = shelf.describe_bundled()
