"""An instrument in words: one line for a terminal."""

from oscine.data.statistics import Statistics
from oscine.models.config import InstrumentConfig


def words_of(config: InstrumentConfig, n_parameters: int, statistics: Statistics | None = None) -> str:
    """Return what an instrument is made of, how large it is, and which pitches it learned.

    Examples:
        >>> words_of(InstrumentConfig(sample_rate=44100, hop_length=176), 241_000)
        'f0 and loudness → harmonics + noise + reverb, 44.1 kHz, 241 k parameters'
    """
    *inputs, last = [getattr(one, "name", "") or one.kind for one in config.inputs]
    taken = f"{', '.join(inputs)} and {last}" if inputs else last
    parts = [part.part_name for part in (*config.synth, *config.effects)]
    facts = [
        f"{taken} → {' + '.join('harmonics' if name == 'harmonic' else name for name in parts)}",
        f"{config.sample_rate / 1000:g} kHz",
        f"{_rounded(n_parameters)} parameters",
    ]
    if statistics is not None and statistics.voiced_share:
        facts.append(statistics.range_words)
    if config.identities:
        facts.append(f"{len(config.identities)} identities")
    return ", ".join(facts)


def _rounded(n: int) -> str:
    """Return a count with two digits or three."""
    if n < 1000:
        return str(n)
    return f"{n / 1e3:.0f} k" if n < 999_500 else f"{n / 1e6:.1f} M"
