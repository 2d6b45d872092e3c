"""Where the strings of an instrument start: inharmonicity and tuning of each key, from isolated notes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from oscine.analysis.inharmonicity import string_partials
from oscine.data.score import VOICE_CURVES
from oscine.data.segment import Segment
from oscine.functional.runs import runs
from oscine.functional.strings import LOWEST_KEY, N_KEYS, usual_inharmonicity
from oscine.functional.units import hz_to_midi, midi_to_hz
from oscine.models import Instrument
from oscine.processors import Strings

_SHORTEST_S, _LONGEST_S = 0.4, 2.0
#: A note may be measured from so late on, because another one may still end before.
_BEGUN_S = 0.5
#: What a pick is off by, at most; farther off it is of something else.
_MOST_CENTS, _MOST_RATIO = 30.0, 8.0
_LEAST_B, _LEAST_PARTIALS = 1e-6, 5


class KeyStrings(NamedTuple):
    """The measured values of the strings of each key."""

    inharmonicity: Float[Tensor, " 88"]
    tuning_cents: Float[Tensor, " 88"]
    measured: tuple[int, ...]
    """The keys that had isolated notes with clear partials, as MIDI pitches; the others lie between them."""


def set_strings(instrument: Instrument, segments: Sequence[Segment]) -> None:
    """Set the tables of an instrument's strings to what is measured in recordings, if anything is.

    Args:
        instrument: Its parts of kind ``strings`` are set.
        segments: Of recordings whose notes are known.
    """
    parts = [part for part in instrument.synth.modules() if isinstance(part, Strings)]
    if not parts or not any(segment.voices is not None for segment in segments):
        return
    found = measure_keys(segments)
    for part in parts if found.measured else []:
        part.set_keys(found.inharmonicity, found.tuning_cents)


def measure_keys(segments: Sequence[Segment]) -> KeyStrings:
    """Return inharmonicity and tuning of each key, from notes that sound alone for 0.4 s or longer.

    Of several notes of a key it is the median. A key between two that were measured gets what lies between
    them, ln B linearly over the key. Beyond the measured ones the usual B of `oscine.functional.strings` goes
    on, times the ratio at the last measured key, and the tuning stays.

    Args:
        segments: Of recordings whose notes are known.
    """
    picks: dict[int, list[tuple[float, float]]] = {}
    usual = usual_inharmonicity().double().log()
    for key, note, sample_rate in _alone(segments):
        pitch_hz = float(midi_to_hz(torch.tensor(float(key))))
        found = string_partials(torch.from_numpy(note.copy()), sample_rate, pitch_hz)
        if found is None or found.inharmonicity < _LEAST_B or found.n_partials < _LEAST_PARTIALS:
            continue
        cents = 1200 * float(np.log2(found.f0_hz / pitch_hz))
        ratio = float(np.log(found.inharmonicity)) - float(usual[key - LOWEST_KEY])
        if abs(cents) <= _MOST_CENTS and abs(ratio) <= np.log(_MOST_RATIO):
            picks.setdefault(key, []).append((ratio, cents))
    if not picks:
        return KeyStrings(usual_inharmonicity(), torch.zeros(N_KEYS), ())
    measured = sorted(picks)
    place = np.array(measured) - LOWEST_KEY
    medians = np.array([np.median(np.array(picks[key]), axis=0) for key in measured])
    keys = np.arange(N_KEYS)
    # Between two measured keys ln B is a line; interpolating its ratio to the usual would bend it.
    log_b = np.interp(keys, place, medians[:, 0] + usual.numpy()[place])
    beyond = (keys < place[0]) | (keys > place[-1])
    ratio = np.interp(keys, place, medians[:, 0])
    log_b[beyond] = (usual.numpy() + ratio)[beyond]
    return KeyStrings(
        torch.from_numpy(np.exp(log_b)).float(),
        torch.from_numpy(np.interp(keys, place, medians[:, 1])).float(),
        tuple(measured),
    )


def _alone(segments: Sequence[Segment]) -> Iterator[tuple[int, Float32[np.ndarray, " time"], int]]:
    """Yield key, sound and sample rate of each note that sounds alone from its onset on."""
    pitch, gain, onset = (VOICE_CURVES.index(name) for name in ("f0_hz", "gain", "onset_s"))
    for segment in segments:
        if segment.voices is None:
            continue
        frame_rate = segment.sample_rate / segment.hop_length
        sounding = segment.voices[..., gain] > 0
        alone = sounding.sum(axis=1) == 1
        voice = sounding.argmax(axis=1)
        at = np.arange(segment.n_frames)
        f0_hz, since_s = (segment.voices[at, voice, which] for which in (pitch, onset))
        midi = hz_to_midi(torch.from_numpy(f0_hz)).numpy()
        # Where a voice goes on with the same note, its time since the onset rises.
        same = alone & np.append(False, (voice[1:] == voice[:-1]) & alone[:-1] & (since_s[1:] > since_s[:-1]))
        for start, end in runs(torch.from_numpy(same), _SHORTEST_S * frame_rate).tolist():
            stop = min(end, start + round(_LONGEST_S * frame_rate))
            key = round(float(midi[start]))
            begun = since_s[start] <= _BEGUN_S
            if begun and LOWEST_KEY <= key < LOWEST_KEY + N_KEYS and abs(midi[start] - key) < 0.01:
                yield key, segment.slice("audio", start, stop), segment.sample_rate
