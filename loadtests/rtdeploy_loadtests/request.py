"""A request as it goes over the wire, built before the run."""

from collections.abc import Mapping
from urllib.parse import urlsplit

__all__ = ["post"]


def post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Head and body of one POST, HTTP/1.1, on a connection that stays open."""
    parts = urlsplit(url)
    where = parts.path or "/"
    if parts.query:
        where += "?" + parts.query
    fields = {"Host": parts.netloc.rpartition("@")[2], "Accept": "*/*", "User-Agent": "rtdeploy"} | dict(headers)
    fields["Content-Length"] = str(len(body))
    lines = [f"POST {where} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
