"""What every command says of a file that is not there."""

from pathlib import Path

import pytest

from oscine.cli.main import main


def test_a_missing_file_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing.json"
    with pytest.raises(SystemExit) as ended:
        main(["listen", "results", str(missing), str(missing)])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"oscine: {missing} does not exist; check the path." in said.replace("\n", "")
