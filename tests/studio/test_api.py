"""The API against its own description: whatever is sent, the answers are those that are described."""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

#: `OSCINE_EXAMPLES=200 pytest tests/studio/test_api.py` tries more.
_EXAMPLES = int(os.environ.get("OSCINE_EXAMPLES", "3"))


@pytest.fixture(scope="session")
def api_schema(studio):
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{studio.server.port}/openapi.json")
    # Events have no end.
    return schema.exclude(path="/api/events")


schema = schemathesis.pytest.from_fixture("api_schema")


@schema.parametrize()
@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_route_answers_as_it_says(case):
    case.call_and_validate(timeout=60)
