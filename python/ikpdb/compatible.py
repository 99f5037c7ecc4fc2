"""What ``python -m ikpdb`` does: this process becomes the ``ikpdb`` executable, and that one the program, with the interpreter
of this process and its options. A client of the original IKPdb then debugs it."""

from __future__ import annotations

import os
import sys

from ikpdb import __version__
from ikpdb.cli import become
from ikpdb.command_line import CommandLine, parse

__all__ = ["main"]

#: The version of the original whose protocol it is.
ORIGINAL_VERSION = "1.3"


def main(arguments: list[str] | None = None) -> int:
    """Debugs the program that the arguments name; without any, those of this process do. Returns an exit code only if nothing
    could be started.

    The program gets the variables that this process was started with, whatever has become of them since.
    """
    line = parse(sys.argv[1:] if arguments is None else arguments)
    if line.version:
        print(f"{ORIGINAL_VERSION}\nikpdb {__version__}")
        return 0
    if not line.program:
        print("Error: scriptfile argument is required")
        return 2
    script = line.script()
    if script is not None and not os.path.exists(script):
        print(f"Error: '{printable(script)}' does not exist.")
        return 1
    return become(wish(line), environment_at_start())


def wish(line: CommandLine) -> list[str]:
    """The arguments of the executable."""
    words = ["compatible", f"--address={line.address}", f"--port={line.port}", f"--log={line.log}"]
    if not line.welcome:
        words.append("--no-welcome")
    if line.stop_at_entry:
        words.append("--stop-at-entry")
    if line.working_directory is not None:
        words.append(f"--working-directory={line.working_directory}")
    words.append(f"--client-working-directory={line.client_working_directory}")
    if line.safe_values:
        words.append("--safe-values")
    if line.allow_any_user:
        words.append("--allow-any-user")
    words += [
        f"--python={interpreter()}",
        f"--python-version={sys.version.split(maxsplit=1)[0]}",
        f"--implementation={'CPython' if sys.implementation.name == 'cpython' else sys.implementation.name}",
    ]
    if "t" in getattr(sys, "abiflags", ""):
        words.append("--free-threaded")
    return [*words, "--", sys.orig_argv[0], *interpreter_options(sys.orig_argv), *line.program]


def interpreter() -> str:
    """The file that runs: by the path that Python has for it, as a virtual environment is known by that, if it leads there. A
    script that started it would start it once more."""
    named = sys.executable or ""
    running = "/proc/self/exe"
    try:
        leads_there = os.path.samefile(named, running)
    except OSError:
        leads_there = not os.path.exists(running)
    return named if leads_there else os.readlink(running)


def interpreter_options(command: list[str]) -> list[str]:
    """What stands between the interpreter and what it runs, read as Python reads it."""
    options: list[str] = []
    words = iter(command[1:])
    for word in words:
        if word == "--check-hash-based-pycs":
            options += [word, next(words, "")]
            continue
        if word in ("-", "--") or not word.startswith("-"):
            break
        for at, letter in enumerate(word):
            if letter in "mc":
                # `-Im ikpdb`, `-Imikpdb`: what is before the letter stays.
                return options + ([word[:at]] if at > 1 else [])
            if letter in "WX":
                options.append(word)
                if at + 1 == len(word):
                    # Python has started, so it is there.
                    options.append(next(words, ""))
                break
        else:
            options.append(word)
    return options


def environment_at_start() -> dict[bytes, bytes]:
    """The variables that this process was started with. Python changes its own: in the C locale it sets ``LC_CTYPE``, which a
    second one would take for the user's wish."""
    try:
        with open("/proc/self/environ", "rb") as file:
            variables = file.read().split(b"\0")
    except OSError:
        return dict(os.environb)
    environment: dict[bytes, bytes] = {}
    for variable in variables:
        name, equals, value = variable.partition(b"=")
        if name and equals:
            environment.setdefault(name, value)
    return environment


def printable(path: str) -> str:
    """The path, readable also if it is not text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
