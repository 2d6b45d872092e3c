"""The folder of a run: one run at a time, nothing foreign overwritten, nothing left of a failed start."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oscine.errors import InputError
from oscine.file_lock import locked
from oscine.files import is_utf8, remove_temporaries
from oscine.models import saved
from oscine.training.checkpoint import CHECKPOINT
from oscine.training.preview import PICTURE, SOUND

TRAINING_FOLDER = "training"
TENSORBOARD_FOLDER = "tensorboard"
RAY_FOLDER = "ray"
_LOCK = ".lock"


class RunFolder:
    """An instrument's folder, and the subfolder with the state of its run.

    Attributes:
        path: The instrument's.
        training: The run's.
        checkpoint: What the run is resumed from.
    """

    def __init__(self, path: Path) -> None:
        """See the class.

        Raises:
            InputError: When its name is not UTF-8, which TensorBoard can't write to.
        """
        if not is_utf8(path):
            raise InputError(
                f"The name of the folder {path} is not UTF-8, so TensorBoard can't write curves in it; give "
                "another name."
            )
        self.path = path
        self.training = path / TRAINING_FOLDER
        self.checkpoint = self.training / CHECKPOINT
        self._is_made = False

    @property
    def has_run(self) -> bool:
        """Whether there is a run to resume."""
        return self.checkpoint.exists()

    def require_unused(self) -> None:
        """Refuse a folder that holds anything.

        Raises:
            InputError: With what to do instead.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file; name a folder for the instrument.")
        if self.has_run:
            raise InputError(f"{self.path} holds a run; resume it with --resume, or name another folder.")
        entries = list(self.path.iterdir()) if self.path.exists() else []
        # A start that was killed leaves its own folder, without a checkpoint.
        own = {_LOCK, TENSORBOARD_FOLDER, RAY_FOLDER}
        left = list(self.training.iterdir()) if self.training.is_dir() else []
        foreign = [entry for entry in entries if entry.name != TRAINING_FOLDER]
        foreign += [entry for entry in left if entry.name not in own and not entry.name.startswith(".check")]
        if foreign:
            raise InputError(
                f"{self.path} is not empty ({foreign[0].name} is in it); name a new or empty folder."
            )

    def require_run(self) -> None:
        """Refuse a folder without a run.

        Raises:
            InputError: With what to do instead.
        """
        if not self.has_run:
            raise InputError(
                f"There is no run to resume in {self.path} ({TRAINING_FOLDER}/{CHECKPOINT} is missing); "
                "check the path, or start a run without --resume."
            )

    @contextmanager
    def claimed(self, wait_s: float = 0.0) -> Iterator[None]:
        """Keep every other run out, and remove what one that was killed has left half written.

        Args:
            wait_s: Seconds to wait for another run's end.

        Raises:
            InputError: When another run writes to the folder.
            OSError: When the folder can't be made.
        """
        self._is_made = not self.path.exists()
        self.training.mkdir(parents=True, exist_ok=True)
        sentence = f"Another training writes to {self.path}; wait for it, or name another folder."
        with locked(self.training / _LOCK, sentence, wait_s=wait_s):
            remove_temporaries(self.path, saved.NAMES)
            remove_temporaries(self.training, (CHECKPOINT, SOUND, PICTURE))
            yield

    def discard(self) -> None:
        """Remove a run that has learned nothing, and its folder where it was made for it."""
        shutil.rmtree(self.training, ignore_errors=True)
        if self._is_made and self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()
