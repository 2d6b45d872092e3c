"""The choice of sequence layers: sizes that apply to the kind and fit together, and their limits."""

import pytest
from pydantic import BaseModel, ValidationError

from oscine.networks import (
    Conformer,
    Controller,
    ControllerConfig,
    PitchEncoderConfig,
    Recurrent,
    Tcn,
    TimbreEncoderConfig,
)
from oscine.networks.sequence import make_sequence_layers


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (ControllerConfig(hidden_size=12), Recurrent),
        (ControllerConfig(kind="tcn", hidden_size=12), Tcn),
        (ControllerConfig(kind="conformer", hidden_size=12), Conformer),
        (TimbreEncoderConfig(kind="tcn", hidden_size=12), Tcn),
    ],
)
def test_the_kind_sets_the_class(config: ControllerConfig | TimbreEncoderConfig, kind: type) -> None:
    layers = make_sequence_layers(3, config)
    assert type(layers) is kind
    assert layers.width == 12


def test_sizes_left_out_have_the_kinds_defaults_and_are_saved() -> None:
    assert ControllerConfig().n_layers is None
    tcn = ControllerConfig(kind="tcn", kernel_size=2)
    assert (tcn.n_layers, tcn.kernel_size, tcn.n_heads, tcn.context_frames) == (8, 2, None, None)
    conformer = ControllerConfig(kind="conformer", n_heads=None)
    assert (conformer.n_layers, conformer.n_heads, conformer.context_frames) == (2, 4, 64)
    resnet = TimbreEncoderConfig(kind="resnet")
    assert (resnet.resnet, resnet.n_layers) == ("small", None)
    for config in (tcn, conformer, resnet, ControllerConfig(), TimbreEncoderConfig()):
        assert type(config).model_validate_json(config.model_dump_json()) == config


def test_sizes_reach_the_network() -> None:
    config = ControllerConfig(
        kind="conformer", hidden_size=12, n_layers=3, kernel_size=5, n_heads=3, context_frames=7
    )
    conformer = make_sequence_layers(2, config)
    assert isinstance(conformer, Conformer)
    assert (len(conformer.layers), len(conformer.slopes)) == (3, 3)
    assert (conformer.kernel_size, conformer.context_frames) == (5, 7)
    tcn = make_sequence_layers(2, ControllerConfig(kind="tcn", hidden_size=4, n_layers=2, kernel_size=5))
    assert isinstance(tcn, Tcn)
    assert tcn.n_past == [4, 8]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"n_layers": 2}, '`n_layers` does not apply to kind "gru"; remove it.'),
        ({"kind": "tcn", "n_heads": 2}, '`n_heads` does not apply to kind "tcn"; remove it.'),
        ({"kind": "tcn", "context_frames": 64}, '`context_frames` does not apply to kind "tcn"'),
        (
            {"kind": "conformer", "hidden_size": 10},
            "hidden_size is 10; give a multiple of n_heads, which is 4.",
        ),
        ({"kind": "tcn", "n_layers": 16, "kernel_size": 3}, "depend on more than 65536 past frames"),
        ({"kind": "lstm"}, "'gru', 'tcn' or 'conformer'"),
        ({"kind": "resnet"}, "'gru', 'tcn' or 'conformer'"),
        ({"kind": ["gru"]}, "'gru', 'tcn' or 'conformer'"),
        ({"kind": "tcn", "n_layers": 40}, "less than or equal to 16"),
        ({"kind": "tcn", "kernel_size": 0}, "greater than or equal to 1"),
        ({"hidden_size": None}, "valid integer"),
    ],
)
def test_controller_sizes_that_do_not_fit_are_refused(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        ControllerConfig.model_validate(values)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"resnet": "tiny"}, '`resnet` does not apply to kind "gru"; remove it.'),
        ({"kind": "resnet", "n_layers": 2}, '`n_layers` does not apply to kind "resnet"'),
        ({"kind": "resnet", "hidden_size": 64}, '`hidden_size` does not apply to kind "resnet"'),
        ({"kind": "resnet", "n_mfcc": 20}, '`n_mfcc` does not apply to kind "resnet"'),
        ({"kind": "conformer", "hidden_size": 10}, "hidden_size is 10; give a multiple"),
    ],
)
def test_encoder_sizes_that_do_not_fit_are_refused(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        TimbreEncoderConfig.model_validate(values)


@pytest.mark.parametrize("config", [ControllerConfig, TimbreEncoderConfig, PitchEncoderConfig])
def test_every_whole_number_has_a_limit(config: type[BaseModel]) -> None:
    kinds = {"n_heads": "conformer", "context_frames": "conformer", "n_layers": "tcn", "kernel_size": "tcn"}
    numbers = {name: field for name, field in config.model_fields.items() if "int" in str(field.annotation)}
    assert len(numbers) >= 3
    for name, field in numbers.items():
        kind = {"kind": kinds[name]} if name in kinds else {}
        with pytest.raises(ValidationError, match="less than or equal to"):
            config.model_validate({name: (10_000,) if "tuple" in str(field.annotation) else 10_000, **kind})


def test_the_largest_sizes_are_accepted() -> None:
    ControllerConfig(hidden_size=4096, mlp_size=4096, n_mlp_layers=16)
    ControllerConfig(kind="tcn", n_layers=16, kernel_size=2)
    ControllerConfig(kind="conformer", n_layers=16, kernel_size=256, n_heads=64, context_frames=1024)


def test_the_weights_of_a_gru_keep_their_names() -> None:
    names = Controller([1, 1], 5, ControllerConfig(hidden_size=4)).state_dict()
    assert {name for name in names if name.startswith("core.")} == {
        f"core.gru.{what}_l0" for what in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
