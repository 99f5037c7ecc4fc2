"""The log of IKPdb on standard error: a letter for what a line is about, a level, a text.

The letters are ``n`` network, ``b`` breakpoints, ``e`` evaluation, ``x`` execution, ``f`` frames, ``p`` paths, ``g``
general. Lines of level DEBUG are written for the letters that were asked for, all others always.
"""

from __future__ import annotations

import sys

from ikpdb import _native

__all__ = ["IKPdbLogger"]

_LETTERS = "nbexfpg"
_COLOURS = {"DEBUG": 94, "INFO": 92, "WARNING": 93, "ERROR": 91, "CRITICAL": 91}

# The letters that were asked for where there is no agent to remember them.
_detailed: set[str] = set()


def _is_on(letter: str, level: str) -> bool:
    agent = _native.find()
    if agent is not None:
        return agent.logs(letter, level)
    return level != "DEBUG" or letter in _detailed


def _text(message: object, arguments: tuple[object, ...]) -> str:
    if not arguments:
        return str(message)
    try:
        return str(message) % arguments
    except (TypeError, ValueError, KeyError):
        # A line that is wrong is better than a program that ends once somebody looks at its log.
        return f"{message} {arguments!r}"


def _write(letter: str, level: str, text: str) -> None:
    agent = _native.find()
    if agent is not None:
        agent.log_line(letter, level, text)
    elif sys.stderr is not None:
        from datetime import datetime

        time = datetime.now().strftime("%H:%M:%S,%f")
        sys.stderr.write(f"\033[1m[IKPdb-{letter}]\033[0m {time} - \033[{_COLOURS[level]}m{level}\033[0m - {text}\n")
        sys.stderr.flush()


def _lines(letter: str, level: str) -> staticmethod[..., None]:
    def log(message: object, *arguments: object) -> None:
        if _is_on(letter, level):
            _write(letter, level, _text(message, arguments))

    log.__name__ = log.__qualname__ = f"{letter}_{level.lower()}"
    log.__doc__ = f"Writes a line of level {level}: ``message % arguments``, which is made only if it is written."
    return staticmethod(log)


class IKPdbLogger:
    """Writes lines: ``IKPdbLogger.x_debug("step from %s", place)``. There are no instances to make."""

    @staticmethod
    def setup(ikpdb_log_arg: str | None) -> None:
        """Lets these letters, of either case, tell all, and no others. What is no letter of a domain is passed over."""
        letters = ikpdb_log_arg or ""
        _detailed.clear()
        _detailed.update(letter for letter in letters.lower() if letter in _LETTERS)
        agent = _native.find()
        if agent is not None:
            agent.set_up_log(letters)

    n_debug = _lines("n", "DEBUG")
    n_info = _lines("n", "INFO")
    n_warning = _lines("n", "WARNING")
    n_error = _lines("n", "ERROR")
    n_critical = _lines("n", "CRITICAL")

    b_debug = _lines("b", "DEBUG")
    b_info = _lines("b", "INFO")
    b_warning = _lines("b", "WARNING")
    b_error = _lines("b", "ERROR")
    b_critical = _lines("b", "CRITICAL")

    e_debug = _lines("e", "DEBUG")
    e_info = _lines("e", "INFO")
    e_warning = _lines("e", "WARNING")
    e_error = _lines("e", "ERROR")
    e_critical = _lines("e", "CRITICAL")

    x_debug = _lines("x", "DEBUG")
    x_info = _lines("x", "INFO")
    x_warning = _lines("x", "WARNING")
    x_error = _lines("x", "ERROR")
    x_critical = _lines("x", "CRITICAL")

    f_debug = _lines("f", "DEBUG")
    f_info = _lines("f", "INFO")
    f_warning = _lines("f", "WARNING")
    f_error = _lines("f", "ERROR")
    f_critical = _lines("f", "CRITICAL")

    p_debug = _lines("p", "DEBUG")
    p_info = _lines("p", "INFO")
    p_warning = _lines("p", "WARNING")
    p_error = _lines("p", "ERROR")
    p_critical = _lines("p", "CRITICAL")

    g_debug = _lines("g", "DEBUG")
    g_info = _lines("g", "INFO")
    g_warning = _lines("g", "WARNING")
    g_error = _lines("g", "ERROR")
    g_critical = _lines("g", "CRITICAL")


_logger = IKPdbLogger
