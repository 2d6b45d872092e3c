"""``oscine voice``: a voice at another pitch, with other formants."""

from pathlib import Path
from typing import Annotated

import typer

from oscine.cli.completion import instrument_names
from oscine.cli.progress import Progress, ProgressOption
from oscine.cli.several import Work, run_each


def voice(
    recordings: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT", help="Audio files with one voice each, .ovc files, or folders of them."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="A .wav, .flac, .mp3 or .ovc file; a folder for several inputs.",
        ),
    ],
    pitch: Annotated[
        float, typer.Option(metavar="SEMITONES", help="Semitones up or down, such as +5 or -3.5.")
    ] = 0.0,
    formant: Annotated[
        float, typer.Option(metavar="FACTOR", help="Factor on the formants: 1.1 a shorter vocal tract.")
    ] = 1.0,
    intonation: Annotated[
        float, typer.Option(metavar="FACTOR", help="Factor on the changes of pitch; 0 is monotonous.")
    ] = 1.0,
    breath: Annotated[
        float, typer.Option(metavar="DB", help="Ratio of noise to partials, dB to add; 60 is a whisper.")
    ] = 0.0,
    vocoder: Annotated[
        str | None,
        typer.Option(
            metavar="INSTRUMENT",
            help="A trained vocoder (recipe voice): a folder or a hub id.",
            autocompletion=instrument_names,
        ),
    ] = None,
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help="Pitch tracker: swift-f0, crepe, yin, pyin or live.")
    ] = "swift-f0",
    bitrate: Annotated[
        float | None,
        typer.Option(metavar="KBPS", help="Bit rate of an .ovc file, kb/s: 0.6 to 8; 2 is the default."),
    ] = None,
    restore: Annotated[
        bool, typer.Option("--restore", help="A network restores the envelope of an .ovc file.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON value.")] = False,
    progress: ProgressOption = None,
) -> None:
    """Change the pitch, formants, intonation or breath of a voice; nothing is trained.

    Pitch and spectral envelope are measured and synthesised again: formants stay in place when the pitch
    changes. Without an option the output is the same voice, synthesised. It is as long as the input, in time
    with it and at its sample rate, as 24-bit PCM. A name that ends in .ovc gets a coded voice of a few kb/s,
    which can be an input later; in a folder of outputs, --bitrate asks for such files.
    """
    from oscine import weights
    from oscine.audio import AUDIO_SUFFIXES
    from oscine.audio.batch import plan_batch
    from oscine.audio.output import AUDIO_OUTPUTS
    from oscine.transfer import load
    from oscine.voices import EnvelopeFlow, VoiceChange, change_voice_file
    from oscine.voices.changing import VoiceReport
    from oscine.voices.codec import SUFFIX

    change = VoiceChange.make(pitch=pitch, formant=formant, intonation=intonation, breath_db=breath)

    def prepare() -> Work[VoiceReport]:
        played_by = None if vocoder is None else load(vocoder)
        flow = EnvelopeFlow.load(weights.path("envelope_flow")) if restore else None

        def work(source: Path, path: Path, tell_share: Progress) -> VoiceReport:
            return change_voice_file(
                source,
                path,
                change,
                vocoder=played_by,
                flow=flow,
                tracker=tracker,
                bitrate=bitrate,
                on_progress=tell_share,
            )

        return work

    def say(path: Path, report: VoiceReport) -> tuple[str, list[str]]:
        before, after = report.f0_hz
        size = f"peak {report.peak:.2f}" if report.bitrate is None else f"{report.bitrate:.2f} kb/s"
        sentence = (
            f"{path}: {report.seconds:.1f} s at {report.sample_rate} Hz, {before:.0f} → {after:.0f} Hz, "
            f"formants × {report.formant:g}; {size}, {report.real_time_factor:.2f} × real time"
        )
        return sentence, report.remarks

    kinds, endings = AUDIO_SUFFIXES | {SUFFIX}, (*AUDIO_OUTPUTS, SUFFIX)
    ending = ".wav" if bitrate is None else SUFFIX
    batch = plan_batch(recordings, output, kinds=kinds, endings=endings, ending=ending)
    run_each(batch, prepare, say, doing="synthesising", form=progress, as_json=as_json)
