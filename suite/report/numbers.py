"""Effects and intervals as text, with as many digits as the interval supports."""

import math
from collections.abc import Sequence

_MOST_DECIMALS, _FEW_DECIMALS = 6, 3


def decimals(low: float, high: float) -> int:
    """Decimals that show half of the interval's width with two digits."""
    half = (high - low) / 2
    if half <= 0 or not math.isfinite(half):
        return _FEW_DECIMALS
    return min(max(1 - math.floor(math.log10(half)), 0), _MOST_DECIMALS)


def signed(value: float, places: int) -> str:
    """'+0.041', '−0.3'; zero without a sign."""
    text = f"{value:+.{places}f}".replace("-", "−")
    return text[1:] if float(f"{value:.{places}f}") == 0 else text


def effect_text(effect: float | None, interval: Sequence[float] | None) -> str:
    """'+0.413 [+0.401, +0.425]'; a dash where nothing was measured."""
    if effect is None:
        return "–"
    if interval is None:
        tiny = 0 < abs(effect) < 10**-_FEW_DECIMALS / 2
        return f"{effect:+.1e}".replace("-", "−") if tiny else signed(effect, _FEW_DECIMALS)
    low, high = interval
    places = decimals(low, high)
    return f"{signed(effect, places)} [{signed(low, places)}, {signed(high, places)}]"


def probability(p: float) -> str:
    """'= 0.031', '< 0.0001', after the letter p."""
    return f"= {p:.2g}" if p >= 1e-4 else "< 0.0001"


def span(seconds: float) -> str:
    """'48 s', '7.3 min', '2.1 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def seeds_text(needed: Sequence[int] | None) -> str:
    """'12 to 30 seeds'; empty where no number is known."""
    if needed is None:
        return ""
    low, high = needed
    return f"{low} seeds" if low == high else f"{low} to {high} seeds"
