"""The learned tables of an instrument as a WAV file that wavetable synthesisers open."""

import struct

import torch

from oscine.export.only_part import only_part
from oscine.functional.wavetable import sampled_cycles
from oscine.models import Instrument
from oscine.processors import Wavetable

N_SAMPLES = 2048
# A pitch is not a property of a table; this is the rate that such files have.
_SAMPLE_RATE = 44_100
_FLOAT = 3


def wavetable_file(instrument: Instrument, credit: str = "") -> tuple[bytes, str]:
    """Return an instrument's tables as a WAV file of one cycle after the other, and a note.

    Each cycle has 2048 samples in float32. The chunk ``clm`` tells this to Serum and to what reads its files
    (Vital, Surge and others). The tables go from dull to bright, by the centroid of their harmonics, and are
    as loud as each other; the highest peak of all is 1.

    Args:
        instrument: It has one `Wavetable`.
        credit: Licence and credit, written into the file.

    Raises:
        InputError: When the instrument has no wavetable or several.
    """
    _, part = only_part(instrument, Wavetable, "wavetable", "wavetable")
    with torch.no_grad():
        tables = part.tables().cpu().double()
        power = tables.square().sum(1)
        number = torch.arange(1, power.shape[1] + 1)
        order = torch.argsort((power * number).sum(1) / power.sum(1))
        cycles = sampled_cycles(tables[order], N_SAMPLES)
    samples = (cycles / cycles.abs().max()).float().numpy().astype("<f4").tobytes()
    n_tables = len(cycles)
    rate = struct.pack("<HHIIHH", _FLOAT, 1, _SAMPLE_RATE, 4 * _SAMPLE_RATE, 4, 32)
    # The frame's size, then flags: 1 for a crossfade between tables.
    marker = f"<!>{N_SAMPLES} 10000000 wavetable (oscine)".encode("ascii")
    chunks = [
        _chunk(b"fmt ", rate),
        _chunk(b"fact", struct.pack("<I", n_tables * N_SAMPLES)),
        _chunk(b"clm ", marker),
        _chunk(b"data", samples),
        _chunk(b"LIST", b"INFO" + _chunk(b"ICOP", credit.encode("utf-8") + b"\0")),
    ]
    content = _chunk(b"RIFF", b"WAVE" + b"".join(chunks))
    return content, f"{n_tables} tables of {N_SAMPLES} samples, from dull to bright."


def _chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk of a RIFF file, padded to an even length."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
