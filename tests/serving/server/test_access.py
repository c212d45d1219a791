"""Who is let in."""

import pytest

from lungnet.errors import InputError
from lungnet.serving.server import Access
from lungnet.serving.server.access import check_exposure, is_loopback

TOKEN = "a token that is long enough"  # noqa: S105
EVERYWHERE = "0.0.0.0"  # noqa: S104


def test_foreign_names_and_origins(server):
    for host in ("localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000"):
        assert server.ask("GET", "/v2", headers={"Host": host}).status == 200
    for host in (
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
        "[",
        "evil@localhost:x",
    ):
        reply = server.ask("GET", "/v2/health/live", headers={"Host": host})
        assert (reply.status, reply.json()) == (403, {"error": "This server does not answer to that Host."})
    assert server.ask("GET", "/v2", headers={"Origin": "http://localhost:3000"}).status == 200
    for origin in ("https://evil.example", "null", "file://"):
        assert server.ask("GET", "/v2", headers={"Origin": origin}).status == 403


def test_a_token(start, serving_folder):
    with start(serving_folder, access=Access(token=TOKEN)) as server:
        for path in ("/v2", "/metrics", "/openapi.json", "/v2/models/classifier"):
            reply = server.ask("GET", path)
            assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
            for wrong in (TOKEN, "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \xff"):
                assert server.ask("GET", path, headers={"Authorization": wrong}).status == 401
            assert server.ask("GET", path, headers={"Authorization": f"Bearer {TOKEN}"}).status == 200
        assert server.ask("GET", "/v2/health/ready").status == 200


def test_others_are_let_in_with_token_and_encryption_alone():
    check_exposure("127.0.0.1", None, encrypted=False)
    check_exposure(EVERYWHERE, TOKEN, encrypted=True)
    for token, encrypted in ((None, False), (None, True), (TOKEN, False)):
        with pytest.raises(
            InputError, match=r"Listening on 0\.0\.0\.0 lets others in; expected --token-file"
        ):
            check_exposure(EVERYWHERE, token, encrypted)
    for token in ("short", "x" * 15, "ä" * 20, "line\nbreak and more"):
        with pytest.raises(InputError, match="at least 16 printable ASCII characters"):
            check_exposure("127.0.0.1", token, encrypted=False)


def test_what_is_of_this_machine():
    assert all(map(is_loopback, ("127.0.0.1", "127.3.2.1", "::1", "localhost")))
    assert not any(map(is_loopback, (EVERYWHERE, "::", "192.168.1.2", "localhost.example", "")))
