"""A saved instrument: `model.safetensors`, `config.json` with their sha256, `README.md`. No pickle."""

import hashlib
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor, nn

from oscine import instruments
from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.explain import explain
from oscine.files import is_file, is_folder, printable, read_json, read_text, write_atomically
from oscine.models import hub
from oscine.models.card import is_unedited, model_card
from oscine.models.config import InstrumentConfig
from oscine.models.formats import upgrade_config, upgrade_weights
from oscine.tensor_file import read_header, read_tensors, require_fit

Model = TypeVar("Model", bound=nn.Module)
WeightType = Literal["float32", "float16"]

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
NEXT_CONFIG = "config.next.json"
CARD = "README.md"
SOUND = "sound.flac"
#: The files that `write` writes.
NAMES = (WEIGHTS, CONFIG, NEXT_CONFIG, CARD)


class SavedConfig(BaseModel):
    """The content of config.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[3] = 3
    """Version of the folder's layout and the weights' names."""
    instrument: InstrumentConfig
    """Rebuilds the model."""
    weights_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of model.safetensors."""
    statistics: Statistics | None = None
    """Pitch and loudness of the training set."""
    card: dict[str, Any] = {}
    """Licence, recipe, and further facts about how it was made."""


def write(
    folder: str | Path,
    weights: dict[str, Tensor],
    config: InstrumentConfig,
    statistics: Statistics | None,
    card: dict[str, object],
    weight_type: WeightType = "float32",
) -> None:
    """Write an instrument's folder, so that a kill at any moment leaves the old instrument or the new one.

    With the type "float16", weights of float32 are rounded to 11 bits; `load` makes them float32 again.

    Weights and config are two files and can't change at once. So the new config is there first, under another
    name; whichever of the two configs names the weights' hash is the one that `load` takes.

    A README.md that is not a model card as it was written here is the user's own and stays as it is: the
    card's last line has the sha256 of what is before it. The card plays a sound, ``sound.flac``, where there
    is one in the folder.

    Raises:
        InputError: When there is a file in the folder's place, or a weight is too large for float16.
        OSError: When the disk refuses.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; an instrument is saved as a folder, so name another path.")
    content = safetensors.torch.save(
        {name: _stored(name, tensor, weight_type) for name, tensor in weights.items()}
    )
    saved = SavedConfig(
        instrument=config,
        weights_sha256=hashlib.sha256(content).hexdigest(),
        statistics=statistics,
        card=dict(card),
    )
    write_atomically(folder / NEXT_CONFIG, saved.model_dump_json(indent=2) + "\n")
    write_atomically(folder / WEIGHTS, content)
    (folder / NEXT_CONFIG).replace(folder / CONFIG)
    if not _is_own_readme(folder / CARD):
        sound = SOUND if (folder / SOUND).is_file() else None
        write_atomically(folder / CARD, model_card(folder.name, config, statistics, saved.card, sound))


def _stored(name: str, tensor: Tensor, weight_type: WeightType) -> Tensor:
    """Return a weight as it is written."""
    tensor = tensor.detach().cpu().contiguous()
    if weight_type == "float32" or tensor.dtype != torch.float32:
        return tensor
    stored = tensor.half()
    if torch.isfinite(tensor).all() and not torch.isfinite(stored).all():
        raise InputError(f"The weights {name} are too large for float16; save them as float32.")
    return stored


def _is_own_readme(path: Path) -> bool:
    """Return whether there is a README.md that the user wrote or edited."""
    try:
        return not is_unedited(read_text(path))
    except FileNotFoundError:
        return False
    except InputError:
        return True


def locate(name: str | Path) -> Path:
    """Return the folder of an instrument: a folder, one in the package, or the hub's copy in the cache.

    Raises:
        InputError: When it is none of these; what is nearest to the name is said.
        OSError: When the disk refuses.
    """
    folder, text = Path(name), str(name)
    if not text.strip():
        raise InputError(f"The name of the instrument is empty; {instruments.choices('')}.")
    if is_folder(folder):
        return folder
    if text in instruments.names():
        return instruments.path(text)
    if is_file(folder):
        raise InputError(
            f"{printable(name)} is a file; an instrument is a folder with {WEIGHTS} and {CONFIG}."
        )
    beside = _nearest_folder(folder)
    hint = f"; the nearest folder is {printable(beside)}" if beside else ""
    parts = text.split("/")
    if len(parts) != 2 or not all(parts) or text.startswith((".", "~")):
        shown = printable(text[:200])
        if len(parts) > 1:
            raise InputError(f"There is no folder {shown}{hint}; name one that `oscine train` wrote.")
        raise InputError(
            f"There is no instrument '{shown}'{hint}; {instruments.choices(text)}, or name a folder that "
            "`oscine train` wrote, or a hub id, owner/name."
        )
    if beside is not None:
        raise InputError(f"There is no folder {printable(name)}{hint}.")
    return _from_hub(text)


def _nearest_folder(folder: Path) -> Path | None:
    """Return the instrument beside a folder that is not there whose name is nearest to it."""
    try:
        there = {one.parent.name for one in folder.parent.glob(f"*/{CONFIG}")}
    except (OSError, ValueError):
        return None
    near = get_close_matches(folder.name, sorted(there), n=1)
    return folder.parent / near[0] if near else None


def _from_hub(name: str) -> Path:
    """Return the hub's copy of an instrument; its weights come when its config is one of ours.

    Raises:
        InputError: When the hub does not give it, or the repository is no instrument.
    """
    no_instrument = f"The repository {printable(name)} on the hub is no instrument of Oscine"
    folder = hub.fetch(name, [CONFIG, CARD])
    if not (folder / CONFIG).exists():
        raise InputError(f"{no_instrument}: it has no {CONFIG}.")
    try:
        read_config(folder)
    except InputError as error:
        why = (
            str(error)
            .replace(str(folder / CONFIG), f"its {CONFIG}", 1)
            .removesuffix(" Get the instrument again.")
        )
        raise InputError(f"{no_instrument}: {why.rstrip('.')}.") from None
    folder = hub.fetch(name, [CONFIG, CARD, WEIGHTS])
    if not (folder / WEIGHTS).exists():
        raise InputError(f"{no_instrument}: it has no {WEIGHTS}.")
    return folder


def load(
    name: str | Path, build: Callable[[InstrumentConfig, Statistics | None, dict[str, Any]], Model]
) -> Model:
    """Return the model in an instrument's folder.

    The folder may be anybody's. So names, shapes and dtypes are held against the weights' header on a model
    without memory before the model is made, and what is loaded are the very bytes that were hashed.

    Args:
        name: See `locate`.
        build: Makes the model from its config, its statistics and the facts of its card.

    Raises:
        InputError: When there is no instrument, a file is missing or not what it should be, the weights'
            sha256 is not the config's, or the weights do not fit the config or are not finite.
        OSError: When a file can't be read.
    """
    folder = locate(name)
    path = folder / WEIGHTS
    names = [one for one in (CONFIG, NEXT_CONFIG) if (folder / one).exists()]
    if not names or not path.exists():
        raise InputError(f"{folder} is not an instrument: it has no {WEIGHTS if names else CONFIG}.")
    header = read_header(path)
    configs = [read_config(folder, one) for one in names]
    tensors, _, content = read_tensors(path)
    digest = hashlib.sha256(content).hexdigest()
    del content
    saved = next((one for one in configs if one.weights_sha256 == digest), None)
    if saved is None:
        raise InputError(
            f"The weights in {path} are not the ones that {CONFIG} describes (their sha256 differs); "
            "get the instrument again, or train it again."
        )
    try:
        with torch.device("meta"):
            expected = build(saved.instrument, saved.statistics, {}).state_dict()
    except (ValueError, ArithmeticError) as error:
        raise InputError(f"{folder / CONFIG} can't be used: {str(error).rstrip('.')}.") from None
    require_fit(upgrade_weights(header.tensors), expected, folder, half=True)
    weights = upgrade_weights(tensors)
    broken = next((key for key, tensor in weights.items() if not torch.isfinite(tensor).all()), None)
    if broken is not None:
        raise InputError(
            f"The weights in {path} are not all finite numbers: {broken} is not; get the instrument again, "
            "or train it again."
        )
    model = build(saved.instrument, saved.statistics, saved.card)
    model.load_state_dict(weights)
    return model


def read_config(folder: Path, name: str = CONFIG) -> SavedConfig:
    """Return what an instrument's folder says of it.

    Raises:
        InputError: When the config is none.
        OSError: When it can't be read.
    """
    path = folder / name
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path} is not an instrument's config; get the instrument again.")
    try:
        return SavedConfig.model_validate(upgrade_config(content))
    except ValidationError as error:
        raise InputError(
            f"{path} is not an instrument's config: {explain(error, SavedConfig)}. Get the instrument again."
        ) from None
