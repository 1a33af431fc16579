"""Measurements of other code, data or registrations never mix with the present ones."""

import json
from dataclasses import replace

import pytest

from suite.benchmark import Report, Selection
from suite.data.loading import data_hash
from suite.ledger import Ledger
from suite.provenance import Provenance, code_hash
from suite.reading import build_experiment
from suite.results import gather
from suite.schemas import PlanRow
from suite.storing import writing
from suite.trial import Outcome, Trial
from suite.verdicts import judge

CONTENT = {
    "question": "Does depth help?",
    "vary": {"depth": ["1", "2"]},
    "hold": {"dataset": ["digits", "wine"], "learning_rate": "0.1"},
    "profiles": {"standard": {"seeds": "3"}},
    "claims": {
        "c": {
            "says": "x",
            "metric": "test_accuracy",
            "better": {"depth": "2"},
            "worse": {"depth": "1"},
            "margin": "0.1",
        }
    },
}
EXPERIMENT = build_experiment("toy", CONTENT)
FIRST, SECOND = "20260101T000000.000000-aaaaaa", "20260102T000000.000000-bbbbbb"


def measure(
    root, gain, invocation=FIRST, splits=3, experiment=EXPERIMENT, data=None, code="c" * 16
):
    """Plan and store an experiment's final trials, in which depth 2 gains `gain`."""
    for dataset in ("digits", "wine"):
        data_hash = (data or {}).get(dataset, "d" * 16)
        outcomes, rows = [], []
        for contender in experiment.at("standard").contenders():
            for split in range(splits):
                trial = Trial(dataset=dataset, split=split, **contender)
                accuracy = 0.5 + gain * (contender["depth"] == 2) + 0.001 * split * trial.depth
                outcomes.append(
                    Outcome(
                        trial=trial,
                        outcome="completed",
                        metrics={"test_accuracy": accuracy},
                        kernel="torch-cpu",
                    )
                )
                rows.append(plan_row(experiment, trial, contender, invocation, code, data_hash))
        facts = dict.fromkeys(
            ("invocation", "leadline_version", "torch_version", "python_version", "machine"), "x"
        )
        with writing(root) as writer:
            writer.store_plan(rows)
            writer.store(outcomes, Provenance(code_hash=code, data_hash=data_hash, **facts))


def plan_row(experiment, trial, contender, invocation, code, data_hash):
    fields = {field: 0 for field in PlanRow.__dataclass_fields__ if field in ("repeat", "number")}
    return PlanRow(
        experiment="toy",
        profile="standard",
        registered_hash=experiment.registered_hash("standard"),
        invocation=invocation,
        stage="final",
        study="s",
        contender=json.dumps(contender, sort_keys=True, separators=(",", ":")),
        dataset=trial.dataset,
        split=trial.split,
        trial_id=trial.id,
        code_hash=code,
        data_hash=data_hash,
        kernel="torch-cpu",
        **fields,
    )


def row(root, experiment=EXPERIMENT, **present):
    (found,) = judge([gather(Ledger(root), experiment, "standard")], **present)
    return found


def test_what_is_present_gets_its_word(tmp_path):
    measure(tmp_path, 0.3)
    present = {"code": "c" * 16, "data": {"digits": "d" * 16, "wine": "d" * 16}}
    assert row(tmp_path, **present)["verdict"] == "supported"


def test_rows_of_other_data_are_stale(tmp_path):
    measure(tmp_path, 0.3)
    found = row(tmp_path, data={"digits": "n" * 16, "wine": "d" * 16})
    assert found["verdict"] is None
    assert found["notes"][0].startswith("Stale: measured on other rows of digits;")


def test_half_a_run_on_new_data_does_not_mix_with_the_old(tmp_path):
    measure(tmp_path, 0.3)
    measure(tmp_path, -0.3, SECOND, splits=2, data={"wine": "n" * 16})
    found = row(tmp_path)
    assert found["verdict"] is None
    assert any(note.startswith("Partial: not all trials") for note in found["notes"])
    assert found["per_dataset"]["wine"][0] == pytest.approx(-0.3, abs=0.01)
    measure(tmp_path, -0.3, SECOND, data={"wine": "n" * 16})
    found = row(tmp_path)
    assert found["per_dataset"]["wine"][0] == pytest.approx(-0.3, abs=0.01)
    assert not any("Partial" in note for note in found["notes"])


def test_half_a_run_of_new_code_does_not_mix_with_the_old(tmp_path):
    measure(tmp_path, 0.3)
    measure(tmp_path, -0.3, SECOND, splits=2, code="n" * 16)
    found = row(tmp_path)
    assert found["verdict"] is None
    assert found["effect"] == pytest.approx(-0.3, abs=0.01)
    assert row(tmp_path, code="c" * 16)["notes"][0].startswith("Stale: measured by another version")


@pytest.mark.parametrize(
    ("section", "key", "value"), [("claims", "margin", "0.2"), ("hold", "epochs", "7")]
)
def test_a_changed_registration_refuses_what_was_measured_for_the_old(
    tmp_path, section, key, value
):
    measure(tmp_path, 0.3)
    content = json.loads(json.dumps(CONTENT))
    (content["claims"]["c"] if section == "claims" else content["hold"])[key] = value
    changed = build_experiment("toy", content)
    found = row(tmp_path, changed)
    assert (found["verdict"], found["effect"], found["trials"]) == (None, None, 0)
    assert any(note.startswith("Partial") for note in found["notes"])
    assert found["registered_hash"] != row(tmp_path)["registered_hash"]
    # Evidence put together by hand is held to its own registration too.
    old = gather(Ledger(tmp_path), EXPERIMENT, "standard")
    (found,) = judge([replace(old, experiment=changed)])
    assert "Preview: the measurements belong to an older registration." in found["notes"]


def test_the_report_asks_for_the_data_that_are_there_now(tmp_path):
    measure(tmp_path / "results", 0.3, code=code_hash(), data={"wine": data_hash("wine")})
    chosen = Selection(
        chosen=(), family=(EXPERIMENT,), profile="standard", reports=tmp_path / "reports"
    )
    report = Report(chosen, tmp_path / "results")
    report.write()
    (found,) = report.verdicts
    assert found["verdict"] is None
    stale = "Stale: measured on other rows of digits; run the experiment again."
    assert found["notes"][0] == stale
    for name in (f"{EXPERIMENT.name}/index.html", "README.md"):
        page = (tmp_path / "reports" / name).read_text("utf-8")
        assert stale in page
        assert EXPERIMENT.registered_hash("standard") in page
