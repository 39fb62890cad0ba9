"""A bundle is there whole or not at all, the same input gives the same bytes, and nothing is done twice."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rtdeploy import bundle
from rtdeploy.errors import BundleError, QuotaError
from tests.bundle.models import spec

SCORER = """
import numpy as np


class Scorer:
    artifacts = ("weights.bin",)

    def predict(self, inputs):
        return {"score": inputs["input"].sum(axis=1)}
"""


def project(home: Path, *, size: int = 1000, scorer: str = SCORER) -> Path:
    """A project with a class and a file of weights: nothing to import but numpy, so that it packages fast."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "scorer.py").write_text(scorer)
    (home / "weights.bin").write_bytes(bytes(range(256)) * (size // 256 + 1))
    (home / "sample.json").write_text("[[1, 2], [3, 4]]")
    return home


def package(home: Path, store: Path | None = None, progress: Callable[[int, int], None] | None = None) -> bundle.Bundle:
    model = spec(python="scorer:Scorer", sample="sample.json")
    return bundle.package(model, name="m", root=home, store=store or home / "store", progress=progress)


def visible(store: Path) -> list[str]:
    return sorted(path.name for path in store.iterdir() if path.name != ".cache")


def test_the_same_input_gives_the_same_bytes_anywhere_and_at_any_time(tmp_path: Path) -> None:
    first = package(project(tmp_path / "a"))
    second = package(project(tmp_path / "b"))
    os.utime(tmp_path / "b" / "weights.bin", (1, 1))
    assert first.digest == second.digest
    assert first.path.name == second.path.name == f"m-{first.digest[7:19]}"
    for path in sorted(first.path.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (second.path / path.relative_to(first.path)).read_bytes()


def test_the_digest_is_that_of_the_file_digests(tmp_path: Path) -> None:
    made = package(project(tmp_path))
    document = json.loads((made.path / "rtdeploy.json").read_text())
    body = {key: value for key, value in document.items() if key not in {"schema", "digest", "files"}}
    digests = {path: hashlib.sha256((made.path / path).read_bytes()).hexdigest() for path in document["files"]}
    digests["rtdeploy.json"] = hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    lines = "".join(f"{digests[path]}  {path}\n" for path in sorted(digests))
    assert made.digest == "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.parametrize("change", ["scorer.py", "weights.bin", "sample.json"])
def test_any_change_of_the_input_changes_the_digest(change: str, tmp_path: Path) -> None:
    first = package(project(tmp_path))
    content = (tmp_path / change).read_bytes()
    (tmp_path / change).write_bytes(content.replace(b"1", b"2") if change == "sample.json" else content + b"\n")
    second = package(tmp_path)
    assert second.digest != first.digest
    assert not second.reused
    bundle.verify(first)


def test_unchanged_input_is_recognised_without_being_read(tmp_path: Path) -> None:
    first = package(project(tmp_path))
    pieces: list[tuple[int, int]] = []
    times = {path: path.stat().st_atime_ns for path in first.path.rglob("*")}
    second = package(tmp_path, progress=lambda done, total: pieces.append((done, total)))
    assert second.reused
    assert second.digest == first.digest
    assert pieces[-1][0] == pieces[-1][1] > 0
    assert set(times) == set(second.path.rglob("*"))


def test_a_file_written_again_with_an_old_time_is_not_taken_for_the_old_file(tmp_path: Path) -> None:
    first = package(project(tmp_path))
    weights = tmp_path / "weights.bin"
    status = weights.stat()
    content = bytearray(weights.read_bytes())
    content[0] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert package(tmp_path).digest != first.digest


def test_a_file_written_again_with_the_same_content_is_recognised(tmp_path: Path) -> None:
    package(project(tmp_path))
    assert package(project(tmp_path)).reused


def test_writing_into_the_source_does_not_change_the_bundle(tmp_path: Path) -> None:
    made = package(project(tmp_path, size=1_000_000))
    with (tmp_path / "weights.bin").open("r+b") as file:
        file.write(b"trained again")
    bundle.verify(made)


def test_a_store_on_another_file_system_gets_the_same_bundle(tmp_path: Path) -> None:
    home = project(tmp_path, size=9_000_000)
    here = package(home)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        there = package(home, Path(memory) / "store")
        bundle.verify(there)
        assert there.digest == here.digest


def test_a_file_that_another_bundle_has_is_linked_and_not_copied(tmp_path: Path) -> None:
    first = package(project(tmp_path, size=1_000_000))
    (tmp_path / "sample.json").write_text("[[5, 6]]")
    second = package(tmp_path)
    assert second.path != first.path
    assert (second.path / "code/weights.bin").samefile(first.path / "code/weights.bin")
    bundle.verify(second)


def test_a_bundle_that_somebody_wrote_into_is_made_again(tmp_path: Path) -> None:
    made = package(project(tmp_path))
    damaged = made.path / "code/weights.bin"
    damaged.chmod(0o644)
    time.sleep(0.02)  # the clock by which files are stamped ticks every 10 ms at most
    damaged.write_bytes(bytes(damaged.stat().st_size))
    with pytest.raises(BundleError, match=r"weights\.bin was changed"):
        bundle.verify(made)
    again = package(tmp_path)
    assert not again.reused
    assert again.digest == made.digest
    bundle.verify(again)


@pytest.mark.parametrize("lost", ["code/weights.bin", "sample.json", "rtdeploy.json"])
def test_a_bundle_that_lost_a_file_is_made_again(lost: str, tmp_path: Path) -> None:
    made = package(project(tmp_path))
    (made.path / lost).unlink()
    with pytest.raises(BundleError):
        bundle.read(made.path)
    assert package(tmp_path).digest == made.digest
    bundle.verify(bundle.read(made.path))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"schema": "rtdeploy.bundle/1"}', '{"schema": "rtdeploy.bundle/9"}']
)
def test_a_damaged_manifest_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "rtdeploy.json").write_text(content)
    with pytest.raises(BundleError) as caught:
        bundle.read(tmp_path)
    assert caught.value.remedy


def test_a_manifest_that_was_edited_is_refused(tmp_path: Path) -> None:
    made = package(project(tmp_path))
    path = made.path / "rtdeploy.json"
    path.chmod(0o644)
    path.write_text(path.read_text().replace('"trust": false', '"trust": true'))
    with pytest.raises(BundleError, match="changed after it was written"):
        bundle.read(made.path)


def test_a_directory_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"has no rtdeploy\.json"):
        bundle.read(tmp_path)


def test_a_bundle_is_found_by_its_digest(tmp_path: Path) -> None:
    made = package(project(tmp_path))
    assert bundle.find(tmp_path / "store", made.digest).path == made.path
    with pytest.raises(BundleError, match="No bundle sha256:0000"):
        bundle.find(tmp_path / "store", "sha256:" + "0" * 64)


CHILD = """
import sys
from pathlib import Path
from rtdeploy import bundle
from rtdeploy.spec.model import Model

home = Path(sys.argv[1])
model = Model.model_validate({"python": "scorer:Scorer", "sample": "sample.json"})
made = bundle.package(model, name="m", root=home, store=home / "store")
print(made.digest)
"""


def start(home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


HANGS = SCORER.replace(
    "def predict", 'def load(self, directory):\n        open("/proc/self/fd/0").read()\n\n    def predict'
)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_killed_leaves_no_bundle_and_the_next_run_sweeps_what_it_left(
    number: signal.Signals, tmp_path: Path
) -> None:
    home = project(tmp_path, scorer=HANGS)
    store = home / "store"
    with start(home) as child:
        wait_for(lambda: any(store.glob(".tmp-*/job.json")))
        child.send_signal(number)
        child.communicate(timeout=60)
    assert not [name for name in visible(store) if not name.startswith(".tmp-")]
    made = package(project(home))
    assert visible(store) == [made.path.name]


def test_what_a_living_run_works_on_is_not_swept(tmp_path: Path) -> None:
    home = project(tmp_path / "a", scorer=HANGS)
    store = home / "store"
    with start(home) as child:
        wait_for(lambda: any(store.glob(".tmp-*/job.json")))
        package(project(tmp_path / "b"), store)
        assert any(store.glob(".tmp-*/job.json"))
        child.kill()
        child.communicate(timeout=60)


def test_two_runs_at_once_both_succeed_with_the_same_bundle(tmp_path: Path) -> None:
    home = project(tmp_path)
    children = [start(home) for _ in range(3)]
    answers = [child.communicate(timeout=120) for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], answers
    assert len({digest for digest, _ in answers}) == 1
    (name,) = visible(home / "store")
    bundle.verify(bundle.read(home / "store" / name))


def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path: Path) -> None:
    home = project(tmp_path, size=3_000_000)
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n" + CHILD
    done = subprocess.run([sys.executable, "-c", limited, str(home)], capture_output=True, text=True, check=False)
    assert QuotaError.__name__ in done.stderr.splitlines()[-1]
    assert "No room for the bundle" in done.stderr
    assert visible(home / "store") == []


def test_a_store_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    home = project(tmp_path)
    (home / "store").write_text("a file where a directory should be")
    with pytest.raises(BundleError, match="cannot be written"):
        package(home)


def test_what_python_leaves_behind_is_not_packaged(tmp_path: Path) -> None:
    home = tmp_path
    (home / "scorer" / "__pycache__").mkdir(parents=True)
    (home / "scorer" / "__init__.py").write_text(SCORER.replace('"weights.bin",', ""))
    (home / "scorer" / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"x")
    (home / "sample.json").write_text("[[1, 2]]")
    made = package(home)
    assert not [path for path in made.files if "__pycache__" in path]
    assert not list(made.path.rglob("__pycache__"))
