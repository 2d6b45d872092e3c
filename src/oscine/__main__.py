"""The command line: ``oscine``, and ``python -m oscine``."""

import sys


def main() -> None:
    """Run a command; Ctrl-C while it is still being loaded ends with the code 130, as it does later on."""
    try:
        from oscine.cli.main import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
