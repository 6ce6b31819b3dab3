"""`python -m imagegen` is the command line."""

from imagegen.cli import main

main()
