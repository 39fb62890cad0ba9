"""A request as it goes over the wire, built before the run."""

from collections.abc import Mapping
from urllib.parse import urlsplit

__all__ = ["post"]


def post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Head and body of one POST, HTTP/1.1, on a connection that stays open; ValueError for a header that is two."""
    parts = urlsplit(url)
    where = parts.path or "/"
    if parts.query:
        where += "?" + parts.query
    ours = {"Host": parts.netloc.rpartition("@")[2], "Accept": "*/*", "User-Agent": "rtdeploy"}
    given = {name: value for name, value in headers.items() if name.lower() != "content-length"}
    replaced = {name.lower() for name in given}
    fields = {name: value for name, value in ours.items() if name.lower() not in replaced} | given
    lines = [f"POST {where} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header or the URL has a line break in it")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body
