"""Waiting for a GPU, which works on while Python goes ahead."""

import torch


def wait(device: torch.device) -> None:
    """Return when everything asked of the device is done."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
