"""Numbers as a person reads them: few digits, a unit, and a dash where there is nothing."""

from unmix.evaluation.score import Score

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def number(value: float | None) -> str:
    """Write a number with three digits or so."""
    if value is None:
        return NOTHING
    size = abs(value)
    if size < 1e-6:  # what is left of an exact zero in float32
        return "0"
    form = ",.0f" if size >= 100 else ".1f" if size >= 10 else ".3f" if size >= 0.0005 else ".0e"
    return format(value, form).replace("-", MINUS)


def act(value: float) -> str:
    """Write an act, whose last digits mean nothing."""
    return format(value, ".1f" if abs(value) >= 1 else ".2g").replace("-", MINUS)


def share(value: float | None) -> str:
    """Write a share as a percentage, never rounding something down to nothing."""
    if value is None:
        return NOTHING
    percent = 100 * value
    size = abs(percent)
    if size < 1e-9:
        return "0 %"
    form = ",.0f" if size >= 1000 or percent == 100 else ".1f" if size >= 0.95 else ".2g"
    if 0 < size < 0.001:
        form = ".0e"
    return f"{percent:{form}} %".replace("-", MINUS)


def value(score: Score | None) -> str:
    """Write the value of a score in its own unit."""
    if score is None:
        return NOTHING
    return share(score.value) if score.unit == "share of latents" else number(score.value)


def interval(score: Score | None) -> str:
    """Write the interval of a score, or nothing where there is none."""
    if score is None or score.low is None or score.high is None:
        return ""
    write = share if score.unit == "share of latents" else number
    low, high = write(score.low), write(score.high)
    return "" if low == high else f"{low} to {high}"  # a constant has no spread to show


def interval_of(low: float | None, high: float | None) -> str:
    """Write two ends of an interval, or a dash."""
    return NOTHING if low is None or high is None else f"{number(low)} to {number(high)}"


def tokens(count: float) -> str:
    """Write a count of tokens shortly: `420k`, `1.2M`."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            digits = 0 if count >= 100 * size or count % size == 0 else 1
            return f"{count / size:.{digits}f}{letter}"
    return f"{count:.0f}"


def sentence(text: str) -> str:
    """Begin a text with a capital, if it begins with a word of small letters."""
    return text if text[:2] in ("x'", "") or not text[0].islower() else text[0].upper() + text[1:]
