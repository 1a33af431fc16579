"""What the report lacks: untested claims, unfinished experiments, networks that failed."""

from collections import Counter
from collections.abc import Iterator, Sequence

from suite.figures.words import counted, listed
from suite.metrics import FAILURES
from suite.report.claims import ClaimView
from suite.report.mission import CLAIMS
from suite.report.sections import Section
from suite.results import Evidence

_ENDINGS = {
    "diverged": "diverged",
    "dead": "died",
    "out_of_memory": "ran out of memory",
    "timed_out": "ran out of time",
    "crashed": "crashed",
}


def shortfalls(sections: Sequence[Section], evidences: Sequence[Evidence]) -> list[str]:
    """Sentences on what was not done or did not work, none where there is nothing to say."""
    return [*_unfinished(sections), *_stale(sections), *_untested(sections), *_failed(evidences)]


def _unfinished(sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        if not section.complete:
            done = f"{section.trained} of {counted(section.expected, 'network')} trained"
            yield f"Not finished: {_plain(section.name)}, {done}."


def _stale(sections: Sequence[Section]) -> Iterator[str]:
    for reason in dict.fromkeys(section.stale for section in sections if section.stale):
        names = [_plain(section.name) for section in sections if section.stale == reason]
        yield f"Out of date: {reason.removeprefix('Stale: ')} {listed(names)}."


def _untested(sections: Sequence[Section]) -> Iterator[str]:
    """Textbook claims that no experiment tests; who asks one question of their own owes none."""
    tested = {claim.name for section in sections for claim in section.claims}
    missing = [f"{says} ({name})" for name, says in CLAIMS.items() if name not in tested]
    if missing and len(sections) > 1:
        claims = counted(len(CLAIMS), "textbook claim")
        yield f"Of {claims}, {len(missing)} have no test here: {'; '.join(missing)}."


def _failed(evidences: Sequence[Evidence]) -> Iterator[str]:
    """How networks ended that did not end as they should."""
    outcomes: Counter[str] = Counter()
    for evidence in evidences:
        trials = evidence.trials.drop_duplicates("trial_id")
        outcomes.update(str(outcome) for outcome in trials["outcome"].dropna())
    total = counted(sum(outcomes.values()), "network")
    chance = [f"{outcomes[name]} {_ENDINGS[name]}" for name in FAILURES if outcomes[name]]
    if chance:
        yield f"Of {total}, {listed(chance)}: they count as chance, or are left out where said."
    others = [name for name in _ENDINGS if name not in FAILURES and outcomes[name]]
    if others:
        ended = listed([f"{outcomes[name]} {_ENDINGS[name]}" for name in others])
        yield f"Of {total}, {ended}: claims that need them have no verdict."


def losses(claims: Sequence[ClaimView]) -> list[ClaimView]:
    """Claims that the measurements speak against, and exact checks that missed."""
    return [claim for claim in claims if claim.word == "refuted"]


def _plain(name: str) -> str:
    return name.replace("_", " ")
