"""The studio: instruments learned and played on a page of this machine, or by an HTTP API."""

from oscine.studio.limits import Limits
from oscine.studio.serving import Server, opened

__all__ = ["Limits", "Server", "opened"]
