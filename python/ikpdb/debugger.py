"""The debugger of this process, as the program in it sees it."""

from __future__ import annotations

import json
import os
from types import FrameType
from typing import TYPE_CHECKING, Any

from ikpdb import _native
from ikpdb.breakpoints import IKBreakpoint
from ikpdb.logger import IKPdbLogger

if TYPE_CHECKING:
    from ikpdb._native import Agent

__all__ = ["IKPdb", "running"]


class IKPdb:
    """A view of the debugger that runs in this process; ``ikpdb.ikpdb`` is one. It holds nothing itself.

    The debugger works natively and decides by itself what it watches, so nothing here has to be called for it to work.

    Args:
        skip: modules that are not debugged. It never had an effect.
        stop_at_first_statement: ``python -m ikpdb --ikpdb-stop-at-entry`` does that; here it is too late.
        working_directory: where the paths of the program begin, for this view; else what the program was started with.
        client_working_directory: where the paths of clients begin, likewise.

    Everything but making one raises ``RuntimeError`` if the program was not started by ``python -m ikpdb``, and
    ``TypeError`` for a ``frame`` that is none.
    """

    def __init__(
        self,
        skip: list[str] | None = None,
        stop_at_first_statement: bool = False,
        working_directory: str | None = None,
        client_working_directory: str | None = None,
    ) -> None:
        self._working = None if working_directory is None else os.path.abspath(working_directory)
        self._client = client_working_directory

    @property
    def CGI_ESCAPE_EVALUATE_OUTPUT(self) -> bool:
        """Whether ``&``, ``<`` and ``>`` in what is evaluated are escaped for HTML, here and for clients."""
        return bool(_state()["escapesHtml"])

    @CGI_ESCAPE_EVALUATE_OUTPUT.setter
    def CGI_ESCAPE_EVALUATE_OUTPUT(self, escapes: bool) -> None:
        _native.need().escape_html(bool(escapes))

    # Paths

    def canonic(self, file_name: str) -> str:
        """A path without ``.`` and ``..``, absolute. What stands in angle brackets, as ``<string>``, stays as it is."""
        return _native.need().canonic(os.fspath(file_name))

    def normalize_path_in(self, client_file_name: str) -> str | None:
        """The file that a client means by a name; ``None`` if there is none."""
        return _native.need().path_in(os.fspath(client_file_name), self._working, self._client)

    def normalize_path_out(self, path: str) -> str:
        """What a client calls a file of the program."""
        return _native.need().path_out(os.fspath(path), self._working, self._client)

    # Breakpoints

    def set_breakpoint(
        self, file_name: str, line_number: int, condition: str | None = "", enabled: bool = True
    ) -> tuple[str | None, int | None]:
        """Sets a breakpoint at a line of a file.

        Returns:
            What went wrong, or ``None``; and the number of the breakpoint, or ``None``.
        """
        file = self.canonic(file_name)
        if not _native.need().has_line(file, line_number):
            return f"Line {file}:{line_number} does not exist.", None
        return None, IKBreakpoint(file, line_number, condition, enabled).number

    def change_breakpoint_state(self, bp_number: int, enabled: bool, condition: str | None = None) -> str | None:
        """Changes both whether a breakpoint stops and its condition. Returns what went wrong, or ``None``."""
        if _native.need().change_breakpoint(bp_number, bool(enabled), condition):
            return None
        return f"Found no breakpoint numbered{' ' if _was_cleared(bp_number) else ': '}{bp_number}"

    def clear_breakpoint(self, breakpoint_number: int) -> str | None:
        """Takes a breakpoint away. Returns what went wrong, or ``None``."""
        if _native.need().clear_breakpoint(breakpoint_number):
            return None
        return f"Found no breakpoint numbered{': ' if _was_cleared(breakpoint_number) else ' '}{breakpoint_number}"

    # Frames and values

    def dump_frames(self, frame: FrameType) -> list[dict[str, Any]]:
        """A frame of the calling thread and those outside of it, as the protocol tells of them, the given one first.

        The ``id`` of a frame may be given to ``evaluate`` and ``let_variable``: these frames are held until the next
        call, ``reset``, or the end of debugging.
        """
        frames: list[dict[str, Any]] = json.loads(_native.need().frames(frame))
        return frames

    def evaluate(
        self, frame_id: int | None, expression: str, global_context: bool = False, disable_break: bool = False
    ) -> tuple[str, str]:
        """Runs an expression, or else statements, in the calling thread.

        Args:
            frame_id: of a frame that ``dump_frames`` has told of; ``None`` and 0 for the main module.
            expression: Python text.
            global_context: leaves the locals of the frame out.
            disable_break: nothing in it stops.

        Returns:
            The value in full and its type. Of statements ``"None"`` and ``"NoneType"``; of an exception, whatever it is
            but Ctrl-C, ``"Class: text"`` and ``"Class"``.

        Raises:
            ValueError: there is no such frame.
        """
        value, kind = _evaluated(_native.need(), frame_id, expression, global_context, disable_break)
        if self.CGI_ESCAPE_EVALUATE_OUTPUT:
            value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return value, kind

    def let_variable(self, frame_id: int | None, var_name: str, expression_value: str) -> str:
        """Gives a variable the value of an expression, in a frame as ``evaluate`` names it. Nothing in that stops.

        Returns:
            What went wrong, or ``""``.
        """
        agent = _native.need()
        # A name that was cut or is a stand-in carries a mark.
        var_name = var_name.removesuffix("*")
        try:
            frame = _frame(agent, frame_id)
        except ValueError as error:
            return str(error)
        try:
            agent.assign_in(var_name, expression_value, frame)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return _said(error)
        return ""

    def extract_object_properties(self, o: object, limit_size: bool = False) -> list[dict[str, Any]]:
        """What is inside of an object, as the protocol tells of it. ``limit_size`` cuts long values."""
        properties: list[dict[str, Any]] = json.loads(_native.need().properties(o, not limit_size))
        return properties

    def extract_name_value_type(self, name: object, value: object, limit_size: bool = False) -> tuple[str, str, str]:
        """Name, value and type of a variable as the protocol tells of them, the type without how much is in it.

        A name that is no text is its ``repr``. ``limit_size`` cuts a long value, and marks its name by a ``*``.
        """
        text, kind, is_marked = _native.need().describe(value, not limit_size, False)
        name = name if isinstance(name, str) else repr(name)
        return (f"{name}*" if is_marked else name), text, kind

    def object_properties_count(self, o: object) -> int:
        """How much is inside of an object."""
        return _native.need().count(o)

    # Threads

    def get_threads(self) -> dict[int, dict[str, Any]]:
        """The threads by their identifiers, as the protocol tells of them; there the identifiers are texts."""
        threads = json.loads(_native.need().all_threads())
        return {int(ident): thread for ident, thread in threads.items()}

    def set_debugged_thread(self, target_thread_ident: int | None = None) -> dict[str, Any]:
        """Selects the thread that stops; ``None`` for the next one that would.

        Returns:
            ``{"result": threads, "error": ""}``, or ``{"result": None, "error": text}``.
        """
        agent = _native.need()
        is_ident = target_thread_ident is None or 0 <= target_thread_ident < 1 << 64
        error = agent.select_thread(target_thread_ident) if is_ident else f"No thread with ident:{target_thread_ident}."
        return {"result": None, "error": error} if error else {"result": self.get_threads(), "error": ""}

    # Steps. Each is one of the calling thread's, and takes the place of another one.

    def setup_step_over(self, frame: FrameType) -> None:
        """Lets the calling thread stop at the next line of a frame, or of its caller."""
        _native.need().begin_step("over", frame)

    def setup_step_into(self, frame: FrameType, pure: bool = False) -> None:
        """Lets the calling thread stop in what a frame calls, else at its next line. ``pure`` leaves the latter out."""
        _native.need().begin_step("call" if pure else "into", frame)

    def setup_step_out(self, frame: FrameType) -> None:
        """Lets the calling thread stop at the next line of the caller of a frame."""
        _native.need().begin_step("out", frame)

    def setup_suspend(self) -> None:
        """Lets the selected thread stop at its next line, or whichever comes first if none is selected."""
        _native.need().suspend()

    def setup_resume(self) -> None:
        """Takes back what the calling thread was to stop for by a step or ``setup_suspend``."""
        _native.need().end_step()

    def should_break_here(self, frame: FrameType) -> bool:
        """Whether a breakpoint stops the line at which a frame is."""
        code = frame.f_code
        return IKBreakpoint.lookup_effective_breakpoint(code.co_filename, frame.f_lineno, frame) is not None

    def should_stop_here(self, frame: FrameType) -> bool:
        """Whether a step or ``setup_suspend`` stops the calling thread at the next line of a frame."""
        return _native.need().stops_in(frame)

    # What was needed before the debugger was native

    def enable_tracing(self) -> bool:
        """Does nothing, and says so by ``False``: the debugger always watches what may stop, and nothing else."""
        _native.need()
        return False

    def disable_tracing(self) -> bool:
        """Takes back what the calling thread was to stop for, as ``setup_resume``; breakpoints stay.

        Returns:
            ``True`` if there was something.
        """
        return _native.need().end_step()

    def dump_tracing_state(self, context: object) -> None:
        """Writes what the program does and what it may stop at to the log, under ``x``, with ``context`` in front."""
        state = _state()
        state["breakpoints"] = IKBreakpoint.any_active_breakpoint
        IKPdbLogger.x_debug("%s: %s", context, state)

    def reset(self) -> None:
        """Takes back steps, as ``setup_resume``, and lets go of the frames that were told of. Breakpoints stay."""
        agent = _native.need()
        agent.end_step()
        agent.forget()

    def command_loop(self) -> None:
        """Returns at once: a thread of the debugger's own serves the client, from before the first line to the end."""
        _native.need()


_running = IKPdb()


def running() -> IKPdb | None:
    """The debugger of a program that was started by ``python -m ikpdb``, the same each time; else ``None``."""
    return None if _native.door() is None else _running


def _state() -> dict[str, Any]:
    state: dict[str, Any] = json.loads(_native.need().state())
    return state


def _was_cleared(number: int) -> bool:
    return 0 <= number < IKBreakpoint.next_breakpoint_number


def _frame(agent: Agent, frame_id: int | None) -> FrameType | None:
    if not frame_id:
        return None
    frame = agent.frame_at(frame_id) if 0 < frame_id < 1 << 64 else None
    if frame is None:
        raise ValueError(f"there is no frame {frame_id}; `dump_frames` tells which there are")
    return frame


def _said(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}"


def _evaluated(
    agent: Agent, frame_id: int | None, expression: str, global_context: bool, disable_break: bool
) -> tuple[str, str]:
    frame = _frame(agent, frame_id)
    try:
        is_expression, value = agent.evaluate_in(expression, frame, bool(global_context), bool(disable_break))
        if not is_expression:
            return "None", "NoneType"
        return agent.describe(value, True, bool(disable_break))[0], agent.type_name(value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return _said(error), type(error).__name__
