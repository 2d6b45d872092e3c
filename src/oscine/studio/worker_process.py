"""The worker as a process: `python -m oscine.studio.worker_process FOLDER LIMITS DEVICE`.

It ends when its standard input does, whatever became of the server.
"""

import os
import sys
import threading
import time
from contextlib import suppress

#: For a job in hand to come to an end when the server has gone.
_LAST_S = 15.0


def run(arguments: list[str]) -> None:
    """Watch the standard input, then load what is needed, and work."""
    ending, is_loaded = threading.Event(), threading.Event()

    def watch() -> None:
        with suppress(OSError):
            while os.read(0, 1024):
                pass
        ending.set()
        if is_loaded.is_set():
            time.sleep(_LAST_S)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    from oscine.studio.worker import main

    is_loaded.set()
    main(arguments, ending)


if __name__ == "__main__":
    run(sys.argv[1:])
