"""One studio for all tests that leave it as it was; importlib mode adds no folder to the path itself."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from oscine import recordings
from oscine.studio import Limits

sys.path.insert(0, str(Path(__file__).parent))

from studio_served import Served, served


@pytest.fixture(scope="session")
def studio(tmp_path_factory) -> Iterator[Served]:
    """A studio with small limits."""
    limits = Limits(upload_s=6.0, cpu_s=20.0)
    with served(tmp_path_factory.mktemp("studio") / "data", limits=limits) as one:
        yield one


@pytest.fixture(scope="session")
def violin() -> bytes:
    """45 seconds of a violin, as a FLAC file."""
    path = min(recordings.path("violin").glob("*.flac"))
    audio, rate = soundfile.read(path, frames=45 * 16_000)
    content = io.BytesIO()
    soundfile.write(content, audio, rate, format="FLAC")
    return content.getvalue()


@pytest.fixture(scope="session")
def hum() -> bytes:
    """Five seconds of a voice."""
    audio, rate = soundfile.read(recordings.path("singing"), frames=5 * 24_000)
    content = io.BytesIO()
    soundfile.write(content, audio, rate, format="WAV")
    return content.getvalue()
