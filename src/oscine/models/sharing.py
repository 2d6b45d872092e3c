"""Giving an instrument away: with a licence and a credit, as a zip file or on the Hugging Face hub."""

import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from oscine.errors import InputError
from oscine.files import write_atomically
from oscine.models.card import RIGHTS, rights_of
from oscine.models.instrument import Instrument
from oscine.models.saved import WeightType

#: The earliest time that a zip file can say, so that the same instrument is the same file.
_TIME = (1980, 1, 1, 0, 0, 0)


def share(
    instrument: Instrument,
    place: str | Path,
    *,
    licence: str | None = None,
    credit: str | None = None,
    consent: str | bool | None = None,
    private: bool = False,
    token: str | None = None,
    weight_type: WeightType = "float32",
) -> None:
    """Write an instrument's folder into a zip file, or upload it to the Hugging Face hub.

    Args:
        instrument: The instrument.
        place: A path that ends in ``.zip``, or a name on the hub, ``owner/name``.
        licence: Of the recordings that it was made from, such as ``cc-by-4.0``; None: what its card says.
        credit: Who played or sang; None: what its card says.
        consent: Who agreed to what, a sentence, or True (`oscine.models.card.CONSENT`); None: what its card
            says. An instrument of a voice should have it.
        private: Of a repository on the hub that is made.
        token: Of the hub; None: the one that ``hf auth login`` keeps.
        weight_type: As in `Instrument.save_pretrained`.

    Raises:
        InputError: When neither the card nor the arguments have a licence and a credit, a fact is too long,
            or a zip file is to be private; or as `Instrument.push_to_hub`.
        OSError: The disk refuses.
    """
    kept = {name: str(instrument.card.get(name) or "").strip() for name in RIGHTS}
    facts = rights_of(
        licence=licence or kept["licence"],
        credit=credit or kept["credit"],
        consent=kept["consent"] if consent is None else consent,
    )
    for name, example in (("licence", "cc-by-4.0"), ("credit", "the name of the player")):
        if name not in facts:
            raise InputError(f"The instrument has no {name}; give one, such as {example}.")
    told = {name: facts.get(name) for name in RIGHTS}
    path = Path(place)
    if path.suffix.lower() != ".zip":
        instrument.push_to_hub(str(place), private=private, token=token, weight_type=weight_type, **told)
        return
    if private:
        raise InputError("A zip file is not private; share it with whom you like, and remove --private.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file to write.")
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / path.stem
        instrument.save_pretrained(folder, weight_type=weight_type, **told)

        def write(temporary: Path) -> None:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
                for one in sorted(folder.iterdir()):
                    entry = zipfile.ZipInfo(f"{path.stem}/{one.name}", _TIME)
                    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                    archive.writestr(entry, one.read_bytes())

        write_atomically(path, write)
