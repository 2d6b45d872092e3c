"""The report of a transfer."""

from pydantic import BaseModel, ConfigDict, Field

from oscine.plural import counted
from oscine.transfer.imitating import Imitation


class TransferReport(BaseModel):
    """The report of a transfer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    output: str | None = Field(description="The file that was written; null of a sound in memory.")
    sample_rate: int = Field(description="Hz, of the output: the instrument's.")
    seconds: float = Field(description="Length of the output and of the input.")
    octave: int = Field(description="Octaves by which the pitch was shifted.")
    loudness_shift_db: float = Field(
        description="Median over notes of the output's target loudness minus the input's, dB."
    )
    autotune: float = Field(description="Strength, 0 to 1.")
    scale: str | None = Field(description="The scale that autotune found; null if it was off.")
    tuning_cents: float | None = Field(
        description="Tuning of the input relative to A = 440 Hz; null if autotune was off."
    )
    identity: str | None = Field(description="Which instrument played, if several were learned; else null.")
    imitation: Imitation | None = Field(
        default=None, description="How the clip that the instrument sounds like was fitted; else null."
    )
    dry: bool = Field(description="Without the instrument's effects.")
    confident_share: float = Field(
        description="Share of the frames with a pitch (confidence of 0.5 or more)."
    )
    note_share: float = Field(description="Share of the frames inside notes.")
    range_share: float = Field(description="Share of the notes inside the learned pitches.")
    peak: float = Field(description="Largest sample of the instrument, before any scaling; 1 is full scale.")
    scaled_db: float = Field(description="Gain of the whole file, so that it does not clip; 0 if none.")
    real_time_factor: float = Field(description="Time taken, per second of sound.")
    remarks: list[str] = Field(description="Audible problems, a sentence each.")

    def __str__(self) -> str:
        """Return a line in words."""
        return (
            f"transfer: {self.seconds:.1f} s at {self.sample_rate} Hz, octave {self.octave:+d}, "
            f"{self.loudness_shift_db:+.1f} dB, {100 * self.range_share:.0f} % of the notes in range, "
            f"{counted(len(self.remarks), 'remark')}"
        )

    __repr__ = __str__
