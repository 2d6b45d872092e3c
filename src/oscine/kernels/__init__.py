"""The fused fast paths behind a few of `oscine.functional`'s functions, each one definition in several forms.

`native/` is the C++ library, `library` its C interface; `oracle` and `tiled` are the bank of sines in torch,
`triton_bank` on a GPU; `choice` decides which of them runs.
"""

from oscine.kernels.choice import available, chosen, use
from oscine.kernels.gru import compiled as gru_is_compiled
from oscine.kernels.gru import gru
from oscine.kernels.harmonic_bank import harmonic_bank

__all__ = ["available", "chosen", "gru", "gru_is_compiled", "harmonic_bank", "use"]
