"""Instruments for other programs: program files, C++ source, pages, plug-ins, patches and graphs."""

from oscine.export.exporting import FORMATS, WEIGHTS, ExportReport, Format, Weights, export
from oscine.export.single_header import single_header

__all__ = [
    "FORMATS",
    "WEIGHTS",
    "ExportReport",
    "Format",
    "Weights",
    "export",
    "single_header",
]
