"""Verdicts from the figures of a recording, and advice for the musician."""

from dataclasses import dataclass

#: Less voiced sound than this cannot be learned.
LEAST_VOICED_S = 30.0

#: So much of a melody can be played with an instrument.
LEAST_MELODY_S = 1.0

_ENOUGH_S = 180.0
_CLIPPED_SHARE = 1e-4
_LEAST_SIGNAL_TO_NOISE_DB = 25.0
#: Between the 0.03 of a single line in a church and the 0.23 of the same player's chords.
_POLYPHONY_SHARE, _LEAST_JUDGED_S = 0.08, 1.0
REVERB_S = 0.6
"""A median RT60 of this length, or more, counts as reverberation."""

LEAST_RINGING = 3
"""Decays that must be measured before reverberation is reported."""

_CLEAR_SHARE = 0.6
_NARROW_PITCH, _NARROW_LOUDNESS_DB = 7, 7.0


def in_short(voiced_s: float, *, learnable: bool) -> str:
    """Return what a recording is good for, in a sentence.

    Args:
        voiced_s: Seconds with a pitch.
        learnable: Whether an instrument can be learned from it.

    Examples:
        >>> in_short(4.0, learnable=False)
        'This is enough to play with, and too little to learn an instrument from.'
    """
    if learnable:
        return "This can be learned."
    if voiced_s >= LEAST_MELODY_S:
        return "This is enough to play with, and too little to learn an instrument from."
    return "This has no melody to play with, and no instrument can be learned from it as it is."


@dataclass(frozen=True)
class Advice:
    """The figures that verdicts and advice follow from.

    Attributes:
        total_s: Seconds in all.
        sounding_s: Seconds that are not silence.
        voiced_s: Seconds with a pitch.
        clipped_s: Seconds at full scale.
        pitch_span: Semitones between the 1st and the 99th percentile of pitch.
        loudness_range_db: dB between the 5th and the 95th percentile of loudness.
        signal_to_noise_db: dB of the median voiced level above the noise, if there are pauses.
        judged_s: Seconds that could be judged for polyphony.
        polyphony_share: Share of those with a second note, 0 … 1.
        reverb_s: Median time to fall by 60 dB, in seconds, if there is one.
        n_ringing: Number of decays that were measured.
    """

    total_s: float
    sounding_s: float
    voiced_s: float
    clipped_s: float
    pitch_span: float
    loudness_range_db: float
    signal_to_noise_db: float | None
    judged_s: float
    polyphony_share: float
    reverb_s: float | None
    n_ringing: int

    @property
    def learnable(self) -> bool:
        """Whether there is enough voiced sound at all."""
        return self.voiced_s >= LEAST_VOICED_S

    @property
    def clipping_suspected(self) -> bool:
        """Whether the recording clips in more than a few peaks."""
        return self.clipped_s > _CLIPPED_SHARE * self.total_s

    @property
    def noise_suspected(self) -> bool:
        """Whether something sounds in the pauses; it is not suspected without pauses."""
        return self.signal_to_noise_db is not None and self.signal_to_noise_db < _LEAST_SIGNAL_TO_NOISE_DB

    @property
    def polyphony_suspected(self) -> bool:
        """Whether there are chords or a second voice."""
        return self.judged_s >= _LEAST_JUDGED_S and self.polyphony_share >= _POLYPHONY_SHARE

    @property
    def reverb_suspected(self) -> bool:
        """Whether the reverberation is long."""
        return self.n_ringing >= LEAST_RINGING and self.reverb_s is not None and self.reverb_s >= REVERB_S

    def sentences(self) -> list[str]:
        """Return one sentence for each finding: what it is, and what to do."""
        found = []
        if not self.learnable:
            found.append(
                f"Only {self.voiced_s:.1f} s have a pitch, too little to learn from: record at least "
                f"{LEAST_VOICED_S:.0f} s of one voice or instrument; three minutes or more are better."
            )
        elif self.voiced_s < _ENOUGH_S:
            found.append(
                f"{self.voiced_s / 60:.1f} minutes have a pitch, enough to learn from: "
                "three minutes or more sound better."
            )
        if self.polyphony_suspected:
            found.append(
                f"More than one note seems to sound at a time ({100 * self.polyphony_share:.0f} % of the "
                "steady moments): leave out recordings with chords or a second instrument; only single notes "
                "can be learned."
            )
        if self.sounding_s > 0 and self.voiced_s < _CLEAR_SHARE * self.sounding_s:
            found.append(
                f"Only {100 * self.voiced_s / self.sounding_s:.0f} % of the sound has a clear pitch: "
                "chords, noise and percussion cannot be learned; record single notes."
            )
        if self.clipping_suspected:
            found.append(
                f"The recording clips for {self.clipped_s:.2f} s: record again at a lower level; "
                "clipping cannot be undone."
            )
        if self.noise_suspected:
            found.append(
                f"The pauses are only {self.signal_to_noise_db:.0f} dB below the notes: the instrument "
                "would learn the noise too; record in a quieter room or closer to the microphone."
            )
        if self.reverb_suspected:
            found.append(
                f"The reverberation lasts about {self.reverb_s:.1f} s (RT60): the instrument learns "
                "it too, and plays without it if asked to play dry; a drier recording is better."
            )
        return found + self._narrow()

    def _narrow(self) -> list[str]:
        found = []
        if self.learnable and self.pitch_span < _NARROW_PITCH:
            found.append(
                f"The pitches span {self.pitch_span:.0f} semitones: the instrument "
                "cannot learn pitches outside this range; play scales over the whole range."
            )
        if self.learnable and self.loudness_range_db < _NARROW_LOUDNESS_DB:
            found.append(
                f"The loudness spans only {self.loudness_range_db:.0f} dB: the instrument would learn one "
                "timbre; play both soft and loud notes."
            )
        return found
