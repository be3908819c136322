"""`python -m opendt_streams.cli`."""

from opendt_streams.cli.main import main

main()
