"""The choice of the layers that remember: sizes that fit the kind, and no others."""

import pytest
from pydantic import ValidationError

from oscine.networks import Conformer, Controller, ControllerConfig, Recurrent, Tcn, TimbreEncoderConfig
from oscine.networks.core import make_core


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (ControllerConfig(hidden_size=12), Recurrent),
        (ControllerConfig(kind="tcn", hidden_size=12), Tcn),
        (ControllerConfig(kind="conformer", hidden_size=12), Conformer),
        (TimbreEncoderConfig(kind="tcn", hidden_size=12), Tcn),
    ],
)
def test_the_config_says_which_core(config: ControllerConfig | TimbreEncoderConfig, kind: type) -> None:
    core = make_core(3, config)
    assert type(core) is kind
    assert core.width == 12


def test_sizes_left_out_are_the_kinds_own_and_are_written_down() -> None:
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
    core = make_core(2, config)
    assert isinstance(core, Conformer)
    assert (len(core.layers), core.n_before, len(core.slopes), core.n_past) == (3, 4, 3, 6)
    tcn = make_core(2, ControllerConfig(kind="tcn", hidden_size=4, n_layers=2, kernel_size=5))
    assert isinstance(tcn, Tcn)
    assert tcn.n_past == [4, 8]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"n_layers": 2}, "n_layers says nothing of a gru; leave it out"),
        ({"kind": "tcn", "n_heads": 2}, "n_heads says nothing of a tcn; leave it out"),
        ({"kind": "tcn", "context_frames": 64}, "context_frames says nothing of a tcn"),
        ({"kind": "conformer", "hidden_size": 10}, "hidden_size 10 is not a multiple of n_heads 4"),
        ({"kind": "lstm"}, "'gru', 'tcn' or 'conformer'"),
        ({"kind": "resnet"}, "'gru', 'tcn' or 'conformer'"),
        ({"kind": ["gru"]}, "'gru', 'tcn' or 'conformer'"),
        ({"kind": "tcn", "n_layers": 40}, "less than or equal to 16"),
        ({"kind": "tcn", "kernel_size": 0}, "greater than or equal to 1"),
        ({"hidden_size": None}, "valid integer"),
    ],
)
def test_a_controller_of_sizes_that_do_not_fit_is_refused(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        ControllerConfig.model_validate(values)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"resnet": "tiny"}, "resnet says nothing of a gru; leave it out"),
        ({"kind": "resnet", "n_layers": 2}, "n_layers says nothing of a resnet"),
        ({"kind": "resnet", "hidden_size": 64}, "hidden_size says nothing of a resnet"),
        ({"kind": "resnet", "n_mfcc": 20}, "n_mfcc says nothing of a resnet"),
        ({"kind": "conformer", "hidden_size": 10}, "hidden_size 10 is not a multiple"),
    ],
)
def test_an_encoder_of_sizes_that_do_not_fit_is_refused(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        TimbreEncoderConfig.model_validate(values)


def test_the_weights_of_a_gru_keep_their_names() -> None:
    names = Controller([1, 1], 5, ControllerConfig(hidden_size=4)).state_dict()
    assert {name for name in names if name.startswith("core.")} == {
        f"core.gru.{what}_l0" for what in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
