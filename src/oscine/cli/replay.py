"""``oscine replay``: the sound of a patch, with its knobs turned."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oscine.cli.terminal import terminal

if TYPE_CHECKING:
    from oscine.fitting import Patch


def replay(
    patch: Annotated[Path, typer.Argument(metavar="PATCH", help="A .safetensors file of `oscine fit`.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="The .wav, .flac or .mp3 file to write.")
    ],
    octave: Annotated[float, typer.Option(metavar="N", help="Octaves to add, whole or not.")] = 0.0,
    tune: Annotated[float, typer.Option(metavar="N", help="Semitones to add.")] = 0.0,
    gain: Annotated[float, typer.Option(metavar="DB", help="Gain before the effects.")] = 0.0,
    stretch: Annotated[float, typer.Option(metavar="X", help="Factor on the length.")] = 1.0,
    decay: Annotated[float, typer.Option(metavar="X", help="Factor on the decay of a hit.")] = 1.0,
    noise: Annotated[float, typer.Option(metavar="DB", help="Gain of the noise.")] = 0.0,
    click: Annotated[float, typer.Option(metavar="DB", help="Gain of the click of a hit.")] = 0.0,
    brightness: Annotated[
        float, typer.Option(metavar="DB", help="Slope of the spectrum to add, dB per octave.")
    ] = 0.0,
    dry: Annotated[bool, typer.Option("--dry", help="Leave out the effects, such as reverb.")] = False,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed of the noise; the patch's own if left out.")
    ] = None,
) -> None:
    """Play a patch to a file, at another pitch, length, decay, or balance of its parts."""
    from oscine.audio.output import check_output
    from oscine.fitting import Patch

    check_output(output, patch)
    loaded = Patch.load(patch)
    scaled_db = write_patch(
        loaded,
        output,
        octave=octave,
        tune=tune,
        gain_db=gain,
        stretch=stretch,
        decay=decay,
        noise_db=noise,
        click_db=click,
        brightness_db=brightness,
        dry=dry,
        seed=seed,
    )
    console = terminal()
    console.print(f"{output}: {loaded.sample_rate} Hz", soft_wrap=True)
    say_scaled(output, scaled_db)


def write_patch(patch: "Patch", path: Path, **knobs: float | int | None) -> float:
    """Write a patch's sound, and return the gain that kept it from clipping, dB."""
    import math

    from oscine.audio.output import write_audio

    sound, sample_rate = patch.play(**knobs)  # pyright: ignore[reportArgumentType]
    _, gain = write_audio(path, [sound], sample_rate, len(sound))
    return 20.0 * math.log10(gain)


def say_scaled(path: Path, scaled_db: float) -> None:
    """Tell that a file was made quieter, if it was."""
    if scaled_db < 0:
        terminal().print(
            f"  {path} would clip, so its level was reduced by {-scaled_db:.1f} dB.", soft_wrap=True
        )
