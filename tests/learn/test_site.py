"""The learning page as files, and as one file, opened from the disk in a real browser."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from unmix.cli.main import main
from unmix.errors import UserError
from unmix.explorer.app import STATIC
from unmix.learn.files import RECORDED, all_of
from unmix.learn.routes import PAGE
from unmix.learn.site import DATA, Page


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """Give a small built page."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / PAGE).write_text(
        "<!doctype html><html><head><title>x</title>"
        '<link rel="icon" href="./icon.svg" type="image/svg+xml" />'
        '<script type="module" crossorigin src="./assets/a.js"></script>'
        '<link rel="stylesheet" crossorigin href="./assets/a.css"></head><body></body></html>'
    )
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "assets" / "a.js").write_text('const s = "</script>"; // worker.js')
    (folder / "assets" / "worker.js").write_text("1")
    (folder / "assets" / "other.js").write_text("2")
    (folder / "assets" / "a.css").write_text("@font-face{src:url(./f.woff2)}")
    (folder / "assets" / "f.woff2").write_bytes(b"font")
    return folder


def test_the_page_takes_along_what_it_needs(static: Path, tmp_path: Path):
    out = tmp_path / "out"
    size = Page(static=static).write(out)
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    data = {f"data/{path.relative_to(RECORDED).as_posix()}" for path in all_of()}
    parts = {"a.js", "a.css", "worker.js", "f.woff2"}
    page = {"index.html", PAGE, "icon.svg", *(f"assets/{part}" for part in parts)}
    assert files == page | data
    assert size == sum((out / name).stat().st_size for name in files)
    index = (out / "index.html").read_text()
    assert '<meta name="unmix" content="static">' in index
    assert "default-src 'self'" in index


def test_one_file_holds_everything_and_names_it_by_its_hash(static: Path):
    html = Page(static=static).single()
    assert "./" not in re.sub(r"<style>.*?</style>", "", html.split('id="unmix-data"')[0])
    script = re.search(r'<script type="module">(.*?)</script>', html)
    style = re.search(r"<style>(.*?)</style>", html)
    assert script is not None
    assert style is not None
    for found, kind in ((script, "script-src"), (style, "style-src")):
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in html
    assert base64.b64encode(b"font").decode() in style[1]
    data = re.search(rf'id="{DATA}">(.*?)</script>', html)
    assert data is not None
    held = json.loads(data[1])
    assert set(held) == {path.relative_to(RECORDED).as_posix() for path in all_of()}
    assert (
        base64.b64decode(held["heldout/flat.bin"]) == (RECORDED / "heldout/flat.bin").read_bytes()
    )


def test_a_page_that_cannot_be_one_file_is_refused(static: Path, tmp_path: Path):
    (static / "assets" / "a.js").write_text('import{a}from"./other.js"')
    with pytest.raises(UserError, match="must be built as one"):
        Page(static=static).single()
    with pytest.raises(UserError, match="make web"):
        Page(static=tmp_path)
    with pytest.raises(UserError, match="make learn-runs"):
        Page(static=static, recorded=tmp_path)


@pytest.mark.browser
def test_the_single_file_opens_from_the_disk(browser: Browser, tmp_path: Path):
    if not (STATIC / PAGE).exists():
        pytest.fail("the learning page is not built; `make web` builds it")
    assert main(["export", "learn", str(tmp_path / "out")]) == 0
    file = tmp_path / "out" / PAGE
    assert file.stat().st_size < 3_000_000
    page = browser.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(file.as_uri())
    page.locator("#demos").first.scroll_into_view_if_needed()
    page.locator("[data-view=a]").first.wait_for(state="attached")
    page.locator("[data-view=a]").first.scroll_into_view_if_needed()
    page.locator("[data-view=a] [data-readout=nmse]").wait_for()
    page.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_what_cannot_be_typed(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main(["export", "learn"]) == 2
    assert "export learn OUT" in capsys.readouterr().err
    assert main(["export", "learn", str(tmp_path), "--processes", "2"]) == 2
    assert "mean nothing" in capsys.readouterr().err
