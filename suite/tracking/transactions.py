"""Several writes to MLflow's database as one transaction.

MLflow opens a session, looks the experiment up and commits a dozen times for each run that is
logged, which takes longer than all else that is done for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient


@contextmanager
def one_transaction(client: "MlflowClient") -> Iterator[None]:
    """Commit what the client writes within the block at its end, or, after an error, none of it.

    The client's calls are the same; only the sessions that its store opens for them are one, and
    an experiment is looked up once. A client of a server, which has no database, is left alone.
    """
    store = client._tracking_client.store
    genuine = getattr(store, "ManagedSessionMaker", None)
    if genuine is None:
        yield
        return
    from sqlalchemy.orm import Session

    with Session(store.engine, autoflush=False) as session:
        commit = session.commit
        # Some calls commit by themselves, and then read what they wrote.
        session.commit = session.flush  # type: ignore[method-assign]

        @contextmanager
        def shared(read_only: bool = True) -> Iterator[Any]:  # noqa: ARG001, as MLflow calls it
            yield session
            session.flush()

        store.ManagedSessionMaker, store.get_experiment = shared, cache(store.get_experiment)
        try:
            yield
        finally:
            store.ManagedSessionMaker = genuine
            del store.get_experiment
        commit()
