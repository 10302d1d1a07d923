"""One question to a language model over HTTP, asked again while the server is busy."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from email.message import Message
from http.client import HTTPException, HTTPMessage
from typing import Any, NamedTuple, NoReturn, TypeAlias, final
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from unmix.errors import UserError
from unmix.evaluation.suite.explain.address import KEY, Address

Messages: TypeAlias = Sequence[Mapping[str, str]]

TIMEOUT = 300.0
"""Seconds to wait for one answer: a small machine may think for minutes."""
TRIES = 6
LONGEST = 60.0
"""Seconds waited at most before the next try."""
LIMIT = 2**22
"""Bytes of an answer that are read at most."""
PASSING = (408, 409, 425, 429, 500, 502, 503, 504, 529)
"""Statuses that may pass when asked again."""
OPTIONS: Mapping[str, object] = {"temperature": 0, "max_tokens": 1000}
"""What is asked for beside the question; left out for models that refuse it."""
AGAIN = "run the same command again later: what was answered is not asked twice"


class Answer(NamedTuple):
    """What a model said, and how many tokens were paid for."""

    text: str
    tokens: int


@final
class _Stay(HTTPRedirectHandler):
    """Follows nothing, so that a key never goes to another server."""

    def redirect_request(
        self, req: Request, fp: object, code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Return no further request: the refusal is shown instead."""


@final
class Client:
    """Asks one model.

    Args:
        address: Where, and which model.
        key: Sent as a bearer token if there is any.
        wait: Sleeps for so many seconds.
    """

    def __init__(
        self, address: Address, *, key: str = "", wait: Callable[[float], None] = time.sleep
    ) -> None:
        self.address = address
        self.options = dict(OPTIONS)
        self._key = key
        self._wait = wait
        self._opener = build_opener(_Stay)

    def ask(self, messages: Messages) -> Answer:
        """Return the answer to some messages.

        Raises:
            UserError: The server refuses, cannot be reached, or answers something else.
        """
        why, given = "", self.options
        for number in range(TRIES):
            try:
                return self._read(self._send(messages, given))
            except HTTPError as error:
                given = self._after_refusal(error, given)
                why, pause = f"it answers {error.code}", _pause(error.headers, number)
            except (URLError, HTTPException, OSError) as error:
                why, pause = str(getattr(error, "reason", error) or "no answer"), 2.0**number
            if number + 1 < TRIES:
                self._wait(min(pause, LONGEST))
        raise UserError(
            f"`{self.address.url}` gives no answer after {TRIES} tries ({why}); {AGAIN}"
        )

    def _send(self, messages: Messages, options: Mapping[str, object]) -> bytes:
        body = {"model": self.address.model, "messages": list(messages), **options}
        headers = {"Content-Type": "application/json", "User-Agent": "unmix"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = Request(self.address.route, json.dumps(body).encode(), headers)
        with self._opener.open(request, timeout=TIMEOUT) as response:
            return response.read(LIMIT)

    def _read(self, data: bytes) -> Answer:
        try:
            found = json.loads(data)
            text = found["choices"][0]["message"]["content"]
            tokens = int((found.get("usage") or {}).get("total_tokens") or 0)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(
                f"`{self.address.url}` answers with something that is no chat completion;"
                " the address of a compatible server usually ends in `/v1`"
            ) from error
        return Answer(text if isinstance(text, str) else "", tokens)

    def _after_refusal(self, error: HTTPError, given: dict[str, object]) -> dict[str, object]:
        """Return the options to try again with, or raise why trying again is of no use."""
        said = _said(error)
        if error.code in PASSING:
            return given
        if error.code in (400, 422) and any(name in said for name in given):
            self.options = {}  # a model that takes no such option; all questions go without
            return {}
        self._refuse(error.code, said)

    def _refuse(self, code: int, said: str) -> NoReturn:
        url, model = self.address
        if code in (401, 403):
            raise UserError(f"`{url}` refuses the key ({code}); set `{KEY}` to one that it takes")
        if code == 404:
            raise UserError(
                f"`{url}` knows no such address or no model `{model}` (404: {said}); "
                "the address of a compatible server usually ends in `/v1`"
            )
        if 300 <= code < 400:
            raise UserError(f"`{url}` sends on to another address ({code}); give that one")
        raise UserError(f"`{url}` refuses the question ({code}: {said}); mend what it names")


def _pause(headers: Message, number: int) -> float:
    """Return how long to wait: what the server asks for, else twice as long each time."""
    asked = str(headers.get("Retry-After") or "")
    return float(asked) if asked.isascii() and asked.isdigit() else 2.0**number


def _said(error: HTTPError) -> str:
    """Return what the server says of a refusal, shortly."""
    try:
        data: Any = json.loads(error.read(LIMIT))
        inner = data.get("error", data) if isinstance(data, dict) else data
        text = inner.get("message", inner) if isinstance(inner, dict) else inner
    except (ValueError, HTTPException, OSError):
        text = error.reason
    finally:
        error.close()
    return " ".join(str(text).split())[:200]
