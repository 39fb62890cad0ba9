"""The whole way in one go: `make demo`. Every command is printed before it runs; nothing is left running."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import prepare

HERE = Path(__file__).parent


def rtdeploy(*arguments: str) -> int:
    """Run one command as a user would, here, and return its exit code."""
    print(f"\n$ rtdeploy {shlex.join(arguments)}", flush=True)
    return subprocess.run([sys.executable, "-m", "rtdeploy", *arguments], cwd=HERE, check=False).returncode


def main() -> int:
    """Package, deploy, bench, and take down again; the bench's verdict is the exit code."""
    prepare.main()
    try:
        code = rtdeploy("deploy", "local", "--yes") or rtdeploy("bench", "local", "--html", "report.html")
    finally:
        rtdeploy("destroy", "local", "--yes")
    print(f"\nReport: {os.path.relpath(HERE / 'report.html')}")
    return code


if __name__ == "__main__":
    sys.exit(main())
