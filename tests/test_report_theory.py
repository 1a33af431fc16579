"""Deviations from theory: the table of the methods page and theory.csv."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from suite.report.build import build
from suite.report.theory import write_theory
from tests.reported import FACTS, evidence, rows


def alone():
    """Networks trained alone, whose seconds grow twice as fast as their FLOPs do."""
    given = evidence()
    depth = given.trials["depth"].astype(float)
    timed = given.trials.assign(together=1, flops=1e6 * depth, seconds=0.1 * depth**2)
    return replace(given, trials=timed)


def test_measurements_and_simulations_stand_in_the_table_and_on_the_page(tmp_path):
    build([alone()], rows(), FACTS, tmp_path)
    table = pd.read_csv(tmp_path / "theory.csv")
    cost = table[table["experiment"] == "depth"]
    assert cost[["measured", "predicted", "deviation"]].to_numpy() == pytest.approx(
        np.array([[2.0, 1.0, 1.0]])
    )
    assert (table["experiment"] == "simulation").any()
    page = (tmp_path / "methods.html").read_text(encoding="utf-8")
    assert "exponent of training seconds over depth" in page
    assert "theory.csv" in page


def test_where_nothing_is_measured_no_table_is_left(tmp_path):
    (tmp_path / "theory.csv").write_text("old")
    assert write_theory([evidence(missing=16)], tmp_path) == []
    assert not (tmp_path / "theory.csv").exists()
