"""Files of every kind are read, and what is wrong with one is said in a clear line or a warning."""

import os
import warnings

import numpy as np
import pandas as pd
import pytest

from suite.data.cards import CARDS, DATASETS
from suite.data.loading import load_split, raw_samples
from suite.data.tables.registering import register
from suite.errors import InputError

RNG = np.random.default_rng(0)
ROWS = 60
PLAIN = pd.DataFrame(
    {
        "a": RNG.normal(size=ROWS).round(3),
        "b": RNG.choice(["x", "y"], ROWS),
        "y": RNG.choice(["p", "q"], ROWS),
    }
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(DATASETS, "_configured", {})
    return tmp_path


def registered(folder, name="rows.csv", **options):
    with warnings.catch_warnings(action="error"):
        return register({"file": name, "target": "y", **options}, folder)


def said(folder, content, name="rows.csv", **options):
    """The one line about a file that cannot be used."""
    write(folder / name, content)
    with pytest.raises(InputError) as told:
        registered(folder, name, **options)
    text = str(told.value)
    assert text.startswith(f"{folder / name}: ")
    assert len(text.splitlines()) <= 2
    return text


def write(path, content):
    match content:
        case pd.DataFrame():
            content.to_csv(path, index=False)
        case str():
            path.write_text(content, encoding="utf-8")
        case bytes():
            path.write_bytes(content)
        case dict():
            np.savez(path, **content)


def warned(folder, frame, **options):
    write(folder / "rows.csv", frame)
    return CARDS[registered(folder, **options)].warnings


def written(frame, path):
    match path.suffix:
        case ".parquet":
            frame.to_parquet(path)
        case ".npz":
            np.savez(path, **{name: frame[name].to_numpy() for name in frame})
        case suffix:
            # Pandas writes every digit that a number needs to be read again as it was.
            frame.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".npz"])
def test_each_kind_of_file_gives_the_same_rows(folder, suffix):
    frame = PLAIN.assign(b=PLAIN["b"] == "x", y=PLAIN["a"] * 2.5)
    written(frame, folder / f"rows{suffix}")
    name = registered(folder, f"rows{suffix}")
    rows = raw_samples(name, 0)
    np.testing.assert_array_equal(rows.inputs, frame[["a", "b"]].to_numpy(float))
    np.testing.assert_array_equal(rows.targets, frame["y"])
    assert rows.inputs.dtype == rows.targets.dtype == np.float64
    assert name.startswith("rows_")
    assert (CARDS[name].task, CARDS[name].samples) == ("regression", ROWS)
    assert load_split(name, 0).target_scale == pytest.approx(frame["y"].std(), rel=0.1)


@pytest.mark.parametrize(("inputs", "targets"), [("X", "y"), ("inputs", "targets")])
def test_npz_files_may_hold_a_matrix(folder, inputs, targets):
    matrix = RNG.normal(size=(40, 3))
    np.savez(folder / "rows.npz", **{inputs: matrix, targets: matrix @ [1, 2, 3]})
    name = registered(folder, "rows.npz", target=targets)
    np.testing.assert_array_equal(raw_samples(name, 0).inputs, matrix)


def test_a_name_is_of_content_and_options_not_of_the_place(folder):
    (folder / "other").mkdir()
    for place in (folder, folder / "other"):
        write(place / "my sales-2024.csv", PLAIN)
    first = registered(folder, "my sales-2024.csv")
    assert first == registered(folder / "other", "my sales-2024.csv")
    assert first.startswith("my_sales_2024_")
    assert first not in list(DATASETS)
    assert first in DATASETS
    others = [registered(folder, "my sales-2024.csv", drop="b")]
    write(folder / "my sales-2024.csv", PLAIN.iloc[1:])
    others.append(registered(folder, "my sales-2024.csv"))
    assert len({first, *others}) == 3
    write(folder / "2024.csv", PLAIN)
    assert registered(folder, "2024.csv").startswith("table_2024_")


def test_a_separator_other_than_the_comma_is_named(folder):
    PLAIN.to_csv(folder / "rows.csv", sep=";", index=False, decimal=",")
    with pytest.raises(InputError, match=r"one column only.*semicolon.*\nadd separator: \";\""):
        registered(folder)
    name = registered(folder, separator=";")
    np.testing.assert_array_equal(raw_samples(name, 0).inputs[:, 0], PLAIN["a"])
    assert "column 'a' has decimal commas: read as numbers" in CARDS[name].warnings


BAD = {
    "empty": ("", "rows.csv", {}, "is empty"),
    "no rows": ("a,y\n", "rows.csv", {}, "has no rows"),
    "blank": ("\n\n", "rows.csv", {}, "names no columns"),
    "a tab": ("a\ty\n1\tp\n", "rows.csv", {}, 'add separator: "\\t"'),
    "the same name twice": ("a,a,y\n1,2,p\n", "rows.csv", {}, "2 columns are called 'a'"),
    "too long a row": ("a,y\n" + "1,p\n" * 9 + "1,p,2\n", "rows.csv", {}, "line 11"),
    "Latin letters": ("a,y\né,p\n".encode("latin1"), "rows.csv", {}, "not UTF-8 text (byte 4)"),
    "another ending": (b"x", "rows.xlsx", {}, "known: .csv, .npz, .parquet"),
    "torn Parquet": (b"PAR1" + b"x" * 99, "rows.parquet", {}, "damaged"),
    "torn NPZ": (b"PK\3\4" + b"x" * 99, "rows.npz", {}, "cannot be read"),
    "objects": ({"X": np.array([{}] * 9), "y": np.arange(9)}, "rows.npz", {}, "Object arrays"),
    "unequal arrays": ({"X": np.ones((5, 2)), "y": np.ones(4)}, "rows.npz", {}, "differ in length"),
    "pictures": ({"X": np.ones((5, 2, 2)), "y": np.ones(5)}, "rows.npz", {}, "(rows, columns)"),
    "a scalar": ({"X": np.array(1.0), "y": np.ones(5)}, "rows.npz", {}, "no array of rows"),
    "no such column": (PLAIN, "rows.csv", {"target": "Y"}, "'Y', its target; did you mean 'y'?"),
    "no such group": (PLAIN, "rows.csv", {"group": "shop"}, "its columns: a, b, y"),
    "one class": (PLAIN.assign(y="p"), "rows.csv", {}, "one class only: p"),
    "too few of a class": (PLAIN.assign(y=["r"] + ["p", "q"] * 29 + ["p"]), "rows.csv", {},
                           "class 'r' has 1 row; 3 are needed"),
    "text for amounts": (PLAIN, "rows.csv", {"task": "regression"}, "has words, such as"),
    "nothing to learn from": (PLAIN[["y"]], "rows.csv", {}, "no column to predict 'y' from"),
    "nothing to learn": (PLAIN.assign(y=None), "rows.csv", {}, "no value in any row"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_told_in_a_line(folder, case):
    content, name, options, words = BAD[case]
    assert words in said(folder, content, name, **options)


def test_a_missing_file_a_directory_and_a_huge_file_are_told(folder, monkeypatch):
    (folder / "rows.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    for name, words in (
        ("rows.csv", "is a directory"),
        ("pipe.csv", "is no plain file"),
        ("nowhere.csv", "cannot be read: No such file"),
    ):
        with pytest.raises(InputError, match=words):
            registered(folder, name)
    write(folder / "big.csv", PLAIN)
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": 2000}))
    with pytest.raises(InputError, match="of memory are free"):
        registered(folder, "big.csv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": "y"}, "unknown key 'targets'; did you mean 'target'"),
        ({"target": ""}, "needs a target"),
        ({"task": "regress"}, "task must be classification or regression"),
        ({"group": "a", "time": "b"}, "exclude each other"),
        ({"drop": ["b", "b"]}, "'b' is named twice"),
        ({"drop": ["y"]}, "'y' is named twice"),
        ({"separator": "--"}, "one character"),
        ({"group": {"a": 1}}, "is no text"),
    ],
)
def test_a_bad_mapping_is_told(folder, options, message):
    write(folder / "rows.csv", PLAIN)
    with pytest.raises(ValueError, match=message):
        registered(folder, **options)


def with_values(column, values):
    frame = PLAIN.assign(**{column: RNG.normal(size=ROWS).round(3)}).astype({column: object})
    for row, value in values.items():
        frame.loc[row, column] = value
    return frame


WARNED = {
    "an empty column": (PLAIN.assign(w=None), "column 'w' is empty: it is left out"),
    "a constant": (PLAIN.assign(w=5), "column 'w' has one value only: it is left out"),
    "row numbers": (PLAIN.assign(w=range(7, 67)), "column 'w' numbers the rows"),
    "names": (PLAIN.assign(w=[f"n{i}" for i in range(ROWS)]), "another text in every row"),
    "a few words": (with_values("w", {5: "abc", 7: "?"}),
                    "2 of its values are not ('abc', '?'; first in line 7): read as missing"),
    "many words": (with_values("w", dict.fromkeys(range(20), "none yet")),
                   "20 of its values are not ('none yet'; first in line 2): read as categories"),
    "infinite": (with_values("w", {3: np.inf}), "an infinite value"),
    "thousands": (with_values("w", {i: f"{i + 1},000" for i in range(ROWS)}),
                  "commas between thousands"),
    "a copy of the target": (PLAIN.assign(w=PLAIN["y"].map({"p": "no", "q": "yes"})),
                             "column 'w' alone gives the target away"),
    "gaps in the target": (PLAIN.assign(y=PLAIN["y"].where(PLAIN.index != 8)),
                           "1 row has no 'y', the first in line 10: left out"),
    "words in an amount": (with_values("y", {4: "oops"}), "('oops'; first in line 6)"),
    "whole numbers": (PLAIN.assign(y=RNG.integers(0, 3, ROWS)), "taken as classes"),
    "an amount": (PLAIN.assign(y=RNG.normal(size=ROWS)), "taken as an amount"),
    "two ways of dates": (PLAIN.assign(w=[f"0{1 + i % 9}/0{1 + i % 7}/2020" for i in range(ROWS)]),
                          "taken as month/day/year"),
    "a rare class": (pd.concat([PLAIN] * 3, ignore_index=True).assign(
        y=["r"] * 5 + ["p", "q"] * 87 + ["p"], z=RNG.normal(size=180)), "class 'r' has 2.8 %"),
}  # fmt: skip


@pytest.mark.parametrize("case", WARNED)
def test_what_a_reader_should_know_is_warned_of(folder, case):
    frame, words = WARNED[case]
    found = warned(folder, frame)
    assert any(words in warning for warning in found), found


def test_an_honest_table_gives_no_warning(folder):
    assert warned(folder, PLAIN) == ()
    assert warned(folder, PLAIN.assign(w=RNG.normal(size=ROWS))) == ()


@pytest.mark.parametrize("tail", [False, True])
def test_a_copy_of_an_amount_is_found_also_with_a_heavy_tail(folder, tail):
    amounts = np.exp(RNG.normal(scale=3 if tail else 0.5, size=400))
    frame = pd.DataFrame({"twice": amounts * 2, "near": amounts * RNG.uniform(0.9, 1.1, 400)})
    found = warned(folder, frame.assign(y=amounts))
    assert [w for w in found if "gives the target away" in w and "'twice'" in w]
    assert not [w for w in found if "gives the target away" in w and "'near'" in w]


def test_lines_are_counted_over_quotes_and_blank_lines(folder):
    rows = "".join(f"{i / 7:.3f},{'pq'[i % 2]}\n" for i in range(30))
    text = 'note,a,y\n"two\nlines",1.5,p\n\n' + "".join(f"n,{r}" for r in rows.splitlines(True))
    write(folder / "rows.csv", text + "n,oops,q\n")
    (warning,) = [w for w in CARDS[registered(folder)].warnings if "oops" in w]
    line = text.count("\n") + 1
    assert f"first in line {line}" in warning


def test_a_damaged_cache_is_made_again(folder, caplog):
    write(folder / "rows.csv", PLAIN)
    name = registered(folder)
    before = raw_samples(name, 0).inputs.copy()
    (stored,) = (folder / "cache" / "tables").rglob("inputs.npy")
    stored.write_bytes(stored.read_bytes()[:200])
    DATASETS._configured.clear()
    assert registered(folder) == name
    assert "is made again" in caplog.text
    np.testing.assert_array_equal(raw_samples(name, 0).inputs, before)


def test_a_file_is_read_once(folder, monkeypatch):
    write(folder / "rows.csv", PLAIN)
    name = registered(folder)
    monkeypatch.setattr("pandas.read_csv", lambda *_, **__: pytest.fail("read again"))
    assert registered(folder) == name
