"""Who may ask, how much, and what a browser may do with the answers.

The server has no password: it answers this machine alone.  A page of another site could still try
to reach it through the reader's browser, so a request must name this server as its host (a foreign
name that was pointed here, "DNS rebinding", is refused), and one that writes must come from a page
of this server.  Answers forbid the page to load or send anything elsewhere.
"""

import json
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from ipaddress import ip_address
from typing import Any, final

from starlette.datastructures import Headers, MutableHeaders

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST = 256 * 1024
"""Bytes of a request's body."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""Hosts that are this machine."""
ANYWHERE = ("0.0.0.0", "::")
"""Addresses to listen on that stand for all of the machine's."""
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
READING = ("GET", "HEAD")


@final
class Guard:
    """Refuses requests that are not for this server, or too large, and marks the answers.

    Args:
        app: What answers.
        host: The address that is listened on.
        port: The port; None for any, in tests.
    """

    def __init__(self, app: Any, *, host: str = "127.0.0.1", port: int | None = None) -> None:
        self._app = app
        self._any_address = host in ANYWHERE
        self._names: Collection[str] = (*LOOPBACK, f"[{host}]" if ":" in host else host.lower())
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers)
        if refusal is not None:
            await _refuse(_marking(send), *refusal)
            return
        body = await _body(receive) if scope["method"] not in READING else b""
        if body is None:
            sentence = f"the request is larger than {LARGEST // 1024} kB; send less text"
            await _refuse(_marking(send), 413, sentence)
            return
        await self._app(scope, _again(body, receive), _marking(send))

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        """Return status and sentence if a request is to be refused."""
        host = headers.get("host", "")
        if not self._is_here(host):
            return 400, "this server answers only under its own address"
        if method in READING:
            return None
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site", "same-origin")
        if origin not in (None, f"http://{host}") or site not in ("same-origin", "none"):
            return 403, "only the page of this server may write"
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return 400, "what is sent must be `application/json`"
        return None

    def _is_here(self, host: str) -> bool:
        """Say whether a Host header names this server."""
        name, colon, port = host.rpartition(":")
        if not colon or port.endswith("]"):
            name, port = host, "80"
        if self._port is not None and port != str(self._port):
            return False
        return name.lower() in self._names or (self._any_address and _is_address(name))


def _is_address(name: str) -> bool:
    """Say whether a host is a bare address, which nobody can point elsewhere."""
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


async def _body(receive: Receive) -> bytes | None:
    """Read the body of a request; None as soon as it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read, once, and then what else comes."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def given() -> MutableMapping[str, Any]:
        return waiting.pop() if waiting else await receive()

    return given


def _marking(send: Send) -> Send:
    """Add what a browser must know to every answer."""

    async def marked(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return marked


async def _refuse(send: Send, status: int, sentence: str) -> None:
    """Answer with a sentence."""
    body = json.dumps({"error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
