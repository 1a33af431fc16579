"""Two or three sentences on what an experiment found, written from its verdicts."""

from collections import Counter
from collections.abc import Sequence

from suite.figures.words import counted, listed
from suite.metrics import FAILURES
from suite.report.claims import GLYPHS, ClaimView
from suite.results import Evidence

# Told in sentences; all of them follow with their numbers.
_MOST_CLAIMS = 2


def reading(evidence: Evidence, claims: Sequence[ClaimView]) -> list[str]:
    """Sentences that are true of the evidence and of nothing else."""
    sentences = [_state(evidence)] if not evidence.complete or evidence.profile == "quick" else []
    if len(claims) > 1 and any(claim.word in GLYPHS for claim in claims):
        sentences.append(_words(claims))
    headlines = [claim for claim in claims if claim.is_headline]
    sentences += [_found(claim) for claim in (headlines or claims)[:_MOST_CLAIMS]]
    failed = int(evidence.trials["outcome"].isin(FAILURES).sum())
    if failed:
        total = counted(int(evidence.trials["outcome"].notna().sum()), "network")
        sentences.append(f"{failed} of {total} diverged or died and count as chance.")
    return sentences


def expected(evidence: Evidence) -> int:
    """Networks that the finished experiment has, tuning aside."""
    design = evidence.experiment.at(evidence.profile)
    repeats = design.tune.repeats if design.tune else 1
    return len(list(design.contenders())) * len(design.datasets) * design.seeds * repeats


def trained(evidence: Evidence) -> int:
    """Networks of those that are stored."""
    return int(evidence.trials["outcome"].notna().sum())


def _state(evidence: Evidence) -> str:
    if evidence.complete:
        return "A preview with few splits and short training: numbers without verdicts."
    done = f"{trained(evidence)} of {counted(expected(evidence), 'network')}"
    return f"Not finished: {done} are trained, so that there are no verdicts yet."


def _words(claims: Sequence[ClaimView]) -> str:
    counts = Counter(claim.word for claim in claims)
    parts = [f"{counts[word]} {word}" for word in GLYPHS if counts[word]]
    return f"Of {counted(len(claims), 'registered test')}: {listed(parts)}."


def counts(claims: Sequence[ClaimView]) -> str:
    """One sentence on what all experiments together found."""
    headlines = [claim for claim in claims if claim.is_headline]
    further = [claim for claim in claims if not claim.is_headline and not claim.is_gate]
    checks = [claim for claim in claims if not claim.is_headline and claim.is_gate]
    told = [claim for claim in claims if claim.word in GLYPHS]
    if not told:
        tests = counted(len(claims), "registered test")
        return f"No verdicts yet on {tests}." if claims else "Nothing is claimed here."
    parts = [f"of {counted(len(headlines), 'claim')}, {_tally(headlines)}"] if headlines else []
    if further:
        parts.append(f"of {counted(len(further), 'further contrast')}, {_tally(further)}")
    if checks:
        held = sum(claim.word == "supported" for claim in checks)
        verb = "holds" if held == 1 else "hold"
        parts.append(f"{held} of {counted(len(checks), 'exact check')} {verb}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _tally(claims: Sequence[ClaimView]) -> str:
    """'12 are supported, 3 refuted and 7 inconclusive'."""
    counted_words = Counter(claim.word for claim in claims)
    words = [*GLYPHS, *sorted({*counted_words} - {*GLYPHS})]
    parts = [f"{counted_words[word]} {word}" for word in words if counted_words[word]]
    number, _, rest = parts[0].partition(" ")
    return listed([f"{number} {'is' if number == '1' else 'are'} {rest}", *parts[1:]])


def _found(claim: ClaimView) -> str:
    """A headline claim's result in one sentence."""
    verdict = f" is {claim.word}" if claim.word in GLYPHS else ""
    says = claim.says.removesuffix(".")
    if claim.numbers == "–":
        return f"“{says}” has not been measured yet."
    meaning = "the smallest effect of interest" if claim.bound == "margin" else "the band"
    return (
        f"“{says}”{verdict}: {claim.numbers} in {claim.measured}, where {claim.margin} is "
        f"{meaning} ({claim.splits} of {claim.datasets})."
    )
