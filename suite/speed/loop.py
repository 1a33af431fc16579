"""Plain PyTorch at its best: one network after the other, fused Adam, one gather an epoch."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from suite.randomness import generator
from suite.speed.accelerator import wait
from suite.speed.work import LEARNING_RATE, Shape, Work, draw_weights


@dataclass(frozen=True, slots=True)
class _Trainee:
    network: nn.Sequential
    optimizer: torch.optim.Adam
    order: np.random.Generator


class LoopRun:
    """Networks that take turns, an epoch each."""

    def __init__(self, work: Work, shape: Shape, networks: int, device: str) -> None:
        self.networks = networks
        self._device = torch.device(device)
        self._batch = shape.batch
        self._inputs = torch.from_numpy(work.inputs).to(self._device)  # (row, feature)
        self._labels = torch.from_numpy(work.labels).to(self._device)  # (row,)
        self._loss = nn.CrossEntropyLoss()
        self._trainees = [_trainee(work, shape, n, self._device) for n in range(networks)]

    def epoch(self) -> None:
        """Train every network for one epoch."""
        for trainee in self._trainees:
            self._train(trainee)
        wait(self._device)

    def _train(self, trainee: _Trainee) -> None:
        order = torch.from_numpy(trainee.order.permutation(len(self._labels))).to(self._device)
        batches = zip(
            torch.split(self._inputs[order], self._batch),
            torch.split(self._labels[order], self._batch),
            strict=True,
        )
        for inputs, labels in batches:
            trainee.optimizer.zero_grad()
            self._loss(trainee.network(inputs), labels).backward()
            trainee.optimizer.step()

    def losses(self) -> tuple[float, ...]:
        """Mean cross-entropy over all rows, a network each."""
        with torch.no_grad():
            return tuple(
                float(self._loss(trainee.network(self._inputs), self._labels))
                for trainee in self._trainees
            )


def _trainee(work: Work, shape: Shape, number: int, device: torch.device) -> _Trainee:
    network = _network(work, shape, number).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
    return _Trainee(network, optimizer, generator(number, "batch order"))


def _network(work: Work, shape: Shape, number: int) -> nn.Sequential:
    modules: list[nn.Module] = []
    for weights in draw_weights(work, shape, number):
        linear = nn.Linear(*weights.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weights.T))
            linear.bias.zero_()
        modules += [linear, nn.ReLU()]
    return nn.Sequential(*modules[:-1])
