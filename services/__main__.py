"""The command line's entry in a source tree; a wheel's is in `aviary_server`."""

from services.cli.main import main

if __name__ == "__main__":
    main()
