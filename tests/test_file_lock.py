"""A lock keeps other processes out."""

from pathlib import Path

import pytest

from oscine.errors import InputError
from oscine.file_lock import locked


def test_a_lock_keeps_a_second_holder_out_until_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with (
        locked(path, "Wait."),
        pytest.raises(InputError, match=r"Wait\."),
        locked(path, "Wait."),
    ):
        pass
    with locked(path, "Wait."):
        pass
