"""``oscine convert``: a recording in the manner of another voice."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.progress import Progress, ProgressOption
from oscine.cli.several import OutputOption, Work, run_each


def convert(
    recordings: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT", help="Audio files with one voice each, or folders of them."),
    ],
    like: Annotated[
        list[Path],
        typer.Option(metavar="TARGET", help="A recording of the other voice; may be given several times."),
    ],
    output: OutputOption,
    strength: Annotated[
        float, typer.Option(metavar="SHARE", help="From 0, the input's voice, to 1, the target's.")
    ] = 1.0,
    transpose: Annotated[
        str | None,
        typer.Option(
            metavar="SEMITONES",
            help="For singing: move the pitch by so many semitones, or by the octaves nearest to the target "
            "('octaves'), instead of giving it the target's mean and spread.",
        ),
    ] = None,
    content: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="MODEL",
            help="Choose the target's envelopes by content: the folder of a HuBERT, ContentVec or WavLM "
            "model; or a .npy file of features for INPUT, then one for each TARGET.",
        ),
    ] = None,
    trained: Annotated[
        bool,
        typer.Option("--trained", help="Use the trained network in the package; the output is at 16 kHz."),
    ] = False,
    layer: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="The layer of the model that gives the features; by default the last."
        ),
    ] = None,
    content_rate: Annotated[
        float | None,
        typer.Option(metavar="HZ", help="Frames a second of the .npy files; found if left out."),
    ] = None,
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help="Pitch tracker: swift-f0, crepe, yin, pyin or live.")
    ] = "swift-f0",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
    progress: ProgressOption = None,
) -> None:
    """Give a recording the pitch and timbre of another voice; nothing is trained.

    The words and their timing stay. Half a minute of the target is enough, with --content some minutes; its
    words do not matter. The output has the lowest sample rate of all recordings, as 24-bit PCM. Use
    only voices whose owners agree.
    """
    from oscine.audio.batch import plan_batch
    from oscine.errors import InputError
    from oscine.voices import convert_voice_file
    from oscine.voices.content import content_of
    from oscine.voices.conversion import ConversionReport
    from oscine.voices.converter import built_in_converter
    from oscine.voices.pitch import transposition

    if not content and (layer is not None or content_rate is not None):
        option = "--layer" if layer is not None else "--content-rate"
        raise InputError(f"{option} is of the content; give --content, or remove {option}.")
    moved = None if transpose is None else transposition(transpose)
    batch = plan_batch(recordings, output)

    def prepare() -> Work[ConversionReport]:
        converter = built_in_converter() if trained else None
        if content and len(batch.jobs) > 1 and any(one.suffix == ".npy" for one in content):
            raise InputError("--content gives the features of one INPUT; give a model for several.")
        spoken = content_of(content, [batch.jobs[0].source, *like], layer, content_rate) if content else None

        def work(source: Path, path: Path, tell_share: Progress) -> ConversionReport:
            return convert_voice_file(
                source,
                like,
                path,
                strength=strength,
                transpose=moved,
                content=spoken,
                converter=converter,
                tracker=tracker,
                on_progress=tell_share,
            )

        return work

    def say(path: Path, report: ConversionReport) -> tuple[str, list[str]]:
        before, after = report.f0_hz
        sentence = (
            f"{path}: {report.seconds:.1f} s at {report.sample_rate} Hz, {before:.0f} → {after:.0f} Hz, "
            f"like {report.target_s:.0f} s of the target; peak {report.peak:.2f}, "
            f"{report.real_time_factor:.2f} × real time"
        )
        return sentence, report.remarks

    run_each(batch, prepare, say, doing="converting", form=progress, as_json=as_json)
