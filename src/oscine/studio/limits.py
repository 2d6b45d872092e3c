"""How much a studio takes from those who use it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What is refused beyond it.

    Attributes:
        upload_bytes: Of one uploaded file.
        upload_s: Seconds in which a request's body has to be there.
        json_bytes: Of a body that is no upload.
        files: Files in one upload.
        queue: Jobs that wait.
        stored_bytes: Of all that is stored.
        free_bytes: Which the disk keeps free.
        take_s: Seconds of one take.
        performance_s: Seconds of one performance.
        memory_bytes: Beyond what Oscine itself has, of the process that reads what others made.
        cpu_s: Seconds of processor time, of that process.
        decoded_bytes: Of one file that it writes.
        listeners: Connections that wait for events.
        trash_days: Days for which what was deleted can be restored.
    """

    upload_bytes: int = 50 << 20
    upload_s: float = 120.0
    json_bytes: int = 4 << 20
    files: int = 8
    queue: int = 64
    stored_bytes: int = 100 << 30
    free_bytes: int = 256 << 20
    take_s: float = 3600.0
    performance_s: float = 1800.0
    memory_bytes: int = 1 << 30
    cpu_s: float = 300.0
    decoded_bytes: int = 1 << 30
    listeners: int = 64
    trash_days: float = 30.0

    @property
    def too_large(self) -> str:
        """What is told of a file that is too large."""
        return (
            f"This file is too large: it may have {self.upload_bytes / (1 << 20):.0f} MB at most; raise the "
            "limit with --max-upload, or send a recording as FLAC or in parts."
        )
