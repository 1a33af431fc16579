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
    low, high = interval or (effect, effect)
    ends = (min(low, effect, -margin), max(high, effect, margin))

    def place(value: float) -> str:
        share = (value - ends[0]) / (ends[1] - ends[0])
        return f"{_EDGE + share * (_WIDTH - 2 * _EDGE):.1f}"

    width = float(place(margin)) - float(place(-margin))
    content = Markup("").join(
        [
            _BAND.format(x=place(-margin), width=f"{width:.1f}"),
            _ZERO.format(x=place(0)),
            _REACH.format(x1=place(low), x2=place(high)),
            _DOT.format(x=place(effect)),
        ]
    )
    label = f"effect {effect_text(effect, interval)}, margin {margin:g}"
    return _FRAME.format(width=_WIDTH, height=_HEIGHT, label=label, content=content)
