"""An instrument's folder on the Hugging Face hub."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from oscine.errors import InputError
from oscine.files import printable

_SITE = "https://huggingface.co"


def fetch(repo_id: str, names: Sequence[str]) -> Path:
    """Return the folder in the cache that has these files of a repository, downloaded where needed.

    Without a network, and with ``HF_HUB_OFFLINE``, what was downloaded before is taken.

    Args:
        repo_id: ``owner/name``.
        names: The files; what the repository does not have is left out.

    Raises:
        InputError: When there is no such repository, it is not open to us, or the hub can't be reached, each
            in its own words.
        OSError: When the disk refuses.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        HTTPError,  # pyright: ignore[reportPrivateImportUsage]
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )

    shown = printable(repo_id)
    try:
        return Path(snapshot_download(repo_id, allow_patterns=list(names)))
    except HFValidationError:
        raise InputError(
            f"'{shown[:80]}' is no folder, and no name on the hub; give a folder or owner/name."
        ) from None
    except (HfHubHTTPError, LocalEntryNotFoundError, HTTPError, ConnectionError) as error:
        # What the hub said is the cause of what its client says.
        causes = [one for one in (error, error.__cause__, error.__context__) if one is not None]
        refused = next((one for one in causes if isinstance(one, HfHubHTTPError)), None)
        if refused is not None:
            raise InputError(_refusal(shown, refused)) from None
        if any(isinstance(one, OfflineModeIsEnabled) for one in causes):
            why = "the hub is switched off here (HF_HUB_OFFLINE); unset that"
        else:
            why = "the hub can't be reached; check the connection"
        raise InputError(
            f"There is no folder {shown}, this machine's cache does not have it, and {why}, or name a folder."
        ) from None


def _refusal(shown: str, error: Exception) -> str:
    """Return in words what an answer of the hub means."""
    from huggingface_hub.errors import DisabledRepoError, GatedRepoError

    status = getattr(getattr(error, "response", None), "status_code", 0)
    if isinstance(error, GatedRepoError):
        return f"{shown} is gated: ask for access at {_SITE}/{shown}, then log in with `hf auth login`."
    if isinstance(error, DisabledRepoError):
        return f"The hub has disabled the repository {shown}; ask its owner."
    if status == 401:
        return (
            f"There is no folder {shown}, and the hub shows no repository of that name to us: it is private, "
            "or there is none; check the name, or log in with `hf auth login`."
        )
    if status == 403:
        return f"The hub keeps {shown} from us; ask its owner for access, then log in with `hf auth login`."
    if status == 404:
        return (
            f"There is no folder {shown}, and the hub has no repository of that name; check the spelling at "
            f"{_SITE}/{shown.split('/', maxsplit=1)[0]}."
        )
    if status == 429:
        return f"The hub was asked too often and does not give {shown} now; wait some minutes."
    return f"The hub did not give {shown}: it answered with status {status}; try again later."


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
        except (HfHubHTTPError, HTTPError, ConnectionError, ValueError) as error:
            # A ValueError is the hub's verdict on the card or on the name.
            raise InputError(
                f"The hub refused {repo_id} ({type(error).__name__}); log in with `hf auth login`, and "
                "check the name and the connection."
            ) from error
