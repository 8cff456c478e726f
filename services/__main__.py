"""The command line's entry: `python -m services`, or `aviary`."""

from services.cli.main import main

if __name__ == "__main__":
    main()
