"""Timbre transfer: play any performance with a learned instrument."""

from oscine.transfer.autotune import Scale, autotune, estimate_tuning, find_scale
from oscine.transfer.imitating import Imitation, imitate
from oscine.transfer.loudness import LoudnessMap, shift_loudness
from oscine.transfer.matching import Matched, match, match_octave
from oscine.transfer.notes import find_notes, hold_nearest, presence, settled_pitch
from oscine.transfer.options import Options
from oscine.transfer.playable import PlayableInstrument, load
from oscine.transfer.plot import plot_transfer
from oscine.transfer.report import TransferReport
from oscine.transfer.result import PlayResult
from oscine.transfer.room import room_response
from oscine.transfer.sliders import Slider, sliders_of, with_sliders
from oscine.transfer.stems import part_alone
from oscine.transfer.streaming import Performance, listen, play
from oscine.transfer.transferring import transfer, transfer_file

__all__ = [
    "Imitation",
    "LoudnessMap",
    "Matched",
    "Options",
    "Performance",
    "PlayResult",
    "PlayableInstrument",
    "Scale",
    "Slider",
    "TransferReport",
    "autotune",
    "estimate_tuning",
    "find_notes",
    "find_scale",
    "hold_nearest",
    "imitate",
    "listen",
    "load",
    "match",
    "match_octave",
    "part_alone",
    "play",
    "plot_transfer",
    "presence",
    "room_response",
    "settled_pitch",
    "shift_loudness",
    "sliders_of",
    "transfer",
    "transfer_file",
    "with_sliders",
]
