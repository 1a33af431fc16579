"""Pictures: probes that store an array, and what stands at each of its places.

In the ledger the column `layer` holds the place, counted from 0.
"""

# A decision surface: GRID values of each of two standardised inputs, from -REACH to REACH. Place
# GRID · i + j has the i-th value of the second input and the j-th of the first.
GRID = 24
REACH = 2.5

# A histogram: the share of a layer's numbers in each of BINS bins of one width. The outermost
# hold what lies beyond, too.
BINS = 40
# Of activations: place BINS · layer + bin, hidden layers alone, counted from 0.
RANGES: dict[str, tuple[float, float]] = {
    "sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "hardtanh": (-1.0, 1.0),
    "sine": (-1.0, 1.0),
    "identity": (-4.0, 4.0),
}
# Of all other activations: room for what bends down to -1 below zero and goes on above.
OPEN_RANGE = (-1.0, 4.0)
# Of weights: place WEIGHT_PLACES · layer + bin. The last place of a layer has the share that is
# exactly zero, which the bins leave out.
WEIGHT_RANGE = (-0.5, 0.5)
WEIGHT_PLACES = BINS + 1

# Filters: weights of the first FILTERS units of the first layer, place inputs · unit + input. A
# convolution's inputs are its taps, each with all channels.
FILTERS = 8

# A slice: STEPS losses along a direction, from -1 to 1 times its length.
STEPS = 21

# Names of the probes whose rows are pictures.
PICTURES = frozenset(
    {
        "decision_surface",
        "activation_histogram",
        "weight_histogram",
        "first_layer_filter",
        "loss_slice",
    }
)


def activation_range(activation: str) -> tuple[float, float]:
    """Where the bins of an activation's histogram begin and end."""
    return RANGES.get(activation, OPEN_RANGE)
