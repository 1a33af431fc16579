"""How native passes are compiled: by Numba on first use, and kept on disk."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compiled, with products and sums contracted."""
    made = numba.njit(cache=True, fastmath={"contract"}, error_model="numpy")
    return cast(Function, made(function))


def compiled_sums(function: Function) -> Function:
    """Compiled, and sums within a row taken in the order that suits the processor."""
    made = numba.njit(cache=True, fastmath={"contract", "reassoc"}, error_model="numpy")
    return cast(Function, made(function))
