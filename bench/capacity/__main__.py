"""`python -m bench.capacity`."""

from bench.capacity.command import main

main(prog_name="python -m bench.capacity")
