"""Inharmonicity of a stiff string: the coefficient B of one note, from the peaks of its spectrum."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_WINDOW_S, _PERIODS = 0.4, 6.0
_OVERLAP, _ZERO_PADDING = 4, 4
_MOST_PARTIALS, _LEAST_PARTIALS = 60, 4
_F0_SHARE, _N_F0 = 0.03, 121
_B_LOW, _B_HIGH, _B_STEP = 1e-7, 3e-2, 1.05
_CLEAR_DB, _MOST_DB = 9.0, 30.0
_NEAR_BINS = 3.0
_ROUNDS = 4


class StringPartials(NamedTuple):
    """The partials of a stiff string: ``f_k = k f0 √(1 + B k²)``."""

    f0_hz: float
    """Frequency of the fundamental of the string without stiffness."""
    inharmonicity: float
    """The coefficient B."""
    n_partials: int
    """Peaks that it was found from."""


def string_partials(audio: Float[Tensor, " time"], sample_rate: int, f0_hz: float) -> StringPartials | None:
    """Return f0 and the inharmonicity of one note of a stiff string, from the peaks of its spectrum.

    The squares of the partials' frequencies lie on a line: ``(f_k / k)² = f0² + f0² B k²``. A search over f0
    (within 3 %) and B finds the line on which the spectrum stands out most from what is between its peaks.
    The peaks nearest to that line then give f0 and B by weighted least squares, and peaks far from it are
    left out, several times over.

    Args:
        audio: The note, with one steady pitch; 0.1 s at least, the beginning of the sound is enough.
        sample_rate: In Hz.
        f0_hz: Its pitch, right to 3 %, such as a tracker's.

    Returns:
        None when fewer than four partials stand out.

    Reference:
        Fletcher, Normal vibration frequencies of a stiff piano string, JASA 36, 1964, for the formula;
        Galembo and Askenfelt, Signal representation and estimation of spectral parameters by inharmonic
        comb filters, IEEE Trans. Speech and Audio Proc. 7(2), 1999, for the search; Rauhala, Lehtonen and
        Välimäki, Fast automatic inharmonicity estimation algorithm, JASA 121(5), 2007, also go from peaks
        near predicted partials to B. Ours fits the line to the peaks where theirs follows its trend.

    Examples:
        >>> k, n = torch.arange(1, 21)[:, None], torch.arange(16000, dtype=torch.float64)
        >>> hz = k * 110.0 * torch.sqrt(1 + 3e-4 * k**2)
        >>> note = (torch.sin(2 * torch.pi * hz * n / 16000) / k).sum(0)
        >>> found = string_partials(note, 16000, 111.0)
        >>> found is not None and abs(found.inharmonicity / 3e-4 - 1) < 0.02
        True
    """
    spectrum = _power_db(audio, sample_rate, f0_hz)
    if spectrum is None:
        return None
    power_db, bin_hz, lobe_hz = spectrum
    clear_db = (power_db - _between_db(power_db, round(f0_hz / bin_hz))).clamp(0.0, _MOST_DB)
    highest_hz = bin_hz * (len(power_db) - 2)
    n_partials = min(_MOST_PARTIALS, int(highest_hz / f0_hz))
    if n_partials < _LEAST_PARTIALS:
        return None
    number = torch.arange(1, n_partials + 1, dtype=torch.float64)
    fundamental_hz, coefficient = _search(clear_db, bin_hz, f0_hz, number)
    used: Bool[Tensor, " partial"] = torch.zeros(n_partials, dtype=torch.bool)
    for turn in range(_ROUNDS):
        expected_hz = number * fundamental_hz * torch.sqrt(1 + coefficient * number**2)
        reach_hz = min(0.3 * f0_hz, _NEAR_BINS * lobe_hz / (1 + turn))
        peaks_hz, used = _peaks(power_db, clear_db, bin_hz, expected_hz, reach_hz)
        if int(used.sum()) < _LEAST_PARTIALS:
            return None
        squares, place = (peaks_hz[used] / number[used]) ** 2, number[used] ** 2
        # The error of a peak is the same at all partials, so that of (f / k)² falls as 1 / k.
        intercept, slope = _line(place, squares, weight=place)
        fundamental_hz = math.sqrt(intercept)
        coefficient = max(0.0, slope / intercept)
    return StringPartials(fundamental_hz, coefficient, int(used.sum()))


def _power_db(
    audio: Tensor, sample_rate: int, f0_hz: float
) -> tuple[Float[Tensor, " bin"], float, float] | None:
    """Return the mean power spectrum in dB, its bin's and its window's width in Hz; None for no window."""
    length = min(len(audio), round(max(_WINDOW_S, _PERIODS / f0_hz) * sample_rate))
    if length < _PERIODS / f0_hz * sample_rate:
        return None
    n_fft = _ZERO_PADDING << (length - 1).bit_length()
    window = torch.hann_window(length, dtype=torch.float64)
    frames = audio.double().unfold(0, length, max(1, length // _OVERLAP)) * window
    power = torch.zeros(n_fft // 2 + 1, dtype=torch.float64)
    for frame in frames:
        power += torch.fft.rfft(frame, n_fft).abs().square()
    return 10.0 * torch.log10(power + 1e-12 * power.max() + 1e-30), sample_rate / n_fft, sample_rate / length


def _between_db(power_db: Float[Tensor, " bin"], n_bins: int) -> Float[Tensor, " bin"]:
    """Return the level between the partials: medians over stretches as wide as f0, joined by lines."""
    n_bins = max(4, n_bins)
    n_stretches = max(1, len(power_db) // n_bins)
    medians = power_db[: n_stretches * n_bins].reshape(n_stretches, -1).median(-1).values
    line = torch.nn.functional.interpolate(
        medians[None, None], scale_factor=float(n_bins), mode="linear", align_corners=False
    )[0, 0]
    return torch.cat([line, line[-1:].expand(max(0, len(power_db) - len(line)))])[: len(power_db)]


def _search(
    clear_db: Float[Tensor, " bin"], bin_hz: float, f0_hz: float, number: Float[Tensor, " partial"]
) -> tuple[float, float]:
    """Return the f0 and B at whose partials the spectrum stands out most, on a grid."""
    fundamentals_hz = f0_hz * torch.linspace(1 - _F0_SHARE, 1 + _F0_SHARE, _N_F0, dtype=torch.float64)
    n_steps = math.ceil(math.log(_B_HIGH / _B_LOW) / math.log(_B_STEP))
    coefficients = torch.cat(
        [torch.zeros(1, dtype=torch.float64), _B_LOW * _B_STEP ** torch.arange(n_steps, dtype=torch.float64)]
    )
    best = (-1.0, f0_hz, 0.0)
    for coefficient in coefficients.tolist():
        ratios = number * torch.sqrt(1 + coefficient * number**2)
        place = (fundamentals_hz[:, None] * ratios / bin_hz).round().long()
        inside = place < len(clear_db)
        score = (clear_db[place.clamp(max=len(clear_db) - 1)] * inside).sum(-1)
        at = int(score.argmax())
        if float(score[at]) > best[0]:
            best = (float(score[at]), float(fundamentals_hz[at]), coefficient)
    return best[1], best[2]


def _peaks(
    power_db: Float[Tensor, " bin"],
    clear_db: Float[Tensor, " bin"],
    bin_hz: float,
    expected_hz: Float[Tensor, " partial"],
    reach_hz: float,
) -> tuple[Float[Tensor, " partial"], Bool[Tensor, " partial"]]:
    """Return the frequency of the highest peak near each expected one, and where there is a clear one."""
    reach = max(1, round(reach_hz / bin_hz))
    center = (expected_hz / bin_hz).round().long()
    inside = (center - reach >= 1) & (center + reach <= len(power_db) - 2)
    around = center.clamp(reach + 1, len(power_db) - 2 - reach)[:, None] + torch.arange(-reach, reach + 1)
    top = around.gather(1, power_db[around].argmax(-1, keepdim=True))[:, 0]
    left, middle, right = power_db[top - 1], power_db[top], power_db[top + 1]
    bend = left - 2 * middle + right
    is_peak = (middle >= left) & (middle >= right) & (bend < 0)
    shift = torch.where(is_peak, 0.5 * (left - right) / bend.clamp(max=-1e-9), 0.0)
    return (top + shift) * bin_hz, inside & is_peak & (clear_db[top] >= _CLEAR_DB)


def _line(
    place: Float[Tensor, " point"], value: Float[Tensor, " point"], weight: Float[Tensor, " point"]
) -> tuple[float, float]:
    """Return intercept and slope of the weighted least-squares line, far points left out (Tukey's weight)."""
    robust = torch.ones_like(value)
    intercept = slope = 0.0
    for _ in range(5):
        share = weight * robust / (weight * robust).sum()
        middle, height = (share * place).sum(), (share * value).sum()
        spread = (share * (place - middle) ** 2).sum()
        slope = float((share * (place - middle) * (value - height)).sum() / spread.clamp(min=1e-12))
        intercept = float(height - slope * middle)
        miss = (value - intercept - slope * place).abs() * weight.sqrt()
        scale = 4.7 * 1.4826 * float(miss.median()) + 1e-9
        robust = (1 - (miss / scale) ** 2).clamp(min=0.0) ** 2
    return intercept, slope
