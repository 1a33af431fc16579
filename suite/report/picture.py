"""An effect with its interval as a small inline SVG: the margin grey, zero a line."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from suite.report.numbers import effect_text

_WIDTH, _HEIGHT, _EDGE = 180.0, 28.0, 8.0

_FRAME = Markup(
    '<svg class="effect" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
    'height="{height:g}" role="img" aria-label="{label}">{content}</svg>'
)
_AXIS = Markup(
    '<svg class="axis" viewBox="0 0 {width:g} 14" width="{width:g}" height="14" '
    'aria-hidden="true">{content}</svg>'
)
_BAND = Markup('<rect class="margin" x="{x}" y="3" width="{width}" height="22"/>')
_ZERO = Markup('<line class="zero" x1="{x}" y1="1" x2="{x}" y2="27"/>')
_REACH = Markup('<line class="reach" x1="{x1}" y1="14" x2="{x2}" y2="14"/>')
_DOT = Markup('<circle class="dot" cx="{x}" cy="14" r="4.5"/>')
_GRID = Markup('<line class="grid" x1="{x}" y1="0" x2="{x}" y2="28"/>')
_TICK = Markup('<text x="{x}" y="11" text-anchor="middle">{text}</text>')

# Of the scale that all claims share: margins that have a line, and where it ends.
_TICKS = (-10, -1, 0, 1, 10)
_MOST_MARGINS = 32.0


def effect_picture(
    effect: float | None,
    interval: Sequence[float] | None,
    margin: float,
    beside: Sequence[float] = (),
) -> Markup:
    """The picture on its own scale; empty where no effect was measured.

    Args:
        effect: the dot.
        interval: the line.
        margin: half of the grey band.
        beside: further values that the scale must hold, so that several pictures share it.
    """
    if effect is None:
        return Markup("")
    label = f"effect {effect_text(effect, interval)}, margin {margin:g}"
    return _drawn(effect, interval, (-margin, margin), label, zero=True, beside=beside)


def shared_picture(effect: float | None, interval: Sequence[float] | None, margin: float) -> Markup:
    """The picture on the scale of margins, linear up to one and logarithmic beyond."""
    if effect is None:
        return Markup("")
    low, high = interval or (effect, effect)
    label = f"effect {effect_text(effect, interval)}, margin {margin:g}"
    ends = (_in_margins(-_MOST_MARGINS), _in_margins(_MOST_MARGINS))
    return _drawn(
        _in_margins(effect / margin),
        (_in_margins(low / margin), _in_margins(high / margin)),
        (-1.0, 1.0),
        label,
        zero=True,
        beside=(*ends, *map(_in_margins, _TICKS)),
        lines=tuple(_in_margins(tick) for tick in _TICKS if abs(tick) > 1),
    )


def axis_picture() -> Markup:
    """The shared scale's numbers, for the head of its column."""
    end = _in_margins(_MOST_MARGINS)
    texts = [
        _TICK.format(
            x=f"{_EDGE + (_in_margins(tick) + end) / (2 * end) * (_WIDTH - 2 * _EDGE):.1f}",
            text=f"{tick:+d}".replace("-", "−") if tick else "0",
        )
        for tick in _TICKS
    ]
    return _AXIS.format(width=_WIDTH, content=Markup("").join(texts))


def _in_margins(margins: float) -> float:
    """Place of an effect of so many margins: 0.5 → 0.5, 1 → 1, 10 → 2, beyond 32 → 2.5."""
    size = min(abs(margins), _MOST_MARGINS)
    return margins if size <= 1 else math.copysign(1 + math.log10(size), margins)


def gate_picture(
    effect: float | None,
    interval: Sequence[float] | None,
    band: Sequence[float | None],
    beside: Sequence[float] = (),
) -> Markup:
    """The same of a gate: its band grey, to the edge where it is open; no line at zero."""
    if effect is None:
        return Markup("")
    low, high = interval or (effect, effect)
    known = [end for end in (*band, low, high, effect, *beside) if end is not None]
    # Beyond everything that is known by as much as that spans, or by 1 where it spans nothing.
    spare = (max(known) - min(known)) or 1.0
    ends = (
        min(known) - spare if band[0] is None else band[0],
        max(known) + spare if band[1] is None else band[1],
    )
    numbers = effect_text(effect, interval).replace("+", "")
    words = " to ".join("open" if end is None else f"{end:g}" for end in band)
    label = f"{numbers}, band {words}"
    return _drawn(effect, interval, ends, label, zero=False, beside=beside)


def _drawn(
    effect: float,
    interval: Sequence[float] | None,
    band: tuple[float, float],
    label: str,
    *,
    zero: bool,
    beside: Sequence[float] = (),
    lines: Sequence[float] = (),
) -> Markup:
    low, high = interval or (effect, effect)
    start, end = min(low, effect, band[0], *beside), max(high, effect, band[1], *beside)
    span = (end - start) or 1.0

    def place(value: float) -> str:
        return f"{_EDGE + (value - start) / span * (_WIDTH - 2 * _EDGE):.1f}"

    width = float(place(band[1])) - float(place(band[0]))
    content = Markup("").join(
        [
            _BAND.format(x=place(band[0]), width=f"{width:.1f}"),
            *(_GRID.format(x=place(line)) for line in lines),
            _ZERO.format(x=place(0)) if zero else "",
            _REACH.format(x1=place(low), x2=place(high)),
            _DOT.format(x=place(effect)),
        ]
    )
    return _FRAME.format(width=_WIDTH, height=_HEIGHT, label=label, content=content)
