"""Addresses in a running `leadline ui`."""

from urllib.parse import urlencode


def runs_link(experiment: str, port: int = 5000) -> str:
    """Where MLflow's list of experiments shows the one of this name.

    MLflow knows an experiment's runs by an id that differs between stores. The list can be
    filtered by name instead, so that the address follows from the name alone.

    Args:
        experiment: the experiment's name.
        port: where `leadline ui` listens.
    """
    query = urlencode({"experimentSearchFilter": experiment, "workflowType": "machine_learning"})
    return f"http://127.0.0.1:{port}/#/experiments?{query}"
