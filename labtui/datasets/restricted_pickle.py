"""Reading a pickle that may hold numbers and arrays, and nothing that runs.

CIFAR-10 comes as pickles. A pickle can name any function and have it called, so only the three names that make a NumPy
array are looked up. This stands behind the md5 check, not instead of it.
"""

import io
import pickle
from typing import Any

from labtui.errors import EnvironmentFault


def load_pickle(content: bytes) -> Any:
    """The value in a pickle that Python 2 wrote; its strings come as bytes.

    Raises EnvironmentFault where it names anything but NumPy arrays, or cannot be read.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    except EnvironmentFault:
        raise
    except Exception as fault:  # a damaged pickle raises nearly anything
        raise EnvironmentFault(f"A data file is no readable pickle: {type(fault).__name__}: {fault}.") from fault


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        import numpy as np  # here, so that a list of data sets does not wait for it

        match (module, name):
            case ("numpy", "ndarray"):
                return np.ndarray
            case ("numpy", "dtype"):
                return np.dtype
            case ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct"):
                return _reconstruct
        raise EnvironmentFault(
            f"A data file asks for {module}.{name}, which no image needs: it was not read further.",
            advice="Do not trust where it came from. Delete it and fetch the data set again: labtui data get cifar10",
        )


def _reconstruct(kind: Any, _shape: Any, _typecode: Any) -> Any:
    """An empty array that the pickle then fills, as NumPy's own function of this name makes it."""
    import numpy as np  # here, so that a list of data sets does not wait for it

    if kind is not np.ndarray:
        raise EnvironmentFault("A data file asks for an array of an unknown kind: it was not read further.")
    return np.empty(0, np.uint8)
