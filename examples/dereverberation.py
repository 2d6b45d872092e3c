"""Dereverberation: the violin played again without the church that it was recorded in."""

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from examples.measure import end_of_note, left_behind_db, listen, wet_to_dry_db
from examples.page import HEARD, PLAYED, THIRD, Page
from examples.violin import Settings, held_out, learning, violin, violin_dataset
from oscine import recordings
from oscine.analysis.decay import decay_s, energy_decay_db
from oscine.audio import read_audio
from oscine.functional.units import midi_to_hz
from oscine.transfer import PlayableInstrument
from oscine.transfer.room import reverberate, room_response

_NOTE_S, _FADE_S, _SHOWN_S = 1.0, 0.02, 1.2
_PERCENTS = range(10, 91, 10)


def main(settings: Settings) -> dict[str, float]:
    """Write the page and return what was measured."""
    instrument, segment = violin(settings), held_out(violin_dataset(settings))
    heard, rate = segment.features(), instrument.sample_rate
    f0_hz, loudness_db = heard.f0_hz[None], heard.loudness_db[None]
    with torch.no_grad():
        phrases = {
            "the recording": segment.audio(),
            "played in the room": instrument(f0_hz, loudness_db)[0],
            "played without it": instrument(f0_hz, loudness_db, dry=True)[0],
        }
    endings = dict(zip(phrases, _endings(instrument), strict=True))
    page = Page(settings, "dereverberation", "Dereverberation")
    figures, rows = {}, []
    for name, phrase in phrases.items():
        left_db, falls_s = left_behind_db(phrase, heard), decay_s(endings[name], rate) or np.nan
        figures |= {f"{name}: dB": left_db, f"{name}: s": falls_s}
        link = page.sound(name.replace(" ", "-"), phrase, rate)
        rows.append([name, f"{left_db:.1f}", f"{falls_s:.2f}", link])
    wet = room_response(instrument, wet=True)
    ratio_db = wet_to_dry_db(wet)
    figures |= {"room: s": decay_s(wet, rate) or np.nan, "room: wet to dry dB": ratio_db}

    page.text(
        "This page plays a violin with and without the reverb of its recordings, and measures both. "
        "The violin was recorded in a church. The instrument learned the reverb of the church "
        "as an impulse response after the synthesiser, separately from the violin, although every "
        "recording has both. So the reverb can be left out. Here pitch and loudness of the held-out "
        "part are played with and without it."
    )
    page.table(
        ["", "level of a note during the next one (dB)", "RT60 after the end of a note (s)", ""],
        rows,
    )
    page.text(
        "**Level of a note during the next one**, in the sounds of the table: if one steady note follows "
        "another at once, this is the level of the first one's partials 0.15 s later, relative to 0.1 s "
        "before; medians. Without reverb, the rest is the noise of the second note and the sidelobes "
        "of its partials."
    )
    page.text(
        "**After the end of a note**: the recordings have one note with silence after it, the last of "
        "the sixth movement, which is in the training part. It is compared with nine notes of the "
        "instrument over its range, each stopped within 20 ms, with their energies averaged. "
        "Schroeder's integral starts at the end of the note; the line from −5 to −25 dB is extended to "
        f"−60. The learned response alone falls by 60 dB in {figures['room: s']:.2f} s, and its "
        f"reverberation has {ratio_db:+.1f} dB "
        f"of the direct sound's energy; it ends after {len(wet) / rate:.1f} s, as the recipe says."
    )
    page.picture(
        "decays", _picture(instrument, endings, wet), "Levels after a note, and the decay of the reverb"
    )
    page.text(
        "One trace of the church remains in the dry phrase. Its loudness was measured in the church. "
        "So where the recording decays after a note, the dry violin also decays. The overlap of one "
        "note with the next is gone."
    )
    page.text(learning(settings, "violin", violin_dataset(settings)))
    page.write()
    return figures


def _endings(instrument: PlayableInstrument) -> list[Float[Tensor, " time"]]:
    """Return what is heard from the end of a note on: recorded, in the learned room, and without it."""
    recording, rate = read_audio(recordings.path("violin") / "movement_6.flac", instrument.sample_rate)
    last = torch.from_numpy(recording[-4 * rate :])
    end = (end_of_note(listen(last, instrument)) + 1) * instrument.hop_length

    n_frames = round(_NOTE_S * rate / instrument.hop_length)
    statistics = instrument.statistics
    assert statistics is not None
    midi = torch.tensor([statistics.pitch_midi_quantiles[percent] for percent in _PERCENTS])
    f0_hz = midi_to_hz(midi)[:, None].expand(-1, n_frames)
    with torch.no_grad():
        notes = instrument(f0_hz, torch.full_like(f0_hz, statistics.loudness_db_quantiles[50]), dry=True)
    n_fade = round(_FADE_S * rate)
    notes[:, -n_fade:] *= torch.linspace(1, 0, n_fade)
    start = notes.shape[1] - n_fade
    ringing = reverberate(notes, room_response(instrument))
    silent = torch.nn.functional.pad(notes, (0, ringing.shape[1] - notes.shape[1]))
    # Root mean squares over the notes: one note's decay is that of few frequencies.
    return [last[end:], *(sound.square().mean(0).sqrt()[start:] for sound in (ringing, silent))]


def _picture(
    instrument: PlayableInstrument, endings: dict[str, Float[Tensor, " time"]], wet: Float[Tensor, " tap"]
) -> Figure:
    figure = Figure(figsize=(10, 3.6), layout="constrained", facecolor="none")
    levels, decay = figure.subplots(1, 2)
    rate = instrument.sample_rate
    for (name, sound), color in zip(endings.items(), (HEARD, PLAYED, THIRD), strict=True):
        to_come_db = energy_decay_db(sound).numpy()[: round(_SHOWN_S * rate)]
        levels.plot(np.arange(len(to_come_db)) / rate, to_come_db, color=color, label=name)
    levels.set_title("after the end of a note: energy to come (dB)")
    decay.plot(np.arange(len(wet)) / rate, energy_decay_db(wet).numpy(), color=PLAYED)
    decay.set_title("the learned response: energy to come (dB)")
    for axes in (levels, decay):
        axes.set_xlabel("s")
        axes.set_ylim(-60, 2)
    return figure
