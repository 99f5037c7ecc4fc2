"""The protocol on a socket: messages in any pieces, lengths however they are counted, and what is no message."""

import contextlib
import io
import json
import socket
import time
import unittest

from ikpdb import IKPdbConnectionHandler

MAGIC = "LLADpcdtbdpac"
# Nothing here waits longer, unless it is broken.
DEADLINE = 20


def framed(body, count=None):
    """A message as a client of the original writes it; its length in UTF-16 units."""
    body = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    length = len(body.encode("utf-16-le")) // 2 if count is None else count(body)
    return f"length={length}{MAGIC}{body}".encode()


class Connected(unittest.TestCase):
    def setUp(self):
        self.far, near = socket.socketpair()
        for end in self.far, near:
            self.addCleanup(end.close)
            end.settimeout(DEADLINE)
        self.near = near
        self.handler = IKPdbConnectionHandler(near)

    def sent(self):
        """What the handler has sent."""
        return json.loads(self.far.recv(1 << 16).partition(MAGIC.encode())[2])

    def receive(self):
        """The next command; what is logged of others is not shown."""
        with contextlib.redirect_stderr(io.StringIO()):
            return self.handler.receive()


class Encoding(Connected):
    def test_a_message_is_ascii_and_says_how_long_it_is(self):
        for body in [{}, {"a": "é😀", "b": [1, None]}, "text"]:
            message = self.handler.encode(body)
            length, _, text = message.removeprefix(b"length=").partition(MAGIC.encode())
            self.assertTrue(message.isascii())
            self.assertEqual((int(length), json.loads(text)), (len(text), body))
            self.assertEqual(self.handler.decode(message), body)
            self.assertEqual(self.handler.decode(message.decode()), body)
        self.assertEqual(self.handler.encode({"a": 1, "b": 2}), b'length=16LLADpcdtbdpac{"a": 1, "b": 2}')

    def test_the_magic_code_stands_in_a_message_once(self):
        for text in [MAGIC, f"L{MAGIC}{MAGIC}", f"\\{MAGIC}", f"é{MAGIC}"]:
            message = self.handler.encode({text: [text]})
            self.assertEqual(message.count(MAGIC.encode()), 1)
            self.assertEqual(self.handler.decode(message), {text: [text]})
            # Clients write it as it is.
            self.assertEqual(self.handler.decode(framed({"a": text})), {"a": text})

    def test_what_is_no_whole_message_is_refused(self):
        for wrong in [b"", b"junk", b"length=5", framed("{}")[:-1], framed("{oops}"), framed("{}", lambda _: "x")]:
            with self.assertRaisesRegex(ValueError, "no whole message"), contextlib.redirect_stderr(io.StringIO()):
                self.handler.decode(wrong)


class Sending(Connected):
    def test_an_event_has_all_its_keys(self):
        self.handler.send("programEnd", result={"exit_code": 3})
        self.assertEqual(
            self.sent(),
            {
                "_id": None,
                "command": "programEnd",
                "result": {"exit_code": 3},
                "commandExecStatus": "ok",
                "frames": [],
                "info_messages": [],
                "warning_messages": [],
                "error_messages": [],
                "exception": None,
            },
        )
        told = {
            "frames": [{"id": 1}],
            "info_messages": ["i"],
            "warning_messages": ["w"],
            "error_messages": ["e"],
            "exception": {"type": "T", "info": "x"},
        }
        self.handler.send("programBreak", 7, **told)
        sent = self.sent()
        self.assertEqual({key: sent[key] for key in told}, told)
        self.assertEqual((sent["_id"], sent["result"]), (7, {}))

    def test_a_reply_is_the_command_without_its_arguments_and_with_the_answer(self):
        command = {"_id": "a", "command": "x", "args": {"a": 1}, "more": [2]}
        self.handler.reply(command, [1], info_messages=["told"])
        lists = {"info_messages": ["told"], "warning_messages": [], "error_messages": []}
        answer = {"_id": "a", "command": "x", "more": [2], "result": [1], "commandExecStatus": "ok"}
        self.assertEqual(self.sent(), answer | lists)
        self.assertEqual(command["args"], {"a": 1})
        self.handler.reply({"command": "x"}, None, "error", error_messages=["no"])
        lists = {"info_messages": [], "warning_messages": [], "error_messages": ["no"]}
        self.assertEqual(self.sent(), {"command": "x", "result": {}, "commandExecStatus": "error"} | lists)


class Receiving(Connected):
    def test_messages_come_in_any_pieces(self):
        bodies = [
            {"_id": 1, "command": "evaluate", "args": {"expression": "1"}},
            {"_id": 2, "command": "é", "args": {"text": "naïve ž"}},
            {"_id": 3, "command": "😀", "args": {"text": f"😀😀 {MAGIC} length=5{MAGIC}"}},
            {"_id": 4, "command": "last", "args": {}},
        ]
        stream = b"".join(map(framed, bodies))
        for size in [1, 2, 3, 7, len(stream) - 1, len(stream)]:
            handler = IKPdbConnectionHandler(self.near)
            got = []
            self.near.setblocking(False)
            for at in range(0, len(stream), size):
                self.far.sendall(stream[at : at + size])
                # Half a message is kept.
                with contextlib.suppress(BlockingIOError):
                    while True:
                        got.append(handler.receive())
            self.near.settimeout(DEADLINE)
            self.assertEqual(got, bodies, size)

    def test_a_length_may_count_units_bytes_or_code_points(self):
        body = {"_id": 1, "command": "é😀", "args": {"😀": "ž"}}
        after = {"_id": 2, "command": "after", "args": {}}
        for count in [None, lambda it: len(it.encode()), len]:
            self.far.sendall(framed(body, count) + framed(after, count))
            self.assertEqual([self.receive(), self.receive()], [body, after])

    def test_missing_arguments_are_none(self):
        for given in [{"command": "x"}, {"command": "x", "args": None}]:
            self.far.sendall(framed(given))
            self.assertEqual(self.receive(), {"command": "x", "args": {}})

    def test_what_is_no_command_is_answered_if_it_has_an_id_and_passed_over(self):
        good = {"_id": 9, "command": "good", "args": {}}
        self.far.sendall(framed(good))
        self.assertEqual(self.receive(), good)
        for wrong, why in [
            (framed({"_id": 1}), "it has no `command`"),
            (framed({"_id": 1, "command": 5}), "it has no `command`"),
            (framed({"_id": 1, "command": "x", "args": [1]}), "its `args` are no object"),
            (framed('{"_id": 1, "command": "x", oops}'), "its body is no JSON"),
            (framed('{"_id": "é", \'command\': 1}'), "its body is no JSON"),
            (framed(good, lambda it: len(it) + 30), "its body is no JSON"),
            (framed("[1]"), None),
            (framed("null"), None),
            (framed("{oops"), None),
            (framed("{}", lambda _: "x"), None),
            (framed("{}", lambda _: -1), None),
            (b"Content-Length:0\r\n\r\n", None),
            (b"junk \xff length= \xc3", None),
            (b"length=3LLADpcdtbdpac\xff\xff\xff", None),
        ]:
            self.far.sendall(wrong + framed(good))
            self.assertEqual(self.receive(), good, wrong)
            if why is not None:
                answer = self.sent()
                text = f"IKPdb error: this message cannot be read: {why}."
                self.assertEqual((answer["error_messages"], answer["commandExecStatus"]), ([text], "error"))
        self.far.setblocking(False)
        self.assertRaises(BlockingIOError, self.far.recv, 1)

    def test_who_does_not_begin_as_a_client_is_not_listened_to(self):
        good = framed({"command": "x"})
        self.far.sendall(b"Content-Length:0\r\n\r\n" + good)
        self.assertEqual(self.receive()["command"], "x")
        for begin in [b"POST / HTTP/1.1\r\n\r\n", b" length=2", b"lengthy", b"Content-Length:1"]:
            self.handler = IKPdbConnectionHandler(self.near)
            self.far.sendall(begin + good)
            quit_ = self.receive()
            self.assertEqual(quit_["command"], "_InternalQuit", begin)
            self.assertIn("does not speak the protocol of IKPdb", quit_["args"]["reason"])

    def test_the_end_of_the_connection_is_a_command_to_quit(self):
        self.far.sendall(framed({"command": "x"}) + b"length=5LLADpc")
        self.far.close()
        self.assertEqual(self.receive()["command"], "x")
        closed = {"command": "_InternalQuit", "args": {"reason": "the connection was closed"}}
        self.assertEqual([self.receive(), self.receive()], [closed, closed])
        self.near.close()
        self.assertEqual(self.receive()["command"], "_InternalQuit")

    def test_a_timeout_of_the_socket_is_the_callers_and_loses_nothing(self):
        message = framed({"command": "x"})
        self.far.sendall(message[:30])
        self.near.settimeout(0.001)
        self.assertRaises(TimeoutError, self.handler.receive)
        self.near.settimeout(DEADLINE)
        self.far.sendall(message[30:])
        self.assertEqual(self.receive()["command"], "x")

    def test_a_long_message_takes_time_in_proportion_to_its_length(self):
        # It would take minutes if what has come were looked through anew with each piece.
        body = {"command": "x", "args": {"text": "ž😀" * 2_000_000}}
        data = memoryview(framed(body))
        self.near.setblocking(False)
        got, begun = None, time.monotonic()
        for at in range(0, len(data), 1 << 12):
            self.far.sendall(data[at : at + (1 << 12)])
            with contextlib.suppress(BlockingIOError):
                got = self.handler.receive()
        self.assertLess(time.monotonic() - begun, DEADLINE)
        self.assertTrue(got == body)

    def test_a_connection_by_tcp_does_not_hold_messages_back(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            with socket.create_connection(server.getsockname()) as client:
                IKPdbConnectionHandler(client)
                self.assertTrue(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


if __name__ == "__main__":
    unittest.main()
