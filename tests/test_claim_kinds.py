"""What CONTRIBUTING.md says of kinds of claims is so."""

import re
from pathlib import Path
from typing import get_args

import numpy as np
import yaml

from suite.claim import Claim
from suite.verdicts import judge
from tests.planted import evidence, experiment, noise

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
SECTION = PAGE.read_text(encoding="utf-8").split("\n## Kinds of claims\n")[1].split("\n## ")[0]


def choices(field):
    return set(get_args(Claim.model_fields[field].annotation))


def test_all_kinds_are_described():
    rows = set(re.findall(r"^\| `(\w+)`", SECTION, flags=re.MULTILINE)) - {"kind"}
    assert rows == choices("kind") - {"contrast"}
    words = set(re.findall(r"`(\w+)`", SECTION))
    assert choices("of") | choices("statistic") <= words


def test_the_examples_are_judged_as_they_read():
    (text,) = re.findall(r"```yaml\n(.*?)```", SECTION, flags=re.DOTALL)
    claims = yaml.load(text, Loader=yaml.BaseLoader)
    vary = {"depth": ["1", "2", "4"], "samples": ["500", "1000", "2000", "4000"]}

    def measure(row):
        lead = 0.05 * np.log2(row["samples"] / 600) * (row["depth"] - 1)
        return {
            "test_accuracy": 0.65 + lead + noise(row, 0.001),
            "seconds": row["depth"] * np.exp(noise(row)),
        }

    rows = {row["claim"]: row for row in judge([evidence(experiment(claims, vary=vary), measure)])}
    assert {row["verdict"] for row in rows.values()} == {"supported"}
    crossing, cost = rows["data-hunger/crossing"], rows["training-cost"]
    assert abs(crossing["effect"] - np.log2(1000 / 600)) < 0.05
    assert crossing["verdict"] == "supported"
    assert abs(cost["effect"] - 1) < 0.02
    assert abs(rows["depth-accuracy/published"]["effect"] - 0.65) < 0.01
