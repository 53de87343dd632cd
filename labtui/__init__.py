"""labtui: launch, watch and compare machine-learning experiments in the terminal, and from Python with `labtui.open`.

Importing the package loads nothing else; the Python interface is loaded when it is first used.
"""

TYPE_CHECKING = False  # not typing's: importing it would load a dozen modules
if TYPE_CHECKING:
    from labtui.api.notebook import LabWarning, open  # noqa: A004 (labtui.open)
    from labtui.errors import LabError

__version__ = "0.1.0"

__all__ = ["LabError", "LabWarning", "__version__", "open"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "LabError":
        from labtui.errors import LabError

        return LabError
    from labtui.api import notebook

    return getattr(notebook, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
