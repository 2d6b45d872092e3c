"""Takes: judged, analysed within their trim, and described in words."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from oscine.analysis.quality import Quality, assess, merge
from oscine.analysis.signal import ANALYSIS_RATE, default_hop_length
from oscine.analysis.stretches import stretches
from oscine.audio import read_blocks
from oscine.note_names import note_name
from oscine.studio.work.job import Job
from oscine.studio.work.sounds import decoded
from oscine.threads import one_thread

_SHORTEST_S = 0.1
#: Less of a pitch is a glide or an error.
_LEAST_S = 0.05


def check_take(job: Job) -> None:
    """Judge a take; what is trimmed away does not count."""
    sound, facts = decoded(job, "take", job.limits.take_s)
    if facts["verdict"] == "rejected":
        job.database.change(job.subject, state="rejected", words=left_out_words(facts["reasons"]))
        return
    trim = facts["trim"]
    with one_thread():
        quality = assess_part(sound, trim["from_s"], trim["to_s"], job)
    if trim == {"from_s": 0.0, "to_s": facts["seconds"]}:
        quality = merge([quality], facts["clipped_s"])
    # Where it has been trimmed again meanwhile, another job waits.
    is_newest = job.thing("take")["facts"]["trim"] == trim
    job.database.change(
        job.subject,
        state="ready" if is_newest else None,
        quality=quality.model_dump(mode="json"),
        pitch_s={str(midi): round(s, 2) for midi, s in quality.pitch_s.items() if s >= _LEAST_S},
        words=words_of(quality),
    )


def trimmed(sound: Path, from_s: float, to_s: float, rate: int | None) -> Iterator[np.ndarray]:
    """Yield what lies between two instants of a sound, in blocks."""
    n_done = 0
    for block in read_blocks(sound, rate, block_s=5.0):
        start, stop = round(from_s * (rate or 1)) - n_done, round(to_s * (rate or 1)) - n_done
        n_done += len(block)
        part = block[max(0, start) : max(0, stop)]
        if len(part):
            yield part
        if stop <= len(block):
            return


def assess_part(sound: Path, from_s: float, to_s: float, job: Job) -> Quality:
    """Return the report on what lies between two instants of a sound."""
    hop_length = default_hop_length(ANALYSIS_RATE)
    blocks = trimmed(sound, from_s, max(to_s, from_s + _SHORTEST_S), ANALYSIS_RATE)
    n_samples = max(1, round((to_s - from_s) * ANALYSIS_RATE))

    def told() -> Iterator[np.ndarray]:
        n_done = 0
        for block in blocks:
            yield block
            n_done += len(block)
            job.tell("Checking", n_done / n_samples)

    parts = [
        assess(features, audio, ANALYSIS_RATE)
        for audio, features in stretches(told(), ANALYSIS_RATE, hop_length, "swift-f0")
    ]
    return merge(parts)


def left_out_words(reasons: list[str]) -> str:
    """Return why a take can't be used, in words."""
    reason = reasons[0] if reasons else "it can't be read"
    return f"Left out: {reason[:1].lower()}{reason[1:].rstrip('.')}."


def words_of(quality: Quality) -> str:
    """Return what a take is good for, in words."""
    seconds = 60 * quality.minutes
    if quality.lowest_midi is None or quality.highest_midi is None or quality.voiced_share < 0.05:
        return f"No clear pitch in {seconds:.0f} s: single notes of one voice or instrument can be learned."
    pitches = f"{note_name(quality.lowest_midi)} to {note_name(quality.highest_midi)}"
    faults = [
        word
        for word, is_so in (
            ("more than one note at a time", quality.polyphony_suspected),
            ("overdriven", quality.clipping_suspected),
            ("noise in the pauses", quality.noise_suspected),
            ("reverberation", quality.reverb_suspected),
        )
        if is_so
    ]
    if faults:
        return f"Usable: {seconds:.0f} s, {pitches}; {', '.join(faults)}."
    return f"Good: {seconds:.0f} s, {pitches}."
