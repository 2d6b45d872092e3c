"""Writes the pages of docs/reference that list what the code knows: ``python -m tools.reference [--check]``.

Commands and options, recipes and their keys, file formats, and the Python names. ``--check`` writes nothing,
and fails if a page is not what would be written.
"""

import argparse
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tools.api_pages import api_pages

from oscine.audio.ffmpeg import FFMPEG_SUFFIXES
from oscine.audio.file import AUDIO_SUFFIXES
from oscine.audio.output import AUDIO_OUTPUTS
from oscine.cli.reference import Command, Parameter, command_reference
from oscine.export import FORMATS, Format
from oscine.files import write_atomically
from oscine.models import Instrument, InstrumentConfig, list_recipes, load_recipe
from oscine.models.recipe_cost import training_cost
from oscine.models.recipe_keys import Key, KeyTable, key_tables

_LONGEST_DICT = 6
_SAYS_REPEATED = re.compile(r"repeat|several times")
FOLDER = Path(__file__).parents[1] / "docs" / "reference"
_MADE = "*`python -m tools.reference` writes this page from the code.*"
#: What the endings stand for, read by libsndfile, which comes with Oscine.
_READ = {
    "WAV, BWF, RF64": (".wav", ".wave", ".bwf", ".rf64"),
    "FLAC": (".flac",),
    "Ogg with Vorbis, Opus or FLAC": (".ogg", ".oga", ".opus"),
    "MP3, and its older layers": (".mp3", ".mp2", ".mp1", ".mpa", ".mpga"),
    "AIFF": (".aif", ".aiff", ".aifc"),
    "Apple CAF": (".caf",),
    "Sony Wave64": (".w64",),
    "Sun and NeXT": (".au", ".snd"),
    "NIST SPHERE, IRCAM": (".sph", ".nist", ".sf", ".ircam"),
    "Older and rarer ones": (
        *(".voc", ".avr", ".svx", ".8svx", ".pvf", ".paf", ".fap", ".sds", ".htk", ".xi", ".wve"),
    ),
}
#: The same, read only where ffmpeg is installed.
_READ_BY_FFMPEG = {
    "Voice memos of phones: M4A, AAC, AMR, 3GP": (
        *(".m4a", ".m4b", ".m4r", ".aac", ".adts", ".amr", ".awb", ".3gp", ".3g2"),
    ),
    "Recordings of browsers: WebM, Matroska": (".webm", ".weba", ".mka", ".mkv"),
    "Video, its first sound track": (
        *(".mp4", ".m4v", ".mov", ".qt", ".avi", ".flv", ".f4v", ".ogv", ".ogx", ".mpg", ".mpeg", ".vob"),
        *(".mts", ".m2ts"),
    ),
    "Windows Media": (".wma", ".wmv", ".asf"),
    "Lossless: Monkey's Audio, WavPack, TTA, TAK, Shorten": (".ape", ".wv", ".tta", ".tak", ".shn"),
    "DSD": (".dsf", ".dff"),
    "Dolby, DTS, MLP": (".ac3", ".eac3", ".ec3", ".dts", ".mlp", ".thd"),
    "Musepack, Speex, RealAudio": (".mpc", ".mpp", ".spx", ".ra", ".rm"),
}
_WRITTEN = {
    ".wav": "24-bit PCM. `oscine room` writes 32-bit floats",
    ".flac": "24-bit PCM, without loss, smaller than a WAV file",
    ".mp3": "highest quality of the encoder, at rates up to 48 kHz",
}
_EXPORTS: dict[Format, tuple[str, str]] = {
    "oscine": ("a program file `NAME.oscine`", "../background/program-file.md"),
    "c": ("C++ source: the runtime as one header, and the instrument", "../how-to/devices.md"),
    "web": ("a web page, and a package for npm", "../how-to/web.md"),
    "clap": ("a CLAP plug-in", "../how-to/plugins.md"),
    "vst3": ("a VST3 plug-in", "../how-to/plugins.md"),
    "lv2": ("an LV2 plug-in", "../how-to/plugins.md"),
    "pd": ("an external for Pure Data, with a help patch", "../how-to/pd.md"),
    "onnx": ("two graphs for onnxruntime", "../how-to/onnx.md"),
    "nn": ("a TorchScript model for nn~ in Max and Pure Data", "../how-to/nn.md"),
    "neutone": ("a model for Neutone FX", "../how-to/neutone.md"),
    "syx": ("a voice for a DX7", "../how-to/fm.md"),
    "wavetable": ("a WAV file of cycles for Serum and Vital", "../how-to/fm.md"),
}
_BESIDE = (
    ("`NAME.f0.csv`", "a corrected pitch for `NAME.wav`", "../how-to/pitch.md#correcting-the-pitch"),
    ("`NAME.curves.csv`", "curves of your own, such as breath", "../how-to/conditioning.md#your-own-curve"),
    ("`NAME.mid`", "the notes of a piano recording", "../how-to/piano.md"),
)


def _cell(text: str) -> str:
    """Text that may stand in a table: no line breaks, and nothing that Markdown takes for its own."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    """Text as code in a table."""
    return f"`{' '.join(text.split())}`".replace("|", "\\|") if text else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _page(title: str, lead: str, parts: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}", lead, *parts, _MADE]) + "\n"


def _parameter_row(parameter: Parameter) -> list[str]:
    typed = ", ".join(parameter.names)
    if parameter.metavar and not parameter.is_argument:
        typed += f" {parameter.metavar}"
    default = "required" if parameter.required else ""
    if parameter.default is True:
        default = "on"
    elif parameter.default not in (None, "", False) and not parameter.required:
        default = _code(str(parameter.default))
    about = _cell(parameter.about)
    if parameter.repeated and not parameter.is_argument and not _SAYS_REPEATED.search(about):
        about += " May be repeated."
    return [_code(typed), default, about]


def _command(command: Command) -> str:
    rows = [_parameter_row(parameter) for parameter in command.parameters]
    parts = [f"## oscine {command.name}", command.about, f"```text\n{command.usage}\n```"]
    return "\n\n".join([*parts, _table(("option", "default", "what it does"), rows)])


def commands_page() -> str:
    """Return the page of every command, argument and option."""
    commands = command_reference()
    lead = (
        "This page lists every command with its options and defaults. "
        "`oscine COMMAND --help` prints the same. "
        "`oscine --version` prints the version, and `oscine --install-completion` lets the shell complete "
        "commands, options and names."
    )
    rows = [
        [f"[`oscine {one.name}`](#oscine-{one.name.replace(' ', '-')})", _cell(one.summary)]
        for one in commands
    ]
    return _page("Commands", lead, [_table(("command", "what it does"), rows), *map(_command, commands)])


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict) and len(value) > _LONGEST_DICT:
        return "as listed below"
    return _code(_as_yaml(value))


def _as_yaml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_as_yaml(one)}' for key, one in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_as_yaml, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _key_row(key: Key) -> list[str]:
    default = "required" if key.required else _value(key.default)
    kind = f"{key.kind}; {key.bounds}" if key.bounds else key.kind
    return [_code(key.key), default, key.unit, _cell(kind), _cell(key.about)]


def _place(table: KeyTable) -> str:
    """Return the sentence about where in a recipe a kind stands; none for a table of one place."""
    if table.place in ("", table.path):
        return ""
    place = f"`{table.place}`"
    if table.place.startswith("instrument.synth"):
        place = "`instrument.synth`"
        if table.title == "chain":
            place += " or `instrument.effects`"
        elif table.title != "sum" and _takes_a_signal(table.title):
            place = "`instrument.effects`, or behind another part in a `chain`"
    return f"Place: {place}, `kind: {table.title}`."


def _takes_a_signal(kind: str) -> bool:
    config = InstrumentConfig.model_validate({"synth": [{"kind": kind}], "effects": []})
    return bool(config.synth[0].build(config.sample_rate, config.hop_length).signals)


def recipes_page() -> str:
    """Return the page of every recipe and every key of a recipe."""
    lead = (
        "This page lists the recipes of the package and every key that a recipe can have, with its unit, "
        "its default and a sentence. `oscine recipes NAME` shows one recipe with its own values. "
        "`oscine train DATASET INSTRUMENT --set KEY=VALUE` changes a value, and `--recipe FILE.yaml` "
        "takes a recipe of yours."
    )
    rows: list[list[str]] = []
    for name in list_recipes():
        recipe, cost = load_recipe(name), training_cost(name)
        size = f"{Instrument(recipe.instrument).n_parameters:,}"
        minutes, gpu = ("", "") if cost is None else (f"{cost.useful_minutes:g}", cost.gpu)
        rows.append([_code(name), size, minutes, gpu, _cell(recipe.description)])
    recipes = _table(("recipe", "parameters", "minutes", "GPU", "what it is"), rows)
    note = (
        "*Minutes* is what 2000 training steps take on one core of the machine that they were measured on; "
        "two cores need little more than half of it. On a few minutes of recordings, most recipes improve "
        "little beyond that. The number of parameters is without the impulse response."
    )
    parts = [
        "## Recipes",
        recipes,
        note,
        "## Keys",
        "A key is written with the path of its table in front: `training.crop_s`.",
    ]
    for table in key_tables():
        parts.append(f"### {table.title}")
        parts.append(f"{table.about} {_place(table)}".strip())
        rows = [_key_row(key) for key in table.keys if key.key != "kind" or key.kind != table.title]
        parts.append(_table(("key", "default", "unit", "values", "what it is"), rows))
    return _page("Recipes and their keys", lead, parts)


def _format_rows(formats: dict[str, tuple[str, ...]]) -> list[list[str]]:
    return [[name, " ".join(f"`{ending}`" for ending in endings)] for name, endings in formats.items()]


def formats_page() -> str:
    """Return the page of every file format that is read or written.

    Raises:
        ValueError: The code reads or writes a format that has no name here, or the other way round.
    """
    for named, known in (
        ([one for endings in _READ.values() for one in endings], AUDIO_SUFFIXES - FFMPEG_SUFFIXES),
        ([one for endings in _READ_BY_FFMPEG.values() for one in endings], FFMPEG_SUFFIXES),
        (list(_WRITTEN), AUDIO_OUTPUTS),
        (list(_EXPORTS), FORMATS),
    ):
        if different := set(named) ^ set(known):
            raise ValueError(
                f"{', '.join(sorted(different))}: named here or known to the code, and not both."
            )
    parts = [
        "## Audio that is read",
        "Sample rates from 4 to 768 kHz, any number of channels, which are averaged, and any depth.",
        _table(("format", "endings"), _format_rows(_READ)),
        "If [ffmpeg](https://ffmpeg.org) is installed, these are read too. If not, the report names them.",
        _table(("format", "endings"), _format_rows(_READ_BY_FFMPEG)),
        "## Audio that is written",
        _table(("ending", "what is written"), [[f"`{ending}`", what] for ending, what in _WRITTEN.items()]),
        "`oscine voice` also writes and reads `.ovc`, a [coded voice](../how-to/codec.md) of a few kb/s.",
        "## Files beside a recording",
        _table(("file", "what it has"), [[name, f"[{what}]({page})"] for name, what, page in _BESIDE]),
        "## Instruments for other programs",
        "`oscine export INSTRUMENT --format FORMAT -o OUT` writes these.",
        _table(
            ("format", "what is written"),
            [[f"`{form}`", f"[{what}]({page})"] for form, (what, page) in _EXPORTS.items()],
        ),
        "## Oscine's own",
        _table(
            ("what", "form"),
            [
                ["dataset", "a folder: `manifest.json`, and shards of audio and features in safetensors"],
                [
                    "instrument",
                    "a folder: `config.json`, `model.safetensors`, a model card `README.md`, a sound",
                ],
                ["patch of `oscine fit`", "one safetensors file"],
                ["recipe", "a YAML file"],
            ],
        ),
        "None of these files is a pickle, so none can run code when it is opened.",
    ]
    return _page("File formats", "This page lists every file format that Oscine reads or writes.", parts)


def pages() -> dict[str, str]:
    """Return every page that is made from the code, by its path in docs/reference."""
    made = {"cli.md": commands_page(), "recipes.md": recipes_page(), "formats.md": formats_page()}
    return made | api_pages()


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is stale")
    options = parser.parse_args(arguments)
    for name, content in pages().items():
        path = FOLDER / name
        if options.check:
            if not path.exists() or path.read_text(encoding="utf-8") != content:
                raise SystemExit(f"docs/reference/{name} is stale; run python -m tools.reference.")
        else:
            write_atomically(path, content)


if __name__ == "__main__":
    main()
