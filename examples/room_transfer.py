"""Room transfer: a voice, dry, heard in the church that the violin was recorded in."""

import numpy as np
import torch
from matplotlib.figure import Figure

from examples.measure import end_of_note, ringing_s, wet_to_dry_db
from examples.page import HEARD, PLAYED, Page
from examples.violin import Settings, learning, violin, violin_dataset
from oscine import recordings
from oscine.analysis import analyze
from oscine.analysis.decay import decay_s, energy_decay_db
from oscine.audio import read_audio
from oscine.transfer.room import reverberate, room_response

_SHOWN_S = 1.5


def main(settings: Settings) -> dict[str, float]:
    """Write the page and return what was measured."""
    instrument = violin(settings)
    sung, rate = read_audio(recordings.path("singing"))
    sung = torch.from_numpy(sung[: 5 * rate] if settings.quick else sung)
    taps = room_response(instrument, rate)
    wet = room_response(instrument, rate, wet=True)
    heard = reverberate(sung[None], taps)[0]

    page = Page(settings, "room_transfer", "Reverb transfer: the violin's room for a voice")
    figures, rows = {}, []
    for name, sound in (("sung", sung), ("in the room", heard)):
        seconds, n_places = ringing_s(sound, rate)
        figures |= {f"{name}: s": seconds, f"{name}: places": float(n_places)}
        rows.append([name, f"{seconds:.2f}", f"{n_places}", page.sound(name.replace(" ", "-"), sound, rate)])
    ratio_db = wet_to_dry_db(room_response(instrument))
    figures |= {"room: s": decay_s(wet, rate) or np.nan, "room: wet to dry dB": ratio_db}

    page.text(
        "This page adds the learned reverb of the violin to a dry voice, and measures its RT60. "
        "The violin learned the reverb of its recordings as an impulse response, which works with any "
        f"sound. The sung melody has a rate of {rate} Hz and the violin one of {instrument.sample_rate}, "
        "so the response is "
        "resampled: the direct sound stays 1 at sample 0 and the reverberation keeps its gain."
    )
    page.table(["", "RT60 (s, median)", "decays measured", ""], rows)
    page.text(
        "The time is the median over the decays where the level falls by 20 dB, or where the partials "
        f"of a note continue during the next one. The response falls by 60 dB in {figures['room: s']:.2f} "
        "s (Schroeder's "
        f"integral) and its reverberation has {ratio_db:+.1f} dB of the direct sound's energy. It reaches "
        "up to "
        f"{instrument.sample_rate / 2000:.0f} kHz, as the violin's recordings; above that the voice stays "
        "dry."
    )
    page.picture(
        "decays", _picture(sung, heard, wet, rate), "Levels after a note, and the decay of the reverb"
    )
    page.text("For a reverb of your own: `oscine room my-violin -o church.wav --rate 48000`.")
    page.text(learning(settings, "violin", violin_dataset(settings)))
    page.write()
    return figures


def _picture(sung: torch.Tensor, heard: torch.Tensor, wet: torch.Tensor, rate: int) -> Figure:
    figure = Figure(figsize=(10, 3.6), layout="constrained", facecolor="none")
    levels, decay = figure.subplots(1, 2)
    before, after = analyze(sung, rate), analyze(heard, rate)
    first = end_of_note(before)
    start, stop = (
        max(0, first - round(0.3 * before.frame_rate)),
        first + round(_SHOWN_S * before.frame_rate),
    )
    for features, color, name in ((before, HEARD, "sung"), (after, PLAYED, "in the room")):
        shown = features.slice(start, stop)
        time_s = (torch.arange(shown.n_frames) - (first - start)) / features.frame_rate
        levels.plot(time_s.numpy(), shown.power_db.numpy(), color=color, label=name)
    levels.set_title("level (dB)")
    decay.plot(np.arange(len(wet)) / rate, energy_decay_db(wet).numpy(), color=PLAYED)
    decay.set_title("the room: energy to come (dB)")
    decay.set_ylim(-60, 2)
    for axes in (levels, decay):
        axes.set_xlabel("s")
    return figure
