"""How notes are played: the envelope, the glide, the vibrato, and what each controller of a keyboard does."""

from pydantic import BaseModel, ConfigDict, Field


class Expression(BaseModel):
    """How notes become curves of pitch and loudness."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    attack_s: float = Field(default=0.03, ge=0.0, le=5.0, description="rise of a note by 30 dB")
    decay_s: float = Field(default=0.2, ge=0.0, le=60.0, description="fall to the sustained level")
    sustain_db: float = Field(default=0.0, ge=-60.0, le=0.0, description="sustained level, of the peak's")
    release_s: float = Field(default=0.12, ge=0.0, le=20.0, description="fall by 60 dB after the key is up")
    glide_s: float = Field(default=0.06, ge=0.0, le=5.0, description="from note to note where they overlap")
    scoop_cents: float = Field(
        default=0.0, ge=-1200.0, le=1200.0, description="start of a note above its pitch"
    )
    scoop_s: float = Field(default=0.08, ge=0.0, le=5.0, description="time to reach the pitch")
    vibrato_hz: float = Field(default=5.5, ge=0.1, le=20.0, description="rate of the vibrato")
    vibrato_cents: float = Field(default=0.0, ge=0.0, le=600.0, description="deviation to each side")
    vibrato_delay_s: float = Field(default=0.3, ge=0.0, le=10.0, description="before the vibrato begins")
    vibrato_rise_s: float = Field(default=0.3, ge=0.0, le=10.0, description="until it is full")
    modulation_cents: float = Field(
        default=50.0, ge=0.0, le=600.0, description="more vibrato by controller 1"
    )
    pressure_db: float = Field(default=6.0, ge=0.0, le=40.0, description="louder by full pressure on the key")
    brightness_db: float = Field(
        default=12.0,
        ge=0.0,
        le=40.0,
        description="timbre of a note louder or softer by this, by controller 74",
    )
    bend_semitones: float = Field(
        default=2.0, ge=0.0, le=96.0, description="range of the pitch bend at first"
    )
