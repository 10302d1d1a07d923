"""Who is answered, and what nobody gets to do."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.explorer.asking import HERE, Parrot, client, fine, trouble
from tests.index import written
from unmix import open_index
from unmix.explorer import app as server
from unmix.explorer.view import View

OTHERS = ["evil.example", "evil.example:8000", "127.0.0.1:8001", "127.0.0.1.evil.example:8000", ""]


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return View(open_index(written.write(tmp_path_factory.mktemp("guard") / "run").run))


@pytest.fixture(scope="module")
def asked(view: View) -> TestClient:
    return client(view)


@pytest.mark.parametrize("host", OTHERS)
def test_another_host_is_refused(asked: TestClient, host: str):
    for address in ("/", "/api/run", "/assets/x.js"):
        answer = asked.get(address, headers={"host": host})
        assert "only under its own address" in trouble(answer, 400)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "[::1]:8000"]
)
def test_this_machine_is_answered(asked: TestClient, host: str):
    assert asked.get("/api/live/state", headers={"host": host}).status_code == 200


def test_the_address_that_was_asked_for_is_answered(view: View):
    named = client(view, host="unmix.lan")
    assert named.get("/api/live/state", headers={"host": "unmix.lan:8000"}).status_code == 200
    assert named.get("/api/live/state", headers={"host": "other.lan:8000"}).status_code == 400
    anywhere = client(view, host="0.0.0.0")
    for host, status in {
        "10.0.0.7:8000": 200,
        "[fe80::1]:8000": 200,
        "evil.example:8000": 400,
    }.items():
        assert anywhere.get("/api/live/state", headers={"host": host}).status_code == status
    plain = client(view, port=80)
    assert plain.get("/api/live/state", headers={"host": "localhost"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8001"},
        {"origin": "https://127.0.0.1:8000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_another_site_cannot_write(asked: TestClient, headers: dict[str, str]):
    answer = asked.put("/api/notes/1", json={"text": "x"}, headers=headers)
    assert "only the page of this server" in trouble(answer, 403)
    answer = asked.post("/api/live/read", json={"text": "x"}, headers=headers)
    trouble(answer, 403)


def test_the_page_itself_can_write(asked: TestClient):
    headers = {"origin": HERE, "sec-fetch-site": "same-origin"}
    assert asked.put("/api/notes/1", json={"text": "x"}, headers=headers).status_code == 200


def test_a_form_cannot_write(asked: TestClient):
    answer = asked.post(
        "/api/live/read", content='{"text": "x"}', headers={"content-type": "text/plain"}
    )
    assert "must be `application/json`" in trouble(answer, 400)


def test_answers_say_what_the_page_may_do(asked: TestClient):
    for answer in (asked.get("/api/run"), asked.get("/api/nothing"), asked.get("/"),
                   asked.get("/", headers={"host": "evil"})):  # fmt: skip
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self'")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


def test_four_megabytes_are_refused(view: View):
    model = Parrot()
    asked = client(View(view.index, model=model))
    text = "a" * (4 * 2**20)
    for answer in (
        asked.post("/api/live/read", json={"text": text}),
        asked.put("/api/notes/1", json={"text": text}),
        asked.post("/api/nothing", content=text, headers={"content-type": "application/json"}),
    ):
        assert "larger than 256 kB" in trouble(answer, 413)
    assert model.asked == []
    assert asked.get("/api/table", params={"where": text[:60_000]}).status_code == 400


@pytest.mark.parametrize(
    "address",
    [
        "/../../../etc/passwd",
        "/..%2f..%2fapp.py",
        "/%2e%2e/app.py",
        "/assets/../../app.py",
        "/assets/..%5c..%5capp.py",
        "//etc/passwd",
        "/api/column/..%2f..%2fmanifest",
        "/api/latent/3/../../../app.py",
        "/index.html%00.js",
    ],
)
def test_no_path_leads_out(asked: TestClient, address: str):
    answer = asked.get(address)
    assert answer.status_code in (400, 404)
    assert "import" not in answer.text
    assert "root:" not in answer.text


def test_other_runs_are_not_opened_by_a_path(asked: TestClient):
    for other in ("/tmp", "../run", "file:///etc"):
        assert "no index" in trouble(asked.get("/api/compare", params={"other": other}), 400)


BOMBS = [
    "(" * 500,
    "not " * 1000 + "x",
    "1" + "**9" * 500,
    "x" * 5000,
    "tag('" + "a" * 1900 + "')",
    "density < " + "9" * 1900,
    "label ~ '" + "(a+)+" * 300 + "'",
    "\0",
    "density < 1 --",
    "1; 2",
]


@pytest.mark.parametrize("where", BOMBS)
def test_query_bombs_do_nothing(asked: TestClient, where: str):
    answer = asked.get("/api/select", params={"where": where})
    assert answer.status_code in (200, 400)
    assert answer.elapsed.total_seconds() < 2


def test_lone_surrogates_become_text(view: View):
    model = Parrot(answer=[])
    asked = client(View(view.index, model=model))
    body = b'{"text": "a \\ud800 b \\ud83d\\ude00"}'
    answer = asked.put("/api/notes/1", content=body, headers={"content-type": "application/json"})
    assert fine(answer)["text"] == "a \ufffd b 😀"
    asked.post("/api/live/read", content=body, headers={"content-type": "application/json"})
    assert model.asked[0][1]["text"] == "a \ufffd b 😀"
    assert asked.get("/api/search?q=%ED%A0%80").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        '{"text": NaN}', '{"text": 1}', "[]", "nothing", "", '{"text": "x", "more": 1}', "\xff",
        '{"latent": 1, "text": "x", "keep": NaN}', '{"latent": 1, "text": "x", "keep": 1e999}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_question_is_refused(view: View, body: str):
    model = Parrot()
    asked = client(View(view.index, model=model))
    for address in ("/api/live/read", "/api/live/shorten"):
        answer = asked.post(
            address, content=body.encode("latin-1"), headers={"content-type": "application/json"}
        )
        if address.endswith("read") or "keep" in body:
            assert trouble(answer, 400)
    assert model.asked == []


def test_strengths_that_are_no_numbers_are_refused(view: View):
    asked = client(View(view.index, model=Parrot()))
    for strength in ("NaN", "Infinity", "1e9", '"x"'):
        body = json.dumps(
            {"text": "x", "interventions": [{"latent": 1, "mode": "add", "strength": 0}]}
        )
        answer = asked.post(
            "/api/live/effect",
            content=body.replace(": 0}", f": {strength}}}"),
            headers={"content-type": "application/json"},
        )
        assert "strength" in trouble(answer, 400)


def test_addresses_that_are_not_there(asked: TestClient):
    assert "nothing at this address" in trouble(asked.get("/api/nothing"), 404)
    assert "nothing at this address" in trouble(asked.get("/nothing.html"), 404)
    assert "not asked that way" in trouble(asked.post("/api/run", json={}), 405)
    for address in ("/docs", "/openapi.json", "/redoc"):
        trouble(asked.get(address), 404)


def test_our_mistakes_are_told_without_their_text(view: View, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret path")

    monkeypatch.setattr(type(view.notes), "all", broken)
    sentence = trouble(client(view).get("/api/notes"), 500)
    assert sentence == "the server made a mistake; its terminal shows more"


def test_the_page_is_served_as_it_was_built(
    view: View, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(server, "STATIC", tmp_path)
    answer = client(view).get("/")
    assert (answer.status_code, "make web" in answer.text) == (503, True)
    (tmp_path / "index.html").write_text("<!doctype html><title>unmix</title>")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.js").write_text("1")
    asked = client(view)
    assert "<title>unmix" in asked.get("/").text
    assert asked.get("/assets/a.js").headers["content-type"].startswith("text/javascript")
