"""How a run ends: a line for each claim, with its verdict in sign, word and colour."""

import io

import pytest
from rich.console import Console

from suite.benchmark import print_verdicts
from suite.benchmark.ending import COLOURS, WIDE
from suite.report.claims import GLYPHS


def row(claim, verdict, kind="contrast", effect=0.12345, interval=(0.1, 0.2), seeds=8):
    numbers = {"effect": effect, "interval": interval, "seeds": seeds}
    return {"claim": claim, "verdict": verdict, "kind": kind, **numbers}


ROWS = [
    row("depth [1]", "supported"),
    row("width", "refuted", effect=-0.00004321, interval=(-1234.5, 2)),
    row("gradients", "supported", kind="gate", effect=5.2e-08, interval=None, seeds=1),
    row("taste", None, seeds=None),
    row("unmeasured", None, effect=None, interval=None),
]


def printed(width=100, rows=ROWS, **options):
    screen = Console(file=io.StringIO(), width=width, soft_wrap=True, markup=False, **options)
    print_verdicts(rows, screen)
    return screen.file.getvalue()


def test_numbers_have_three_digits_and_differences_a_sign():
    lines = printed().splitlines()
    cells = [line.split("  ") for line in lines]
    found = [[cell.strip() for cell in line if cell.strip()] for line in cells]
    assert found == [
        ["claim", "verdict", "effect", "interval", "seeds"],
        ["depth [1]", "✓ supported", "+0.123", "+0.1 to +0.2", "8"],
        ["width", "✗ refuted", "-4.32e-05", "-1.23e+03 to +2", "8"],
        ["gradients", "✓ supported", "5.2e-08", "1"],
        ["taste", "… preview", "+0.123", "+0.1 to +0.2"],
        ["unmeasured", "… preview", "8"],
        ["5 claims: 2 supported, 1 refuted, 2 preview"],
    ]


@pytest.mark.parametrize("word", GLYPHS)
def test_each_verdict_has_a_colour_beside_its_sign(word):
    sent = printed(rows=[row("depth", word)], force_terminal=True, color_system="standard")
    code = {"green": 32, "red": 31, "blue": 34, "yellow": 33}[COLOURS[word]]
    assert f"\x1b[{code}m{GLYPHS[word]} {word}" in sent


def test_a_narrow_terminal_has_no_intervals_and_no_line_too_long():
    rows = [row("a-claim-with-a-name/that-is-longer-than-usual-for-claims", "inconclusive")]
    lines = printed(width=60, rows=rows).splitlines()
    assert max(map(len, lines)) <= 60
    assert "interval" not in lines[0]
    assert "+0.123" in lines[1]
    assert "interval" in printed(width=WIDE, rows=rows).splitlines()[0]


def test_where_nothing_is_claimed_nothing_is_said():
    assert printed(rows=[]) == ""
