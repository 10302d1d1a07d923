"""What the server says to the same question as a page asked."""

import json
from typing import Any
from urllib.request import Request, urlopen

from tests.web.opened import Opened


def told(opened: Opened, path: str, body: object = None) -> Any:
    """Return the answer to a GET; to a POST, if there is a body."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    with urlopen(Request(f"{opened.address}api/{path}", data=data, headers=headers)) as answer:
        return json.load(answer)
