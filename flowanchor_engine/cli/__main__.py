"""Run the command line with `python -m flowanchor_engine.cli`."""

from flowanchor_engine.cli.app import main

main()
