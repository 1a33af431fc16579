"""Classical models: scikit-learn's estimators as contenders beside networks."""
