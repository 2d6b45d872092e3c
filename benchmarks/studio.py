"""A studio under load and under attack: `python -m benchmarks.studio [USERS] [SECONDS]`.

Users ask, make collections and upload recordings, as many at once as is said, for some seconds; meanwhile the
worker reads what they sent. Prints the rate of answers, and the median, 95th and 99th percentile of their
latency, by kind of request; then what 60 MB, a slow body, a foreign Origin and another Host come to.
"""

import statistics
import sys
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from oscine import recordings
from oscine.studio import Limits, opened

_USERS, _SECONDS = 20, 20.0
_LOOKS = ("/api/health", "/api/jobs", "/api/collections", "/api/runs", "/api/instruments", "/")


def main(users: int = _USERS, seconds: float = _SECONDS) -> None:
    """Print the figures."""
    sound = recordings.path("trumpet").read_bytes()
    with (
        TemporaryDirectory() as folder,
        opened(Path(folder) / "data", limits=Limits(upload_s=5.0)) as server,
    ):
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        base = f"http://127.0.0.1:{server.port}"
        with httpx.Client(base_url=base, timeout=300) as client:
            while not server.has_started:
                time.sleep(0.05)
            began = time.perf_counter()
            client.get("/api/instruments").raise_for_status()
            print(f"first shelf after {time.perf_counter() - began:.1f} s")
            _load(base, users, seconds, sound)
            _attacks(client, server.port)
        server.stop()
        thread.join(20)


def _load(base: str, users: int, seconds: float, sound: bytes) -> None:
    taken: dict[str, list[float]] = defaultdict(list)
    statuses: Counter[int] = Counter()
    end = time.perf_counter() + seconds

    def use(number: int) -> None:
        with httpx.Client(base_url=base, timeout=300) as client:
            i = 0
            while time.perf_counter() < end:
                kind, began = "look", time.perf_counter()
                if i % 50 == 10:
                    kind, answer = "make", client.post("/api/collections", json={"name": f"{number}"})
                elif i % 100 == 20:
                    kind = "upload"
                    answer = client.post("/api/performances", files={"file": ("a.flac", sound)})
                else:
                    answer = client.get(_LOOKS[i % len(_LOOKS)])
                taken[kind].append(time.perf_counter() - began)
                statuses[answer.status_code] += 1
                i += 1

    with ThreadPoolExecutor(users) as pool:
        list(pool.map(use, range(users)))
    rate = statuses.total() / seconds
    print(f"{users} users for {seconds:.0f} s: {rate:.0f} answers a second, by status {dict(statuses)}")
    for kind, times in sorted(taken.items()):
        quantiles = statistics.quantiles(times, n=100) if len(times) > 1 else [times[0]] * 99
        p50, p95, p99 = (1000 * quantiles[q - 1] for q in (50, 95, 99))
        print(f"{kind:6} {len(times):6} requests, {p50:6.0f} ms median, {p95:6.0f} ms p95, {p99:6.0f} ms p99")


def _attacks(client: httpx.Client, port: int) -> None:
    def slow():
        yield b"--x\r\n"
        for _ in range(100):
            time.sleep(0.2)
            yield b"a"

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    attacks = {
        "60 MB": lambda: client.post("/api/performances", files={"file": ("a.wav", bytes(60 << 20))}),
        "a slow body": lambda: client.post("/api/performances", content=slow(), headers=kind),
        "a foreign Origin": lambda: client.post(
            "/api/collections", json={"name": "x"}, headers={"Origin": "http://evil.example"}
        ),
        "another Host": lambda: client.get("/api/jobs", headers={"Host": f"evil.example:{port}"}),
    }
    for name, attack in attacks.items():
        began = time.perf_counter()
        try:
            said = str(attack().status_code)
        except httpx.TransportError as error:
            said = f"the connection was ended ({type(error).__name__})"
        print(f"{name}: {said} after {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else _USERS, float(given[1]) if len(given) > 1 else _SECONDS)
