"""What a transfer says about itself."""

from pydantic import BaseModel, ConfigDict, Field


class TransferReport(BaseModel):
    """What a transfer did, in figures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    output: str = Field(description="The file that was written.")
    sample_rate: int = Field(description="Hz, of the output: the instrument's.")
    seconds: float = Field(description="Length of the output, which is the input's.")
    octave: int = Field(description="Octaves by which the pitch was shifted.")
    loudness_shift_db: float = Field(description="Median of played minus heard loudness over notes, dB.")
    autotune: float = Field(description="Strength, 0 to 1.")
    scale: str | None = Field(description="The scale that autotune drew to; null when it was off.")
    tuning_cents: float | None = Field(description="The input's tuning against A = 440 Hz; null likewise.")
    identity: str | None = Field(description="Of several instruments in one: which played; else null.")
    dry: bool = Field(description="Without the instrument's effects.")
    confident_share: float = Field(description="Share of the frames whose pitch the tracker trusts.")
    note_share: float = Field(description="Share of the frames that sound a note.")
    range_share: float = Field(description="Share of the notes that lie within the pitches learned.")
    peak: float = Field(description="Largest sample of the instrument, before any scaling; 1 is full scale.")
    scaled_db: float = Field(description="Gain of the whole file, so that it does not clip; 0 if none.")
    real_time_factor: float = Field(description="Time taken, per second of sound.")
    remarks: list[str] = Field(description="What a listener should know, in plain words.")
