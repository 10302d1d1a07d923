"""The server as a whole: its description, its live side, its port, its process."""

import asyncio
import importlib.util
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.explorer.asking import Parrot, client, fine, trouble
from tests.index import written
from unmix import UserError, open_index
from unmix.explorer import serve as serving
from unmix.explorer.api import Generated
from unmix.explorer.app import make_app
from unmix.explorer.jobs import Jobs
from unmix.explorer.serve import address, listen
from unmix.explorer.trouble import Busy, NotReady, TooLong
from unmix.explorer.view import View

ROOT = Path(__file__).parent.parent.parent
GENERATED = {"plain": ["a"], "changed": ["b"], "seed": 1, "seconds": 0.5}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written.write(tmp_path_factory.mktemp("app") / "run").run


@pytest.fixture(scope="module")
def view(run: Path) -> View:
    return View(open_index(run))


def test_the_description_of_the_server_is_up_to_date():
    spec = importlib.util.spec_from_file_location("openapi", ROOT / "tools" / "openapi.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.FILE.read_text(encoding="utf-8") == tool.render(), "run tools/openapi.py"


def test_every_address_is_described_and_typed():
    from unmix.explorer.app import schema

    description = schema()
    assert len(description["paths"]) >= 24
    for path, methods in description["paths"].items():
        assert path.startswith("/api/")
        for method in methods.values():
            (kind,) = method["responses"]["200"]["content"].values()
            assert kind.get("schema", kind) != {} or path.endswith((".csv", ".jsonl")), path
            assert "Trouble" in str(method["responses"]["default"])
    assert not [name for name in description["components"]["schemas"] if "__" in name]


def test_the_server_opens_without_torch(run: Path):
    code = (
        "import sys\n"
        "from unmix.cli import explore\n"
        "from unmix.explorer import app, model, serve\n"
        "from pathlib import Path\n"
        f"view = explore.view_of(Path({str(run)!r}), explore.ExploreConfig())\n"
        "app.make_app(view)\n"
        "sys.exit(' '.join({'torch', 'transformers', 'datasets'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_questions_go_to_the_model(view: View):
    model = Parrot(GENERATED)
    asked = client(View(view.index, model=model))
    question = {"text": "x", "interventions": [{"latent": 1, "mode": "ablate"}]}
    got = Generated.model_validate(fine(asked.post("/api/live/generate", json=question)))
    assert got.changed == ["b"]
    name, payload = model.asked[0]
    assert name == "generate"
    assert payload["interventions"] == [{"latent": 1, "mode": "ablate", "strength": 0.0}]
    assert payload["temperature"] == 0.8
    assert fine(asked.get("/api/live/state"))["state"] == "ready"
    assert fine(asked.get("/api/run"))["is_live"]


QUESTIONS = {
    "read": {"text": "a"},
    "compare": {"a": "a", "b": "b"},
    "shorten": {"text": "a", "latent": 1},
    "effect": {"text": "a", "interventions": [{"latent": 1, "mode": "add", "strength": 2}]},
    "generate": {"text": "a", "interventions": [{"latent": 1, "mode": "ablate"}]},
    "ablate": {"latent": 1, "positions": [3]},
    "check": {"latent": 1, "positions": [3]},
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_without_a_model_questions_are_refused(view: View, name: str):
    asked = client(view)
    answer = asked.post(f"/api/live/{name}", json=QUESTIONS[name])
    assert "the model is not open here" in trouble(answer, 409)
    assert fine(asked.get("/api/live/state"))["state"] == "off"


def test_a_reader_who_leaves_calls_the_question_off(view: View):
    class Waiting(Parrot):
        def ask(self, question: str, payload: object, *, gone: threading.Event | None = None):
            assert gone is not None
            self.answer = gone.wait(20)
            raise NotReady("the question was called off")

    model = Waiting()
    app = make_app(View(view.index, model=model))
    come = [{"type": "http.request", "body": b'{"text": "a"}'}]

    async def receive() -> dict[str, object]:
        return come.pop() if come else {"type": "http.disconnect"}

    async def send(_: object) -> None:
        pass

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/api/live/read", "headers": headers}
    asked = app(scope | {"query_string": b""}, receive, send)
    with ThreadPoolExecutor(1) as apart:  # a browser's loop may be at work in this thread
        apart.submit(asyncio.run, asked).result()
    assert model.answer is True


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UserError("the text has no tokens"), 400),
        (NotReady("the model is being loaded"), 409),
        (Busy("8 questions are waiting"), 503),
        (TooLong("it took longer than a minute"), 408),
    ],
)
def test_what_the_model_refuses_is_said(view: View, error: Exception, status: int):
    asked = client(View(view.index, model=Parrot(error)))
    assert trouble(asked.post("/api/live/read", json={"text": "a"}), status) == str(error)


def test_work_is_done_once_and_one_at_a_time():
    jobs, calls = Jobs(patience=0.05), []
    assert [jobs.get("a", lambda: calls.append(1) or len(calls)) for _ in range(3)] == [1, 1, 1]
    for key in range(20):
        jobs.get(key, lambda: 0)
    assert jobs.get("a", lambda: "again") == "again"  # only the latest are kept
    started, ended = threading.Event(), threading.Event()

    def slow() -> int:
        started.set()
        ended.wait(5)
        return 7

    worker = threading.Thread(target=lambda: jobs.get("slow", slow))
    worker.start()
    started.wait(5)
    with pytest.raises(Busy, match="ask again in a moment"):
        jobs.get("b", lambda: 0)
    ended.set()
    worker.join()
    assert jobs.get("slow", lambda: 0) == 7
    with pytest.raises(ZeroDivisionError):
        jobs.get("broken", lambda: 1 // 0)
    assert jobs.get("broken", lambda: 1) == 1


def test_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch):
    with listen("127.0.0.1", None) as first:
        assert first.proto == socket.IPPROTO_TCP  # else every answer waits 40 ms
        number = first.getsockname()[1]
        with pytest.raises(UserError, match=f"cannot listen on `127.0.0.1`, port {number}"):
            listen("127.0.0.1", number)
        monkeypatch.setattr(serving, "FIRST", number)
        with listen("127.0.0.1", None) as second:
            assert second.getsockname()[1] > number
        monkeypatch.setattr(serving, "TRIED", 1)
        with pytest.raises(UserError, match="are all taken"):
            listen("127.0.0.1", None)
    with pytest.raises(UserError, match=r"cannot listen on `192\.0\.2\.1`"):
        listen("192.0.2.1", None)
    with pytest.raises(UserError, match=r"cannot listen on `\\xe4.*no such address"):
        listen("ä" * 80, None)


def test_addresses_are_for_a_browser():
    assert address("127.0.0.1", 8000) == "http://127.0.0.1:8000/"
    assert address("0.0.0.0", 1) == "http://127.0.0.1:1/"
    assert address("::1", 1) == "http://[::1]:1/"


def test_a_screen_is_looked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not serving.has_screen()
    monkeypatch.setenv("DISPLAY", ":0")
    assert serving.has_screen()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_verb_serves_until_it_is_stopped(run: Path, sign: signal.Signals):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "unmix",
        "explore",
        str(run),
        "--no-browser",
        "--port",
        str(port),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == f"http://127.0.0.1:{port}/\n"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/run", timeout=20) as answer:
            assert b'"n_latents":24' in answer.read()
        began = time.monotonic()
        server.send_signal(sign)
        _, errors = server.communicate(timeout=20)
    assert (server.returncode, errors) == (0, "")
    assert time.monotonic() - began < 10
