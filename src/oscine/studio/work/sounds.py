"""A recording that was sent, to a sound that is ours."""

from pathlib import Path
from typing import Any

from oscine.studio.decoding import decode
from oscine.studio.work.job import Job

SOUND = "sound.flac"


def decoded(job: Job, folder: str, name: str, longest_s: float) -> tuple[Path, dict[str, Any] | None]:
    """Return the place of the sound, and what was found when it was decoded; None where it was before.

    Args:
        job: In whose name it is read.
        folder: Of the kind of thing; the thing's own folder in it has `source.SUFFIX`.
        name: What its sender calls the file.
        longest_s: Longer ones are refused.

    Raises:
        InputError: As `decode`.
    """
    place = job.root.folder(folder, job.subject)
    target = place / SOUND
    if job.root.has(folder, job.subject, SOUND):
        return target, None
    sources = sorted(place.glob("source.*"))
    if not sources:
        return target, {
            "verdict": "rejected",
            "reasons": ["the file is gone"],
            "duration_s": 0.0,
            "peaks": [],
        }
    found = job.readers.run(decode, str(sources[0]), str(target), name, longest_s, what=name)
    for source in sources:
        job.root.remove(folder, job.subject, source.name)
    return target, found
