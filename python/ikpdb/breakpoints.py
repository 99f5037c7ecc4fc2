"""The breakpoints of the engine, whoever has set them: this program, or a client."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ikpdb import _native

if TYPE_CHECKING:
    from ikpdb._native import Agent

__all__ = ["IKBreakpoint"]

_T = TypeVar("_T")
# Number, file, line, condition, whether it is enabled: what the engine tells of a breakpoint.
_Row = tuple[int, str, int, "str | None", bool]


class _View(Generic[_T]):
    """An attribute of a class that is looked up anew each time."""

    def __init__(self, look: Callable[[], _T]) -> None:
        self._look = look
        self.__doc__ = look.__doc__

    def __get__(self, instance: object, owner: type) -> _T:
        return self._look()


def _rows() -> list[_Row]:
    return _native.need().all_breakpoints()


def _by_number() -> list[IKBreakpoint | None]:
    """All breakpoints at the places of their numbers; ``None`` for one that was cleared."""
    numbered: list[IKBreakpoint | None] = [None] * _native.need().next_breakpoint_number()
    for row in _rows():
        # One may have been set in the meantime.
        numbered.extend([None] * (row[0] + 1 - len(numbered)))
        numbered[row[0]] = IKBreakpoint._of(row)
    return numbered


def _by_place() -> dict[tuple[str, int], IKBreakpoint]:
    """The breakpoints by file and line; of several at one line the one that was set last."""
    return {(row[1], row[2]): IKBreakpoint._of(row) for row in _rows()}


def _files() -> dict[str, list[int]]:
    """The lines with breakpoints of each file."""
    files: dict[str, list[int]] = {}
    for _, file, line, _, _ in _rows():
        lines = files.setdefault(file, [])
        if line not in lines:
            lines.append(line)
    return files


def _next_number() -> int:
    """The number that the next breakpoint gets. They begin with 0, and none is used again."""
    return _native.need().next_breakpoint_number()


def _any_active() -> bool:
    """Whether a breakpoint is enabled."""
    return any(enabled for *_, enabled in _rows())


class IKBreakpoint:
    """A breakpoint of the engine. To make one sets it; it stays until it is cleared, whoever refers to this object.

    Objects for the same breakpoint are equal. The tables of the class are looked up anew each time, like all of this:
    what a client sets and clears is seen here at once.

    Args:
        file_name: the file, as the interpreter knows it.
        line_number: the line, from 1. Whether the file has it is not asked: ``IKPdb.set_breakpoint`` does.
        condition: Python text that has to be true for a stop; ``None`` and ``""`` stop always.
        enabled: whether it stops.

    Raises:
        RuntimeError: the program was not started by ``python -m ikpdb``. So does everything else here.
        ValueError: there is no such line in any file.
    """

    breakpoints_files = _View(_files)
    breakpoints_by_file_and_line = _View(_by_place)
    breakpoints_by_number = _View(_by_number)
    next_breakpoint_number = _View(_next_number)
    any_active_breakpoint = _View(_any_active)

    _row: _Row

    def __init__(self, file_name: str, line_number: int, condition: str | None = None, enabled: bool = True) -> None:
        if not 1 <= line_number < 1 << 31:
            raise ValueError(f"lines are counted from 1, and no file has a line {line_number}")
        number = _native.need().set_breakpoint(os.fspath(file_name), line_number, condition, bool(enabled))
        self._row = (number, file_name, line_number, condition, bool(enabled))
        self._look()

    @classmethod
    def _of(cls, row: _Row) -> IKBreakpoint:
        """The breakpoint that the engine tells of."""
        breakpoint = object.__new__(cls)
        breakpoint._row = row
        return breakpoint

    def _look(self) -> _Row:
        """What the engine tells of it; of one that was cleared what it told last."""
        self._row = next((row for row in _rows() if row[0] == self._row[0]), self._row)
        return self._row

    def _change(self, condition: str | None, enabled: bool) -> None:
        number = self._row[0]
        if not _native.need().change_breakpoint(number, bool(enabled), condition):
            raise ValueError(f"the breakpoint numbered {number} was cleared")

    def __eq__(self, other: object) -> bool:
        return self._row[0] == other._row[0] if isinstance(other, IKBreakpoint) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._row[0])

    def __repr__(self) -> str:
        number, file, line, condition, enabled = self._look()
        given = "" if condition is None else f", condition={condition!r}"
        return f"<IKBreakpoint {number} at {file}:{line}{given}{'' if enabled else ', disabled'}>"

    @property
    def number(self) -> int:
        """Its number."""
        return self._row[0]

    @property
    def file_name(self) -> str:
        """Its file, absolute."""
        return self._row[1]

    @property
    def line_number(self) -> int:
        """Its line, from 1."""
        return self._row[2]

    @property
    def condition(self) -> str | None:
        """Its condition, as it was given. To assign one changes it.

        Raises:
            ValueError: on assignment, the breakpoint was cleared.
        """
        return self._look()[3]

    @condition.setter
    def condition(self, condition: str | None) -> None:
        self._change(condition, self._look()[4])

    @property
    def enabled(self) -> bool:
        """Whether it stops. To assign it changes it.

        Raises:
            ValueError: on assignment, the breakpoint was cleared.
        """
        return self._look()[4]

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self._change(self._look()[3], enabled)

    def clear(self) -> None:
        """Takes it away. Its fields stay as they were last; its number is not used again."""
        self._look()
        _native.need().clear_breakpoint(self._row[0])

    @classmethod
    def update_active_breakpoint_flag(cls) -> bool:
        """What ``any_active_breakpoint`` is: there is nothing to update."""
        return _any_active()

    @classmethod
    def lookup_effective_breakpoint(cls, file_name: str, line_number: int, frame: FrameType) -> IKBreakpoint | None:
        """The first breakpoint that stops a frame at a line: enabled, and its condition is true in the frame.

        A condition that cannot be evaluated is not true.

        Raises:
            TypeError: ``frame`` is no frame.
        """
        agent = _native.need()
        if not isinstance(frame, FrameType):
            raise TypeError(f"a frame is needed, not {frame!r}")
        file_name = agent.canonic(os.fspath(file_name))
        for row in _rows():
            _, file, line, condition, enabled = row
            here = enabled and line == line_number and _is_same(file, file_name)
            if here and (not condition or not condition.strip() or _holds(agent, condition, frame)):
                return cls._of(row)
        return None

    @classmethod
    def get_breakpoints_list(cls) -> list[dict[str, Any]]:
        """All breakpoints, in the order of their numbers, as the protocol tells of them."""
        return [
            {
                "breakpoint_number": number,
                "file_name": file,
                "line_number": line,
                "condition": condition,
                "enabled": enabled,
            }
            for number, file, line, condition, enabled in _rows()
        ]

    @classmethod
    def backup_breakpoints_state(cls) -> list[tuple[int, bool, str | None]]:
        """What ``restore_breakpoints_state`` takes: number, whether it is enabled, and condition of each breakpoint."""
        return [(number, enabled, condition) for number, _, _, condition, enabled in _rows()]

    @classmethod
    def restore_breakpoints_state(cls, breakpoints_state_list: list[tuple[int, bool, str | None]]) -> None:
        """Makes breakpoints what they were. Those that were cleared meanwhile stay so."""
        agent = _native.need()
        for number, enabled, condition in breakpoints_state_list:
            agent.change_breakpoint(number, enabled, condition)

    @classmethod
    def disable_all_breakpoints(cls) -> None:
        """Disables every breakpoint; conditions stay."""
        agent = _native.need()
        for number, _, _, condition, _ in _rows():
            agent.change_breakpoint(number, False, condition)


def _is_same(one: str, other: str) -> bool:
    return one == other or os.path.realpath(one) == os.path.realpath(other)


def _holds(agent: Agent, condition: str, frame: FrameType) -> bool:
    if not isinstance(frame, FrameType):
        raise TypeError(f"a frame is needed, not {frame!r}")
    try:
        return bool(agent.evaluate_in(condition, frame, False, True)[1])
    except Exception:
        return False
