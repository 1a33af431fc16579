"""Any set of OpenML by its number or its name, in the very files that the service gives."""

import hashlib
import json
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.datasets import _openml

from suite.data.cards import CARDS, DATASETS, canonical, check_request
from suite.data.downloads import openml
from suite.data.downloads.interface import Patience
from suite.data.loading import data_hash, load_split, raw_samples
from suite.errors import InputError
from suite.planning import build_trial
from tests.local_service import serving

ROWS = 60
COLUMNS = {
    "row": ("numeric", None),
    "depth": ("numeric", None),
    "bottom": ("nominal", ["mud", "sand", "rock"]),
    "vessel": ("nominal", ["brig", "cutter"]),
    "sounding": ("numeric", None),
}


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    forget()
    yield tmp_path / "cache" / "downloads" / "openml"
    forget()


@pytest.fixture
def service(monkeypatch):
    with serving() as running:
        offer(monkeypatch, running)
        yield running


def forget() -> None:
    """Have sets found anew, as another process would."""
    DATASETS["openml"] = DATASETS["openml"]


def arff() -> bytes:
    rng = np.random.default_rng(0)
    lines = [
        f"{row},{'?' if row == 7 else round(rng.uniform(1, 40), 2)},"
        f"{['mud', 'sand', 'rock'][row % 3]},{['brig', 'cutter'][row % 2]},{row / 2 + 0.25}"
        for row in range(ROWS)
    ]
    head = [
        f"@ATTRIBUTE {name} {'REAL' if words is None else '{' + ','.join(words) + '}'}"
        for name, (_, words) in COLUMNS.items()
    ]
    return "\n".join(["@RELATION soundings", *head, "@DATA", *lines, ""]).encode()


def feature(index: int, name: str, target: str) -> dict[str, object]:
    kind, words = COLUMNS[name]
    return {
        "index": str(index),
        "name": name,
        "data_type": kind,
        **({"nominal_value": words} if words else {}),
        "is_target": str(name == target).lower(),
        "is_ignore": "false",
        "is_row_identifier": str(name == "row").lower(),
        "number_of_missing_values": str(int(name == "depth")),
    }


def offer(monkeypatch, service, number: int = 77, target: str = "vessel") -> None:
    """Have scikit-learn ask the local service, which has one set in OpenML's own formats."""
    there = "https://www.openml.org"
    for name in ("_SEARCH_NAME", "_DATA_INFO", "_DATA_FEATURES", "_DATA_QUALITIES"):
        address = getattr(_openml, name).replace(there, service.address)
        monkeypatch.setattr(_openml, name, address)
    data, description = (
        arff(),
        {
            "id": str(number),
            "name": "soundings",
            "version": "3",
            "description": "Made for a test.",
            "format": "ARFF",
            "licence": "CC0",
            "citation": "A. Sailor\n(1850)",
            "url": f"{service.address}/data/v1/download/9/soundings.arff",
            "status": "active",
            "md5_checksum": hashlib.md5(arff()).hexdigest(),
        },
    )
    features = [feature(index, name, target) for index, name in enumerate(COLUMNS)]
    found = {"did": number, "name": "soundings", "version": 3, "status": "active"}
    api, search = "/api/v1/json/data", "/api/v1/json/data/list/data_name/soundings/limit/2"
    contents = {
        f"{api}/{number}": {"data_set_description": description},
        f"{api}/features/{number}": {"data_features": {"feature": features}},
        f"{api}/qualities/{number}": {
            "data_qualities": {"quality": [{"name": "NumberOfInstances", "value": str(ROWS)}]}
        },
        f"{search}/data_version/3": {"data": {"dataset": [found]}},
        f"{search}/status/active/": {"data": {"dataset": [found, found | {"version": 4}]}},
    }
    service.files |= {path: json.dumps(content).encode() for path, content in contents.items()}
    service.files["/data/v1/download/9/soundings.arff"] = data
    for path in (f"{api}/99", "/api/v1/json/data/list/data_name/nothing/limit/2/status/active/"):
        service.files[path] = 412
    monkeypatch.setattr(openml, "PATIENCE", Patience(attempts=2, delay=0.01, timeout=5))


def test_a_number_gives_the_set_with_its_own_card(folder, service):
    card = CARDS["openml(id=77)"]
    assert (card.name, card.task, card.outputs) == ("openml(id=77)", "classification", 2)
    assert (card.samples, card.kind, card.downloaded) == (ROWS, "tabular", True)
    assert (card.license, card.citation) == ("CC0", "A. Sailor (1850)")
    assert "https://www.openml.org/d/77: soundings, version 3; downloaded once" in card.source
    # The row's number is no feature, as OpenML says.
    assert "vessel from the other columns" in card.description
    split = load_split("openml(id=77)", 0)
    assert len(split.train_inputs) == card.train_samples
    assert np.isfinite(split.train_inputs).all()
    assert len(split.train_inputs[0]) == card.features
    assert set(split.test_targets) <= {0, 1}


def test_a_set_is_asked_for_once_and_then_read_without_the_service(folder, monkeypatch):
    with serving() as service:
        offer(monkeypatch, service)
        before = data_hash("openml(id=77)")
        assert len(service.asked) == len(set(service.asked)) == 4
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("opened a socket"))
    forget()
    assert data_hash("openml(id=77)") == before
    assert len(raw_samples("openml( id = 77)", 0).inputs) == ROWS


def test_a_name_gives_the_same_rows_and_says_which_version(folder, service, caplog):
    by_number = raw_samples("openml(id=77)", 0)
    for name in ("openml(name=soundings,version=3)", "openml(name=soundings)"):
        np.testing.assert_array_equal(raw_samples(name, 0).targets, by_number.targets)
        assert "soundings, version 3" in CARDS[name].source
    assert "Multiple active versions" in caplog.text
    assert canonical("openml( version=3, name=soundings )") == "openml(name=soundings,version=3)"


def test_a_mistyped_target_costs_no_download(folder, monkeypatch):
    with serving() as service:
        offer(monkeypatch, service)
        before = data_hash("openml(id=77)")
    with pytest.raises(InputError, match="keel"):
        CARDS["openml(id=77,target=keel)"]
    forget()
    assert data_hash("openml(id=77)") == before


def test_a_numeric_target_is_regression(folder, service):
    name = "openml(id=77,target=sounding)"
    card = CARDS[name]
    assert (card.task, card.outputs) == ("regression", 1)
    values = np.sort(raw_samples(name, 0).targets.astype(float))
    np.testing.assert_allclose(values, np.arange(ROWS) / 2 + 0.25)
    assert build_trial({}, name).loss == "squared_error"


def test_planning_finds_the_set_and_reading_a_file_does_not(folder, service):
    assert canonical(" openml(id= 77)") == "openml(id=77)"
    assert "openml(id=77)" in DATASETS
    assert service.asked == []
    assert check_request("openml(id=77)", samples=10).samples == ROWS
    assert build_trial({"depth": 2}, "openml(id=77)").loss == "cross_entropy"
    with pytest.raises(InputError, match="allowed: 1 to 48"):
        check_request("openml(id=77)", samples=49)


WRONG = {
    "openml(id=1,name=x)": "openml needs either an id or a name; write openml(id=31)",
    "openml(version=2)": "openml needs either an id or a name",
    "openml(id=-1)": "openml's numbers start from 1",
    "openml(id=3,version=2)": "openml: an id has its version already; leave version out",
    "openml(name=../x)": "openml: '../x' is no name of a set there; give its id",
    "openml(id=two)": "id needs a whole number, not 'two'",
    "openml(data=3)": "openml has no parameter 'data'",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_parameters_are_told_before_anything_is_asked(text):
    for call, error in ((canonical, ValueError), (check_request, InputError)):
        with pytest.raises(error) as told:
            call(text)
        assert WRONG[text] in str(told.value)
        assert "\n" not in str(told.value)
    assert text not in CARDS


@pytest.mark.parametrize("call", [check_request, data_hash, lambda name: load_split(name, 0)])
@pytest.mark.parametrize("name", ["openml", "openml()"])
def test_openml_alone_is_no_data_set(call, name):
    with pytest.raises(InputError, match=r"write openml\(id=31\) or openml\(name=credit-g"):
        call(name)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("openml(id=99)", "Dataset with data_id 99 not found"),
        ("openml(name=nothing)", "No active dataset nothing found"),
        ("openml(id=77,target=keel)", "Could not find target_column='keel'"),
    ],
)
def test_what_openml_does_not_have_is_told_in_a_line(folder, service, name, problem):
    with pytest.raises(InputError) as told:
        CARDS[name]
    assert problem in str(told.value)
    assert str(told.value).startswith(
        f"data set {name}: what www.openml.org answers cannot be used"
    )
    assert "\n" not in str(told.value)


def test_a_set_without_a_target_of_its_own_asks_for_one(folder, service, monkeypatch):
    offer(monkeypatch, service, target="none of them")
    with pytest.raises(InputError, match=r"no target; add target=COLUMN\ndepth, bottom, vessel"):
        CARDS["openml(id=77)"]
    assert CARDS["openml(id=77,target=bottom)"].outputs == 3


def test_a_service_that_fails_once_is_asked_again(folder, service, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    service.failures += [503] * 5
    assert CARDS["openml(id=77)"].samples == ROWS
    assert len(service.asked) == 9


def test_a_wrong_checksum_is_told_and_leaves_nothing(folder, service):
    service.files["/data/v1/download/9/soundings.arff"] += b"0,1,mud,brig,1\n"
    with pytest.raises(InputError, match=r"www\.openml\.org sent has a wrong checksum and was r"):
        CARDS["openml(id=77)"]
    assert not list(folder.iterdir())
    service.files["/data/v1/download/9/soundings.arff"] = arff()
    assert CARDS["openml(id=77)"].samples == ROWS


def test_a_damaged_file_in_the_cache_is_fetched_again(folder, service):
    before = data_hash("openml(id=77)")
    for path in (path for path in folder.rglob("*.gz") if path.is_file()):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        forget()
        assert data_hash("openml(id=77)") == before
        assert path.read_bytes()[20:] == content[20:]


def test_without_a_network_one_line_comes(folder, monkeypatch):
    with serving() as service:
        offer(monkeypatch, service)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(
        InputError, match=r"cannot reach www.openml.org .*refused.*needed once"
    ) as t:
        CARDS["openml(id=77)"]
    assert "\n" not in str(t.value)


def test_a_cache_folder_that_cannot_be_is_told(folder, service):
    folder.parent.parent.write_text("in the way")
    with pytest.raises(InputError, match=r"data cache: .*\n.*LEADLINE_CACHE"):
        CARDS["openml(id=77)"]
    assert service.asked == []


def test_listing_asks_nobody(monkeypatch, place, leadline):
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("opened a socket"))
    listed = leadline("list", "datasets", "--long", "--json")
    assert listed.code == 0
    lines = json.loads(listed.out)["openml"]
    assert lines["size"] == "that of the set which the parameters name"
    assert lines["parameters"] == "id=0, name=none, version=0, target=none"


def test_a_fresh_process_reads_the_same_split_from_the_cache(folder, service):
    """As workers do, and they know nothing of the service on this machine."""
    expected = load_split("openml(id=77)", 3).train_inputs
    code = (
        "import socket, sys; socket.socket.connect = None\n"
        "from suite.data.loading import load_split\n"
        "sys.stdout.buffer.write(load_split('openml(id=77)', 3).train_inputs.tobytes())"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert found == expected.tobytes()
