"""The file on disk → text, or one error that says why it is none."""

import os
import re
import stat
from pathlib import Path

from rtdeploy.errors import Problem, SpecError, UsageError

__all__ = ["LARGEST", "read_text"]

LARGEST = 2**20
"""Bytes."""

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_text(path: Path) -> str:
    """Read the whole file as UTF-8; a byte order mark is dropped.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        SpecError: it is too large, or no text.

    """
    content = _content(path)
    if len(content) > LARGEST:
        raise SpecError(
            [Problem(source=str(path), line=0, column=0, path="", message="larger than 1 MiB")],
            remedy="Keep data in files of their own, and name them in the file.",
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _no_text(path, content, 0, "UTF-16 text")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = "binary data" if b"\0" in content else "text that is not UTF-8"
        raise _no_text(path, content, error.start, found) from None
    if strange := _UNPRINTABLE.search(text):
        sign = f"a control character (U+{ord(strange[0]):04X})"
        raise _no_text(path, content, len(text[: strange.start()].encode()), sign)
    return text


def _content(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a directory" if path.is_dir() else "not a regular file"
            raise UsageError(f"{path} is {kind}.", remedy=f"Name the file itself, like -f {path / 'rtdeploy.yaml'}")
        with path.open("rb") as stream:
            return stream.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist.", remedy=_instead(path)) from error
    except (OSError, ValueError) as error:
        remedy = "Name a file that you may read with -f FILE."
        raise UsageError(f"{path} cannot be read.", remedy=remedy, detail=str(error)) from error


def _instead(path: Path) -> str:
    near = path.with_suffix(".yml" if path.suffix == ".yaml" else ".yaml")
    if near.is_file():
        return f"Add -f {near}"
    return "rtdeploy init writes a project to begin with; -f FILE names another file."


def _no_text(path: Path, content: bytes, offset: int, found: str) -> SpecError:
    before = content[:offset]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8-sig", errors="replace")) + 1
    message = f"{found}; the file must be UTF-8"
    return SpecError(
        [Problem(source=os.fspath(path), line=line, column=column, path="", message=message)],
        remedy="Save it as UTF-8 text.",
    )
