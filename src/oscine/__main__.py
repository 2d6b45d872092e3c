"""``python -m oscine``: the command line."""

from oscine.cli.main import main

if __name__ == "__main__":
    main()
