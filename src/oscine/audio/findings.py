"""What a look at a file's bytes finds, before anything is decoded."""

from dataclasses import dataclass, field


@dataclass
class Findings:
    """What a container says against itself, and what of it a decoder should be given.

    Attributes:
        declared_frames: Sample frames that the file promises, or None where it does not say. Where a stream
            has frames that can be counted, they are counted.
        slack_frames: So many of them a decoder may leave out: what encoders put around the sound.
        harmless: Faults that leave the sound readable as far as it goes, one sentence each.
        fatal: Faults after which nothing read from the file could be trusted, one sentence each.
        parts: What the decoder is given in place of the file: stretches of it, (start, stop) in bytes, and
            headers that say what is there. Empty: the file as it is.
        bits: The depth of FLAC where libsndfile does not know it, and has to decode to integers; else 0.
        foreign: The format's name, where libsndfile does not know it.
    """

    declared_frames: int | None = None
    slack_frames: int = 0
    harmless: list[str] = field(default_factory=list)
    fatal: list[str] = field(default_factory=list)
    parts: list[bytes | tuple[int, int]] = field(default_factory=list)
    bits: int = 0
    foreign: str = ""
