"""An effect with its interval as a small inline SVG: the margin grey, zero a line."""

from collections.abc import Sequence

from markupsafe import Markup

from suite.report.numbers import effect_text

_WIDTH, _HEIGHT, _EDGE = 180.0, 28.0, 8.0

_FRAME = Markup(
    '<svg class="effect" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
    'height="{height:g}" role="img" aria-label="{label}">{content}</svg>'
)
_BAND = Markup('<rect class="margin" x="{x}" y="3" width="{width}" height="22"/>')
_ZERO = Markup('<line class="zero" x1="{x}" y1="1" x2="{x}" y2="27"/>')
_REACH = Markup('<line class="reach" x1="{x1}" y1="14" x2="{x2}" y2="14"/>')
_DOT = Markup('<circle class="dot" cx="{x}" cy="14" r="4.5"/>')


def effect_picture(effect: float | None, interval: Sequence[float] | None, margin: float) -> Markup:
    """The picture on its own scale; empty where no effect was measured."""
    if effect is None:
        return Markup("")
    label = f"effect {effect_text(effect, interval)}, margin {margin:g}"
    return _drawn(effect, interval, (-margin, margin), label, zero=True)


def gate_picture(
    effect: float | None, interval: Sequence[float] | None, band: Sequence[float | None]
) -> Markup:
    """The same of a gate: its band grey, to the edge where it is open; no line at zero."""
    if effect is None:
        return Markup("")
    low, high = interval or (effect, effect)
    known = [end for end in (*band, low, high, effect) if end is not None]
    # Beyond everything that is known by as much as that spans, or by 1 where it spans nothing.
    spare = (max(known) - min(known)) or 1.0
    ends = (
        min(known) - spare if band[0] is None else band[0],
        max(known) + spare if band[1] is None else band[1],
    )
    numbers = effect_text(effect, interval).replace("+", "")
    words = " to ".join("open" if end is None else f"{end:g}" for end in band)
    return _drawn(effect, interval, ends, f"{numbers}, band {words}", zero=False)


def _drawn(
    effect: float,
    interval: Sequence[float] | None,
    band: tuple[float, float],
    label: str,
    *,
    zero: bool,
) -> Markup:
    low, high = interval or (effect, effect)
    start, end = min(low, effect, band[0]), max(high, effect, band[1])
    span = (end - start) or 1.0

    def place(value: float) -> str:
        return f"{_EDGE + (value - start) / span * (_WIDTH - 2 * _EDGE):.1f}"

    width = float(place(band[1])) - float(place(band[0]))
    content = Markup("").join(
        [
            _BAND.format(x=place(band[0]), width=f"{width:.1f}"),
            _ZERO.format(x=place(0)) if zero else "",
            _REACH.format(x1=place(low), x2=place(high)),
            _DOT.format(x=place(effect)),
        ]
    )
    return _FRAME.format(width=_WIDTH, height=_HEIGHT, label=label, content=content)
