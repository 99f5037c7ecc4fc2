"""The ``ikpdb`` command as ``python -m ikpdb.cli``: finds the executable of this installation and becomes it."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig

__all__ = ["find_executable", "main"]

NAME = "ikpdb"


def candidates() -> list[str]:
    """Where an installation puts the executable, best first."""
    folders = [
        sysconfig.get_path("scripts"),
        os.path.dirname(sys.executable or ""),
        sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")),
        # ``pip install --target`` puts scripts beside the package.
        os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin"),
    ]
    return [os.path.join(folder, NAME) for folder in folders if folder]


def find_executable() -> str | None:
    """The path of the executable; ``IKPDB_HUB`` names it outright. ``None`` if there is none."""
    named = os.environ.get("IKPDB_HUB")
    if named:
        return named
    for path in candidates():
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return shutil.which(NAME)


def main() -> int:
    """Becomes the executable, with the arguments of this process. Returns an exit code only if that fails."""
    path = find_executable()
    if path is None:
        print(
            f"ikpdb: the executable was not found in {', '.join(candidates())} or on PATH; "
            "reinstall the package, or name the executable in IKPDB_HUB",
            file=sys.stderr,
        )
        return 127
    try:
        os.execv(path, [path, *sys.argv[1:]])
    except OSError as error:
        print(f"ikpdb: {path} cannot be started: {error.strerror}", file=sys.stderr)
        return 126


if __name__ == "__main__":
    sys.exit(main())
