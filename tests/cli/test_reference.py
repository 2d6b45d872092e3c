"""What the commands are, as data, and what a shell completes."""

import json

import pytest

from oscine.cli.main import COMMANDS, main
from oscine.cli.reference import command_reference


def test_every_command_and_option_is_listed_with_its_sentence() -> None:
    listed = {one.name: one for one in command_reference()}
    assert {one.__name__ for one in COMMANDS} | {"listen make", "listen results"} == set(listed)
    for command in listed.values():
        assert command.about, command.name
        for one in command.parameters:
            assert one.about, f"{command.name} {one.names}"
            assert one.names, command.name
            assert one.is_argument or all(name.startswith("-") for name in one.names)
    transfer = {name: one for one in listed["transfer"].parameters for name in one.names}
    assert transfer["--to"].required
    assert transfer["--level-passes"].default == 2
    assert not transfer["--plot"].required
    assert {"-o", "--output"} == set(transfer["-o"].names)


def test_the_help_of_every_command_names_the_options_of_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    for command in command_reference():
        with pytest.raises(SystemExit) as ended:
            main([*command.name.split(), "--help"])
        assert ended.value.code == 0
        shown = capsys.readouterr().out
        for one in command.parameters:
            assert one.is_argument or all(name in shown for name in one.names), (command.name, one.names)


def test_a_recipe_is_shown_key_by_key(capsys: pytest.CaptureFixture[str]) -> None:
    main_ends(["recipes", "tiny"])
    shown = capsys.readouterr().out
    assert "training.crop_s = 2.0 s" in shown or "training.crop_s = " in shown
    assert "Length of a crop, seconds." in shown
    assert "No GPU is needed." in shown
    main_ends(["recipes", "tiny", "--json"])
    told = json.loads(capsys.readouterr().out)
    keys = {one["key"]: one for one in told["keys"]}
    assert keys["training.crop_s"]["unit"] == "s"
    assert told["training"]["gpu"] == "not needed"


def test_a_recipe_that_is_none_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["recipes", "tinny"])
    assert ended.value.code == 2
    assert "the nearest is tiny" in capsys.readouterr().err


def main_ends(arguments: list[str]) -> None:
    """Run a command that succeeds."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
