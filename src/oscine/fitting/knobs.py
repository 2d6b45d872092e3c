"""The knobs of a patch: its controls at another pitch, length, decay, and balance of its parts."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from oscine.errors import InputError
from oscine.fitting.hits import leaves
from oscine.functional.fft import fft_convolve
from oscine.functional.filter import minimum_phase_taps
from oscine.functional.mfcc import hz_to_mel
from oscine.functional.noise import band_centers_hz
from oscine.models import Instrument
from oscine.processors import FilteredNoise, Modes, NoiseBands, Transient

_TILT_BANDS, _PIVOT_HZ, _LOWEST_HZ = 257, 1000.0, 20.0
_DB_PER_FACTOR_2 = 6.0206


def require_knobs(instrument: Instrument, **knobs: float | int) -> None:
    """Refuse a knob that is turned and moves nothing.

    Raises:
        InputError: With the knob and what the patch lacks.
    """
    parts = [part for _, part in leaves(instrument.synth)]
    needs = {
        "decay": ("begins with a hit", any("onset_s" in part.inputs for part in parts)),
        "noise_db": ("is noise", any(isinstance(part, FilteredNoise | NoiseBands) for part in parts)),
        "click_db": ("is a click", any(isinstance(part, Transient) for part in parts)),
    }
    for name, value in knobs.items():
        what, has_it = needs[name]
        if value != (1.0 if name == "decay" else 0.0) and not has_it:
            raise InputError(f"{name} is {value:g}, but no part of this patch {what}; leave {name} out.")


def onset_of(onset_s: Float[Tensor, " frame"], frame_s: float) -> float:
    """Return where the first hit begins, in frames from the start; infinite where there is none."""
    after = (onset_s > 0).nonzero()
    if not len(after):
        return float("inf")
    first = int(after[0])
    return first + 1 - float(onset_s[first]) / frame_s


def at_places(value: Tensor, place: Float[Tensor, " frame"]) -> Tensor:
    """Return a control at other instants, in frames from the start; its ends are held."""
    last = value.shape[0] - 1
    position = (place - 1).clamp(0, last)
    before = position.floor().long()
    share = (position - before).to(value.dtype).reshape(-1, *[1] * (value.ndim - 1))
    return value[before].lerp(value[(before + 1).clamp(max=last)], share.expand(-1, *value.shape[1:]))


def onset_at_places(onset_s: Tensor, place: Float[Tensor, " frame"], frame_s: float) -> Tensor:
    """Return the seconds since the onset at other instants: they count on, so the next frame tells them."""
    after = (place - 1).ceil().long().clamp(0, onset_s.shape[0] - 1)
    back = (after + 1 - place) * frame_s
    return (onset_s[after].double() - back).clamp(min=0)


def turned(
    instrument: Instrument,
    controls: Mapping[str, Tensor],
    *,
    ratio: float | int,
    longer: float | int,
    noise_db: float | int,
    click_db: float | int,
) -> dict[str, Tensor]:
    """Return the controls with the knobs turned.

    Args:
        instrument: Whose controls they are.
        controls: By name, (frame, …).
        ratio: Factor on frequencies: f0, modes, and the bands of noise in mel.
        longer: Factor on the modes' decays.
        noise_db: Gain of noise.
        click_db: Gain of clicks.
    """
    made, nyquist_hz = dict(controls), instrument.sample_rate / 2
    if "f0_hz" in made:
        made["f0_hz"] = (made["f0_hz"] * ratio).clamp(1.0, nyquist_hz)
    for prefix, part in leaves(instrument.synth):
        if isinstance(part, Modes):
            hz = made[f"{prefix}frequencies_hz"] * ratio
            made[f"{prefix}amplitudes"] = made[f"{prefix}amplitudes"] * (hz < nyquist_hz)
            made[f"{prefix}frequencies_hz"] = hz.clamp(max=nyquist_hz)
            made[f"{prefix}decays_s"] = made[f"{prefix}decays_s"] * longer
        elif isinstance(part, NoiseBands):
            gains = made[f"{prefix}gains"]
            moved = gains if ratio == 1 else _moved_bands(gains, part, ratio)
            made[f"{prefix}gains"] = moved * 10.0 ** (noise_db / 20.0)
        elif isinstance(part, FilteredNoise):
            made[f"{prefix}magnitudes"] = made[f"{prefix}magnitudes"] * 10.0 ** (noise_db / 20.0)
        elif isinstance(part, Transient):
            made[f"{prefix}taps"] = made[f"{prefix}taps"] * 10.0 ** (click_db / 20.0)
    return made


def _moved_bands(gains: Float[Tensor, "frame band"], part: NoiseBands, ratio: float | int) -> Tensor:
    """Return the gains of noise whose spectrum lies higher by the ratio; beyond Nyquist is none."""
    centers = band_centers_hz(part.n_bands, part.sample_rate)
    place = hz_to_mel(centers / ratio) / hz_to_mel(centers[1:2])
    before = place.long().clamp(max=part.n_bands - 2)
    share = (place - before).clamp(max=1).to(gains)
    moved = gains[:, before] + share * (gains[:, before + 1] - gains[:, before])
    return moved * (centers / ratio <= part.sample_rate / 2)


def tilted(audio: Float[Tensor, " time"], sample_rate: int, db_per_octave: float | int) -> Tensor:
    """Return the audio through a filter of minimum phase that rises by so many dB per octave, 0 at 1 kHz."""
    hz = torch.linspace(0.0, sample_rate / 2, _TILT_BANDS, dtype=torch.float64).clamp(min=_LOWEST_HZ)
    magnitudes = (hz / _PIVOT_HZ) ** (db_per_octave / _DB_PER_FACTOR_2)
    taps = minimum_phase_taps(magnitudes).to(audio)
    return fft_convolve(audio[None], taps)[0, : len(audio)]
