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
from oscine.evaluation.drawing import Drawing


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
        .table(["what", "dB"], [["<b>", "1.0"], ["c", "2.0"]], [{1}, set()])
        .audio("tone", torch.zeros(100), 16000)
        .players([("a", torch.zeros(10), 8000, "remark"), ("b", torch.zeros(10), 44100, "")])
        .picture(Drawing("<svg viewBox='0 0 9 9'></svg>", "<svg ></svg>"), 'a "picture"', "caption")
    )
    reader = read(page)
    tags = [tag for tag, _ in reader.seen]
    assert (tags.count("audio"), tags.count("svg"), tags.count("table"), tags.count("td")) == (3, 2, 1, 2)
    labels = [attrs["aria-label"] for tag, attrs in reader.seen if tag in ("audio", "svg")]
    assert labels == ["tone", "a: remark", "b", 'a "picture"', 'a "picture"']
    assert page.html().count('<td role="cell" data-column="dB" class=best>1.0<') == 1
    assert page.html().count("class=best") == 1
    sources = [attrs["src"] for _, attrs in reader.seen if "src" in attrs]
    assert len(sources) == 3
    assert all(source.startswith("data:") for source in sources)
    text = page.html()
    assert not re.search(r"https?://|url\(|@import|<script|<link", text)
    assert "A &lt;violin&gt;" in text
    assert "<b>1" not in text
    assert "prefers-color-scheme: dark" in text
    page.write(tmp_path / "sub" / "page.html")
    assert (tmp_path / "sub" / "page.html").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(("sample_rate", "kind"), [(22050, "mpeg"), (44100, "mpeg"), (96000, "flac")])
def test_a_player_carries_the_sound_in_few_bytes(sample_rate, kind):
    time_s = torch.arange(2 * sample_rate) / sample_rate
    audio = torch.stack([0.2 / k * torch.sin(2 * torch.pi * 330 * k * time_s) for k in range(1, 6)]).sum(0)
    url = audio_url(audio, sample_rate, small=True)
    decoded = decode(url, sample_rate, kind)
    assert len(decoded) == len(audio)
    noise = (decoded - audio).square().mean() / audio.square().mean()
    assert 10 * torch.log10(noise) < -20
    assert kind == "flac" or len(url) < 2 * 16_000


@pytest.mark.parametrize("gain", [1.0, 3.0])
def test_a_sound_over_full_scale_is_lowered_and_not_clipped(gain):
    audio = gain * torch.sin(0.1 * torch.arange(3000.0))
    decoded = decode(audio_url(audio, 16000), 16000, "flac")
    torch.testing.assert_close(decoded, audio / max(1.0, float(audio.abs().max())), rtol=0, atol=2.0 / 32768)


def decode(url, sample_rate, expected):
    kind, content = url.split(",", 1)
    assert kind == f"data:audio/{expected};base64"
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(content)), dtype="float32")
    assert rate == sample_rate
    return torch.from_numpy(samples)
