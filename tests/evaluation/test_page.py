"""The page is one file, escapes what it is given, and carries sound and pictures whole."""

import base64
import io
import re
from html.parser import HTMLParser

import pytest
import soundfile
import torch

from oscine.audio.player import audio_url
from oscine.evaluation import Page


class Reader(HTMLParser):
    """Collects tags, and fails on one that closes what is not open."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(page):
    reader = Reader()
    reader.feed(page.html())
    assert not reader.open
    return reader


def test_every_piece_is_there_and_nothing_is_fetched(tmp_path):
    page = (
        Page("A <violin>", "lead & more")
        .heading("Figures")
        .paragraph("text")
        .paragraph("small", note=True)
        .table(["what", "dB"], [["<b>", "1.0"], ["c", "2.0"]], main_column=1)
        .audio("tone", torch.zeros(100), 16000)
        .players([("a", torch.zeros(10), 8000, "remark"), ("b", torch.zeros(10), 44100, "")])
        .picture(b"\x89PNG", 'a "picture"', "caption")
    )
    reader = read(page)
    tags = [tag for tag, _ in reader.seen]
    assert (tags.count("audio"), tags.count("img"), tags.count("table"), tags.count("td")) == (3, 1, 1, 4)
    sources = [attrs["src"] for _, attrs in reader.seen if "src" in attrs]
    assert len(sources) == 4
    assert all(source.startswith("data:") for source in sources)
    text = page.html()
    assert not re.search(r"https?://|url\(|@import|<script|<link", text)
    assert "A &lt;violin&gt;" in text
    assert "<b>1" not in text
    assert "prefers-color-scheme: dark" in text
    page.write(tmp_path / "sub" / "page.html")
    assert (tmp_path / "sub" / "page.html").read_text(encoding="utf-8") == text


def test_a_player_carries_the_sound_to_16_bits():
    audio = 0.5 * torch.sin(0.1 * torch.arange(3000.0))
    decoded = decode(audio_url(audio, 22050), 22050)
    torch.testing.assert_close(decoded, audio, rtol=0, atol=1.0 / 32768)


@pytest.mark.parametrize("gain", [1.0, 3.0])
def test_a_sound_over_full_scale_is_lowered_and_not_clipped(gain):
    audio = gain * torch.sin(0.1 * torch.arange(3000.0))
    decoded = decode(audio_url(audio, 16000), 16000)
    torch.testing.assert_close(decoded, audio / max(1.0, float(audio.abs().max())), rtol=0, atol=2.0 / 32768)


def decode(url, sample_rate):
    kind, content = url.split(",", 1)
    assert kind == "data:audio/flac;base64"
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(content)), dtype="float32")
    assert rate == sample_rate
    return torch.from_numpy(samples)
