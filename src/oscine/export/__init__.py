"""Instruments for other programs: the program file, C++ source, and a web page."""

from oscine.export.exporting import FORMATS, ExportReport, Format, Weights, export
from oscine.export.single_header import single_header
from oscine.export.web import web_files

__all__ = ["FORMATS", "ExportReport", "Format", "Weights", "export", "single_header", "web_files"]
