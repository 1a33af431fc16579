"""JAX: a step vmapped over networks, an epoch's steps scanned, the whole compiled by XLA."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from suite.randomness import generator
from suite.speed.work import LEARNING_RATE, Shape, Work, draw_weights

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8

Tree = Any  # per layer: weights (member, fan_in, fan_out), biases (member, fan_out)


class _State(NamedTuple):
    """Networks and what Adam remembers of them; `step` counts for all of them."""

    parameters: Tree
    mean: Tree
    square: Tree
    step: Any


class JaxRun:
    """Networks stacked along the first axis of every array."""

    def __init__(self, work: Work, shape: Shape, together: int) -> None:
        self.networks = together
        self._inputs = jnp.asarray(work.inputs)  # (row, feature)
        self._labels = jnp.asarray(work.labels, dtype=jnp.int32)  # (row,)
        self._orders = [generator(n, "batch order") for n in range(together)]
        self._state = _first_state(work, shape, together)
        self._train = _compiled_epoch(shape.batch)

    def epoch(self) -> None:
        """Train every network for one epoch."""
        rows = len(self._labels)
        order = np.stack([rng.permutation(rows).astype(np.int32) for rng in self._orders])
        self._state = self._train(self._state, self._inputs, self._labels, order)
        for array in jax.tree.leaves(self._state):
            array.block_until_ready()

    def losses(self) -> tuple[float, ...]:
        """Mean cross-entropy over all rows, a network each."""
        losses = jax.jit(jax.vmap(_loss, in_axes=(0, None, None)))
        return tuple(losses(self._state.parameters, self._inputs, self._labels).tolist())


def _first_state(work: Work, shape: Shape, together: int) -> _State:
    networks = [draw_weights(work, shape, n) for n in range(together)]
    parameters = [
        (jnp.asarray(np.stack(weights)), jnp.zeros((together, weights[0].shape[1])))
        for weights in zip(*networks, strict=True)
    ]
    # Buffers that are given away for reuse may not be the same one twice.
    mean, square = (jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
    return _State(parameters, mean, square, jnp.float32(0))


def _loss(parameters: Tree, inputs: Any, labels: Any) -> Any:
    """Mean cross-entropy of one network.  # inputs (row, feature), labels (row,)."""
    hidden = inputs
    for weights, biases in parameters[:-1]:
        hidden = jax.nn.relu(hidden @ weights + biases)
    weights, biases = parameters[-1]
    logs = jax.nn.log_softmax(hidden @ weights + biases)
    return -jnp.take_along_axis(logs, labels[:, None], axis=1).mean()


def _update(state: _State, inputs: Any, labels: Any) -> _State:
    """One network's step (Kingma & Ba 2015, algorithm 1 with the corrections folded in)."""
    gradient = jax.grad(_loss)(state.parameters, inputs, labels)
    step = state.step + 1
    correction = jnp.sqrt(1 - _BETA2**step)
    rate, epsilon = LEARNING_RATE * correction / (1 - _BETA1**step), _EPSILON * correction
    mean = jax.tree.map(lambda m, g: m + (1 - _BETA1) * (g - m), state.mean, gradient)
    square = jax.tree.map(lambda v, g: v + (1 - _BETA2) * (g * g - v), state.square, gradient)
    parameters = jax.tree.map(
        lambda p, m, v: p - rate * m / (jnp.sqrt(v) + epsilon), state.parameters, mean, square
    )
    return _State(parameters, mean, square, step)


def _compiled_epoch(batch: int) -> Any:
    """A function of (state, inputs, labels, order (member, row)) that gives the state after."""
    axes = _State(0, 0, 0, None)
    update = jax.vmap(_update, in_axes=(axes, 0, 0), out_axes=axes)

    def epoch(state: _State, inputs: Any, labels: Any, order: Any) -> _State:
        def step(state: _State, rows: Any) -> tuple[_State, None]:  # rows (member, batch)
            return update(state, inputs[rows], labels[rows]), None

        members, count = order.shape
        whole = count // batch * batch
        steps = order[:, :whole].reshape(members, -1, batch).swapaxes(0, 1)
        state, _ = jax.lax.scan(step, state, steps)
        return step(state, order[:, whole:])[0] if whole < count else state

    return jax.jit(epoch, donate_argnums=0)
