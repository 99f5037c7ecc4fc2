"""IKPdb, the CPython debugger made for the Web.

Importing this package starts nothing. Debug a program with ``ikpdb run script.py``, or ``python -m ikpdb.cli run script.py``.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
