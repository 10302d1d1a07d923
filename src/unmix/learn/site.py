"""The learning page on plain files, and as one file that holds everything.

    OUT/index.html, assets/, data/    for any web server
    OUT/learn.html                    opens from a disk, without a server and without a network

Both are the page that Vite built; neither can load anything from elsewhere: their policies say so,
and the policy of the single file names its script and its style by their hashes.
"""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any, final

from unmix.disk import replacing, write_text
from unmix.errors import UserError
from unmix.explorer.app import STATIC
from unmix.explorer.guard import POLICY
from unmix.learn.files import RECORDED, all_of
from unmix.learn.routes import PAGE

HEAD = re.compile(r"<head>")
SCRIPT = re.compile(r'<script type="module"[^>]* src="\./([^"]+)"></script>')
STYLE = re.compile(r'<link rel="stylesheet"[^>]* href="\./([^"]+)"\s*/?>')
ICON = re.compile(r'(<link rel="icon"[^>]* href=")\./([^"]+)"')
URL = re.compile(r"url\(([^)]+)\)")
IMPORTED = re.compile(r"""(?:\bfrom|\bimport)\s*\(?["']\.{1,2}/""")
TYPES = {".woff2": "font/woff2", ".svg": "image/svg+xml", ".png": "image/png"}
DATA = "unmix-data"
"""Id of the element of the single file that holds the recorded files."""


@final
class Page:
    """The learning page, to be written as files.

    Args:
        static: The built page.
        recorded: What is recorded.

    Raises:
        UserError: The page is not built here, or nothing is recorded.
    """

    def __init__(self, *, static: Path = STATIC, recorded: Path = RECORDED) -> None:
        if not (static / PAGE).is_file():
            raise UserError("the page is not built here; `make web` builds it")
        if not (recorded / "grid.json").is_file():
            raise UserError("nothing is recorded here; `make learn-runs` does it")
        self._static, self._recorded = static, recorded
        self._html = (static / PAGE).read_text(encoding="utf-8")

    def write(self, out: Path) -> int:
        """Write both forms, and return the bytes of all files."""
        rule = POLICY.partition("; frame-ancestors")[0]  # a page cannot say who may frame it
        write_text(out / "index.html", _headed(self._html, "static", rule))
        for path in self._needed():
            _write(out / path.relative_to(self._static), path.read_bytes())
        for path in all_of(self._recorded):
            _write(out / "data" / path.relative_to(self._recorded), path.read_bytes())
        write_text(out / PAGE, self.single())
        return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())

    def single(self) -> str:
        """Return the page as one file."""
        scripts: list[str] = []
        styles: list[str] = []

        def script(found: re.Match[str]) -> str:
            scripts.append(self._script(found[1]))
            return f'<script type="module">{scripts[-1]}</script>'

        def style(found: re.Match[str]) -> str:
            styles.append(self._style(found[1]))
            return f"<style>{styles[-1]}</style>"

        html = STYLE.sub(style, SCRIPT.sub(script, self._html))
        html = ICON.sub(lambda found: f'{found[1]}{self._uri(self._static / found[2])}"', html)
        if not scripts:
            raise UserError("the built page is of another version; `make web` builds it anew")
        data = f'<script type="application/json" id="{DATA}">{self._data()}</script>'
        html = html.replace("</head>", f"{data}</head>", 1)
        return _headed(html, "single", _policy(scripts, styles))

    def _script(self, name: str) -> str:
        text = (self._static / name).read_text(encoding="utf-8")
        if IMPORTED.search(text):
            raise UserError(f"`{name}` loads other scripts; the page must be built as one")
        return re.sub(r"</(script)", r"<\\/\1", text, flags=re.IGNORECASE)

    def _style(self, name: str) -> str:
        """Return a style with what it loads put into it."""
        path = self._static / name

        def inlined(found: re.Match[str]) -> str:
            address = found[1].strip("\"'")
            if address.startswith("data:"):
                return found[0]
            return f"url({self._uri(path.parent / address)})"

        return URL.sub(inlined, path.read_text(encoding="utf-8"))

    def _uri(self, path: Path) -> str:
        kind = TYPES.get(path.suffix)
        if kind is None or not path.resolve().is_relative_to(self._static.resolve()):
            raise UserError(f"`{path.name}` cannot be put into one file")
        return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"

    def _data(self) -> str:
        """Return every recorded file: JSON as it is, the others as base64."""
        found: dict[str, Any] = {}
        for path in all_of(self._recorded):
            raw = path.read_bytes()
            is_text = path.suffix == ".json"
            made = json.loads(raw) if is_text else base64.b64encode(raw).decode()
            found[path.relative_to(self._recorded).as_posix()] = made
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.replace("<", "\\u003c")

    def _needed(self) -> list[Path]:
        """Return the files beside the page that it names, or that these name."""
        others = [p for p in sorted(self._static.rglob("*")) if p.is_file() and p.suffix != ".html"]
        found: dict[Path, None] = {}
        texts = [self._html]
        while texts:
            text = texts.pop()
            for path in others:
                if path not in found and path.name in text:
                    found[path] = None
                    if path.suffix in (".js", ".css"):
                        texts.append(path.read_text(encoding="utf-8"))
        licences = [path for path in others if path.name.startswith("licences-learn")]
        return [*found, *licences]


def _headed(html: str, kind: str, rule: str) -> str:
    """Tell a page what it is and what it may load, before it loads anything."""
    made = (
        f'<head><meta name="unmix" content="{kind}">'
        f'<meta http-equiv="Content-Security-Policy" content="{rule}">'
    )
    html, found = HEAD.subn(made, html, count=1)
    if found != 1:
        raise UserError("the built page is of another version; `make web` builds it anew")
    return html


def _policy(scripts: list[str], styles: list[str]) -> str:
    """Return a policy under which these scripts and styles are all that there is."""
    return (
        f"default-src 'none'; script-src {_hashes(scripts)}; style-src {_hashes(styles)}; "
        "font-src data:; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hashes(texts: list[str]) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in digests) or "'none'"


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as beside:
        beside.write_bytes(data)
