"""Questions and answers as frames on a pipe: four bytes that give the length, then JSON.

    to the worker     {"id": 7, "question": "read", "payload": {...}}      {"cancel": 7}
    from the worker   {"state": "ready"}     {"state": "failed", "error": "a sentence"}
                      {"id": 7, "answer": ...}   {"id": 7, "error": "a sentence"}
                      {"id": 7, "cancelled": true}

JSON is written in ASCII, so that no text, whatever is in it, can break a frame.
"""

import json
from typing import IO, Any

HEAD = 4
LARGEST = 2**28
"""Bytes of a frame; more can only be something else on the pipe."""


def write_frame(file: IO[bytes], message: dict[str, Any]) -> None:
    """Send a message.  A number that is not finite is a mistake of ours, and raised."""
    data = json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii")
    file.write(len(data).to_bytes(HEAD, "big") + data)
    file.flush()


def read_frame(file: IO[bytes]) -> dict[str, Any] | None:
    """Return the next message, or None where the other side has gone."""
    head = file.read(HEAD)
    size = int.from_bytes(head, "big")
    if len(head) < HEAD or size > LARGEST:
        return None
    data = file.read(size)
    return json.loads(data) if len(data) == size else None
