"""So that `python -m townsquare.cli` is the command where no script was installed."""

from townsquare.cli import main

main()
