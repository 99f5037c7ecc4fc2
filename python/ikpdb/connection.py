"""The protocol of IKPdb on a socket: ``length=<N>LLADpcdtbdpac<JSON>``, where N counts the UTF-16 units of the JSON.

What is sent is ASCII. What is received may be UTF-8, in any pieces. Some clients count bytes or code points: a body
that is JSON by one of the three counts is taken so.
"""

from __future__ import annotations

import codecs
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ikpdb.logger import IKPdbLogger

__all__ = ["IKPdbConnectionHandler"]

_MAGIC = "LLADpcdtbdpac"
_LENGTH = b"length="
# The longest number that is taken for a length: nobody sends more.
_DIGITS = 10
_HEADER = re.compile(rb"length=(\d{1,%d})%s" % (_DIGITS, _MAGIC.encode()))
# The most bytes that it takes to tell what a header is.
_HEADER_SIZE = len(_LENGTH) + _DIGITS + len(_MAGIC)
# What a reloaded page of Cloud9 sends when it joins a connection. It means nothing.
_PING = b"Content-Length:0\r\n\r\n"


class IKPdbConnectionHandler:
    """Sends and receives the messages of the protocol.

    Several threads may send; one receives.

    Args:
        connection: a connected stream socket. It stays the caller's to close.
    """

    MAGIC_CODE: ClassVar[str] = _MAGIC
    SOCKET_BUFFER_SIZE: ClassVar[int] = 4096

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sends = threading.Lock()
        self._received = _Received()
        if getattr(connection, "family", None) in (socket.AF_INET, socket.AF_INET6):
            # A message is one write, and waits for no other.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def encode(self, obj: object) -> bytes:
        """The bytes of a message with this body.

        Raises:
            TypeError: JSON cannot say it.
        """
        # Whoever splits at the magic code finds it once.
        body = json.dumps(obj).replace(_MAGIC, f"\\u{ord(_MAGIC[0]):04x}{_MAGIC[1:]}")
        return f"length={len(body)}{_MAGIC}{body}".encode("ascii")

    def decode(self, message: str | bytes) -> Any:
        """The body of one whole message.

        Raises:
            ValueError: it is none.
        """
        received = _Received()
        received.push(message.encode("utf-8", "surrogatepass") if isinstance(message, str) else message)
        body = received.next_body()
        if body is None or isinstance(body, _NoJson):
            raise ValueError("this is no whole message of the IKPdb protocol")
        return body

    def log_sent(self, msg: object) -> None:
        """Logs a message that was sent, under ``n``."""
        IKPdbLogger.n_debug("Sent %s", msg)

    def log_received(self, msg: object) -> None:
        """Logs a message that was received, under ``n``."""
        IKPdbLogger.n_debug("Received %s", msg)

    def send(
        self,
        command: str,
        _id: int | None = None,
        result: Mapping[str, Any] = {},
        frames: Sequence[Mapping[str, Any]] = [],
        error_messages: Sequence[str] = [],
        warning_messages: Sequence[str] = [],
        info_messages: Sequence[str] = [],
        exception: Mapping[str, str] | None = None,
    ) -> None:
        """Sends an event.

        Raises:
            OSError: the connection is broken.
            TypeError: JSON cannot say it.
        """
        self._write(
            {
                "_id": _id,
                "command": command,
                "result": result,
                "commandExecStatus": "ok",
                "frames": frames,
                "info_messages": info_messages,
                "warning_messages": warning_messages,
                "error_messages": error_messages,
                "exception": exception,
            }
        )

    def reply(
        self,
        obj: Mapping[str, Any],
        result: Any,
        command_exec_status: str = "ok",
        info_messages: Sequence[str] = [],
        warning_messages: Sequence[str] = [],
        error_messages: Sequence[str] = [],
    ) -> None:
        """Answers a command: sends it back without its ``args`` and with the answer. ``obj`` itself stays as it is.

        Raises:
            OSError: the connection is broken.
            TypeError: JSON cannot say it.
        """
        echoed = {key: value for key, value in obj.items() if key != "args"}
        answer = {
            # Clients look into it unasked.
            "result": {} if result is None else result,
            "commandExecStatus": command_exec_status,
            "info_messages": info_messages,
            "warning_messages": warning_messages,
            "error_messages": error_messages,
        }
        self._write(echoed | answer)

    def receive(self) -> dict[str, Any]:
        """Waits for a command: an object with ``command``, a text, and ``args``, an object.

        What is none is answered with an error if it has an ``_id``, and passed over. When the connection has ended, or
        whoever is there does not speak the protocol, the command is ``_InternalQuit``, and its ``args`` say why:
        ``{"reason": text}``.

        Raises:
            TimeoutError: the socket has a timeout, and it is over. What came so far is kept.
            BlockingIOError: the same for a socket that does not wait.
        """
        while True:
            try:
                for body in self._received:
                    command = self._command(body)
                    if command is not None:
                        self.log_received(command)
                        return command
                data = self._connection.recv(self.SOCKET_BUFFER_SIZE)
            except (TimeoutError, BlockingIOError):
                raise
            except (_Foreign, OSError) as error:
                return _quit(str(error))
            if not data:
                return _quit("the connection was closed")
            self._received.push(data)

    def _command(self, body: Any) -> dict[str, Any] | None:
        """The command that a body is; answers one that is none."""
        known: dict[str, Any] = {}
        if isinstance(body, _NoJson):
            known, why = body.known, "its body is no JSON"
        elif not isinstance(body, dict):
            why = "its body is no JSON object"
        else:
            known, arguments = body, body.get("args")
            if not isinstance(body.get("command"), str):
                why = "it has no `command`"
            elif arguments is not None and not isinstance(arguments, dict):
                why = "its `args` are no object"
            else:
                return {**body, "args": arguments or {}}
        if known.get("_id") is not None:
            self.reply(known, {}, "error", error_messages=[f"IKPdb error: this message cannot be read: {why}."])
        IKPdbLogger.n_error("A message was passed over: %s", why)
        return None

    def _write(self, message: dict[str, Any]) -> None:
        data = self.encode(message)
        with self._sends:
            self._connection.sendall(data)
        self.log_sent(message)


class _NoJson:
    """A body that is no JSON, with what can be read of whose it is. Clients write that first."""

    _ID = re.compile(rb'\s*\{\s*"_id"\s*:\s*(\d{1,15}|"[^"\\]*")\s*,')

    def __init__(self, body: bytes) -> None:
        begin = self._ID.match(body)
        self.known: dict[str, Any] = {"_id": json.loads(begin[1])} if begin else {}


class _Foreign(Exception):
    """Whoever is there does not speak the protocol."""


class _Received:
    """Cuts what was received into the bodies of messages."""

    def __init__(self) -> None:
        self._data = bytearray()
        # Before so many bytes are there nothing can be told.
        self._needed = 1
        # A web page can make a browser send to any port, but nothing that begins with `length=`.
        self._is_known = False

    def push(self, data: bytes) -> None:
        """Adds what was read."""
        self._data += data

    def __iter__(self) -> Iterator[Any]:
        """The bodies that are there; ``_NoJson`` for what is none."""
        while len(self._data) >= self._needed:
            self._needed = 1
            at = self._at_header()
            if at is None:
                return
            header = _HEADER.match(self._data, at)
            if header is None:
                # Something that looks like one: what follows is looked through.
                IKPdbLogger.n_error("A message was passed over: its length is no number")
                del self._data[: at + len(_LENGTH)]
                continue
            length, begin = int(header[1]), header[0]
            del self._data[: at + len(begin)]
            body = self._body(length, begin)
            if body is None:
                return
            self._is_known = True
            yield body

    def next_body(self) -> Any:
        """The next body; ``None`` if it has not come, or if something else has."""
        try:
            return next(iter(self), None)
        except _Foreign:
            return None

    def _at_header(self) -> int | None:
        """Where a header begins that can be read; ``None`` before it has come."""
        while not self._is_known and self._data.startswith(_PING):
            del self._data[: len(_PING)]
        at = self._data.find(_LENGTH)
        if not self._is_known:
            begin = bytes(self._data[:_HEADER_SIZE])
            if not any(it.startswith(begin[: len(it)]) for it in (_LENGTH, _PING)):
                raise _Foreign(f"it does not speak the protocol of IKPdb: {begin!r}")
            at = 0 if at == 0 else -1
        elif at < 0:
            # Its end may be a beginning.
            del self._data[: -len(_LENGTH) + 1]
        if at < 0:
            self._needed = len(self._data) + 1
            return None
        if _HEADER.match(self._data, at) is None and len(self._data) - at < _HEADER_SIZE:
            self._needed = len(self._data) + 1
            return None
        return at

    def _body(self, length: int, header: bytes) -> Any:
        """The body that begins here; ``None`` before it has come, and then its header is there again."""
        end = 0
        for found in _ends(self._data, length):
            if isinstance(found, _More):
                self._needed = len(header) + len(self._data) + found.count
                self._data[:0] = header
                return None
            end = found
            try:
                body = json.loads(self._data[:end].decode("utf-8"))
            except (ValueError, RecursionError):
                continue
            del self._data[:end]
            return _NoJson(b"") if body is None else body
        broken = _NoJson(bytes(self._data[:end]))
        if self._data.startswith(_LENGTH, end):
            del self._data[:end]
        # Else its length was wrong: it is looked through for the next message.
        return broken


class _More:
    """At least so many more bytes have to come."""

    def __init__(self, count: int) -> None:
        self.count = count


def _ends(data: bytearray, length: int) -> Iterator[int | _More]:
    """Where a body of a length ends: by bytes, by UTF-16 units, by code points.

    More of the former make up a text, so they come in this order.
    """
    if len(data) < length:
        yield _More(length - len(data))
        return
    yield length
    if data[:length].isascii():
        return
    text = _whole(data)
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) < 2 * length:
        # The longest character of one unit has three bytes, the shortest one: so many more at least.
        yield _More(length - len(units) // 2)
        return
    yield len(units[: 2 * length].decode("utf-16-le", "replace").encode("utf-8"))
    if len(text) < length:
        yield _More(length - len(text))
        return
    yield len(text[:length].encode("utf-8"))


def _whole(data: bytearray) -> str:
    """The text up to a character of which more is to come."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(data)


def _quit(reason: str) -> dict[str, Any]:
    return {"command": "_InternalQuit", "args": {"reason": reason}}
