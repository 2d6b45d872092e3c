"""The format c: the runtime as one header, the instrument as an array, and an example that plays it."""

import re

from oscine.export.single_header import single_header


def source_files(content: bytes, credit: str) -> dict[str, bytes]:
    """Return the files of the folder, by name.

    Args:
        content: A program file.
        credit: Licence and credit of the recordings, as lines of text.
    """
    return {
        "oscine.h": single_header().encode(),
        "instrument.h": _array(content, credit).encode(),
        "example.cpp": _EXAMPLE.encode(),
        "CREDITS.txt": credit.encode(),
    }


def _array(content: bytes, credit: str) -> str:
    """Return the program file as a C array, with licence and credit above it."""
    # Whatever a card says, it stays in the comment: no line goes on by a backslash or a trigraph.
    said = [re.sub(r"[^ -~]|[?\\]", "_", line) for line in credit.splitlines()]
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
