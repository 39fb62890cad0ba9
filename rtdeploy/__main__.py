"""``python -m rtdeploy``."""

import sys

from rtdeploy.cli import main

sys.exit(main())
