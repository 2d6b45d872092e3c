"""An instrument's folder on the Hugging Face hub."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from oscine.errors import InputError


def push(save: Callable[[Path], None], repo_id: str, *, private: bool, token: str | None) -> None:
    """Upload an instrument's folder; the repository is made when missing.

    Args:
        save: Writes the folder that it is given.
        repo_id: ``owner/name``.
        private: Of a repository that is made; others stay as they are.
        token: Of the hub; None: the one that `hf auth login` keeps.

    Raises:
        InputError: When the name is none of the hub's, the hub refuses, or it can't be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        HTTPError,  # pyright: ignore[reportPrivateImportUsage]
    )

    if repo_id.count("/") != 1 or not all(repo_id.split("/")):
        raise InputError(f"'{repo_id[:80]}' is not a name on the hub; give owner/name.")
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / repo_id.split("/")[1]
        save(folder)
        api = HfApi(token=token)
        try:
            api.create_repo(repo_id, private=private, exist_ok=True)
            api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message="Instrument of Oscine")
        except (HfHubHTTPError, HFValidationError, HTTPError, ConnectionError) as error:
            raise InputError(
                f"The hub refused {repo_id} ({type(error).__name__}); log in with `hf auth login`, and "
                "check the name and the connection."
            ) from error
