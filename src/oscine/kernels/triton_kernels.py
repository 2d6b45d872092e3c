"""The Triton kernels of the bank of sines; triton_bank.py says what they compute together, and starts them.

A program has one row, which is a frame of an item, and one chunk of its samples, as a tile of samples ×
offsets. A phase is an int32 whose 2³² are a turn: it wraps for free, and k times it is the exact phase
of harmonic k.

The decorator `no_type_check` keeps checkers of annotations away: Triton compiles the source as it
stands.
"""

from __future__ import annotations

from typing import no_type_check

try:
    import triton.language as tl  # pyright: ignore[reportMissingImports]
    from triton import jit  # pyright: ignore[reportMissingImports]
except ModuleNotFoundError:
    # Nothing here can run without Triton, but what imports every file of the package can import this one.
    def jit(function):
        """Return the function as it is."""
        return function


@jit
@no_type_check
def _circle(phase):
    """Return the sine and the cosine, in float32: of x turns both are polynomials in x² but for their zeros.

    sin 2πx = x (¼ − x²) Q(x²) and cos 2πx = (1/16 − x²) R(x²) for |x| ≤ ½; minimax, within 1.2e-8.
    """
    x = phase.to(tl.float32) * 2.3283064365386963e-10
    u = x * x
    q = ((14.065507888793945 - 3.193378448486328 * u) * u - 38.49842071533203) * u + 67.0767593383789
    q = (q * u - 64.83582305908203) * u + 25.132741928100586
    r = ((25.56714630126953 - 6.540083408355713 * u) * u - 58.571868896484375) * u + 81.78964233398438
    r = (r * u - 59.827274322509766) * u + 16.0
    return (0.25 - u) * x * q, (0.0625 - u) * r


@jit
@no_type_check
def _times(phase, number):
    """Return the phase of a harmonic; that the product wraps is what is wanted."""
    return tl.mul(phase, number, sanitize_overflow=False)


@jit
@no_type_check
def _fixed(turns):
    """Return float64 turns as a fraction of 2⁶⁴; NaN, which has none, as 0."""
    fraction = turns - tl.floor(turns + 0.5)
    return (tl.where(tl.abs(fraction) <= 1.0, fraction, 0.0) * 18446744073709551616.0).to(tl.int64)


@jit
@no_type_check
def _phases(polynomial, inside, sample):
    """Return ``a + b i + c i²`` at the samples, and 0, or NaN where it has no value.

    In 64 bits the quadratic wraps like the phase, so that no float64 is left once a, b and c are there.
    """
    a = tl.load(polynomial, mask=inside, other=0.0)
    b = tl.load(polynomial + 1, mask=inside, other=0.0)
    c = tl.load(polynomial + 2, mask=inside, other=0.0)
    i = sample.to(tl.int64)
    wide = _fixed(a) + i * (_fixed(b) + i * _fixed(c))
    return ((wide + 2147483648) >> 32).to(tl.int32), (0.0 * (a + b + c)).to(tl.float32)


@jit
@no_type_check
def _hz(frequency, number, inside, free: tl.constexpr):
    """Return the partials' frequencies, from where a row's are, or its one for all harmonics."""
    if free:
        hz = tl.load(frequency + number - 1, mask=inside, other=0.0)
    else:
        hz = tl.load(frequency) * number.to(tl.float32)
    return hz


@jit
@no_type_check
def _safe(total):
    return tl.where(total > 1e-30, total, 1.0)  # LEAST_SUM of frames.py


@jit
@no_type_check
def _poison(total):
    """Return 0, or NaN where the total is; a total that overflowed is not NaN yet."""
    return tl.where(total == float("inf"), 0.0, 0.0 * total)


@jit
@no_type_check
def _before(values, previous, row, n_frames, width):
    """Return where the row before begins: that of the same item, or what was before its first."""
    return tl.where(row % n_frames > 0, values + (row - 1) * width, previous + row // n_frames * width)


@jit
@no_type_check
def _ends(
    row, frequency, previous_frequency, amplitude, weights, previous, n_frames, n_partials, nyquist,
    normalise: tl.constexpr, free: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """Return a row's weights at its start and their scale to amplitudes, the same of its end, and two more.

    The two are how many partials sound, and poison: 0, or NaN where a weight is, which silence must not hide.
    """
    n_sines = n_partials if free else 1
    hz_from = _before(frequency, previous_frequency, row, n_frames, n_sines)
    hz_to = frequency + row * n_sines
    from_row = _before(weights, previous, row, n_frames, n_partials)
    to_row = weights + row * n_partials
    total_from = tl.zeros([block], tl.float32)
    total_to = tl.zeros([block], tl.float32)
    sounding = tl.zeros([block], tl.int32)
    for first in range(0, n_partials, block):
        number = first + 1 + tl.arange(0, block)
        inside = number <= n_partials
        below_from = _hz(hz_from, number, inside, free) < nyquist
        below_to = _hz(hz_to, number, inside, free) < nyquist
        total_from += tl.load(from_row + number - 1, mask=inside, other=0.0) * below_from.to(tl.float32)
        total_to += tl.load(to_row + number - 1, mask=inside, other=0.0) * below_to.to(tl.float32)
        sounding += (inside & below_from & below_to).to(tl.int32)
    total_from = tl.sum(total_from)
    total_to = tl.sum(total_to)
    scale_from = 1.0
    scale_to = 1.0
    if normalise:
        first_row = row % n_frames == 0
        scale_from = tl.load(amplitude + tl.where(first_row, row, row - 1)) / _safe(total_from)
        scale_from = tl.where(first_row, 1.0, scale_from)
        scale_to = tl.load(amplitude + row) / _safe(total_to)
    poison = _poison(total_from) + _poison(total_to)
    return from_row, scale_from, to_row, scale_to, tl.sum(sounding), poison


@jit
@no_type_check
def _pair(weights, scale, above, below, n):
    """Return the amplitudes above and below a centre; offset 0 is its own mirror image and counts once."""
    up = tl.load(weights + above - 1, mask=(above >= 1) & (above <= n), other=0.0)
    down = tl.load(weights + below - 1, mask=(below >= 1) & (below <= n) & (below < above), other=0.0)
    return scale * up, scale * down


@jit
@no_type_check
def _store_pair(to, above, below, n, level, slant):
    """Write the gradients above and below a centre."""
    tl.store(to + above - 1, level + slant, mask=(above >= 1) & (above <= n))
    tl.store(to + below - 1, level - slant, mask=(below >= 1) & (below <= n) & (below < above))


@jit
@no_type_check
def _line(start, end):
    """Return the offsets' values at a frame's start, and their rise to its end, as rows of a tile."""
    return start[None, :], (end - start)[None, :]


@jit
@no_type_check
def harmonics(
    polynomial, frequency, previous_frequency, amplitude, weights, previous, audio,
    n_frames, hop, n_partials, nyquist,
    normalise: tl.constexpr, samples: tl.constexpr, offsets: tl.constexpr, block: tl.constexpr,
    run: tl.constexpr,
):  # fmt: skip
    """Write the audio of harmonics of one phase."""
    row = tl.program_id(0).to(tl.int64)
    from_row, scale_from, to_row, scale_to, n, poison = _ends(
        row, frequency, previous_frequency, amplitude, weights, previous, n_frames, n_partials, nyquist,
        normalise, False, block,
    )  # fmt: skip
    width: tl.constexpr = 2 * offsets - 1
    sample = tl.program_id(1) * samples + tl.arange(0, samples)
    phase, bad = _phases(polynomial + 3 * row, True, sample[:, None])
    poison += bad
    blend = sample.to(tl.float32)[:, None] / hop
    offset = tl.arange(0, offsets)
    step_sine, step_cosine = _circle(_times(phase, width))
    even = tl.zeros([samples, offsets], tl.float32)
    odd = tl.zeros([samples, offsets], tl.float32)
    n_steps = (n + offsets - 1) // width + 1
    sine = tl.zeros_like(even)
    cosine = sine + 1.0
    for first in range(0, n_steps, run):
        if first > 0:
            sine, cosine = _circle(_times(tl.broadcast_to(phase, samples, offsets), first * width))
        for step in range(first, tl.minimum(first + run, n_steps)):
            above = step * width + offset
            below = step * width - offset
            up, down = _pair(from_row, scale_from, above, below, n)
            up_to, down_to = _pair(to_row, scale_to, above, below, n)
            both, rise = _line(up + down, up_to + down_to)
            even += (both + blend * rise) * sine
            both, rise = _line(up - down, up_to - down_to)
            odd += (both + blend * rise) * cosine
            turned = sine * step_cosine + cosine * step_sine
            cosine = cosine * step_cosine - sine * step_sine
            sine = turned
    near_sine, near_cosine = _circle(_times(phase, offset[None, :]))
    total = tl.sum(even * near_cosine + odd * near_sine, axis=1) + poison
    tl.store(audio + row * hop + sample, total, mask=sample < hop)


@jit
@no_type_check
def grad_harmonics(
    polynomial, frequency, previous_frequency, amplitude, weights, previous, grad, grad_ends, moments,
    n_frames, hop, n_partials, nyquist, whole: tl.constexpr,
    normalise: tl.constexpr, samples: tl.constexpr, offsets: tl.constexpr, block: tl.constexpr,
    run: tl.constexpr,
):  # fmt: skip
    """Write a chunk's part of the gradients of both ends' amplitudes and, if `whole`, of the polynomial."""
    row = tl.program_id(0).to(tl.int64)
    from_row, scale_from, to_row, scale_to, n, poison = _ends(
        row, frequency, previous_frequency, amplitude, weights, previous, n_frames, n_partials, nyquist,
        normalise, False, block,
    )  # fmt: skip
    width: tl.constexpr = 2 * offsets - 1
    sample = tl.program_id(1) * samples + tl.arange(0, samples)
    phase, bad = _phases(polynomial + 3 * row, True, sample[:, None])
    blend = sample.to(tl.float32)[:, None] / hop
    offset = tl.arange(0, offsets)
    given = tl.load(grad + row * hop + sample, mask=sample < hop, other=0.0)[:, None] + bad
    step_sine, step_cosine = _circle(_times(phase, width))
    near_sine, near_cosine = _circle(_times(phase, offset[None, :]))
    late_sine = blend * near_sine
    late_cosine = blend * near_cosine
    even = tl.zeros([samples, offsets], tl.float32)
    odd = tl.zeros([samples, offsets], tl.float32)
    part = tl.program_id(1) * tl.num_programs(0) + row
    to_from = grad_ends + 2 * part * n_partials
    to_end = to_from + n_partials
    n_steps = (n + offsets - 1) // width + 1
    # Turning is linear: what is turned is the sine times the gradient.
    sine = tl.zeros_like(even)
    cosine = sine + given
    for first in range(0, n_steps, run):
        if first > 0:
            sine, cosine = _circle(_times(tl.broadcast_to(phase, samples, offsets), first * width))
            sine *= given
            cosine *= given
        for step in range(first, tl.minimum(first + run, n_steps)):
            above = step * width + offset
            below = step * width - offset
            if whole:
                up, down = _pair(from_row, scale_from, above, below, n)
                up_to, down_to = _pair(to_row, scale_to, above, below, n)
                both, rise = _line(above * up + below * down, above * up_to + below * down_to)
                even += (both + blend * rise) * cosine
                both, rise = _line(above * up - below * down, above * up_to - below * down_to)
                odd += (both + blend * rise) * sine
            level_end = tl.sum(sine * late_cosine, axis=0)
            slant_end = tl.sum(cosine * late_sine, axis=0)
            level = tl.sum(sine * near_cosine, axis=0) - level_end
            slant = tl.sum(cosine * near_sine, axis=0) - slant_end
            _store_pair(to_from, above, below, n, level, slant)
            _store_pair(to_end, above, below, n, level_end, slant_end)
            turned = sine * step_cosine + cosine * step_sine
            cosine = cosine * step_cosine - sine * step_sine
            sine = turned
    if whole:
        slope = tl.sum(even * near_cosine - odd * near_sine, axis=1).to(tl.float64) * 6.283185307179586
        slope += poison
        for power in tl.static_range(3):
            tl.store(moments + 3 * part + power, tl.sum(slope))
            slope *= sample.to(tl.float64)


@jit
@no_type_check
def _sounding(hz_from, hz_to, number, inside, nyquist, free: tl.constexpr):
    """Return which partials are below Nyquist at both ends of a row."""
    below = _hz(hz_from, number, inside, free) < nyquist
    return inside & below & (_hz(hz_to, number, inside, free) < nyquist)


@jit
@no_type_check
def partials(
    polynomial, frequency, previous_frequency, amplitude, weights, previous, audio,
    n_frames, hop, n_partials, nyquist,
    normalise: tl.constexpr, samples: tl.constexpr, offsets: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """Write the audio of partials that each have a phase of their own."""
    row = tl.program_id(0).to(tl.int64)
    hz_from = _before(frequency, previous_frequency, row, n_frames, n_partials)
    hz_to = frequency + row * n_partials
    from_row, scale_from, to_row, scale_to, _, _ = _ends(
        row, frequency, previous_frequency, amplitude, weights, previous, n_frames, n_partials, nyquist,
        normalise, True, block,
    )  # fmt: skip
    sample = tl.program_id(1) * samples + tl.arange(0, samples)
    blend = sample.to(tl.float32)[:, None] / hop
    total = tl.zeros([samples, offsets], tl.float32)
    for first in range(0, n_partials, offsets):
        number = first + 1 + tl.arange(0, offsets)[None, :]
        inside = number <= n_partials
        phase, poison = _phases(polynomial + 3 * (row * n_partials + number - 1), inside, sample[:, None])
        sounding = _sounding(hz_from, hz_to, number, inside, nyquist, True).to(tl.float32)
        start = scale_from * tl.load(from_row + number - 1, mask=inside, other=0.0) * sounding + poison
        end = scale_to * tl.load(to_row + number - 1, mask=inside, other=0.0) * sounding
        total += (start + blend * (end - start)) * _circle(phase)[0]
    tl.store(audio + row * hop + sample, tl.sum(total, axis=1), mask=sample < hop)


@jit
@no_type_check
def grad_partials(
    polynomial, frequency, previous_frequency, amplitude, weights, previous, grad, grad_ends, moments,
    n_frames, hop, n_partials, nyquist, whole: tl.constexpr,
    normalise: tl.constexpr, samples: tl.constexpr, offsets: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """Write what `grad_harmonics` does, for partials that each have a phase of their own."""
    row = tl.program_id(0).to(tl.int64)
    hz_from = _before(frequency, previous_frequency, row, n_frames, n_partials)
    hz_to = frequency + row * n_partials
    from_row, scale_from, to_row, scale_to, _, _ = _ends(
        row, frequency, previous_frequency, amplitude, weights, previous, n_frames, n_partials, nyquist,
        normalise, True, block,
    )  # fmt: skip
    sample = tl.program_id(1) * samples + tl.arange(0, samples)
    blend = sample.to(tl.float32)[:, None] / hop
    given = tl.load(grad + row * hop + sample, mask=sample < hop, other=0.0)[:, None]
    part = tl.program_id(1) * tl.num_programs(0) + row
    for first in range(0, n_partials, offsets):
        number = first + 1 + tl.arange(0, offsets)[None, :]
        inside = number <= n_partials
        phase, poison = _phases(polynomial + 3 * (row * n_partials + number - 1), inside, sample[:, None])
        sine, cosine = _circle(phase)
        sine *= given + poison
        level = tl.sum(sine, axis=0)[None, :]
        end = tl.sum(sine * blend, axis=0)[None, :]
        here = grad_ends + 2 * part * n_partials + number - 1
        tl.store(here, level - end, mask=inside)
        tl.store(here + n_partials, end, mask=inside)
        if whole:
            sounding = _sounding(hz_from, hz_to, number, inside, nyquist, True).to(tl.float32)
            start = scale_from * tl.load(from_row + number - 1, mask=inside, other=0.0) * sounding + poison
            end = scale_to * tl.load(to_row + number - 1, mask=inside, other=0.0) * sounding
            slope = given * (start + blend * (end - start)) * cosine * 6.283185307179586
            there = moments + 3 * (part * n_partials + number - 1)
            for power in tl.static_range(3):
                tl.store(there + power, tl.sum(slope, axis=0)[None, :].to(tl.float64), mask=inside)
                slope *= sample.to(tl.float32)[:, None]


@jit
@no_type_check
def _gathered(grad_ends, n_chunks, n_partials, number, sounding):
    """Return the sum of all chunks' parts of a gradient, where partials sound."""
    total = tl.zeros_like(number).to(tl.float32)
    for chunk in range(n_chunks):
        part = grad_ends + 2 * chunk * tl.num_programs(0).to(tl.int64) * n_partials
        total += tl.load(part + number - 1, mask=sounding, other=0.0)
    return total


@jit
@no_type_check
def grad_rows(
    frequency, previous_frequency, amplitude, weights, grad_ends, grad_amplitude, grad_weights, grad_previous,
    n_frames, n_sines, n_partials, n_chunks, nyquist,
    normalise: tl.constexpr, free: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """Write the gradients of rows, which end one frame and start the next, from those of the ends."""
    row = tl.program_id(0).to(tl.int64)
    hz_from = _before(frequency, previous_frequency, row, n_frames, n_sines)
    hz_to = frequency + row * n_sines
    last = row % n_frames == n_frames - 1
    hz_next = tl.where(last, hz_to, hz_to + n_sines)
    here = grad_ends + 2 * row * n_partials
    there = tl.where(last, here, here + 2 * n_partials)
    number = 1 + tl.arange(0, block)
    inside = number <= n_partials
    sounding = _sounding(hz_from, hz_to, number, inside, nyquist, free)
    sounding_next = _sounding(hz_to, hz_next, number, inside & (row % n_frames < n_frames - 1), nyquist, free)
    given = _gathered(here + n_partials, n_chunks, n_partials, number, sounding)
    given += _gathered(there, n_chunks, n_partials, number, sounding_next)
    if row % n_frames == 0:
        start = _gathered(here, n_chunks, n_partials, number, sounding)
        tl.store(grad_previous + row // n_frames * n_partials + number - 1, start, mask=inside)
    if normalise:
        audible = (_hz(hz_to, number, inside, free) < nyquist).to(tl.float32)
        weight = tl.load(weights + row * n_partials + number - 1, mask=inside, other=0.0) * audible
        total = tl.sum(weight)
        # A row whose sum is infinite has amplitudes of zero, whatever its weights.
        share = tl.where(total == float("inf"), 0.0, tl.sum(weight * given) / _safe(total))
        tl.store(grad_amplitude + row, share)
        # A silent row has no share to divide by: only its own derivative counts.
        shift = tl.where(_safe(total) == total, share, 0.0)
        given = tl.load(amplitude + row) / _safe(total) * (given - shift) * audible
    tl.store(grad_weights + row * n_partials + number - 1, given, mask=inside)
