"""What can keep the server from an answer, besides input that cannot be used (`UserError`).

Each holds one sentence for the reader of the page, and has a status of its own in HTTP.
"""

from typing import final


@final
class Missing(LookupError):
    """There is no such thing: 404."""


@final
class TooLong(TimeoutError):
    """It took longer than it may: 408."""


@final
class NotReady(RuntimeError):
    """The model cannot be asked, or not yet: 409."""


@final
class Busy(RuntimeError):
    """Another question is being answered, or this one is still at work: 503, ask again."""
