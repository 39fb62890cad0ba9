"""How long `rtdeploy --help` takes, against an empty Typer program, in pairs; writes result.json beside this file."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 21
EMPTY = "import typer\napp = typer.Typer()\n@app.command()\ndef main() -> None:\n    '''Nothing.'''\napp()\n"


def seconds(*command: str) -> float:
    """Wall time of one run of a command."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *command, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    """Alternate the two, so that drift of the machine hits both alike."""
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY)
        pairs = [(seconds("-m", "rtdeploy"), seconds(str(empty))) for _ in range(RUNS + 1)][1:]
    result = {
        "rtdeploy_help_ms": round(statistics.median(a for a, _ in pairs) * 1e3, 1),
        "empty_typer_help_ms": round(statistics.median(b for _, b in pairs) * 1e3, 1),
        "ratio": round(statistics.median(a / b for a, b in pairs), 3),
        "pairs": RUNS,
        "python": sys.version.split()[0],
    }
    Path(__file__).with_name("result.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
