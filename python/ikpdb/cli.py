"""The ``ikpdb`` command as ``python -m ikpdb.cli``: finds the executable of this installation and becomes it."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["become", "find_executable", "main"]

NAME = "ikpdb"


def candidates() -> Iterator[str]:
    """Where an installation puts the executable, best first."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.basename(package) in ("site-packages", "dist-packages"):
        # Of this very installation, which is <prefix>/lib/python3.13/site-packages, the scripts are in <prefix>/bin.
        yield os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(package))), "bin", NAME)
    # ``pip install --target`` puts scripts beside the package.
    yield os.path.join(package, "bin", NAME)
    # Not before it is needed: it takes its time.
    import sysconfig

    yield os.path.join(sysconfig.get_path("scripts"), NAME)
    if sys.executable:
        yield os.path.join(os.path.dirname(sys.executable), NAME)
    yield os.path.join(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")), NAME)


def find_executable() -> str | None:
    """The path of the executable; ``IKPDB_HUB`` names it outright. ``None`` if there is none."""
    named = os.environ.get("IKPDB_HUB")
    if named:
        return named
    for path in candidates():
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    import shutil

    return shutil.which(NAME)


def become(arguments: list[str], environment: Mapping[bytes, bytes]) -> int:
    """Becomes the executable, with these arguments. Returns an exit code only if that fails."""
    path = find_executable()
    if path is None:
        print(
            f"ikpdb: the executable was not found in {', '.join(candidates())} or on PATH; "
            "reinstall the package, or name the executable in IKPDB_HUB",
            file=sys.stderr,
        )
        return 127
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    try:
        os.execve(path, [path, *arguments], environment)
    except OSError as error:
        print(f"ikpdb: {path} cannot be started: {error.strerror}", file=sys.stderr)
        return 126


def main() -> int:
    """Becomes the executable, with the arguments of this process. Returns an exit code only if that fails."""
    return become(sys.argv[1:], os.environb)


if __name__ == "__main__":
    sys.exit(main())
