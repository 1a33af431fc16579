"""Small tables of measurements that scikit-learn and mlxtend bring along; nothing is downloaded."""

from functools import cache

from suite.data.dataset import PER_FEATURE, Dataset, DatasetCard
from suite.data.samples import Samples, labelled, valued

_UCI = "CC BY 4.0 (UCI Machine Learning Repository)"


@cache
def load_iris() -> Samples:
    """Scikit-learn's iris plants."""
    from sklearn import datasets

    return labelled(*datasets.load_iris(return_X_y=True))


@cache
def load_auto_mpg() -> Samples:
    """Mlxtend's cars: cylinders to origin, without the names; the six with gaps are left out."""
    from mlxtend.data import autompg_data

    measured, miles_per_gallon = autompg_data()
    # The last column would be the car's name, which mlxtend reads as not a number.
    return valued(measured[:, :7], miles_per_gallon)


ENTRIES = (
    Dataset(
        DatasetCard(
            name="iris",
            kind="tabular",
            task="classification",
            samples=150,
            features=4,
            outputs=3,
            folds=10,
            license=_UCI,
            source="scikit-learn, load_iris: Fisher's Iris",
            citation="R. A. Fisher (1936), The use of multiple measurements in taxonomic problems, "
            "Annals of Eugenics 7(2), 179-188, doi:10.24432/C56C76",
            preprocessing=PER_FEATURE,
            description="which of three species an iris is of, from the lengths and widths of its "
            "sepals and petals",
        ),
        load_iris,
    ),
    Dataset(
        DatasetCard(
            name="auto_mpg",
            kind="tabular",
            task="regression",
            samples=392,
            features=7,
            outputs=1,
            folds=10,
            license=_UCI,
            source="mlxtend, autompg_data: UCI's Auto MPG without the six cars of unknown "
            "horsepower and without names",
            citation="R. Quinlan (1993), Auto MPG, UCI Machine Learning Repository, "
            "doi:10.24432/C5859H",
            preprocessing=f"{PER_FEATURE}; the target likewise",
            description="miles per gallon of a car, from its cylinders, displacement, horsepower, "
            "weight, acceleration, model year and origin (1 America, 2 Europe, 3 Japan)",
        ),
        load_auto_mpg,
    ),
)
