"""Where a language model is asked: an OpenAI-compatible address and the name of a model."""

import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from unmix.errors import UserError

KEY = "OPENAI_API_KEY"
"""Environment variable that holds the key; it is sent, and never written down."""
ROUTE = "/chat/completions"


class Address(NamedTuple):
    """An address that answers chat completions, and which of its models."""

    url: str
    model: str

    @property
    def route(self) -> str:
        """The address that questions are sent to."""
        parts = urlsplit(self.url)
        path = parts.path.rstrip("/")
        return urlunsplit(parts._replace(path=path if path.endswith(ROUTE) else path + ROUTE))


def address(options: Mapping[str, object]) -> Address:
    """Return the address that options name.

    Raises:
        UserError: One of the two is missing, or the address is none.
    """
    url, model = str(options.get("url") or ""), str(options.get("model") or "")
    if not url or not model:
        missing = "--explainer" if not url else "--explainer-model"
        raise UserError(f"a language model needs its address and its name; give `{missing}`, too")
    if not _is_server(url):
        raise UserError(
            f"`{url}` is no address of a server; give one such as `http://localhost:8000/v1`"
        )
    if "@" in urlsplit(url).netloc:
        raise UserError(f"an address must hold no password; set `{KEY}` instead")
    return Address(url, model)


def key() -> str:
    """Return the key from the environment, empty for servers that ask for none."""
    return os.environ.get(KEY, "").strip()


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
