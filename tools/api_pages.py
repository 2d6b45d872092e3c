"""The pages of the Python reference: of each module a list of its names, first what most people look for."""

import importlib
import inspect
from typing import Any

#: Page, its module or modules, and the names that come first.
MODULES: dict[str, dict[str, tuple[str, ...]]] = {
    "oscine": {"oscine": ("load", "play", "render", "analyze", "prepare", "train", "evaluate", "fit")},
    "transfer": {"oscine.transfer": ("load", "PlayableInstrument", "transfer", "transfer_file", "Options")},
    "models": {"oscine.models": ("Instrument", "InstrumentConfig", "load_recipe", "list_recipes", "Recipe")},
    "inputs": {"oscine.models.inputs": ("F0", "F0Config", "Loudness", "LoudnessConfig")},
    "data": {"oscine.data": ("prepare", "Dataset", "Segment", "Split", "Batch")},
    "training": {"oscine.training": ("train", "TrainingLoop", "Callback", "TrainResult")},
    "evaluate": {
        "oscine.evaluation": ("evaluate", "Evaluation", "compare", "multi_scale_spectral", "f0_l1"),
        "oscine.evaluation.listening": ("make_test", "read_items", "analyze_results"),
    },
    "analysis": {"oscine.analysis": ("analyze", "Features", "assess", "Quality", "read_f0", "write_f0")},
    "audio": {"oscine.audio": ("read_audio", "probe", "read_blocks")},
    "notes": {"oscine.notes": ("read_midi", "write_midi", "Score", "Note", "Keyboard")},
    "performance": {"oscine.performance": ("render", "render_file", "RenderOptions", "transcribe")},
    "fitting": {"oscine.fitting": ("fit", "Patch")},
    "voices": {
        "oscine.voices": ("change_voice", "VoiceChange", "convert_voice", "enhance", "encode", "decode")
    },
    "export": {"oscine.export": ("export",)},
    "functional": {
        "oscine.functional": (
            *("harmonic_oscillator", "filtered_noise", "reverb", "loudness_db", "multi_scale_spectral_loss"),
            *("fft_convolve", "upsample"),
        )
    },
    "processors": {"oscine.processors": ("HarmonicOscillator", "FilteredNoise", "Reverb", "Chain", "Sum")},
    "networks": {"oscine.networks": ("Controller", "ControllerConfig", "TimbreEncoder", "PitchEncoder")},
    "losses": {"oscine.losses": ("MultiScaleSpectralLoss", "LogMelLoss", "multi_scale_spectral_loss")},
    "streaming": {"oscine.streaming": ("Streaming", "Stream", "Program")},
    "runtime": {"oscine.runtime": ("Live", "Performer", "Listener")},
    "kernels": {"oscine.kernels": ("available", "chosen", "use")},
}


def _rank(value: object, name: str) -> int:
    if inspect.isclass(value):
        return 3 if name.endswith("State") else 2
    return 1 if callable(value) else 4


def members(module: str, first: tuple[str, ...]) -> list[str]:
    """Return a module's public names: the first ones, functions, classes, states, and the rest.

    Args:
        module: Its name.
        first: What most people look for; a name that the module lacks is left out.
    """
    found = importlib.import_module(module)
    names = [name for name in found.__all__ if name not in first]
    names.sort(key=lambda name: (_rank(getattr(found, name), name), name.lower()))
    return [*(name for name in first if name in found.__all__), *names]


def _about(value: object) -> str:
    if value is Any or not (inspect.isclass(value) or inspect.isroutine(value)):
        return ""
    return (inspect.getdoc(value) or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")


def _path(module: str, name: str) -> str:
    """Return where a name stands; a function whose file has its name is shown from there."""
    home = getattr(getattr(importlib.import_module(module), name), "__module__", "")
    return f"{home}.{name}" if home.endswith(f".{name}") else f"{module}.{name}"


def _module(name: str, first: tuple[str, ...], heading: str) -> str:
    found = importlib.import_module(name)
    rows, shown = [], []
    for member in members(name, first):
        about = _about(getattr(found, member)).replace("|", "\\|").replace("<", "&lt;")
        if about:
            path = _path(name, member)
            rows.append(f"| [`{member}`](#{path}) | {about} |")
            shown.append(f"::: {path}")
    table = "\n".join(["| name | what it is |", "| --- | --- |", *rows])
    return "\n\n".join([f"{heading} {name}", (found.__doc__ or "").split("\n")[0], table, *shown]) + "\n"


def api_pages() -> dict[str, str]:
    """Return the pages, by file name."""
    pages = {}
    for page, modules in MODULES.items():
        parts = [
            _module(name, first, "##" if number else "#")
            for number, (name, first) in enumerate(modules.items())
        ]
        pages[f"api/{page}.md"] = "\n".join(parts)
    return pages
