"""The page in a real browser: it reads, it loads nothing, and text stays text."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from unmix.evaluation.density import DensityHistogram
from unmix.evaluation.examples import Effect, Example, Portrait, Shown
from unmix.evaluation.heldout import Counted
from unmix.evaluation.report import page as write
from unmix.evaluation.result import Evaluation, Measured
from unmix.evaluation.score import Score

EVIL = "<script>document.title='owned'</script>"
IMAGE = '<img src="https://example.org/x.png" onerror="document.title=1">'


def score(name: str, value: float, unit: str = "") -> Score:
    return Score(
        name=name,
        value=value,
        low=0.9 * value,
        high=1.1 * value,
        n=1000,
        unit=unit,
        better="lower",
        definition=f"what {name} is, {EVIL}",
        source="somebody",
        seconds=1.0,
    )


def measured(name: str, role: str, by: float) -> Measured:
    values = {"FVU": 0.2, "L0": 32, "CE": 3, "CE increase": 0.1, "KL": 0.1, "CE score, mean": 0.9}
    scores = {n: score(n, v * by) for n, v in values.items()}
    return Measured(
        name=name,
        role=role,  # type: ignore[arg-type]
        about=f"about {EVIL}",
        scores=scores,
        density=DensityHistogram([-3.0, -2.0, -1.0, 0.0], [5, 9, 2], 3, 1000),
        n_latents=19,
    )


def report(*, dictionaries: int = 1) -> str:
    made = [measured(f"d{i}{IMAGE}", "dictionary", 1 + i / 3) for i in range(dictionaries)]
    made += [measured("frozen", "frozen", 3), measured("zero", "ablation", 4)]
    evaluation = Evaluation(
        run=f"run {EVIL}",
        model=f"model {EVIL}",
        site="resid.1",
        target="resid.1",
        measured=made,
        original=score("CE", 2.7),
        counted=Counted(1100, 1000, 60, 40, 12),
        positions=900,
        notes=[f"a note {EVIL}"],
        provenance={"model": EVIL},
        seconds=3.0,
    )
    pieces = [Shown("a " * 30, 0.0, False), Shown(EVIL, 2.0, True), Shown(IMAGE, None, False)]
    portrait = Portrait(
        latent=5,
        density=0.01,
        n_fired=10,
        largest=2.0,
        edges=(0.0, 2.0),
        counts=[4, 6],
        examples=[Example(2.0, EVIL, pieces)] * 7,
        up=[Effect(EVIL, 1.0)],
        down=[Effect("b", -1.0)],
    )
    rows = [{"tokens": 100.0 * i, "fvu": 1 / (i + 1), "l0": 32.0} for i in range(40)]
    curves = {one.name: rows for one in made if one.role in ("dictionary", "frozen")}
    return write(evaluation, curves=curves, portraits=[portrait] * 2)


@pytest.fixture(params=[1, 3], ids=["one", "many"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_text(report(dictionaries=request.param), encoding="utf-8")
    return path


def opened(browser: Browser, file: Path, complaints: list[str], **options: object) -> Page:
    page = browser.new_page(**options)  # type: ignore[arg-type]
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url))
    page.goto(file.as_uri())
    complaints.remove(file.as_uri())
    return page


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_it_reads_at_every_width_by_day_and_night(
    browser: Browser, file: Path, scheme: str, width: int
):
    complaints: list[str] = []
    size = {"width": width, "height": 900}
    page = opened(browser, file, complaints, viewport=size, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ground, ink = page.evaluate(
        "(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))"
    )
    assert (ground == "rgb(251, 250, 247)") == (scheme == "light")
    assert ground != ink
    assert page.locator("h1").is_visible()
    assert page.locator("mark.tok").first.is_visible()
    assert complaints == []
    page.close()


@pytest.mark.browser
def test_text_stays_text_and_nothing_is_loaded(browser: Browser, file: Path):
    complaints: list[str] = []
    page = opened(browser, file, complaints)
    assert page.title() == f"run {EVIL} · unmix"
    assert EVIL in page.locator("mark.tok").first.inner_text()
    assert IMAGE in page.locator(".tok.out").first.inner_text()
    assert page.locator("script, img, link, iframe").count() == 0
    assert complaints == []
    page.close()


@pytest.mark.browser
def test_figures_have_size_and_a_name(browser: Browser, file: Path):
    page = opened(browser, file, [])
    for figure in page.locator("figure").all():
        box = figure.bounding_box()
        assert box is not None
        assert box["width"] > 100
        assert box["height"] > 20
        assert figure.get_attribute("aria-label")
        assert figure.locator("table").count() == 1
    assert page.locator("path.line.me").count() >= 2
    page.close()


@pytest.mark.browser
def test_more_contexts_unfold_without_a_script(browser: Browser, file: Path):
    complaints: list[str] = []
    page = opened(browser, file, complaints, java_script_enabled=False)
    more = page.locator("details").first
    assert not more.locator("li").first.is_visible()
    more.locator("summary").click()
    assert more.locator("li").first.is_visible()
    page.close()


def test_the_page_holds_no_address_of_another_host():
    html = report()
    assert "default-src 'none'" in html
    assert "<script" not in html
    for attribute in ("src=", "href="):
        values = html.split(attribute)[1:]
        assert all(v.startswith(('"#', "&quot;")) for v in values), attribute
