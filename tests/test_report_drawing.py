"""Figures of many experiments, drawn by processes side by side."""

from dataclasses import replace

from suite.report import drawing
from tests.drawings import evidence

FIGURES = {"capacity": ("gap_map",), "claimed": ("effects", "ranks"), "gated": ("gates", "rungs")}


def evidences():
    found = [evidence(design) for design in FIGURES]
    return [
        replace(e, experiment=e.experiment.model_copy(update={"figures": FIGURES[design]}))
        for e, design in zip(found, FIGURES, strict=True)
    ]


def draw_all(given, directory, workers):
    with drawing.drawing(given, directory, workers) as drawn:
        return drawn()


def content(directory):
    return {p.relative_to(directory): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_processes_draw_the_same_bytes_and_say_the_same(tmp_path, monkeypatch):
    alone = draw_all(evidences(), tmp_path / "alone", workers=1)
    monkeypatch.setattr(drawing, "_WORTH_A_PROCESS", 1)
    beside = draw_all(evidences(), tmp_path / "beside", workers=2)
    assert beside == alone
    assert list(beside) == list(FIGURES)
    assert len(content(tmp_path / "alone")) == 3 * 4
    assert content(tmp_path / "beside") == content(tmp_path / "alone")
    # What cannot be drawn is told all the same.
    assert [bool(shown.missing) for shown in beside["gated"]] == [False, True]


def test_a_few_figures_start_no_process(tmp_path, monkeypatch):
    monkeypatch.delattr(drawing, "_side_by_side")
    drawn = draw_all(evidences(), tmp_path, workers=8)
    assert [shown.name for shown in drawn["claimed"]] == ["effects", "ranks"]
    assert draw_all([], tmp_path, workers=8) == {}
