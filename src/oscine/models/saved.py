"""A saved instrument: `model.safetensors`, `config.json` with their sha256, `README.md`. No pickle."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import safetensors
import safetensors.torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor, nn

from oscine.data.statistics import Statistics
from oscine.errors import InputError
from oscine.files import sha256, write_atomically
from oscine.models.config import InstrumentConfig
from oscine.models.formats import upgrade_config, upgrade_weights

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
NEXT_CONFIG = "config.next.json"
CARD = "README.md"


class SavedConfig(BaseModel):
    """What config.json holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[3] = 3
    """Version of the folder's layout and the weights' names."""
    instrument: InstrumentConfig
    """Rebuilds the model."""
    weights_sha256: str
    """Of model.safetensors."""
    statistics: Statistics | None = None
    """Pitch and loudness of the training set."""
    card: dict[str, Any] = {}
    """Licence, recipe, and whatever else is told about how it was made."""


def write(
    folder: str | Path,
    weights: dict[str, Tensor],
    config: InstrumentConfig,
    statistics: Statistics | None,
    card: dict[str, object],
) -> None:
    """Write an instrument's folder, so that a kill at any moment leaves the old instrument or the new one.

    Weights and config are two files and can't change at once. So the new config is there first, under another
    name; whichever of the two configs names the weights' hash is the one that `read` takes.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; an instrument is saved as a folder, so name another path")
    content = safetensors.torch.save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
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
    write_atomically(folder / CARD, _card(folder.name, saved))


def locate(name: str | Path) -> Path:
    """Return the folder of an instrument: the folder itself, or the hub's copy in the local cache.

    Raises:
        InputError: When it is neither.
    """
    folder = Path(name)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise InputError(f"{name} is a file; an instrument is a folder with {WEIGHTS} and {CONFIG}")
    parts = str(name).split("/")
    if len(parts) != 2 or not all(parts) or str(name).startswith((".", "~")):
        raise InputError(
            f"There is no instrument '{name}'; train one with `oscine train`, or name a hub id, owner/name"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(str(name), allow_patterns=[WEIGHTS, CONFIG, CARD]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            f"There is no folder {name}, and the hub has no such instrument for us ({type(error).__name__})"
        ) from error


def read(folder: Path) -> tuple[dict[str, Tensor], SavedConfig]:
    """Return the weights and the config of an instrument's folder.

    Raises:
        InputError: When a file is missing or unreadable, or the weights' sha256 is not the config's.
    """
    path = folder / WEIGHTS
    names = [name for name in (CONFIG, NEXT_CONFIG) if (folder / name).exists()]
    if not names or not path.is_file():
        raise InputError(f"{folder} is not an instrument: it has no {WEIGHTS if names else CONFIG}")
    digest = sha256(path)
    for saved in (_read_config(folder / name) for name in names):
        if saved.weights_sha256 == digest:
            return upgrade_weights(safetensors.torch.load_file(path)), saved
    raise InputError(
        f"The weights in {path} are not the ones that {CONFIG} describes (their sha256 differs); "
        "get the instrument again, or train it again"
    )


def _read_config(path: Path) -> SavedConfig:
    try:
        return SavedConfig.model_validate(upgrade_config(json.loads(path.read_text())))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not JSON: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path} is not an instrument's config: {where}: {first['msg']}") from None


def fill(model: nn.Module, weights: dict[str, Tensor], name: str | Path) -> None:
    """Load the weights into the model built from their config.

    Raises:
        InputError: When names or shapes differ.
    """
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        detail = " ".join(str(error).split())
        raise InputError(f"The weights of {name} do not fit its config: {detail}") from None


def _card(name: str, saved: SavedConfig) -> str:
    config, statistics = saved.instrument, saved.statistics
    facts = [
        f"- {config.sample_rate} Hz, {config.frame_rate:.1f} frames a second",
        f"- synth: {', '.join(part.part_name for part in config.synth)}",
        f"- effects: {', '.join(part.part_name for part in config.effects) or 'none'}",
    ]
    if statistics is not None:
        low, high = statistics.pitch_midi_quantiles[1], statistics.pitch_midi_quantiles[-2]
        facts.append(f"- learned from {statistics.minutes:.1f} minutes; pitch {low:.1f} to {high:.1f} (MIDI)")
    facts += [f"- {key.replace('_', ' ')}: {value}" for key, value in saved.card.items()]
    licence = saved.card.get("licence")
    head = f"---\nlicense: {licence}\ntags: [ddsp, audio, oscine]\n---\n\n" if licence else ""
    use = f'```python\nimport oscine\n\naudio, sample_rate = oscine.load("{name}").transfer("hum.wav")\n```\n'
    return f"{head}# {name}\n\nA DDSP instrument for Oscine.\n\n" + "\n".join(facts) + f"\n\n{use}"
