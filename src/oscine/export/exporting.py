"""An instrument for other programs, in any of the formats, and how exact and how fast it is there."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from oscine.errors import InputError
from oscine.export.card import credits_of
from oscine.export.dx7 import dx7_voice
from oscine.export.neutone import FILE as NEUTONE_FILE
from oscine.export.neutone import SCRIPT, NeutonePlayer, write_neutone
from oscine.export.nn_tilde import FILE, NnPlayer, write_nn
from oscine.export.onnx_graph import OnnxPlayer, write_onnx
from oscine.export.pd import build_external, pd_files
from oscine.export.plugin import PluginFormat, plugin_files
from oscine.export.source import source_files
from oscine.export.wavetable_file import wavetable_file
from oscine.export.web import web_files
from oscine.files import printable, resolved, write_atomically, write_folder
from oscine.models import Instrument
from oscine.runtime import Engine, engines
from oscine.streaming import NotCompilable, Program

Format = Literal[
    "oscine", "c", "web", "clap", "vst3", "lv2", "pd", "onnx", "nn", "neutone", "syx", "wavetable"
]
Weights = Literal["float32", "float16", "int8"]
WEIGHTS: tuple[Weights, ...] = ("float32", "float16", "int8")
Play = Callable[[dict[str, Tensor]], Tensor]

_MEASURED_S = 2.0
_ENGINE = "portable"


class ExportReport(BaseModel):
    """The report of an export."""

    model_config = ConfigDict(frozen=True)

    files: dict[str, int] = Field(description="name and size in bytes of each file")
    sample_rate: int
    hop_length: int
    latency: int = Field(description="samples by which the sound lags the inputs")
    inputs: list[str]
    licence: str | None
    credit: str | None
    difference: float | None = Field(
        description="largest difference to `Instrument.step`, over its peak; null for syx and wavetable, and "
        "without a compiled runtime"
    )
    load: float | None = Field(
        description="share of one core of this machine, by what plays the format: the portable engine, "
        "onnxruntime frame by frame, or torch"
    )
    note: str | None = Field(default=None, description="the next step before it plays")


class _Order(NamedTuple):
    """The source of a format."""

    program: Program
    content: bytes
    name: str
    credit: str


class _Made(NamedTuple):
    """The files of a format."""

    files: dict[str, bytes]
    play: Play | None = None
    """The player for its measures, if it is not the runtime."""
    load: float | None = None
    """Share of a core, where playing frames is not all that it does."""


class _Outlet(NamedTuple):
    """A format."""

    make: Callable[[_Order], _Made]
    is_file: bool = False
    """It is one file, with this ending; otherwise a folder."""
    has_weights: bool = True
    """It can have its weights in fewer bits."""
    finish: Callable[[Path], str | None] | None = None
    """Work in the folder with the files; a sentence names the next step."""


def _onnx(order: _Order) -> _Made:
    files = write_onnx(order.program)
    return _Made(files, OnnxPlayer(files["one_frame.onnx"]).play)


def _nn(order: _Order) -> _Made:
    files = write_nn(order.program)
    return _Made(files, NnPlayer(files[FILE], order.program).play)


def _neutone(order: _Order) -> _Made:
    files = write_neutone(order.program, order.name)
    player = NeutonePlayer(files[NEUTONE_FILE], order.program)
    return _Made(files, player.play, player.load(_MEASURED_S))


def _plugin(form: PluginFormat) -> _Outlet:
    return _Outlet(lambda order: _Made(plugin_files(order.content, order.name, form, order.credit)))


_OUTLETS: dict[Format, _Outlet] = {
    "oscine": _Outlet(lambda order: _Made({order.name: order.content}), is_file=True),
    "c": _Outlet(lambda order: _Made(source_files(order.content, order.credit))),
    "web": _Outlet(lambda order: _Made(web_files(order.content, order.name, order.credit))),
    "clap": _plugin("clap"),
    "vst3": _plugin("vst3"),
    "lv2": _plugin("lv2"),
    "pd": _Outlet(lambda order: _Made(pd_files(order.content, order.credit)), finish=build_external),
    "onnx": _Outlet(_onnx, has_weights=False),
    "nn": _Outlet(_nn, has_weights=False),
    "neutone": _Outlet(
        _neutone,
        has_weights=False,
        finish=lambda output: (
            f"Run python {output / SCRIPT} where Neutone's SDK is (pip install neutone_sdk) to make model.nm."
        ),
    ),
}


class _Preset(NamedTuple):
    """A format for another synthesiser, which plays one part of the instrument without its network."""

    ending: str
    make: Callable[[Instrument, str, str], tuple[bytes, str]]
    """From the instrument, its name and its credits: the file and a sentence."""


_PRESETS: dict[Format, _Preset] = {
    "syx": _Preset(".syx", lambda instrument, name, _: dx7_voice(instrument, name)),
    "wavetable": _Preset(".wav", lambda instrument, _, credit: wavetable_file(instrument, credit)),
}
FORMATS: tuple[Format, ...] = (*_OUTLETS, *_PRESETS)


def export(
    instrument: Instrument,
    output: str | Path,
    form: Format = "oscine",
    *,
    weights: Weights | None = None,
    dry: bool = False,
) -> ExportReport:
    """Write an instrument for other programs, and compare the result with the instrument.

    - ``oscine`` is one program file, which the runtime plays (docs/background/program-file.md).
    - ``c`` is C++ source: the runtime as one header, the instrument as an array, and an example.
    - ``web`` is a page for any static host, and a package for npm (docs/how-to/web.md).
    - ``clap``, ``vst3`` and ``lv2`` are plug-ins with the instrument in them (docs/how-to/plugins.md).
    - ``pd`` is an external for Pure Data, the instrument and a help patch (docs/how-to/pd.md).
    - ``onnx`` is two graphs for onnxruntime, what a host must know, and examples (docs/how-to/onnx.md).
    - ``nn`` is a TorchScript model for nn~ (docs/how-to/nn.md).
    - ``neutone`` is a TorchScript model with the live tracker, and a script that makes Neutone's file of it
      (docs/how-to/neutone.md).
    - ``syx`` is a voice for a DX7, one steady note of an FM part (docs/how-to/fm.md).
    - ``wavetable`` is the learned cycles as a WAV file for Serum, Vital and others (docs/how-to/fm.md).

    Args:
        instrument: The instrument to export.
        output: A file that ends in ``.oscine``, ``.syx`` or ``.wav``, by the format, or else a folder that is
            empty or not there.
        form: One of ``FORMATS``.
        weights: "float16" halves the size and rounds large weights to 11 bits; "int8" takes a byte for each
            weight of a dense or recurrent layer (docs/how-to/distillation.md has what it costs in quality).
            If left out it is "float16", and "float32" for ``onnx``, ``nn`` and ``neutone``, which have
            no other.
        dry: Leave out the effects.

    Raises:
        InputError: When a part has no compiled form, the output can't be written there, or what the format
            needs is not installed.
    """
    output = Path(output)
    if form not in FORMATS:
        raise InputError(f"The format {form!r} is not known; give one of {', '.join(FORMATS)}.")
    if form in _PRESETS:
        return _export_preset(instrument, output, form, has_options=weights is not None or dry)
    outlet = _OUTLETS[form]
    if not outlet.has_weights and weights not in (None, "float32"):
        raise InputError(f"The format {form} has float32 weights; leave out --weights.")
    _check(output, ".oscine" if outlet.is_file else None)
    try:
        program = instrument.program(dry=dry)
        content = program.to_bytes(weights or "float16")
    except NotCompilable as error:
        raise InputError(f"The instrument can't be exported: {error}") from None
    card = {name: str(value) for name, value in instrument.card.items()}
    name = output.name if outlet.is_file else card.get("name", resolved(output).name)
    files, play, own_load = outlet.make(_Order(program, content, name, credits_of(card)))
    if outlet.is_file:
        write_atomically(output, next(iter(files.values())))
    else:
        write_folder(output, files)
    note = outlet.finish(output) if outlet.finish else None
    if play is None and engines():
        play = Engine(content, _ENGINE).play
    difference, load = (None, None) if play is None else _measured(instrument, program, play, dry)
    return ExportReport(
        files=_sizes(output),
        sample_rate=program.sample_rate,
        hop_length=program.hop_length,
        latency=program.latency,
        inputs=[one.name for one in program.inputs],
        licence=card.get("licence"),
        credit=card.get("credit"),
        difference=difference,
        load=load if own_load is None else own_load,
        note=note,
    )


def _sizes(output: Path) -> dict[str, int]:
    """Return the size of each file that was written, by its name in the folder."""
    if output.is_file():
        return {printable(output.name): output.stat().st_size}
    paths = sorted(path for path in output.rglob("*") if path.is_file())
    return {printable(path.relative_to(output).as_posix()): path.stat().st_size for path in paths}


def _export_preset(instrument: Instrument, output: Path, form: Format, *, has_options: bool) -> ExportReport:
    """Write a format that is no program, and is not measured."""
    preset = _PRESETS[form]
    if has_options:
        raise InputError(f"The format {form} has no network and no effects; leave out --weights and --dry.")
    _check(output, preset.ending)
    card = {name: str(value) for name, value in instrument.card.items()}
    content, note = preset.make(instrument, card.get("name", output.stem), credits_of(card))
    write_atomically(output, content)
    return ExportReport(
        files=_sizes(output),
        sample_rate=instrument.sample_rate,
        hop_length=instrument.hop_length,
        latency=0,
        inputs=[],
        licence=card.get("licence"),
        credit=card.get("credit"),
        difference=None,
        load=None,
        note=note,
    )


def _check(output: Path, ending: str | None) -> None:
    """Refuse a place where a file with this ending, or without one a folder, can't be written."""
    if ending and output.suffix != ending:
        raise InputError(f"{output} cannot be written; its name must end in {ending}.")
    if ending and output.is_dir():
        raise InputError(f"{output} is a folder; give the name of a file to write.")
    if not ending and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{output} is there already; give a folder that is empty or not there.")


def _seconds(play: Play, given: dict[str, Tensor]) -> float:
    began = time.process_time()
    play(given)
    return time.process_time() - began


def _measured(instrument: Instrument, program: Program, play: Play, dry: bool) -> tuple[float, float]:
    """Return the largest difference to the instrument's own sound, and the share of a core that it takes."""
    n_frames = max(1, round(_MEASURED_S * program.sample_rate / program.hop_length))
    sway = torch.sin(torch.arange(n_frames) * 0.02)
    given = {}
    for one in program.inputs:
        if not one.optional:
            curve = torch.full((1, n_frames, one.wire.size), one.default)
            if one.name == "f0_hz":
                curve = (220.0 * 2 ** (0.5 * sway))[None, :, None]
            elif one.name == "loudness_db":
                curve = (-30.0 + 10.0 * sway)[None, :, None]
            given[one.name] = curve
    played = play(given)
    # The second call may still compile something.
    load = min(_seconds(play, given) for _ in range(2)) / (
        n_frames * program.hop_length / program.sample_rate
    )
    conditions = {
        name: curve if instrument.inputs[name].size else curve[..., 0] for name, curve in given.items()
    }
    with torch.no_grad():
        device = instrument.device
        expected = instrument({name: curve.to(device) for name, curve in conditions.items()}, dry=dry).cpu()
    peak = float(expected.abs().max())
    return float((played - expected).abs().max()) / max(peak, 1e-9), load
