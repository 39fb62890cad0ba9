"""``python -m rtdeploy``."""

from rtdeploy.cli import main

main()
