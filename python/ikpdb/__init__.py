"""IKPdb, the CPython debugger made for the Web.

Importing this package starts nothing. Debug a program with ``ikpdb run script.py``, or ``python -m ikpdb.cli run
script.py``; for clients of the original IKPdb with ``python -m ikpdb script.py``.

A program may stop itself: ``ikpdb.set_trace()`` and ``ikpdb.post_mortem()``. The rest is what programs for IKPdb 1.x
know: under ``python -m ikpdb`` the debugger is ``ikpdb.ikpdb``, and the classes show what it knows at the moment.
"""

from ikpdb._stops import post_mortem, set_trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ikpdb.breakpoints import IKBreakpoint as IKBreakpoint
    from ikpdb.connection import IKPdbConnectionHandler as IKPdbConnectionHandler
    from ikpdb.debugger import IKPdb as IKPdb
    from ikpdb.logger import IKPdbLogger as IKPdbLogger
    from ikpdb.logger import _logger as _logger

    ikpdb: IKPdb | None

__all__ = [
    "IKBreakpoint",
    "IKPdb",
    "IKPdbConnectionHandler",
    "IKPdbLogger",
    "IKPdbQuit",
    "IKPdbRepr",
    "__version__",
    "main",
    "post_mortem",
    "set_trace",
]

__version__ = "0.1.0"

# What is imported when somebody asks for it.
_PLACES = {
    "IKBreakpoint": "breakpoints",
    "IKPdb": "debugger",
    "IKPdbConnectionHandler": "connection",
    "IKPdbLogger": "logger",
    "_logger": "logger",
}


class IKPdbQuit(Exception):
    """Ends a debugging session. Nothing of IKPdb raises it any more; programs that catch it go on to work."""


def IKPdbRepr(t: object) -> str:
    """The type of a value as the protocol writes it: ``int``, but ``collections.OrderedDict``."""
    return type.__repr__(type(t))[len("<class '") : -len("'>")]


def main(argv: "list[str] | None" = None) -> int:
    """Does what ``python -m ikpdb`` does, with these arguments or with those of this process: this process becomes the
    program. Returns an exit code only if nothing could be started."""
    from ikpdb import compatible

    return compatible.main(argv)


def __getattr__(name: str) -> object:
    if name == "ikpdb":
        # Not kept: a program is not debugged before it is.
        from ikpdb.debugger import running

        return running()
    if name in _PLACES:
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> "list[str]":
    return sorted({*globals(), *_PLACES, "ikpdb"})
