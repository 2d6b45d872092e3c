"""The format nn: a model that plays the instrument in a process without Oscine, in blocks of any length."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.export.onnx_check import curves, expected
from tests.export.small import small_instrument

from oscine.models import Instrument
from oscine.models.inputs import IdentityConfig

RATE, HOP = 16000, 60

_HOST = """
import json, sys
import numpy as np, torch
model, blocks, rate, n_voices = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
assert not any(name.split(".")[0] == "oscine" for name in sys.modules)
torch.set_num_threads(1)
text = {"CREDITS.txt": ""}
model = torch.jit.load(model, _extra_files=text)
model.eval()
# As nn~ asks for them.
assert model.get_methods() == ["forward"], model.get_methods()
assert model.forward_params.tolist() == [len(model.forward_input_labels), 1, 1, 1]
assert len(model.forward_output_labels) == 1
assert model.get_attributes() == ["none"]
model.set_sample_rate(rate)
n_channels = len(model.forward_input_labels)
signals = np.frombuffer(sys.stdin.buffer.read(), np.float32).reshape(n_voices, n_channels, -1)
signals, at, sound = torch.from_numpy(signals.copy()), 0, []
with torch.inference_mode():
    while at < signals.shape[2]:
        length = blocks[len(sound) % len(blocks)]
        sound.append(model(signals[:, :, at : at + length]))
        at += length
sys.stdout.buffer.write(torch.cat(sound, 2).numpy().tobytes())
print(json.dumps([text["CREDITS.txt"].decode(), model.forward_input_labels]), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    return small_instrument(IdentityConfig(names=("a", "b"), size=2), hop_length=HOP)


@pytest.fixture(scope="module")
def model(instrument: Instrument, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written by the command: torch.jit.script can't read code that the tests' type checker has wrapped."""
    folder = tmp_path_factory.mktemp("nn")
    instrument.save_pretrained(folder / "violin")
    command = [sys.executable, "-m", "oscine", "export", folder / "violin", "--format", "nn", "--json"]
    run = subprocess.run([*command, "-o", folder / "nn"], check=True, capture_output=True, text=True)
    report = json.loads(run.stdout)
    assert report["difference"] < 1e-5
    assert set(report["files"]) == {"instrument.ts", "CREDITS.txt", "README.md"}
    readme = (folder / "nn" / "README.md").read_text()
    assert "3. (signal) identity 1, " in readme
    return folder / "nn" / "instrument.ts"


def hosted(
    model: Path, signals: torch.Tensor, blocks: list[int], rate: int = RATE
) -> tuple[np.ndarray, list[object]]:
    """What the model makes of signals, (voice, channel, time), in a process of its own: (voice, time)."""
    command = [sys.executable, "-I", "-W", "ignore", "-c", _HOST, model, json.dumps(blocks)]
    given = signals.contiguous().numpy().tobytes()
    run = subprocess.run(
        [*command, str(rate), str(len(signals))], input=given, check=True, capture_output=True
    )
    return np.frombuffer(run.stdout, np.float32).reshape(len(signals), -1), json.loads(run.stderr)


def _signals(given: dict[str, torch.Tensor]) -> torch.Tensor:
    frames = torch.cat([curve for name, curve in given.items() if name != "gain"], -1)
    return frames.transpose(1, 2).repeat_interleave(HOP, -1)


def test_it_plays_the_instrument_in_blocks_of_any_length(instrument: Instrument, model: Path) -> None:
    given = curves(instrument.program(), 1.0)
    wanted = expected(instrument, given)
    for blocks in ([64], [2048], [1, 700, 13, 8 * HOP]):
        sound, (credit, labels) = hosted(model, _signals(given), blocks)
        assert np.abs(sound[0] - wanted).max() < 1e-5 * np.abs(wanted).max()
    assert "Licence of the recordings: cc-by-3.0" in str(credit)
    assert labels == [
        "(signal) f0_hz, Hz",
        "(signal) loudness_db, dB",
        "(signal) identity 1, no unit",
        "(signal) identity 2, no unit",
    ]


def test_a_batch_is_voices_with_noise_of_their_own(instrument: Instrument, model: Path) -> None:
    given = curves(instrument.program(), 0.3)
    sound, _ = hosted(model, _signals(given).repeat(2, 1, 1), [512])
    conditions = {
        name: given[name] if one.size else given[name][..., 0]
        for name, one in zip(instrument.inputs, instrument.all_inputs(), strict=True)
    }
    with torch.no_grad():
        wanted = [instrument(conditions, seed=seed)[0].numpy() for seed in (0, 1)]
    for voice in (0, 1):
        assert np.abs(sound[voice] - wanted[voice]).max() < 1e-5 * np.abs(wanted[voice]).max()


@pytest.mark.parametrize(
    "rate", [pytest.param(8000, marks=pytest.mark.slow), 44100, pytest.param(48000, marks=pytest.mark.slow)]
)
def test_at_another_rate_the_sound_is_resampled_and_late_as_declared(
    instrument: Instrument, model: Path, rate: int
) -> None:
    import soxr

    values = torch.tensor([300.0, -20.0, 1.0, 0.0])
    steady = values[None, :, None].expand(1, 4, 2 * rate)
    sound, _ = hosted(model, steady, [512], rate)
    again, _ = hosted(model, steady, [100, 3000], rate)
    np.testing.assert_allclose(sound, again, rtol=0, atol=1e-5 * np.abs(sound).max())
    given = {
        one.name: torch.full((1, 533, one.wire.size), one.default) for one in instrument.program().inputs
    }
    for name, value in zip(("f0_hz", "loudness_db", "identity"), (300.0, -20.0, values[2:]), strict=True):
        given[name][:] = torch.as_tensor(value)
    # Half a sample and less of delay are turned in the spectrum.
    wanted = soxr.resample(expected(instrument, given).astype(np.float64), RATE, rate, quality="VHQ")
    length = min(len(wanted), sound.shape[1])
    delay = 32 * max(1.0, rate / RATE)
    spectrum = np.fft.rfft(sound[0, :length].astype(np.float64))
    bins = np.arange(len(spectrum))
    spectra = spectrum * np.exp(2j * np.pi * bins * delay / length), np.fft.rfft(wanted[:length])
    # Below 0.85 of the lower Nyquist frequency; away from the ends, where the turned block wraps.
    keep = bins * rate / length < 0.85 * min(rate, RATE) / 2
    one, other = (np.fft.irfft(x * keep, length)[rate // 10 : -rate // 10] for x in spectra)
    assert np.abs(one - other).max() < 2e-3 * np.abs(other).max()


def test_it_is_silent_until_a_pitch_arrives(model: Path) -> None:
    signals = torch.zeros(1, 4, 4800)
    signals[:, 0, 3200:] = 220.0
    signals[:, 1, 3200:] = -20.0
    sound, _ = hosted(model, signals, [320])
    assert not sound[0, :3200].any()
    assert np.abs(sound[0, 3200:]).max() > 1e-4
