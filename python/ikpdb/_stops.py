"""The stops that a program asks for itself."""

import sys

from ikpdb import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType

    _ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

__all__ = ["post_mortem", "set_trace"]


def set_trace(a_frame: "FrameType | None" = None) -> "str | None":
    """Stops the calling thread at once, and returns when the user lets it go on.

    Args:
        a_frame: the frame to show on top; ``None`` for the caller's.

    Returns:
        ``None``; in a program that is not debugged a text that says so.

    Raises:
        TypeError: ``a_frame`` is no frame.
    """
    agent = _native.find()
    if agent is None:
        return "Error: IKPdb must be launched before calling ikpd.set_trace()."
    agent.set_trace(sys._getframe(1) if a_frame is None else a_frame)
    return None


def post_mortem(trace_back: "TracebackType | None" = None, exc_info: "_ExcInfo | None" = None) -> "str | None":
    """Shows where an exception has come from: the frames that it has left, above those that are running.

    Args:
        trace_back: a traceback. It is shown with the exception that is being handled if that has left it, else alone.
        exc_info: what ``sys.exc_info()`` gives: type, exception, traceback. It counts before ``trace_back``.

    Returns:
        ``None`` when the user lets the program go on; a text if neither argument holds anything, or if the program is
        not debugged.

    Raises:
        TypeError: an argument is something else.
    """
    agent = _native.find()
    if agent is None:
        return "Error: IKPdb must be launched before calling ikpd.post_mortem()."
    exception: "BaseException | None" = None
    if exc_info is not None:
        if not isinstance(exc_info, tuple) or len(exc_info) != 3:
            raise TypeError(f"exc_info needs type, exception and traceback, not {exc_info!r}")
        _, exception, trace_back = exc_info
        if exception is not None and not isinstance(exception, BaseException):
            raise TypeError(f"exc_info needs an exception in its middle, not {exception!r}")
    elif trace_back is not None:
        exception = _exception_of(trace_back)
    if exception is None and trace_back is None:
        return "missing parameter trace_back or exc_info"
    if trace_back is not None and not hasattr(trace_back, "tb_lineno"):
        raise TypeError(f"a traceback is needed, not {trace_back!r}")
    agent.post_mortem(exception, trace_back, sys._getframe(1))
    return None


def _exception_of(trace_back: "TracebackType") -> "BaseException | None":
    """The exception that is being handled, if this is a part of its traceback."""
    exception = sys.exc_info()[1]
    entry = None if exception is None else exception.__traceback__
    while entry is not None and entry is not trace_back:
        entry = entry.tb_next
    return None if entry is None else exception
