"""The fused fast paths behind a few of `oscine.functional`'s functions: each one definition in several forms."""

from oscine.kernels.choice import available, chosen, use
from oscine.kernels.harmonic_bank import harmonic_bank

__all__ = ["available", "chosen", "harmonic_bank", "use"]
