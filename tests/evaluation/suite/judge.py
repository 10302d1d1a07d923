"""A small server that answers chat completions: honestly, at random, or not at all."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import NamedTuple, final

Reply = tuple[int, object] | str
Rule = Callable[[str], Reply]


class Asked(NamedTuple):
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, object]


@final
class Judge:
    """What the server does, and what it was asked.

    Args:
        answer: From the text of a question to the answer, or to a status and a body.
    """

    def __init__(self, answer: Rule) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.url = ""
        self.lock = Lock()


@contextmanager
def serving(answer: Rule) -> Iterator[Judge]:
    """Serve on a free port while inside."""
    judge = Judge(answer)

    @final
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with judge.lock:
                judge.asked.append(Asked(self.path, dict(self.headers), body))
                reply = judge.answer(body["messages"][-1]["content"])
            self.reply(*((200, completion(reply)) if isinstance(reply, str) else reply))

        def reply(self, status: int, body: object) -> None:
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:9/v1")
            if status == 429:
                self.send_header("Retry-After", "7")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    judge.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield judge
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def completion(text: str) -> dict[str, object]:
    return {"choices": [{"message": {"content": text}}], "usage": {"total_tokens": 11}}


def honest(question: str) -> str:
    """Name the marked words as the explanation, and judge by whether they are there."""
    excerpts = re.findall(r"^\d+\. (.*)$", question, re.MULTILINE)
    if "An explanation" not in question:
        words = sorted({word for one in excerpts for word in marked(one)})
        return f"They are alike.\nExplanation: fires on {' '.join(words)}"
    known = set(re.findall(r"w\d+", question.split("\n")[0]))
    if "marked" in question:
        return json.dumps([int(marked(one) <= known) for one in excerpts])
    return json.dumps([int(bool(known & set(re.findall(r"w\d+", one)))) for one in excerpts])


def random(question: str) -> str:
    """Explain nothing, and judge by the toss of a coin that falls alike every time."""
    excerpts = re.findall(r"^\d+\. (.*)$", question, re.MULTILINE)
    if "An explanation" not in question:
        return f"Explanation: {sha256(question.encode()).hexdigest()[:8]}"
    return json.dumps([sha256((question + one).encode()).digest()[0] % 2 for one in excerpts])


def marked(excerpt: str) -> set[str]:
    return set(re.findall("«(.*?)»", excerpt))
