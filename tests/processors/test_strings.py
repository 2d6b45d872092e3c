"""The strings' keys: what they can be set to."""

import pytest
import torch

from oscine.functional import usual_inharmonicity
from oscine.processors import Strings


def test_keys_are_set_to_what_strings_have() -> None:
    part = Strings(4, sample_rate=16_000, hop_length=64)
    part.set_keys(2 * usual_inharmonicity(), torch.full((88,), 3.0))
    torch.testing.assert_close(part.log_inharmonicity.exp(), 2 * usual_inharmonicity())
    assert part.tuning_cents.eq(3.0).all()


@pytest.mark.parametrize("wrong", [0.0, -1e-4, float("nan"), float("inf")])
def test_values_that_no_string_has_are_refused(wrong: float) -> None:
    part = Strings(4, sample_rate=16_000, hop_length=64)
    inharmonicity, tuning_cents = usual_inharmonicity(), torch.zeros(88)
    inharmonicity[40] = wrong
    with pytest.raises(ValueError, match=r"inharmonicity .*give 88"):
        part.set_keys(inharmonicity, tuning_cents)
    if not wrong <= 0:
        with pytest.raises(ValueError, match=r"tuning_cents is .*give 88 finite"):
            part.set_keys(usual_inharmonicity(), tuning_cents + wrong)
    assert part.tuning_cents.eq(0.0).all()
