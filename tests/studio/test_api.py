"""The API against its own description: whatever is sent, the answers are those that are described."""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance
from studio_served import until

#: `OSCINE_EXAMPLES=200 pytest tests/studio/test_api.py` tries more.
_EXAMPLES = int(os.environ.get("OSCINE_EXAMPLES", "2"))
#: A schema can't say that a file is a recording, or that an end is behind a start.
_NOT_CHECKED = [positive_data_acceptance]


def _try(operation, known: list[str]) -> None:
    """Send what the description allows and what it does not, to things that are there and that are not."""

    @given(case=operation.as_strategy())
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    def check(case):
        case.call_and_validate(timeout=300, excluded_checks=_NOT_CHECKED)
        for name in known:
            case.path_parameters["id"] = name
            case.call_and_validate(timeout=300, excluded_checks=_NOT_CHECKED)

    check()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
def test_every_route_answers_as_it_says(studio, hum):
    sung = studio.client.post("/api/performances", files={"file": ("a.wav", hum)}).json()["id"]
    until(lambda: studio.client.get(f"/api/performances/{sung}").json(), lambda one: one["state"] == "ready")
    made = studio.client.post("/api/collections", json={"name": "x"}).json()["id"]
    there = {"/api/performances/{id}": sung, "/api/collections/{id}": made, "/api/instruments/{id}": "flute"}
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{studio.server.port}/openapi.json")
    # Events have no end.
    found = list(schema.exclude(path="/api/events").get_all_operations())
    operations = [one.ok() for one in found if isinstance(one, Ok)]
    assert len(operations) == len(found)
    assert len(operations) > 40
    for operation in operations:
        # A hub is another machine's.
        is_here = not operation.path.endswith("/hub")
        known = [name for place, name in there.items() if operation.path.startswith(place) and is_here]
        _try(operation, known)
