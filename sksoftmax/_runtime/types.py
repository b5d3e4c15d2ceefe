"""Types of arguments and results, and the dtypes of X that are kept."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray


class HasShape(Protocol):
    """A sparse matrix, a data frame or a Dask collection."""

    @property
    def shape(self) -> Any: ...


DataLike: TypeAlias = ArrayLike | HasShape
Floats: TypeAlias = NDArray[np.floating[Any]]
AnyArray: TypeAlias = NDArray[Any]
# The type of a method that a decorator keeps.
Method = TypeVar("Method", bound=Callable[..., Any])
DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)
# The dtypes of X that are kept; others become float64.
FLOATS = (DOUBLE, SINGLE)
