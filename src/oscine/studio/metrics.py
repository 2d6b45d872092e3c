"""Figures of a server in Prometheus' text form."""

import threading
import time
from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BOUNDS_S = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0)


class Metrics:
    """Requests by route and status, and how long they took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: Counter[float] = Counter()
        self._seconds, self._count = 0.0, 0

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        with self._lock:
            self._requests[method, route, status] += 1
            self._seconds, self._count = self._seconds + seconds, self._count + 1
            for bound in _BOUNDS_S:
                self._buckets[bound] += seconds <= bound

    def text(self, jobs: dict[str, int], stored_bytes: int, worker: str) -> str:
        """Return all figures.

        Args:
            jobs: Their number by state.
            stored_bytes: Of all files.
            worker: idle, busy or down.
        """
        with self._lock:
            lines = [
                "# HELP oscine_requests_total Requests that were answered.",
                "# TYPE oscine_requests_total counter",
                *(
                    f'oscine_requests_total{{method="{method}",route="{route}",status="{status}"}} {n}'
                    for (method, route, status), n in sorted(self._requests.items())
                ),
                "# HELP oscine_request_seconds Time from a request to the end of its answer.",
                "# TYPE oscine_request_seconds histogram",
                *(
                    f'oscine_request_seconds_bucket{{le="{bound:g}"}} {self._buckets[bound]}'
                    for bound in _BOUNDS_S
                ),
                f'oscine_request_seconds_bucket{{le="+Inf"}} {self._count}',
                f"oscine_request_seconds_sum {self._seconds:.6f}",
                f"oscine_request_seconds_count {self._count}",
            ]
        lines += ["# HELP oscine_jobs Jobs by state.", "# TYPE oscine_jobs gauge"]
        states = ("queued", "running", "paused", "done", "failed", "cancelled")
        lines += [f'oscine_jobs{{state="{state}"}} {jobs.get(state, 0)}' for state in states]
        lines += ["# HELP oscine_queue_length Jobs that wait.", "# TYPE oscine_queue_length gauge"]
        lines += [f"oscine_queue_length {jobs.get('queued', 0)}"]
        lines += ["# HELP oscine_stored_bytes Size of the data.", "# TYPE oscine_stored_bytes gauge"]
        lines += [f"oscine_stored_bytes {stored_bytes}"]
        lines += ["# HELP oscine_worker_up Whether the worker runs.", "# TYPE oscine_worker_up gauge"]
        lines += [f"oscine_worker_up {int(worker != 'down')}"]
        return "\n".join([*lines, ""])


class Counting:
    """Counts the requests that an app answers.

    Args:
        app: What answers.
        metrics: Where they are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            # The route's form and not the address: as few lines as there are routes, and nothing of a user's.
            route = getattr(scope.get("route"), "path", "other")
            method = (
                scope["method"] if scope["method"] in ("GET", "POST", "PUT", "PATCH", "DELETE") else "other"
            )
            self.metrics.note(method, route, status, time.perf_counter() - began)
