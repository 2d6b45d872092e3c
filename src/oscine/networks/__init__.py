"""Networks that drive the processors."""

from oscine.networks.controller import ControllerConfig, GruController

__all__ = ["ControllerConfig", "GruController"]
