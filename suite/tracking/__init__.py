"""MLflow: the mirror of finished trials, the views in which it opens, and the server for them.

Nothing here is read back: whatever MLflow holds can be rebuilt from results/.
"""
