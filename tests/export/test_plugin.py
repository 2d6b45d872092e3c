"""What `oscine export` makes of plug-ins that were built before; plugin_hosts.py runs them in hosts."""

import re
import struct
from pathlib import Path

import pytest
from tests.performance.scores import LEARNED
from tools import plugin_bundles

from oscine.cli.main import main
from oscine.errors import InputError
from oscine.export import export
from oscine.export.plugin import PLUGIN_FORMATS, PluginFormat, plugin_files
from oscine.models import Instrument, InstrumentConfig
from oscine.processors import HarmonicConfig
from oscine.runtime import Performer, engines

HEADER = Path(__file__).parents[2] / "outlets" / "plugin" / "parameters.h"
INSIDE = {
    "clap": "linux-x86_64/violin.oscine",
    "lv2": "linux-x86_64/oscine.lv2/violin.oscine",
    "vst3": "linux-x86_64/Oscine.vst3/Contents/Resources/violin.oscine",
}


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "plugins"
    library = tmp_path / "oscine.so"
    library.write_bytes(b"binary")
    for platform, vst3 in (("linux-x86_64", "x86_64-linux"), ("macos", "MacOS")):
        for form in PLUGIN_FORMATS:
            turtle = {"manifest.ttl": "lv2:binary <oscine.so>"}
            plugin_bundles.bundle(library, "Oscine", "oscine", form, folder / platform, vst3, turtle)
        (folder / platform / "LICENSES.txt").write_text("ISC")
    monkeypatch.setenv("OSCINE_PLUGINS", str(folder))
    return folder


@pytest.fixture(scope="module")
def instrument() -> Instrument:
    config = InstrumentConfig(sample_rate=16000, hop_length=64, synth=(HarmonicConfig(n_harmonics=4),))
    return Instrument(config, LEARNED, {"licence": "cc-by-3.0", "credit": "Somebody"}).eval()


@pytest.mark.parametrize("form", PLUGIN_FORMATS)
@pytest.mark.usefixtures("plugins")
def test_the_instrument_lies_where_the_plugin_looks(form: PluginFormat) -> None:
    files = plugin_files(b"program", "violin", form, "credit")
    assert files[INSIDE[form]] == b"program"
    assert files["linux-x86_64/CREDITS.txt"] == b"credit"
    assert files["linux-x86_64/LICENSES.txt"] == b"ISC"
    mac = "macos/oscine.lv2/" if form == "lv2" else f"macos/Oscine.{form}/Contents/Resources/"
    assert files[f"{mac}violin.oscine"] == b"program"
    assert sum(content == b"binary" for content in files.values()) == 2


@pytest.mark.usefixtures("plugins")
def test_export_writes_a_folder_for_each_platform(instrument: Instrument, tmp_path: Path) -> None:
    report = export(instrument, tmp_path / "violin", "vst3")
    inside = INSIDE["vst3"]
    assert (tmp_path / "violin" / inside).read_bytes() == instrument.program().to_bytes("float16")
    assert "Somebody" in (tmp_path / "violin" / "linux-x86_64" / "CREDITS.txt").read_text()
    assert inside in report.files
    with pytest.raises(InputError, match="is there already"):
        export(instrument, tmp_path / "violin", "vst3")


def test_without_plugins_it_says_how_to_get_them(
    instrument: Instrument,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OSCINE_PLUGINS", str(tmp_path / "nowhere"))
    instrument.save_pretrained(tmp_path / "saved")
    with pytest.raises(SystemExit) as ended:
        main(["export", str(tmp_path / "saved"), "--format", "clap", "-o", str(tmp_path / "out")])
    assert ended.value.code == 2
    assert "There are no plug-ins in" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("plugins")
def test_a_name_is_a_file_name() -> None:
    assert "linux-x86_64/My _violin_.oscine" in plugin_files(b"", "My :violin/", "clap", "")
    assert "linux-x86_64/instrument.oscine" in plugin_files(b"", "..", "clap", "")


def test_a_universal_library_holds_both(tmp_path: Path) -> None:
    parts = []
    for i, kind in enumerate((0x0100000C, 0x01000007)):
        part = tmp_path / f"{i}.dylib"
        part.write_bytes(struct.pack("<III", 0xFEEDFACF, kind, i) + bytes(20_000 + i))
        parts.append(part)
    made = plugin_bundles.universal(parts).read_bytes()
    assert struct.unpack_from(">II", made) == (0xCAFEBABE, 2)
    for i, part in enumerate(parts):
        kind, subtype, at, size, alignment = struct.unpack_from(">IIIII", made, 8 + 20 * i)
        assert (kind, subtype) == struct.unpack_from("<II", part.read_bytes(), 4)
        assert at % (1 << alignment) == 0
        assert made[at : at + size] == part.read_bytes()


@pytest.mark.skipif(not engines(), reason="no compiled runtime: there was no C++ compiler")
def test_hosts_see_every_setting_of_the_runtime(instrument: Instrument) -> None:
    declared = set(re.findall(r'^    \{"(\w+)", "', HEADER.read_text(), re.MULTILINE))
    settings = set(Performer(instrument.program().to_bytes(), 48_000).settings)
    assert declared == settings - {"source"}
