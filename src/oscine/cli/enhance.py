"""``oscine enhance``: speech without its noise."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.progress import Progress, ProgressOption
from oscine.cli.several import OutputOption, Work, run_each


def enhance(
    recordings: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT", help="Audio files with speech in noise, or folders of them."),
    ],
    output: OutputOption,
    model: Annotated[
        Path | None,
        typer.Option(
            "--with", metavar="MODEL", help="A file with a trained enhancer; by default the package's."
        ),
    ] = None,
    mask: Annotated[
        bool, typer.Option("--mask", help="Filter the noisy sound instead of synthesising the speech.")
    ] = False,
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help="Pitch tracker: swift-f0, crepe, yin, pyin or live.")
    ] = "swift-f0",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
    progress: ProgressOption = None,
) -> None:
    """Remove the noise from a recording of speech.

    A network estimates the envelope of the clean speech, and the speech is synthesised again; or its mask
    filters the noisy sound. The output is as long as the input, at 16 kHz, as 24-bit PCM.
    """
    from oscine import weights
    from oscine.audio.batch import plan_batch
    from oscine.voices import Enhancer, enhance_file
    from oscine.voices.enhancement import EnhancementReport

    def prepare() -> Work[EnhancementReport]:
        enhancer = Enhancer.load(model or weights.path("enhancer"))

        def work(source: Path, path: Path, tell_share: Progress) -> EnhancementReport:
            return enhance_file(source, path, enhancer, mask=mask, tracker=tracker, on_progress=tell_share)

        return work

    def say(path: Path, report: EnhancementReport) -> tuple[str, list[str]]:
        sentence = (
            f"{path}: {report.seconds:.1f} s at {report.sample_rate} Hz, "
            f"{'masked' if report.mask else 'synthesised'}; peak {report.peak:.2f}, "
            f"{report.real_time_factor:.2f} × real time"
        )
        return sentence, report.remarks

    batch = plan_batch(recordings, output)
    run_each(batch, prepare, say, doing="enhancing", form=progress, as_json=as_json)
