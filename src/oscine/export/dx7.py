"""A DX7's voice from an instrument with an FM part: one still sound, as a file of system-exclusive MIDI."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from oscine.errors import InputError
from oscine.export.only_part import only_part
from oscine.functional.fm import MOST_INDEX, limit_fm_levels
from oscine.functional.units import midi_to_hz
from oscine.models import Instrument
from oscine.processors import FmOscillator

_SECONDS = 2.0
_DEFAULT_HZ, _DEFAULT_DB = 261.63, -30.0
_HEADER, _END = bytes((0xF0, 0x43, 0x00, 0x00, 0x01, 0x1B)), 0xF7
_NAME_SIZE = 10
# Steps of 0.75 dB that the output levels 0 … 19 stand for; from 20 up it is the level + 28.
_LOW_STEPS = (0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46)
_STEPS = (*_LOW_STEPS, *(28 + level for level in range(20, 100)))
_MOST_RATIO_ERROR = 0.01


def dx7_voice(
    instrument: Instrument, name: str = "", *, f0_hz: float | None = None, loudness_db: float | None = None
) -> tuple[bytes, str]:
    """Return a DX7's single-voice dump of an instrument's FM part at one pitch and loudness, and a note.

    The levels are what the network predicts, its mean over a second of a steady note. The patch has no
    feedback and no envelope but on and off. A DX7 has levels in steps of 0.75 dB, and ratios that are up to
    99 % above 0.5, 1, 2 … 31. Noise and effects are left out.

    Args:
        instrument: It has one `FmOscillator`.
        name: Of the voice; the first ten characters that MIDI has.
        f0_hz: Pitch of the note; the median of what the instrument learned, if left out.
        loudness_db: Its loudness; the median, if left out.

    Returns:
        163 bytes, with the checksum; a sentence that says what note it is and what was rounded.

    Raises:
        InputError: When the instrument has no FM part or several, or a ratio is none of the DX7's.

    Reference: Yamaha, DX7 Operating Manual, MIDI data format (bulk data for 1 voice).
    """
    prefix, part = only_part(instrument, FmOscillator, "FM part", "syx")
    learned = instrument.statistics
    if f0_hz is None:
        f0_hz = _DEFAULT_HZ if learned is None else _hz(learned.pitch_midi_quantiles)
    if loudness_db is None:
        loudness_db = _DEFAULT_DB if learned is None else _median(learned.loudness_db_quantiles)
    levels = _steady_levels(instrument, prefix, part, f0_hz, loudness_db)
    frequencies = [_coarse_and_fine(ratio, i) for i, ratio in enumerate(part.ratios, 1)]
    loudest = max(1e-9, *(levels[carrier - 1] for carrier in part.carriers))
    operators = []
    for i, (level, (coarse, fine)) in enumerate(zip(levels, frequencies, strict=True), 1):
        full = loudest if i in part.carriers else MOST_INDEX
        operators.append(_operator(_output_level(level / full), coarse, fine))
    data = bytes([byte for one in reversed(operators) for byte in one])  # operator 6 comes first
    data += bytes([99] * 4 + [50] * 4)  # pitch envelope: none
    data += bytes([part.algorithm - 1, 0, 1])  # no feedback; phases start at 0 with each key
    data += bytes([35, 0, 0, 0, 1, 0, 0, 24])  # no vibrato or tremolo, middle C is C3
    data += _plain(name).encode("ascii")
    said = (
        f"The patch is a steady note of {f0_hz:.1f} Hz at {loudness_db:.0f} dB, without noise, effects and "
        "movement; levels are rounded to 0.75 dB."
    )
    return _HEADER + data + bytes([-sum(data) & 0x7F, _END]), said


def _hz(quantiles: Sequence[float]) -> float:
    return float(midi_to_hz(torch.tensor(_median(quantiles))))


def _median(quantiles: Sequence[float]) -> float:
    return quantiles[len(quantiles) // 2]


@torch.no_grad()
def _steady_levels(
    instrument: Instrument, prefix: str, part: FmOscillator, f0_hz: float, loudness_db: float
) -> list[float]:
    """Return the six levels as they are played, their means over the second half of a steady note."""
    n_frames = round(_SECONDS * instrument.sample_rate / instrument.hop_length)
    conditions: dict[str, Tensor] = {}
    for one in instrument.program(dry=True).inputs:
        if not one.optional:
            value = {"f0_hz": f0_hz, "loudness_db": loudness_db}.get(one.name, one.default)
            curve = torch.full((1, n_frames, one.wire.size), value, device=instrument.device)
            conditions[one.name] = curve if instrument.inputs[one.name].size else curve[..., 0]
    controls, _ = instrument.control(conditions)
    own = {control.name: controls[f"{prefix}.{control.name}"] for control in part.controls}
    played = limit_fm_levels(
        torch.full((1, n_frames), f0_hz, device=instrument.device),
        part.levels(**own),
        ratios=part.ratios,
        modulators=part.modulators,
        sample_rate=part.sample_rate,
    )
    return played[0, n_frames // 2 :].mean(0).tolist()


def _coarse_and_fine(ratio: float, number: int) -> tuple[int, int]:
    """Return the DX7's two numbers for a frequency: n or 0.5 (n = 0), and how many per cent more."""
    settings = [(coarse, fine) for fine in range(100) for coarse in range(32)]

    def error(setting: tuple[int, int]) -> float:
        coarse, fine = setting
        return abs(math.log((coarse or 0.5) * (1 + fine / 100) / ratio))

    nearest = min(settings, key=error)
    if error(nearest) > _MOST_RATIO_ERROR:
        raise InputError(f"Operator {number} has the ratio {ratio:g}; a DX7 has none below 0.5.")
    return nearest


def _output_level(share: float) -> int:
    """Return the output level whose amplitude is nearest to a share of that of level 99."""
    steps = 127 + 8 * math.log2(max(share, 1e-9))
    return min(range(100), key=lambda level: abs(_STEPS[level] - steps))


def _operator(level: int, coarse: int, fine: int) -> list[int]:
    """Return the 21 numbers of an operator: on at once, off at once, the same at each key and velocity."""
    rates, levels = [99, 99, 99, 75], [99, 99, 99, 0]
    scaling = [39, 0, 0, 0, 0, 0]  # by key: break point, depths and curves on either side; rates
    return [*rates, *levels, *scaling, 0, 0, level, 0, coarse, fine, 7]


def _plain(name: str) -> str:
    """Return ten characters that MIDI has."""
    kept = "".join(one if " " <= one <= "~" else "?" for one in name)
    return (kept or "OSCINE").ljust(_NAME_SIZE)[:_NAME_SIZE]
