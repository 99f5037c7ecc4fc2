"""IKPdb, the CPython debugger made for the Web.

Importing this package starts nothing. Debug a program with ``ikpdb run script.py``, or ``python -m ikpdb.cli run script.py``;
for clients of the original IKPdb with ``python -m ikpdb script.py``.
"""

__all__ = ["__version__", "main"]

__version__ = "0.1.0"


def main(arguments: "list[str] | None" = None) -> int:
    """Does what ``python -m ikpdb`` does, with these arguments or with those of this process: this process becomes the program.
    Returns an exit code only if nothing could be started."""
    from ikpdb import compatible

    return compatible.main(arguments)
