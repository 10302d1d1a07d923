"""A server over an index, asked without a network."""

import threading
from collections.abc import Mapping
from typing import Any

from fastapi.testclient import TestClient

from unmix.explorer.app import make_app
from unmix.explorer.view import View

HERE = "http://127.0.0.1:8000"


class Parrot:
    """Stands for the model: answers what it was told to, and remembers what it was asked."""

    def __init__(self, answer: object = None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def ask(
        self, question: str, payload: dict[str, Any], *, gone: threading.Event | None = None
    ) -> Any:
        self.asked.append((question, payload))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def state(self) -> Mapping[str, object]:
        return {"state": "ready", "sentence": "ready"}


def client(view: View, **options: Any) -> TestClient:
    """Return a client of the server of a view."""
    app = make_app(view, **({"port": 8000} | options))
    return TestClient(app, base_url=HERE, raise_server_exceptions=False)


def fine(answer: Any) -> Any:
    """Return the body of an answer that should be one."""
    assert answer.status_code == 200, answer.text
    return answer.json()


def trouble(answer: Any, status: int) -> str:
    """Return the sentence of an answer that should be a refusal."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert list(body) == ["error"]
    return body["error"]
