"""The figures that an experiment can ask for by name."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from suite.figures.drawing import Drawing
    from suite.results import Evidence


@dataclass(frozen=True, slots=True)
class Entry:
    """One figure.

    Attributes:
        module: where it is drawn; imported only then, for plotting libraries take seconds.
        name: the function there, evidence to drawing.
        description: one line for people.
        probes: what the experiment has to probe for it.
    """

    module: str
    name: str
    description: str
    probes: tuple[str, ...] = ()

    def draw(self, evidence: "Evidence") -> "Drawing":
        """Draw the figure.

        Raises:
            NothingToDraw: the evidence lacks what the figure needs.
        """
        function = getattr(import_module(f"suite.figures.{self.module}"), self.name)
        return cast("Drawing", function(evidence))


_ENTRIES = (
    Entry(
        "layers",
        "delta_by_layer",
        "back-propagated gradient of each layer before training, over mean-field theory",
        ("delta_norm",),
    ),
    Entry(
        "layers",
        "gradient_by_layer",
        "norm of each layer's weight gradient before training",
        ("gradient_norm",),
    ),
    Entry(
        "layers_over_training",
        "gradient_over_training",
        "norm of each layer's weight gradient as training goes on",
        ("gradient_norm",),
    ),
    Entry("accuracy", "accuracy_by_depth", "test score against depth, for every contender"),
    Entry(
        "accuracy",
        "accuracy_by_depth_at_equal_parameters",
        "test score against depth at equal numbers of parameters",
    ),
    Entry(
        "accuracy",
        "accuracy_by_samples",
        "test score against the number of training samples, for every contender",
    ),
    Entry(
        "effects", "effects", "paired differences behind each claim, by data set, over its margin"
    ),
    Entry("contenders", "metric_by_level", "what the first claim measures, of each contender"),
    Entry(
        "accuracy",
        "attribution_by_depth",
        "how well attributions find the relevant inputs, against depth",
        ("attribution_auc",),
    ),
    Entry("gates", "gates", "values, statistic and band of each gate"),
    Entry("curves", "training_curves", "training and validation loss against the epoch"),
    Entry(
        "fitting",
        "accuracy_over_training",
        "training and validation accuracy against the epoch, for every contender",
    ),
    Entry("gap", "gap_by_width", "generalization gap and test loss against width"),
    Entry("gap", "gap_by_samples", "generalization gap and test loss against training samples"),
    Entry("gap", "gap_by_regularizer", "generalization gap and test loss of each regularizer"),
    Entry("cost", "accuracy_against_cost", "test score against FLOPs, with the Pareto front"),
    Entry(
        "cost",
        "accuracy_against_seconds",
        "test score against training seconds, classical models too, with the Pareto front",
    ),
    Entry(
        "probes",
        "probe_accuracy_by_layer",
        "what a linear model tells from each layer, trained and untrained",
    ),
    Entry(
        "exactness",
        "gradient_errors",
        "relative error of back-propagated gradients, by part, over the gate",
        ("gradient_error",),
    ),
    Entry(
        "ridges",
        "gradient_ridges",
        "density of weight-gradient norms in each layer, over networks and training",
        ("gradient_norm",),
    ),
    Entry(
        "boundaries",
        "decision_boundaries",
        "predictions over the plane of two inputs, one panel for each contender",
        ("decision_surface",),
    ),
    Entry(
        "histograms",
        "activation_histograms",
        "histogram of each hidden layer's activations, before and after training",
        ("activation_histogram",),
    ),
    Entry(
        "histograms",
        "weight_histograms",
        "histogram of each layer's weights after training, and how many are zero",
        ("weight_histogram",),
    ),
    Entry(
        "filters",
        "first_layer_filters",
        "incoming weights of the first layer's first units, as images or lines",
        ("first_layer_filter",),
    ),
    Entry(
        "slices",
        "loss_slices",
        "training loss along a random direction through the trained weights",
        ("loss_slice",),
    ),
    Entry("maps", "gap_map", "generalization gap over two sizes, such as width and samples"),
    Entry(
        "trainable",
        "trainable_depth_map",
        "training accuracy over depth and gain, with theory's trainable depth",
    ),
    Entry("ranking", "ranks", "mean ranks over data sets, and how probably each beats each other"),
    Entry(
        "learning",
        "learning_curves",
        "test error against training samples, with power laws and crossings",
    ),
    Entry(
        "theory",
        "measured_against_theory",
        "what networks measured against closed forms of their recipe",
    ),
    Entry(
        "teeth",
        "error_by_width",
        "error on the sawtooth against width, over the bound of one layer",
    ),
    Entry("growth", "cost_growth", "training seconds against size, fitted exponents, and FLOPs"),
    Entry("growth", "throughput", "training rows a second against batch size or cohort"),
    Entry("milestones", "epochs_to_target", "share of networks at a target by each epoch"),
    Entry("cost", "depth_width_map", "test score over depth and width or parameter budget"),
    Entry(
        "searching",
        "optimization_history",
        "validation score of each candidate in tuning, and the best so far",
    ),
    Entry(
        "searching",
        "budget_curves",
        "best validation score so far against the tuning budget spent",
    ),
    Entry(
        "importances",
        "parameter_importances",
        "how much of what is searched decides the validation score (PED-ANOVA)",
    ),
    Entry("rungs", "rungs", "how candidates fall away from rung to rung of successive halving"),
)

FIGURES: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
