"""What a classical trial will take, before it is fitted."""

from suite.classical.costs import Work
from suite.classical.features import FEATURES, known_of
from suite.classical.models import CLASSICAL
from suite.data.cards import CARDS
from suite.trial import Trial


def estimate_seconds(trial: Trial) -> float:
    """A guess of one core's time to fit a trial's model and score it."""
    card, entry = CARDS[trial.dataset], CLASSICAL[trial.network]
    rows = trial.samples or card.train_samples
    answered = card.samples - card.train_samples + rows
    settings = {**entry.defaults, **dict(trial.settings)}
    work = Work(rows, answered, card.features, card.outputs)
    if "features" not in settings:
        return entry.seconds(work, settings)
    made = FEATURES[str(settings["features"])]
    count = made.count(known_of(settings, card.input_shape, rows, trial.seed))
    making = answered * (made.row_seconds + 1e-8 * card.features)
    return making + entry.seconds(work._replace(features=count), settings)


def estimate_bytes(trial: Trial) -> int:
    """Memory that fitting takes beside the data: copies in double precision, and what is built."""
    card = CARDS[trial.dataset]
    return 2**26 + 3 * 8 * card.samples * card.features
