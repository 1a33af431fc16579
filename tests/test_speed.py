"""Speed: every contender does the same work, and what is made of the times is right."""

import dataclasses
import functools
import io
import json
import math
import os
import sys
import types

import numpy as np
import psutil
import pytest
import torch
from rich.console import Console

from suite.errors import InputError
from suite.execution.local import InlineExecutor
from suite.figures.drawing import render
from suite.planning import Cohort
from suite.speed import command, comparing, contenders, measuring, scaling, thousand, workers
from suite.speed.agreement import compare_losses
from suite.speed.bars import RATIOS, judge
from suite.speed.cohorts import make_trials
from suite.speed.command import run_comparison
from suite.speed.comparison import Comparison, make_rows
from suite.speed.contenders import CONTENDERS, IN_TURN, Entrant, enter
from suite.speed.growth import fit_growth
from suite.speed.measuring import Lap, Timing, choose_together, take_turns
from suite.speed.pictures import draw_comparison, draw_scaling
from suite.speed.probing import ProbeCost, measure_probes
from suite.speed.scaling import Scaling, Setting, make_sweep, sweep_factors, sweep_workers
from suite.speed.table import print_comparison
from suite.speed.threads import one_thread
from suite.speed.work import SHAPES, Shape, draw_weights, epoch_flops, make_work

WORK = make_work(samples=70, features=6, classes=3)
SHAPE = Shape(width=8, depth=2, batch=16)  # four whole batches and one of six rows
KEYS = {
    "name",
    "together",
    "ms_per_network_epoch",
    "gflops",
    "share_of_sgemm",
    "ratio_to_leadline",
    "final_loss",
}
PROBES = ProbeCost(
    share=0.05, share_low=0.0, share_high=0.1, together=1, epochs=1, probes=("signal",)
)


def prepare(name, networks=IN_TURN, work=WORK, shape=SHAPE):
    if name == "jax":
        pytest.importorskip("jax")
    return CONTENDERS[name].prepare(work, shape, networks, "cpu")


def train(run, epochs):
    for _ in range(epochs):
        run.epoch()
    return run.losses()


def timing(milliseconds, losses=(0.5, 0.6), together=1, cores=1.0):
    laps = tuple(Lap(ms / 1e3, cores) for ms in milliseconds)
    return Timing(together, len(losses), 0.0, laps, tuple(losses))


def entrant(name, device="cpu"):
    return Entrant(name, CONTENDERS[name], device)


def rows_of(timings, gflops=100.0, flops=1e9):
    return make_rows({n: entrant(n) for n in timings}, timings, flops, {"cpu": gflops})


def comparison_of(shapes, device="cpu", probes=PROBES):
    return Comparison(
        device=device,
        sgemm={device: 100.0, "cpu": 100.0},
        shapes=shapes,
        missing={},
        probes=probes,
        samples=70,
        rounds=2,
        epochs=1,
    )


# The work


def test_shapes_and_data_are_those_of_the_benchmark():
    work = make_work()
    assert [str(shape) for shape in SHAPES] == [
        "64×4, batch 128",
        "32×2, batch 32",
        "128×8, batch 128",
    ]
    assert (work.samples, work.features, work.classes) == (4000, 40, 10)
    assert work.inputs.dtype == np.float32
    assert set(work.labels) == set(range(10))
    np.testing.assert_array_equal(work.labels, make_work().labels)


def test_first_weights_follow_he():
    weights = draw_weights(make_work(), Shape(128, 2, 1), network=0)
    assert [w.shape for w in weights] == [(40, 128), (128, 128), (128, 10)]
    for drawn in weights:
        assert drawn.std() == pytest.approx(math.sqrt(2 / len(drawn)), rel=0.1)


def test_operations_are_counted_without_padding():
    # Forward and weight gradients 2 + 2 a weight, gradients of inputs 2 but for the first layer.
    weights = 6 * 8 + 8 * 8 + 8 * 3
    assert epoch_flops(WORK, SHAPE) == 70 * (6 * weights - 2 * 6 * 8)


# The contenders


@functools.cache
def learned(name):
    """Losses of eight networks at the start, after three epochs and after twenty."""
    run = prepare(name, 8)
    return run.losses(), train(run, 3), train(run, 17)


@pytest.mark.parametrize("name", ["scikit-learn", "jax"])
def test_contenders_start_from_the_same_weights(name):
    np.testing.assert_allclose(learned(name)[0], learned("torch")[0], rtol=1e-5)


def test_jax_and_torch_do_the_same_steps():
    # Both draw orders from the same generators: whatever one left out would show.
    np.testing.assert_allclose(learned("jax")[1], learned("torch")[1], rtol=1e-4)


def test_every_epoch_ends_with_the_smaller_batch():
    loop, sklearn = prepare("torch", 1), prepare("scikit-learn", 1)
    train(loop, 2)
    train(sklearn, 2)
    optimizer = loop._trainees[0].optimizer
    assert {int(state["step"]) for state in optimizer.state.values()} == {10}
    assert sklearn._models[0]._optimizer.t == 10


@pytest.mark.parametrize("name", CONTENDERS)
def test_contenders_reach_the_same_loss(name):
    start, _, end = learned(name)
    assert len(end) == 8
    assert np.mean(end) < 0.75 * np.mean(start)
    found = compare_losses({"theirs": end, "torch": learned("torch")[2]})
    assert all(each.agrees for each in found.values())


def test_leadline_always_takes_part():
    entrants, _ = enter(["torch"], "cpu")
    assert [e.name for e in entrants] == ["leadline", "torch"]


def test_only_leadline_and_torch_leave_the_cpu():
    devices = {e.name: e.device for e in enter(["scikit-learn", "torch"], "cuda")[0]}
    assert devices == {"leadline": "cuda", "torch": "cuda", "scikit-learn": "cpu"}


def test_unknown_contenders_are_refused():
    with pytest.raises(InputError, match="did you mean 'torch'"):
        enter(["troch"], "cpu")


@pytest.mark.parametrize("shape", [*SHAPES, Shape(4, 1, 8), Shape(4096, 4, 8)])
def test_numbers_together_fit_the_shape(shape):
    candidates = entrant("leadline").candidates(make_work(), shape)
    assert candidates
    assert entrant("torch").candidates(make_work(), shape) == (1,)
    assert entrant("torch").prepare(WORK, SHAPE, 1).networks == IN_TURN


# Measuring


class Clockwork:
    """Runs whose epochs take as long as they are told, on a clock of their own."""

    def __init__(self, monkeypatch):
        self.now, self.log = 0.0, []
        clock = types.SimpleNamespace(
            perf_counter=lambda: self.now, process_time=lambda: self.now / 2
        )
        monkeypatch.setattr(measuring, "time", clock)

    def run(self, name, seconds, networks=1):
        def epoch():
            self.now += seconds
            self.log.append(name)

        return types.SimpleNamespace(networks=networks, epoch=epoch, losses=lambda: (0.5,))


def test_contenders_take_turns(monkeypatch):
    clockwork = Clockwork(monkeypatch)
    runs = {"a": clockwork.run("a", 1.0), "b": clockwork.run("b", 6.0, networks=3)}
    laps = take_turns(runs, rounds=2, epochs=2)
    assert clockwork.log == ["a", "a", "b", "b"] * 2
    assert laps == {"a": [Lap(1.0, 0.5)] * 2, "b": [Lap(2.0, 0.5)] * 2}


def test_the_fastest_number_together_is_chosen(monkeypatch):
    clockwork = Clockwork(monkeypatch)
    seconds = {16: 3.0, 32: 1.0, 64: 2.0, 96: 2.5}

    def fake(_work, _shape, networks, _device):
        return clockwork.run("stacked", seconds[networks] * networks, networks)

    stacked = Entrant("x", dataclasses.replace(CONTENDERS["jax"], prepare=fake), "cpu")
    chosen = choose_together([stacked, entrant("torch")], make_work(), SHAPES[1])
    assert chosen == {"x": 32, "torch": 1}


def test_compilation_is_told_from_training():
    measured = dataclasses.replace(timing([10, 20, 30]), warm_up=2.04)
    assert measured.seconds == pytest.approx(0.02)
    assert measured.compilation == pytest.approx(2.0)


def test_ratios_and_shares_are_theirs_over_ours():
    ours, theirs = timing([10, 20, 40]), timing([40, 40, 80])
    row = rows_of({"leadline": ours, "torch": theirs}, gflops=100, flops=1e9)[1]
    assert row.ms_per_network_epoch == pytest.approx(40)
    assert (row.ratio_to_leadline, row.ratio_low, row.ratio_high) == pytest.approx((2, 2, 4))
    assert row.gflops == pytest.approx(25)
    assert row.share_of_sgemm == pytest.approx(0.25)
    assert row.note == ""


def test_a_contender_on_several_cores_is_noted():
    cores = {"leadline": 1.0, "torch": 0.97, "scikit-learn": 1.9}
    rows = rows_of({name: timing([1], cores=c) for name, c in cores.items()})
    assert [row.note for row in rows[:2]] == ["", ""]
    assert "1.9 cores" in rows[2].note
    assert comparison_of({SHAPE: rows}).disturbed is None


def test_a_core_shared_with_other_programs_is_said():
    rows = rows_of({"leadline": timing([1]), "torch": timing([1], cores=0.6)})
    comparison = comparison_of({SHAPE: rows})
    assert comparison.disturbed == pytest.approx(0.6)
    out = io.StringIO()
    print_comparison(comparison, (), Console(file=out, width=200, markup=False))
    assert "40% at worst" in out.getvalue()


def test_one_thread_leaves_everything_as_it_was(monkeypatch):
    def setup():
        cores = os.sched_getaffinity(0) if sys.platform == "linux" else {0}
        return torch.get_num_threads(), dict(os.environ), cores

    monkeypatch.setenv("NPROC", "7")
    before = setup()
    with one_thread():
        threads, environment, cores = setup()
        assert (threads, environment["NPROC"], len(cores)) == (1, "1", 1)
    assert setup() == before


def test_the_cost_of_probes_is_that_of_a_fit():
    cost = measure_probes(WORK, SHAPE, 2, epochs=1, rounds=2, device="cpu")
    assert cost.share_low <= cost.share <= cost.share_high
    assert (cost.together, cost.epochs) == (2, 1)
    assert "gradient_norm" in cost.probes


# Losses


def test_means_may_differ_by_chance():
    spread = np.array([-0.1, 0.0, 0.1])
    # 2 % of 1.0, and three standard errors of a difference of means of three with deviation 0.1.
    tolerance = 0.02 + 3 * 0.1 * math.sqrt(2 / 3)
    found = compare_losses({"a": 1 + spread, "b": 1 + spread, "c": 0.99 + tolerance + spread})
    assert {each.reference for each in found.values()} == {"b"}
    assert found["c"].tolerance == pytest.approx(tolerance)
    assert all(each.agrees for each in found.values())
    assert not compare_losses({"a": 1 + spread, "c": 1.01 + tolerance + spread})["c"].agrees


@pytest.mark.parametrize("bad", [[9.0, 9.1], [0.1, 0.2], [0.5, 90.0], [0.5, math.nan]])
def test_the_odd_one_out_is_found(bad):
    good = [0.5, 0.52]
    found = compare_losses({"bad": bad, "a": good, "b": good, "c": good})
    assert {name for name, each in found.items() if not each.agrees} == {"bad"}


def test_losses_that_are_not_finite_never_agree():
    found = compare_losses({"a": [math.nan], "b": [math.inf]})
    assert not any(each.agrees for each in found.values())


# Bars


def test_bars_are_judged_plainly():
    shape = Shape(64, 4, 128)
    slow = {"leadline": [10], "torch": [31], "scikit-learn": [29], "jax": [9.6]}
    shapes = {shape: rows_of({name: timing(ms) for name, ms in slow.items()}, flops=5e8)}
    bars = {bar.subject: bar for bar in judge(comparison_of(shapes))}
    assert {subject.removeprefix(f"{shape}: "): bar.verdict for subject, bar in bars.items()} == {
        "time of torch / Leadline's": "met",
        "time of scikit-learn / Leadline's": "missed",
        "time of jax / Leadline's": "within noise",
        "share of sgemm": "missed",
        "cost of probes": "met",
    }


def test_bars_hold_for_the_cpu_and_the_benchmark_s_shapes():
    shapes = {SHAPE: rows_of({"leadline": timing([1])})}
    assert [bar.subject for bar in judge(comparison_of(shapes))] == ["cost of probes"]
    assert judge(comparison_of(shapes, device="cuda")) == ()
    assert set(RATIOS) == set(SHAPES)


# The command


REASON = "jax is not installed: pip install 'leadline[speed]'"


def run_tiny(tmp_path, names=()):
    out = io.StringIO()
    same = run_comparison(
        names,
        device="cpu",
        rounds=2,
        epochs=4,
        output=tmp_path / "reports",
        console=Console(file=out, width=200, markup=False),
        work=WORK,
        shapes=[SHAPE],
    )
    content = json.loads((tmp_path / "reports" / "speed.json").read_text(encoding="utf-8"))
    return same, content, out.getvalue()


def test_comparison_writes_what_others_rely_on(tmp_path, monkeypatch):
    monkeypatch.setattr(comparing, "measure_probes", lambda *_, **__: PROBES)
    same, content, _ = run_tiny(tmp_path)
    assert same
    assert content["same_loss"]
    assert content["sgemm_gflops"] > 0
    (shape,) = content["shapes"]
    assert {name: shape[name] for name in ("width", "depth", "batch")} == dataclasses.asdict(SHAPE)
    rows = {row["name"]: row for row in shape["contenders"]}
    assert {*rows, *content["missing"]} == {"leadline", "torch", "scikit-learn", "jax"}
    assert set(content["versions"]) >= set(rows)
    for row in rows.values():
        assert set(row) >= KEYS
        ratio = row["ms_per_network_epoch"] / rows["leadline"]["ms_per_network_epoch"]
        assert row["ratio_to_leadline"] == pytest.approx(ratio)
        gflops = epoch_flops(WORK, SHAPE) / row["ms_per_network_epoch"] / 1e6
        assert row["gflops"] == pytest.approx(gflops)
        assert row["share_of_sgemm"] == pytest.approx(gflops / content["sgemm_gflops"])
    written = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert written == ["speed.csv", "speed.json", "speed.png", "speed.svg"]


def test_a_missing_library_is_said(tmp_path, monkeypatch):
    real = contenders.find_spec
    monkeypatch.setattr(contenders, "find_spec", lambda n: None if n == "jax" else real(n))

    def fake(entrants, missing, *_, **__):
        assert [e.name for e in entrants] == ["leadline", "torch", "scikit-learn"]
        rows = rows_of({"leadline": timing([1])})
        return dataclasses.replace(comparison_of({SHAPE: rows}), missing=missing)

    monkeypatch.setattr(command, "compare", fake)
    same, content, out = run_tiny(tmp_path)
    assert same
    assert content["missing"] == {"jax": REASON}
    assert out.count(REASON) == 2  # at once, and in the table


def test_a_contender_that_does_not_learn_fails_the_comparison(tmp_path, monkeypatch):
    losses = {"leadline": (0.5, 0.6), "torch": (0.6, 0.5), "scikit-learn": (1.5, math.nan)}
    rows = rows_of({name: timing([1], losses=values) for name, values in losses.items()})
    monkeypatch.setattr(command, "compare", lambda *_, **__: comparison_of({SHAPE: rows}))
    same, content, out = run_tiny(tmp_path)
    assert not same
    assert not content["same_loss"]
    assert "did not reach the same loss" in out
    found = {row["name"]: row for row in content["shapes"][0]["contenders"]}
    assert [name for name, row in found.items() if not row["same_loss"]] == ["scikit-learn"]
    assert found["scikit-learn"]["final_loss"] is None
    assert "differs" in found["scikit-learn"]["note"]


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    rows = rows_of({"leadline": timing([1])})
    monkeypatch.setattr(command, "compare", lambda *_, **__: comparison_of({SHAPE: rows}))
    run_tiny(tmp_path)
    before = (tmp_path / "reports" / "speed.json").read_bytes()
    broken = dataclasses.replace(comparison_of({SHAPE: rows}), sgemm={"cpu": math.nan})
    monkeypatch.setattr(command, "compare", lambda *_, **__: broken)
    with pytest.raises(ValueError, match="nan"):
        run_tiny(tmp_path)
    assert (tmp_path / "reports" / "speed.json").read_bytes() == before
    assert not list((tmp_path / "reports").glob(".*"))


def test_the_figure_shows_every_number():
    shapes = {
        shape: rows_of({"leadline": timing([1, 2]), "jax": timing([2, 3])}) for shape in SHAPES
    }
    drawing = draw_comparison(comparison_of(shapes))
    assert list(drawing.table["ms_per_network_epoch"]) == pytest.approx([1.5, 2.5] * 3)
    assert render(drawing).svg.startswith(b"<?xml")
    assert "jax 2.5 ms" in drawing.alt


# How time grows


def test_exponents_are_recovered():
    values = [1, 2, 4, 8, 16]
    noise = np.array([0.05, -0.02, -0.04, 0.03, 0.01])
    seconds = 3.0 * np.power(values, 1.5) * np.exp(noise)
    (slope, offset), cov = np.polyfit(np.log(values), np.log(seconds), 1, cov=True)
    growth = fit_growth(values, seconds)
    assert growth.exponent == pytest.approx(slope)
    assert growth.exponent == pytest.approx(1.5, abs=0.05)
    assert growth.standard_error == pytest.approx(math.sqrt(cov[0, 0]))
    assert growth.factor == pytest.approx(math.exp(offset))
    assert growth.at(4) == pytest.approx(math.exp(offset) * 4**slope)


def test_too_few_values_are_said():
    assert fit_growth([2], [1.0]) is None
    assert fit_growth([1, 2], [1.0, 4.0]).exponent == pytest.approx(2)
    assert fit_growth([1, 2], [1.0, 4.0]).standard_error is None
    assert make_sweep("workers", "", {1: [1.0]}).growth_text == "one value only"


def test_sweeps_vary_one_factor_and_can_be_drawn(tmp_path):
    base = Setting(together=2, width=8, depth=1, samples=40, batch=16)
    factors = {"together": (1, 2, 4), "samples": (40, 80)}
    sweeps = sweep_factors(factors, base, "cpu", rounds=2)
    assert {s.factor: tuple(p.value for p in s.points) for s in sweeps} == factors
    assert sweeps[0].held == "width 8, depth 1, samples 40, batch 16"
    for point in sweeps[0].points:
        assert 0 < point.low <= point.seconds_per_network <= point.high
    many = thousand.Thousand(
        members=1000,
        dataset="digits",
        shape="",
        epochs=1,
        cohorts=9,
        peak_bytes=2**30,
        networks_per_second=9.0,
        best_together=16,
        best_networks_per_second=10.0,
    )
    workers_sweep = make_sweep("workers", "", {1: [1.0]})
    found = Scaling(device="cpu", rounds=2, sweeps=(*sweeps, workers_sweep), thousand=many)
    content = json.loads(json.dumps(found.content(), allow_nan=False))
    assert content["thousand"]["share_of_best"] == pytest.approx(0.9)
    assert content["thousand"]["peak_bytes"] == 2**30
    drawing = draw_scaling(found)
    assert len(drawing.table) == 6
    assert render(drawing).png.startswith(b"\x89PNG")


def test_workers_are_swept_up_to_the_cores(monkeypatch):
    def fake(count, *, most, device, rounds):
        return [workers.count_networks(most) / count] * rounds

    monkeypatch.setattr(scaling, "time_workers", fake)
    notes = []
    sweep = sweep_workers(6, "cpu", 3, notes.append)
    assert [point.value for point in sweep.points] == [1, 2, 4, 6]
    assert sweep.growth.exponent == pytest.approx(-1)
    assert sweep.held.startswith("192 networks")
    assert [p.value for p in sweep_workers(1, "cpu", 1, notes.append).points] == [1]


def test_networks_that_fail_spoil_the_time():
    trials = tuple(make_trials(SHAPE, 2, epochs=1, dataset="nowhere"))
    cohort = Cohort(trials=trials, probes=())
    with pytest.raises(RuntimeError, match="nowhere"):
        workers.train_all(InlineExecutor("cpu"), [cohort])


def test_many_networks_are_weighed():
    found = thousand.train_many(6, "cpu", dataset="digits")
    assert found.members == 6
    assert found.best_together in thousand.TOGETHER
    assert found.share_of_best > 0
    assert found.peak_bytes >= psutil.Process().memory_info().rss


def test_stacks_hold_every_network():
    trials = make_trials(SHAPE, 7, epochs=1)
    assert [len(c.trials) for c in thousand.stack(trials, 3)] == [3, 3, 1]
