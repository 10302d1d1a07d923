"""The static page in a real browser, from plain file servers, beside the server's own page."""

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from tests.index.written import RULED, write
from unmix.explorer.app import STATIC, make_app
from unmix.explorer.serve import listen
from unmix.explorer.view import View
from unmix.export.config import SiteConfig
from unmix.export.site import Site
from unmix.index.read import open_index

pytestmark = pytest.mark.browser
DOING = re.compile(r"\b(looking|drawing|reading) ")


class Quiet(SimpleHTTPRequestHandler):
    """Python's own server of files, which sends every file whole."""

    asked: ClassVar[list[str]] = []

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Send a file, and remember what was asked for."""
        self.asked.append(self.path)
        super().do_GET()


class Ranged(Quiet):
    """A server of files that honours ranges."""

    parts: ClassVar[list[tuple[str, int]]] = []

    def do_GET(self) -> None:
        """Send a part of a file, where a part is asked for."""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
        path = Path(self.translate_path(self.path))
        if wanted is None or not path.is_file():
            super().do_GET()
            return
        first, last = int(wanted[1]), int(wanted[2])
        data = path.read_bytes()
        self.parts.append((self.path, last - first + 1))
        self.send_response(206)
        self.send_header("content-type", "application/octet-stream")
        self.send_header("content-range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("content-length", str(last - first + 1))
        self.end_headers()
        self.wfile.write(data[first : last + 1])


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    """Give an index with a note and awkward texts."""
    made = View(open_index(write(tmp_path_factory.mktemp("page") / "run").run))
    made.notes.put(RULED, "<script>alert('note')</script>", tags=["time"])
    return made


@pytest.fixture(scope="module")
def site(view: View, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder above an exported page: it is asked for under a prefix."""
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built: `make web`")
    above = tmp_path_factory.mktemp("web")
    Site(view.index.folder, above / "some" / "where", kept=SiteConfig()).write(lambda *_: None)
    return above


KINDS = {"whole": Quiet, "ranges": Ranged}


@pytest.fixture(params=KINDS)
def plain(request: pytest.FixtureRequest, site: Path) -> Iterator[str]:
    """Give the address of the exported page on a file server of either kind."""
    handler = partial(KINDS[request.param], directory=str(site))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/some/where/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def served(view: View, site: Path) -> Iterator[str]:
    """Give the address of the explorer's own page."""
    listening = listen("127.0.0.1", None)
    port = listening.getsockname()[1]
    config = uvicorn.Config(make_app(view, port=port), log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give a page that makes no mistakes and asks no other host."""
    opened = browser.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on(
        "request",
        lambda r: None if r.url.startswith("http://127.0.0.1:") else wrong.append(r.url),
    )
    opened.on("dialog", lambda dialog: wrong.append(dialog.message))
    yield opened
    opened.close()
    assert wrong == []


def shown(page: Page, base: str, hash_: str) -> list[str]:
    """Return the lines of a view, once nothing is waited for."""
    page.goto("about:blank")
    page.goto(base + hash_)
    page.locator("main h1").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_function(
        "() => !document.querySelector('main [aria-busy=true]')"
        " && document.querySelector('main').innerText.length > 200"
    )
    text = page.locator("main").inner_text()
    assert not DOING.search(text), text
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("plain", ["ranges"], indirect=True)
@pytest.mark.parametrize(
    "view_of",
    [
        f"#/latent/{RULED}",
        f"#/latent/{RULED}?show=misses",
        "#/latent/0",
        "#/latent/7?show=range",
        "#/latent/7?show=all",
        "#/overview?where=density > 0.05 and not tag('time')&sort=largest",
        "#/overview?where=label ~ 'may'",
        "#/overview?where=density >",
    ],
)
def test_it_shows_what_the_server_shows(view_of: str, plain: str, served: str, page: Page):
    lines = shown(page, plain, view_of)
    expected = shown(page, served, view_of)
    # What a static page cannot do is not offered, and a note is a text there, not a field.
    only_live = re.compile("draw others|unfolded|long context|CSV|saved .*")
    only_static = re.compile(r"CSV of all|<script>alert\('note'\)</script>|time")
    assert [line for line in lines if not only_static.fullmatch(line)] == [
        line for line in expected if not only_live.fullmatch(line)
    ]


def test_ranges_fetch_one_latent_and_the_others_a_pack_once(
    plain: str, page: Page, request: pytest.FixtureRequest
):
    Quiet.asked.clear()
    Ranged.parts.clear()
    for latent in (0, 1, RULED):
        page.goto(f"{plain}#/latent/{latent}")
        page.get_by_role("heading", name=f"Latent {latent}", exact=True).wait_for()
        page.get_by_role("list", name="examples").get_by_role("listitem").first.wait_for()
    packs = [path for path in Quiet.asked if path.endswith(".bin")]
    if request.node.callspec.params["plain"] == "ranges":
        assert packs == []
        assert len({size for _, size in Ranged.parts}) > 1
    else:
        assert (len(packs), Ranged.parts) == (1, [])


@pytest.mark.parametrize("plain", ["whole"], indirect=True)
def test_a_latent_that_is_not_there_is_told_in_a_sentence(plain: str, page: Page):
    page.goto(f"{plain}#/latent/999")
    expect(page.get_by_text("there is no latent 999").first).to_be_visible()


@pytest.mark.parametrize("plain", ["whole"], indirect=True)
def test_search_finds_labels_tokens_and_notes(plain: str, page: Page):
    page.goto(f"{plain}#/search?q=may")
    expect(page.get_by_text("its label").first).to_be_visible()
    page.goto(f"{plain}#/search?q=alert")
    expect(page.get_by_text("a note").first).to_be_visible()
