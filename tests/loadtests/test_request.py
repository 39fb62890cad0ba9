"""Requests as they go over the wire."""

import pytest

from rtdeploy_loadtests.request import post


def test_a_request_names_host_path_query_and_length() -> None:
    head, _, body = post("http://h:81/a/b?c=d", b"xyz", {"Content-Type": "text/plain"}).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /a/b?c=d HTTP/1.1"
    assert b"Host: h:81" in lines
    assert b"Content-Type: text/plain" in lines
    assert b"Content-Length: 3" in lines
    assert body == b"xyz"


def test_a_bare_address_asks_for_the_root_and_credentials_in_it_do_not_become_the_host() -> None:
    request = post("http://user:pass@h", b"", {})
    assert request.startswith(b"POST / HTTP/1.1\r\nHost: h\r\n")
    assert b"pass" not in request


@pytest.mark.parametrize("given", ["host", "Host", "HOST"])
def test_a_header_that_is_given_replaces_ours_however_it_is_spelt(given: str) -> None:
    request = post("http://h/", b"", {given: "other", "content-length": "99"})
    assert request.lower().count(b"host: ") == 1
    assert b"other" in request
    assert request.lower().count(b"content-length: ") == 1
    assert b"99" not in request


def test_a_header_cannot_smuggle_another() -> None:
    with pytest.raises(ValueError, match="line break"):
        post("http://h/", b"", {"X": "a\r\nEvil: 1"})
