"""Whether the shards of a dataset are as they were written: by their hashes, by their sizes, or not asked."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from oscine.data.manifest import Manifest, Shard, check_shard
from oscine.errors import InputError
from oscine.files import file_size, sha256

Verify = Literal["none", "sizes", "all"]
"""How shards are compared with the manifest: not at all, by sizes and headers, or by every byte too."""

#: A larger dataset is not hashed unless asked for: SHA-256 takes about a second per gigabyte and core.
MOST_HASHED_BYTES = 4_000_000_000


def verify_shards(folder: Path, manifest: Manifest, verify: Verify | None = None) -> None:
    """Refuse a dataset whose shards are not those of its manifest.

    What is not verified here is still checked when it is read: a missing, cut or broken shard is a sentence
    then. A changed byte inside the audio is found by ``"all"`` alone.

    Args:
        folder: The dataset.
        manifest: Its manifest.
        verify: How; None: ``"all"`` up to 4 GB, and ``"sizes"`` beyond.

    Raises:
        InputError: When a shard is missing or has changed.
        OSError: When a file can't be read.
    """
    if verify is None:
        n_bytes = sum(shard.n_bytes for recording in manifest.recordings for shard in recording.shards)
        verify = "all" if n_bytes <= MOST_HASHED_BYTES else "sizes"
    if verify == "none":
        return
    hashes = verify == "all"
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        shards = [shard for recording in manifest.recordings for shard in recording.shards]
        for _ in pool.map(lambda shard: _check(folder, shard, manifest, hashes=hashes), shards):
            pass
        for recording in manifest.recordings:
            if recording.score is not None:
                path = folder / recording.score.file
                if not path.is_file() or (hashes and sha256(path) != recording.score.sha256):
                    raise _changed(path)
    finally:
        pool.shutdown(cancel_futures=True)


def _check(folder: Path, shard: Shard, manifest: Manifest, *, hashes: bool) -> None:
    path = folder / shard.file
    if not path.exists():
        raise InputError(
            f"{folder} lacks {shard.file}; run oscine prepare again, it makes only what is missing."
        )
    if file_size(path) != shard.n_bytes or (hashes and sha256(path) != shard.sha256):
        raise _changed(path)
    check_shard(path, shard, manifest)


def _changed(path: Path) -> InputError:
    return InputError(f"{path} is not as it was written; run oscine prepare again, it repairs it.")
