"""``oscine fit``: the controls of a synthesiser for one recording."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.completion import instrument_names, recipe_names
from oscine.cli.progress import ProgressOption
from oscine.cli.progress import progress as shown
from oscine.cli.replay import say_scaled, write_patch
from oscine.cli.terminal import terminal


def fit(
    recording: Annotated[Path, typer.Argument(metavar="AUDIO", help="An audio file of at most ten minutes.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="PATCH", help="The .safetensors file to write.")
    ],
    synth: Annotated[
        str,
        typer.Option(
            metavar="SYNTH",
            help="A recipe, a YAML file, or an instrument: its name, folder or hub id.",
            autocompletion=lambda incomplete: recipe_names(incomplete) + instrument_names(incomplete),
        ),
    ] = "default",
    loss: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="spectral, energy, transport, log-mel or hit; by default hit for a synthesiser of hits, "
            "otherwise spectral.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(metavar="N", help="Steps of the optimiser.")] = 200,
    dry: Annotated[bool, typer.Option("--dry", help="Leave out the effects, such as reverb.")] = False,
    audio: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write the sound of the patch to a .wav, .flac or .mp3 file."),
    ] = None,
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help="Pitch tracker: swift-f0, crepe, yin, pyin or live.")
    ] = "swift-f0",
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the noise.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
    progress: ProgressOption = None,
) -> None:
    """Fit a synthesiser to a recording: find its controls, frame by frame, by gradient descent.

    The patch has the controls, the synthesiser and the distance from the recording. oscine replay plays
    it at another pitch, level, length or decay; so does Python, oscine.Patch.load("PATCH").play(octave=1).
    An existing patch is not replaced.
    """
    import time

    import oscine
    from oscine.audio.output import check_output
    from oscine.cli.terminal import to_json
    from oscine.errors import InputError
    from oscine.files import printable
    from oscine.fitting.patch import require_patch_name
    from oscine.threads import one_thread

    require_patch_name(output)
    check_output(output, recording, (".safetensors",))
    if output.exists():
        raise InputError(f"{output} is there already; give the patch another name, or delete the old one.")
    if audio is not None:
        check_output(audio, recording)
    began = time.perf_counter()
    with one_thread(), shown("fitting", progress, quiet=as_json) as tell_share:
        patch = oscine.fit(
            recording,
            synth,
            loss=loss,
            steps=steps,
            dry=dry,
            seed=seed,
            tracker=tracker,
            on_progress=tell_share,
        )
        patch.save(output)
        scaled_db = write_patch(patch, audio) if audio is not None else 0.0
    residual = patch.config.residual
    assert residual is not None
    seconds = patch.config.n_samples / patch.sample_rate
    if as_json:
        report = {
            "output": printable(output),
            "audio": None if audio is None else printable(audio),
            "sample_rate": patch.sample_rate,
            "seconds": seconds,
            "frames": patch.n_frames,
            "loss": patch.config.loss,
            **residual.model_dump(),
            "scaled_db": scaled_db,
            "remarks": patch.config.remarks,
            "real_time_factor": (time.perf_counter() - began) / seconds,
        }
        typer.echo(to_json(report))
        return
    console = terminal()
    console.print(
        f"{output}: {seconds:.1f} s at {patch.sample_rate} Hz, {patch.n_frames} frames; spectral loss "
        f"{residual.spectral_loss:.2f}, log-mel {residual.log_mel_db:.2f} dB, level "
        f"{residual.level_db:+.1f} dB",
        soft_wrap=True,
    )
    for remark in patch.config.remarks:
        console.print(f"  Of the recording: {remark}.", soft_wrap=True)
    if audio is not None:
        say_scaled(audio, scaled_db)
