"""An instrument for other programs: as a program file, or as C++ source with everything in it."""

import re
import time
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field

from oscine.errors import InputError
from oscine.export.plugin import PLUGIN_FORMATS, plugin_files
from oscine.export.single_header import single_header
from oscine.files import printable, write_atomically
from oscine.models import Instrument
from oscine.runtime import Engine, engines
from oscine.streaming import NotCompilable, Program

Format = Literal["oscine", "c", "clap", "vst3", "lv2"]
FORMATS: tuple[Format, ...] = ("oscine", "c", *PLUGIN_FORMATS)
Weights = Literal["float32", "float16"]

_MEASURED_S = 2.0
_ENGINE = "portable"


class ExportReport(BaseModel):
    """What was made."""

    model_config = ConfigDict(frozen=True)

    files: dict[str, int] = Field(description="name and size in bytes of each file")
    sample_rate: int
    hop_length: int
    latency: int = Field(description="samples by which the sound lags the inputs")
    inputs: list[str]
    licence: str | None
    credit: str | None
    difference: float | None = Field(
        description="largest difference to `Instrument.step`, over its peak; null without a compiled runtime"
    )
    load: float | None = Field(description="share of one core of this machine, by the portable engine")


def export(
    instrument: Instrument,
    output: str | Path,
    form: Format = "oscine",
    *,
    weights: Weights = "float16",
    dry: bool = False,
) -> ExportReport:
    """Write an instrument for other programs, and measure what was written against the instrument.

    ``oscine`` is one program file, which the runtime plays (docs/program-file.md). ``c`` is a folder of C++
    source: the whole runtime as one header, the instrument as an array, and an example that plays it.
    ``clap``, ``vst3`` and ``lv2`` are folders of plug-ins with the instrument in them (docs/plugins.md).

    Args:
        instrument: What is exported.
        output: A file that ends in ``.oscine``, or a folder that is empty or not there.
        form: One of ``FORMATS``.
        weights: "float16" halves the size and rounds large weights to 11 bits.
        dry: Leave out the effects.

    Raises:
        InputError: When a part has no compiled form, the output can't be written there, or there are no
            plug-ins here.
    """
    output = Path(output)
    if form not in FORMATS:
        raise InputError(f"The format {form!r} is not known; give one of {', '.join(FORMATS)}.")
    _check(output, form)
    try:
        program = instrument.program(dry=dry)
        content = program.to_bytes(weights)
    except NotCompilable as error:
        raise InputError(f"The instrument can't be exported: {error}") from None
    card = {name: str(value) for name, value in instrument.card.items()}
    files: dict[str, bytes] = {output.name: content}
    if form == "c":
        files = {
            "oscine.h": single_header().encode(),
            "instrument.h": _array(content, card).encode(),
            "example.cpp": _EXAMPLE.encode(),
            "CREDITS.txt": _credits(card).encode(),
        }
    elif form in PLUGIN_FORMATS:
        files = plugin_files(content, output.name, form, _credits(card))
    if form != "oscine":
        output.mkdir(parents=True, exist_ok=True)
    for name, written in files.items():
        write_atomically(output if form == "oscine" else output / name, written)
    difference, load = _measured(instrument, program, content, dry)
    return ExportReport(
        files={printable(name): len(written) for name, written in files.items()},
        sample_rate=program.sample_rate,
        hop_length=program.hop_length,
        latency=program.latency,
        inputs=[one.name for one in program.inputs],
        licence=card.get("licence"),
        credit=card.get("credit"),
        difference=difference,
        load=load,
    )


def _check(output: Path, form: Format) -> None:
    if form == "oscine" and output.suffix != ".oscine":
        raise InputError(f"{output} cannot be written; its name must end in .oscine.")
    if form == "oscine" and output.is_dir():
        raise InputError(f"{output} is a folder; give the name of a file to write.")
    if form != "oscine" and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{output} is there already; give a folder that is empty or not there.")


def _measured(
    instrument: Instrument, program: Program, content: bytes, dry: bool
) -> tuple[float | None, float | None]:
    """Return the largest difference to the instrument's own sound, and the share of a core that it takes."""
    if not engines():
        return None, None
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
    engine = Engine(content, _ENGINE)
    played = engine.play(given)
    began = time.process_time()
    engine.play(given)
    load = (time.process_time() - began) / (n_frames * program.hop_length / program.sample_rate)
    conditions = {
        name: curve if instrument.inputs[name].size else curve[..., 0] for name, curve in given.items()
    }
    with torch.no_grad():
        device = instrument.device
        expected = instrument({name: curve.to(device) for name, curve in conditions.items()}, dry=dry).cpu()
    peak = float(expected.abs().max())
    return float((played - expected).abs().max()) / max(peak, 1e-9), load


def _credits(card: dict[str, str]) -> str:
    lines = ["This instrument was learned with Oscine (Apache License 2.0) from recordings."]
    lines.append(f"Licence of the recordings: {card.get('licence', 'not stated')}")
    lines.append(f"Credit: {card.get('credit', 'not stated')}")
    return "\n".join(lines) + "\n"


def _array(content: bytes, card: dict[str, str]) -> str:
    """Return the program file as a C array, with licence and credit above it."""
    # Whatever a card says, it stays in the comment: no line goes on by a backslash or a trigraph.
    said = [re.sub(r"[^ -~]|[?\\]", "_", line) for line in _credits(card).splitlines()]
    rows = [",".join(map(str, content[start : start + 32])) + "," for start in range(0, len(content), 32)]
    head = "".join(f"// {line}\n" for line in said)
    return (
        f"{head}#pragma once\n#include <stddef.h>\n\n"
        f"static const size_t oscine_instrument_size = {len(content)};\n"
        f"static const unsigned char oscine_instrument[{len(content)}] = {{\n" + "\n".join(rows) + "\n};\n"
    )


_EXAMPLE = """\
// Plays two seconds of A4 and writes them as float32 samples:
//     c++ -std=c++17 -O3 -fwrapv -fno-math-errno -fno-trapping-math example.cpp -o example
//     ./example > a4.f32
#include <stdio.h>
#include <string.h>

#define OSCINE_IMPLEMENTATION
#include "oscine.h"

#include "instrument.h"

int main() {
    oscine_live* live = nullptr;
    const unsigned char* program = oscine_instrument;
    const int code = oscine_live_load(nullptr, program, oscine_instrument_size, 0, nullptr, 0, &live);
    if (code != OSCINE_OK) return fprintf(stderr, "%s\\n", oscine_error_text(code)), 1;
    const oscine_player* player = oscine_live_player(live);
    for (uint32_t i = 0; i < oscine_n_inputs(player); i++) {
        const float f0_hz = 440.0f, loudness_db = -20.0f;
        if (!strcmp(oscine_input_name(player, i), "f0_hz")) oscine_live_set(live, i, &f0_hz);
        if (!strcmp(oscine_input_name(player, i), "loudness_db")) oscine_live_set(live, i, &loudness_db);
    }
    for (uint32_t left = 2 * oscine_live_sample_rate(live); left > 0;) {
        float audio[100];
        const uint32_t n = left < 100 ? left : 100;
        oscine_live_play(live, n, audio);
        fwrite(audio, sizeof(float), n, stdout);
        left -= n;
    }
    oscine_live_free(live);
    return 0;
}
"""
