"""A recording that was sent, to a sound that is ours."""

from pathlib import Path
from typing import Literal

from oscine.studio.database import Row
from oscine.studio.decoding import decode
from oscine.studio.work.job import Job

SOUND = "sound.flac"


def decoded(job: Job, kind: Literal["take", "performance"], longest_s: float) -> tuple[Path, Row]:
    """Return the place of a recording's sound, and the facts of the recording.

    The source is removed once the database has what was found, so a worker can be killed at any time.

    Args:
        job: In whose name it is read.
        kind: Of the recording, whose folder has `source.SUFFIX`.
        longest_s: Longer ones are refused.

    Raises:
        InputError: As `decode`.
    """
    recording, folder = job.thing(kind), f"{kind}s"
    place = job.root.folder(folder, job.subject)
    target = place / SOUND
    sources = sorted(place.glob("source.*"))
    if "verdict" not in recording["facts"]:
        found = {"verdict": "rejected", "reasons": ["the file is gone"], "duration_s": 0.0, "peaks": []}
        if sources:
            name = recording["name"]
            found = job.readers.run(decode, str(sources[0]), str(target), name, longest_s, what=name)
        facts = {key: found[key] for key in ("verdict", "reasons", "peaks")}
        facts |= {"seconds": found["duration_s"], "sample_rate": found.get("sample_rate", 0)}
        facts |= {"clipped_s": found.get("clipped_s", 0.0)}
        facts |= {"trim": {"from_s": 0.0, "to_s": found["duration_s"]}}
        job.database.change(job.subject, **facts)
    for source in sources:
        job.root.remove(folder, job.subject, source.name)
    return target, job.thing(kind)["facts"]
