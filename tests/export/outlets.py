"""Every outlet in its real host, one after the other: ``python -m tests.export.outlets OUT [INSTRUMENT]``.

Each check is a command of its own, which says in one sentence what is missing on this machine. Without an
instrument a small untrained one is played. The end of what a failed check said stands last, and the exit code
is 1.
"""

import shutil
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

from tests.export.small import small_instrument

_NODE_PACKAGE = "onnxruntime-node@1.30.0"


def main() -> None:
    """Run all checks and say how each went."""
    out = Path(sys.argv[1]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    instrument = sys.argv[2] if len(sys.argv) > 2 else str(out / "instrument")
    if shutil.which("npm") and not Path(".cache/node/node_modules/onnxruntime-node").exists():
        npm = ["npm", "install", "--silent", "--ignore-scripts", "--prefix", ".cache/node", _NODE_PACKAGE]
        subprocess.run(npm, check=False)
    if len(sys.argv) <= 2:
        small_instrument().save_pretrained(instrument)
    checks = {
        "other machines": ["tests.runtime.builds", str(out / "runtimes")],
        "web": ["tests.export.browser", str(out / "web"), instrument],
        "plug-ins": ["tests.export.plugin_hosts", str(out / "plugins")],
        "Pure Data": ["tests.export.pd_check", str(out / "pd"), instrument],
        "ONNX": ["tests.export.onnx_check", instrument],
        "listening test": ["tests.evaluation.listening_page", str(out / "listening")],
        "Neutone": ["tests.export.neutone_check", str(out / "neutone"), instrument],
        "Cortex-M7": ["tests.export.cortex", str(out / "cortex"), f"instrument={instrument}"],
    }
    failed: dict[str, list[str]] = {}
    for name, (module, *arguments) in checks.items():
        sys.stdout.write(f"== {name}\n")
        sys.stdout.flush()
        began = time.monotonic()
        said, code = _run([sys.executable, "-m", module, *arguments])
        sys.stdout.write(f"== {name}: {'failed' if code else 'done'}, {time.monotonic() - began:.0f} s\n")
        if code:
            failed[name] = said
    for name, said in failed.items():
        sys.stdout.writelines([f"== {name} failed with:\n", *said])
    sys.stdout.write(f"Failed: {', '.join(failed)}.\n" if failed else "All that could be run was right.\n")
    raise SystemExit(int(bool(failed)))


def _run(command: list[str]) -> tuple[list[str], int]:
    """Run a command, show what it says, and return the last lines of that, and its exit code."""
    last: deque[str] = deque(maxlen=30)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            last.append(line)
    return list(last), process.returncode


if __name__ == "__main__":
    main()
