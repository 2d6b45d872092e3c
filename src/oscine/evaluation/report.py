"""The report of an evaluation: rows of a table, and a web page with sounds and plots."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel

from oscine.evaluation.evaluation import Comparison, Evaluation
from oscine.evaluation.fitted import ORACLE_S
from oscine.evaluation.page import Page
from oscine.evaluation.pictures import comparison_picture
from oscine.evaluation.tally import Metrics, Sound
from oscine.plural import counted

_ALL_BUT_S = 0.05
#: The meaning of the bold figures of the tables.
BOLD = "Bold is the best figure of a row; two seeds, the paper and the recording do not compete."

#: Name and field of `Evaluation` of each column. The oracle's is left out where it was not asked for.
_COLUMNS = (
    ("instrument", "instrument"),
    ("mean control", "mean_control"),
    ("harmonic ceiling", "harmonic_ceiling"),
    ("oracle", "oracle"),
    ("two seeds", "noise_floor"),
)

#: Label, field of `Metrics`, format, the paper's figure (supervised autoencoder on NSynth).
_FIGURES = (
    ("loudness L1 (dB)", "loudness_l1_db", "{:.2f}", "–"),
    ("f0 L1 (semitones)", "f0_l1_semitones", "{:.3f}", "0.07"),
    ("f0 outliers (%)", "f0_outliers", "{:.2%}", "0.3 %"),
    ("f0 lost (%)", "f0_lost", "{:.2%}", "–"),
    ("f0 unsure (%)", "f0_unsure", "{:.2%}", "–"),
    ("f0 median error (semitones)", "f0_median_semitones", "{:.3f}", "–"),
    ("multi-scale spectral loss", "spectral_loss", "{:.3f}", "–"),
    ("mel-cepstral distortion (dB)", "mcd_db", "{:.2f}", "–"),
)

#: Label, field of `SoundMetrics`, format, and what is best: a figure, or the field with the recording's own.
_SOUND_FIGURES: tuple[tuple[str, str, str, str | float], ...] = (
    ("told apart (%)", "realism", "{:.0%}", 0.5),
    ("log-mel L1 (dB)", "log_mel_l1_db", "{:.2f}", 0.0),
    ("level (dB)", "level_db", "{:+.1f}", 0.0),
    ("above 8 kHz (dB)", "above_8khz_db", "{:+.1f}", 0.0),
    ("1/3 octaves, mean (dB)", "third_octave_mean_db", "{:.1f}", 0.0),
    ("1/3 octaves, most (dB)", "third_octave_largest_db", "{:+.1f}", 0.0),
    ("partials move (dB)", "movement_db", "{:.2f}", "target_movement_db"),
    ("partials together", "movement_correlation", "{:.2f}", "target_movement_correlation"),
    ("attacks (dB/10 ms)", "attack_db", "{:.1f}", "target_attack_db"),
    ("rise (ms)", "rise_ms", "{:.0f}", "target_rise_ms"),
)

_CANDIDATES = {
    "instrument": ("Instrument", "played with the pitch and loudness of the recording"),
    "mean_control": ("Mean control", "one average timbre, without a network"),
    "harmonic_ceiling": ("Harmonic ceiling", "the harmonics of the recording, without noise"),
    "oracle": ("Oracle", "the instrument's synthesiser with controls that were fitted to the recording"),
}


class Excerpts:
    """Keeps the beginnings of the first few comparisons of an evaluation, for its page.

    Args:
        at_most: How many.
        seconds: How much of each.

    Examples:
        >>> excerpts = Excerpts()
        >>> evaluate(instrument, dataset, on_comparison=excerpts)  # doctest: +SKIP
    """

    def __init__(self, at_most: int = 3, seconds: float = 10.0) -> None:
        self.kept: list[Comparison] = []
        self.at_most = at_most
        self.seconds = seconds

    def __call__(self, comparison: Comparison) -> None:
        """Keep a comparison, if there is room."""
        if len(self.kept) < self.at_most:
            outputs = {name: self._cut(sound) for name, sound in comparison.outputs.items()}
            self.kept.append(replace(comparison, target=self._cut(comparison.target), outputs=outputs))

    def _cut(self, sound: Sound) -> Sound:
        n = round(self.seconds * sound.features.frame_rate)
        audio = sound.audio[: n * sound.features.hop_length].clone()
        return Sound(audio, sound.features.slice(0, n), sound.loudness_db[:n].clone())


def header(evaluation: Evaluation) -> tuple[str, ...]:
    """Return the names of the columns of `rows`."""
    return ("held-out audio", *(name for name, _ in _columns(evaluation)), "paper")


def sound_header(evaluation: Evaluation) -> tuple[str, ...]:
    """Return the names of the columns of `sound_rows`; without the last, those of `third_octave_rows`."""
    return ("the sound", *(name for name, _ in _columns(evaluation)), "recording")


def rows(evaluation: Evaluation) -> list[list[str]]:
    """Return the figures as text, a row for each metric under `header`."""
    return [
        [label, *(_text(candidate, name, form) for _, candidate in _columns(evaluation)), paper]
        for label, name, form, paper in _FIGURES
    ]


def sound_rows(evaluation: Evaluation) -> list[list[str]]:
    """Return the audible differences as text, a row for each measure under `sound_header`."""
    sounds = [None if candidate is None else candidate.sound for _, candidate in _columns(evaluation)]
    recording = evaluation.instrument.sound
    return [
        [
            label,
            *(_text(sound, name, form) for sound in sounds),
            _text(recording, aim, form) if isinstance(aim, str) else "",
        ]
        for label, name, form, aim in _SOUND_FIGURES
    ]


def third_octave_rows(evaluation: Evaluation) -> list[list[str]]:
    """Return the differences per third octave as text, a row for each band; the first cell is its centre."""
    sounds = [None if candidate is None else candidate.sound for _, candidate in _columns(evaluation)]
    return [
        [f"{hz} Hz", *(_or_dash(sound and sound.third_octaves_db.get(hz), "{:+.1f}") for sound in sounds)]
        for hz in evaluation.instrument.sound.third_octaves_db
    ]


def best_of_rows(evaluation: Evaluation) -> list[set[int]]:
    """Return, for each row of `rows`, the columns with the lowest figure."""
    return [_best(evaluation, name, form, 0.0) for _, name, form, _ in _FIGURES]


def best_of_sound_rows(evaluation: Evaluation) -> list[set[int]]:
    """Return, for each row of `sound_rows`, the columns nearest to what is best."""
    recording = evaluation.instrument.sound.model_dump()
    return [
        _best(evaluation, name, form, recording[aim] if isinstance(aim, str) else aim, of_sound=True)
        for _, name, form, aim in _SOUND_FIGURES
    ]


def best_of_third_octaves(evaluation: Evaluation) -> list[set[int]]:
    """Return, for each row of `third_octave_rows`, the columns with the smallest difference."""
    return [
        _nearest(
            {number: one.sound.third_octaves_db.get(hz) for number, one in _players(evaluation).items()},
            "{:+.1f}",
            0.0,
        )
        for hz in evaluation.instrument.sound.third_octaves_db
    ]


def _best(
    evaluation: Evaluation, name: str, form: str, aim: float | None, *, of_sound: bool = False
) -> set[int]:
    values = {
        number: (one.sound if of_sound else one).model_dump()[name]
        for number, one in _players(evaluation).items()
    }
    return _nearest(values, form, aim)


def _players(evaluation: Evaluation) -> dict[int, Metrics]:
    """Return what is compared with the recording, by its column: all but the two draws of noise."""
    columns = enumerate(_columns(evaluation), 1)
    return {number: one for number, (name, one) in columns if one is not None and name != _COLUMNS[-1][0]}


def _nearest(values: dict[int, float | None], form: str, aim: float | None) -> set[int]:
    """Return the columns nearest to what is best; all of those that show the same figure."""
    known = {number: value for number, value in values.items() if value is not None}
    if not known or aim is None:
        return set()
    best = min(known, key=lambda number: abs(known[number] - aim))
    return {number for number, value in known.items() if form.format(value) == form.format(known[best])}


def _columns(evaluation: Evaluation) -> list[tuple[str, Metrics | None]]:
    columns = [(name, getattr(evaluation, field)) for name, field in _COLUMNS]
    return [(name, one) for name, one in columns if name != "oracle" or one is not None]


def _text(candidate: BaseModel | None, name: str, form: str) -> str:
    return _or_dash(None if candidate is None else candidate.model_dump()[name], form)


def facts(evaluation: Evaluation) -> list[str]:
    """Return the further figures, a sentence each."""
    held_out = (
        f"{evaluation.seconds:.1f} s of held-out audio in {counted(evaluation.n_segments, 'stretch')} at "
        f"{evaluation.sample_rate} Hz; {evaluation.confident_share:.0%} of its frames have a confident "
        "pitch and count for f0."
    )
    if not evaluation.is_unseen:
        held_out += (
            " The dataset has no validation part, so training chose its checkpoint by this audio; prepare it "
            "again to keep the two apart."
        )
    size = (
        f"{evaluation.n_parameters:,} parameters without the impulse response, "
        f"{evaluation.n_bytes / 1e6:.1f} MB in all."
    )
    by_example = evaluation.examples
    table = (
        f"As in the paper's table, over {by_example.n_examples} examples of at most four seconds: "
        f"loudness L1 {by_example.loudness_l1_db:.2f} dB, which is {by_example.loudness_l1_deviations:.3f} "
        "standard deviations (the paper: 0.07), f0 L1 "
        f"{_or_dash(by_example.f0_l1_semitones, '{:.3f}')} semitones, outliers "
        f"{_or_dash(by_example.f0_outliers, '{:.2%}')} of the examples; "
        f"{_or_dash(by_example.f0_unheard, '{:.2%}')} of the examples have no confident pitch."
    )
    speed = (
        f"Real-time factor {evaluation.real_time_factor:.3f} offline and "
        f"{evaluation.real_time_factor_streaming:.3f} frame by frame "
        f"(CPU threads: {evaluation.n_threads} and 1)."
    )
    sound = evaluation.instrument.sound
    ear = (
        f"The band of the recording ends at {evaluation.cutoff_hz:,.0f} Hz; the table of the sound leaves "
        f"out what lies above. {counted(sound.n_patches, 'half second')} of each sound and "
        f"{counted(sound.n_attacks, 'onset')} count, {sound.n_rises} of them for the time of the rise."
    )
    return [held_out, table, ear, *_oracle_facts(evaluation), size, speed]


def _oracle_facts(evaluation: Evaluation) -> list[str]:
    if evaluation.oracle is None:
        return []
    fitted = f"The oracle was fitted to {evaluation.oracle_seconds:.1f} s of the held-out audio"
    if evaluation.seconds - evaluation.oracle_seconds < _ALL_BUT_S:
        return [f"{fitted}, all of it."]
    return [
        f"{fitted} (at most the first {ORACLE_S:.0f} s, and no silence); the other columns count all of it."
    ]


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value).replace("%", " %")


def evaluation_page(evaluation: Evaluation, excerpts: Sequence[Comparison], title: str) -> Page:
    """Return a page with the table, and for each excerpt its players and its picture.

    Args:
        evaluation: The figures.
        excerpts: The comparisons that `Excerpts` kept.
        title: Title of the page.
    """
    page = Page(title, "Measured on recordings that were held out from training.")
    page.heading("Figures").table(header(evaluation), rows(evaluation), best_of_rows(evaluation))
    page.table(sound_header(evaluation), sound_rows(evaluation), best_of_sound_rows(evaluation))
    for sentence in facts(evaluation):
        page.paragraph(sentence)
    page.paragraph(
        f"{BOLD} Lower is better in the first table. In the second one, 50 % is chance for the classifier; a "
        "difference of level, above 8 kHz or in a third octave is best at 0; movement, correlation, attack "
        "and rise are best at the recording's own figure.",
        note=True,
    )
    page.paragraph(
        "The mean control is the same instrument with its network replaced by averages. The harmonic ceiling "
        "plays the harmonics that were measured in the recording, without noise; its f0 error is that of the "
        "pitch tracker. Two seeds: the instrument against itself with other noise; no instrument that has "
        "this noise comes closer to the recording. The paper's column is its supervised model on other data "
        "(NSynth).",
        note=True,
    )
    if evaluation.oracle is not None:
        page.paragraph(
            "The oracle is the instrument's synthesiser with controls that were fitted to the recording, "
            "without a network: the nearest that this synthesiser comes. What the instrument is further away "
            "is due to its network. Its controls shape one draw of noise, so its noise is close to the "
            "recording's own.",
            note=True,
        )
    page.heading("Long-term spectrum")
    page.table(
        ("third octave", *sound_header(evaluation)[1:-1]),
        third_octave_rows(evaluation),
        best_of_third_octaves(evaluation),
    )
    page.paragraph("Output minus recording in each third octave, in dB.", note=True)
    for comparison in excerpts:
        add_comparison(page.heading(comparison.name), comparison)
    return page


def add_comparison(page: Page, comparison: Comparison) -> Page:
    """Add a comparison's players and picture to a page, and return the page."""
    rate = comparison.target.features.sample_rate
    sounds = [("Recording", comparison.target.audio, rate, "held out from training")]
    for name, output in comparison.outputs.items():
        label, remark = _CANDIDATES[name]
        sounds.append((label, output.audio, rate, remark))
    picture = comparison_picture(
        comparison.target, comparison.outputs["instrument"], ("recording", "instrument")
    )
    return page.players(sounds).picture(
        picture,
        f"Spectrograms, pitch and loudness of {comparison.name} and of the instrument",
        "Spectrograms; pitch, with a thin line where the confidence is low; A-weighted loudness.",
    )
