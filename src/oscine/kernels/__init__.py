"""Fast paths behind a few of `oscine.functional`'s functions."""

from oscine.kernels.factored import harmonic_sum

__all__ = ["harmonic_sum"]
