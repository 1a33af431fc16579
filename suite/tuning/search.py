"""One search: a contender on one split, from its first candidates to its best recipe."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from suite.trial import digest
from suite.tune import Tune
from suite.tuning.space import Space, Values, grid
from suite.tuning.suggesting import Candidate, suggest

# Batches above a tenth of the budget cost samplers that learn much of their lead (facts.md).
BATCH_SHARE = 10


class Asked(NamedTuple):
    """A candidate to be trained to the end of a rung."""

    candidate: Candidate
    rung: int


def rung_epochs(epochs: int, halving: int | None) -> tuple[int, ...]:
    """Epochs at which rungs end: the last one and those before it, each `halving` times shorter.

    There are three rungs at most: fewer epochs than a ninth say little of the end.
    """
    if halving is None:
        return (epochs,)
    return tuple(sorted({max(1, round(epochs / halving**step)) for step in range(3)}))


class Search:
    """Proposes candidates within a budget and remembers how they did.

    With rungs, a candidate first trains to the end of the lowest. Whenever it is among the best
    1/`halving` of those that have finished a rung, it goes on to the next (asynchronous successive
    halving, Li et al. 2020, arXiv:1810.05934).

    Args:
        space: what is searched.
        tune: how, and with which budget.
        epochs: of a whole training.
        seed: of the proposals.
    """

    def __init__(self, space: Space, tune: Tune, epochs: int, seed: str) -> None:
        self._space, self._tune, self._seed = space, tune, seed
        self.rungs = rung_epochs(epochs, tune.halving)
        self.budget = _epochs_of(tune, epochs)
        self.spent = 0
        self.candidates: list[Candidate] = []
        self._at_half: Candidate | None = None
        self._asked: list[Asked] = []
        self._rounds = 0

    def ask(self) -> Sequence[Asked]:
        """The next batch; empty when the budget is spent."""
        if not self._space:
            self._asked = []
        elif self._tune.sampler == "grid":
            self._asked = [] if self.candidates else self._whole_grid()
        else:
            self._asked = self._promoted()
            self._asked += self._new()
            self._asked = self._asked or self._last_climb()
        self.spent += sum(map(self._cost, self._asked))
        self._rounds += 1
        return self._asked

    def tell(self, scores: Mapping[int, float]) -> None:
        """Take in the last batch's scores by the candidates' numbers; lower is better."""
        for candidate, _ in self._asked:
            candidate.scores.append(scores[candidate.number])
        if self._at_half is None and 2 * self.spent >= self.budget:
            self._at_half = self.best
        self._asked = []

    @property
    def best(self) -> Candidate:
        """Of those that came furthest, the one with the lowest score; the earliest of equals.

        Where nothing is searched, the recipe as it is.
        """
        if not self.candidates:
            return Candidate(0, {})
        return min(self.candidates, key=lambda c: (-len(c.scores), c.scores[-1], c.number))

    @property
    def has_half(self) -> bool:
        """Whether half of the budget means something: an even grid has no half."""
        return bool(self._space) and self._tune.sampler != "grid"

    @property
    def best_at_half(self) -> Candidate:
        """What would have been the best, had the search ended with half of its budget spent."""
        if len(self.rungs) > 1:
            return self._at_half or self.best
        early = self.candidates[: max(1, len(self.candidates) // 2)]
        return min(early, key=lambda c: (c.scores[-1], c.number)) if early else self.best

    def _cost(self, asked: Asked) -> int:
        """Epochs from the rung before to the end of the asked one."""
        before = self.rungs[asked.rung - 1] if asked.rung else 0
        return self.rungs[asked.rung] - before

    def _adopted(self, candidate: Candidate) -> Asked:
        self.candidates.append(candidate)
        return Asked(candidate, 0)

    def _whole_grid(self) -> list[Asked]:
        trials = self.budget // self.rungs[-1]
        found: list[Values] = grid(self._space, trials)
        return [self._adopted(Candidate(number, values)) for number, values in enumerate(found)]

    def _promoted(self) -> list[Asked]:
        """Candidates that go on, those of the highest rung first, as far as the budget reaches."""
        if self._tune.halving is None:
            return []
        left = self.budget - self.spent
        # Until one has come to the end, what it takes from each rung is kept back.
        finished = any(len(c.scores) == len(self.rungs) for c in self.candidates)
        kept = [0 if finished else self.rungs[-1] - epochs for epochs in self.rungs]
        chosen = []
        for rung in range(len(self.rungs) - 1, 0, -1):
            for candidate in self._best_of(rung - 1):
                asked = Asked(candidate, rung)
                if len(candidate.scores) == rung and self._cost(asked) + kept[rung] <= left:
                    chosen.append(asked)
                    left -= self._cost(asked)
        return chosen

    def _best_of(self, rung: int) -> list[Candidate]:
        """The best share of those that have finished a rung; failures are never among them."""
        assert self._tune.halving is not None
        finished = [c for c in self.candidates if len(c.scores) > rung]
        ranked = sorted(finished, key=lambda c: (c.scores[rung], c.number))
        best = ranked[: len(finished) // self._tune.halving]
        return [candidate for candidate in best if math.isfinite(candidate.scores[rung])]

    def _last_climb(self) -> list[Asked]:
        """At the end of the budget, the best so far goes on if it has not come to the end."""
        best = self.best
        rung = len(best.scores)
        if not self.candidates or rung == len(self.rungs) or math.isinf(best.scores[-1]):
            return []
        asked = Asked(best, rung)
        return [asked] if self._cost(asked) <= self.budget - self.spent else []

    def _new(self) -> list[Asked]:
        left = self.budget - self.spent - sum(map(self._cost, self._asked))
        count = min(self._batch, (left - self._reserve) // self.rungs[0])
        if count < 1:
            return []
        seed = int(digest([self._seed, self._rounds])[:8], 16)
        found = suggest(self._space, self.candidates, self.rungs, self._tune.sampler, seed, count)
        return [self._adopted(candidate) for candidate in found]

    @property
    def _batch(self) -> int:
        if self._tune.sampler == "random" and self._tune.halving is None:
            return self.budget // self.rungs[0]
        return max(1, self.expected()[0] // BATCH_SHARE)

    def expected(self) -> list[int]:
        """Candidates that finish each rung where one in `halving` goes on."""
        if not self._space:
            return []
        shares = [(self._tune.halving or 1) ** -rung for rung in range(len(self.rungs))]
        steps = [self._cost(Asked(Candidate(0, {}), rung)) for rung in range(len(self.rungs))]
        each = sum(share * step for share, step in zip(shares, steps, strict=True))
        return [max(1, int(self.budget / each * share)) for share in shares]

    @property
    def _reserve(self) -> int:
        """Epochs kept back until one candidate has come to the end."""
        finished = any(len(c.scores) == len(self.rungs) for c in self.candidates)
        going = any(asked.rung == len(self.rungs) - 1 for asked in self._asked)
        return 0 if finished or going else self.rungs[-1] - self.rungs[0]


def _epochs_of(tune: Tune, epochs: int) -> int:
    """The budget in epochs of one network for each candidate."""
    if tune.budget.epochs is not None:
        return tune.budget.epochs // tune.seeds
    assert tune.budget.trials is not None
    return tune.budget.trials * epochs
