"""The fused fast paths behind a few of `oscine.functional`'s functions, each one definition in several forms.

`native/` is the C++ library, `library` its C interface. The bank of sines runs in `compiled_bank`, in
`oracle` and `tiled` (torch), or in `triton_bank` (GPUs); `choice` decides.
"""

from oscine.kernels.choice import available, chosen, use
from oscine.kernels.gru import compiled as gru_is_compiled
from oscine.kernels.gru import gru
from oscine.kernels.harmonic_bank import harmonic_bank

__all__ = ["available", "chosen", "gru", "gru_is_compiled", "harmonic_bank", "use"]
