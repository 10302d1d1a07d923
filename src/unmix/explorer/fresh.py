"""Answers that the browser has already need not be made again.

While the server runs, what an address answers depends on the index, the notes and the explanations
alone, so their version is the entity tag of every answer; a column depends on the index alone, and
is still good for the next server.  What the model says is not kept.
"""

import time
from collections.abc import MutableMapping
from typing import Any, final

from starlette.datastructures import Headers, MutableHeaders

from unmix.explorer.guard import Receive, Scope, Send
from unmix.explorer.view import View

NOT_KEPT = "/api/live/"
BY_INDEX = "/api/column/"


@final
class Fresh:
    """Answers 304 where the browser has the answer, and tags the others."""

    def __init__(self, app: Any, *, view: View) -> None:
        self._app = app
        self._view = view
        self._began = time.time_ns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, perhaps by saying that nothing changed."""
        path = scope.get("path", "")
        is_kept = path.startswith("/api/") and not path.startswith(NOT_KEPT)
        if scope["type"] != "http" or scope["method"] != "GET" or not is_kept:
            await self._app(scope, receive, send)
            return
        view = self._view
        by_index = path.startswith(BY_INDEX)
        tag = f'"{view.fingerprint}"' if by_index else f'"{view.version}-{self._began:x}"'
        known = Headers(scope=scope).get("if-none-match", "")
        if tag in (one.strip().removeprefix("W/") for one in known.split(",")):
            start = {"type": "http.response.start", "status": 304, "headers": _headers(tag)}
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return

        async def tagged(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                headers = MutableHeaders(scope=message)
                headers["etag"] = tag
                headers["cache-control"] = "no-cache"
            await send(message)

        await self._app(scope, receive, tagged)


def _headers(tag: str) -> list[tuple[bytes, bytes]]:
    return [(b"etag", tag.encode()), (b"cache-control", b"no-cache")]
