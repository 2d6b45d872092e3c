"""The API against its own description: whatever is sent, the answers are those that are described."""

import os

import schemathesis
from hypothesis import HealthCheck, given, settings

#: `OSCINE_EXAMPLES=200 pytest tests/studio/test_api.py` tries more.
_EXAMPLES = int(os.environ.get("OSCINE_EXAMPLES", "3"))


def test_every_route_answers_as_it_says(studio):
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{studio.server.port}/openapi.json")
    seen = 0
    # Events have no end.
    for result in schema.exclude(path="/api/events").get_all_operations():
        operation = result.ok()
        seen += 1

        @given(case=operation.as_strategy())
        @settings(
            max_examples=_EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def check(case):
            case.call_and_validate(timeout=60)

        check()
    assert seen > 40
