"""An example in a notebook: run it, and show its page with pictures and sounds in place."""

import re

import torch
from IPython.display import HTML, Image, Markdown, display

from examples import dereverberation, extrapolation, independent_control, timbre_transfer
from examples.violin import Settings
from oscine.audio import player_html, read_audio

EXAMPLES = {
    "timbre_transfer": timbre_transfer.main,
    "independent_control": independent_control.main,
    "extrapolation": extrapolation.main,
    "dereverberation": dereverberation.main,
}
_PICTURE = re.compile(r"!\[(.*)\]\((.*\.png)\)")
_SOUND = re.compile(r'<audio [^>]*src="([^"]+\.flac)"[^>]*></audio>')


def show(name: str, settings: Settings) -> dict[str, float]:
    """Run an example, show its page in the notebook, and return what was measured.

    Args:
        name: One of `EXAMPLES`.
        settings: Where its page and its instruments go, and how long they learn.
    """
    figures = EXAMPLES[name](settings)
    text = (settings.pages / f"{name}.md").read_text(encoding="utf-8")
    for part in text.split("\n\n"):
        if picture := _PICTURE.fullmatch(part.strip()):
            display(Image(data=(settings.pages / picture[2]).read_bytes(), format="png", alt=picture[1]))
            continue
        files = _SOUND.findall(part)
        display(Markdown(_SOUND.sub("below", part)))
        for file in files:
            audio, sample_rate = read_audio(settings.pages / file)
            label = file.removeprefix(f"{name}-").removesuffix(".flac").replace("-", " ")
            display(HTML(player_html(torch.from_numpy(audio), sample_rate, label)))
    return figures
