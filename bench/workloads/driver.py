"""Runs one workload on command and measures itself: `driver.py WORKLOAD SOCKET`.

The harness listens on SOCKET and sends one command a line. Times are the user CPU seconds of this process.
"""

import importlib
import operator
import os
import resource
import socket
import sys
import time

import cold


def user_seconds():
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def measure(workload, n):
    workload.run(max(1, n // 10))
    before = user_seconds()
    workload.run(n)  # BP:over
    return user_seconds() - before  # BP:after


def late():
    return 1  # BP:late


def steps():
    total = 0  # BP:steps
    for i in range(100_000):
        total += i
        total -= 1
    return total


def busy(count):
    import threading

    for _ in range(count):
        threading.Thread(target=spin, daemon=True).start()


def spin():
    n = 0
    while True:
        n += 1


def uncaught():
    import threading

    def fail():
        raise BenchError("uncaught")  # BP:uncaught

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


class BenchError(Exception):
    pass


def raised():
    try:
        raise BenchError("caught")  # BP:raised
    except BenchError:
        pass


def deep(levels=10_000):
    if levels:
        return deep(levels - 1)
    total = 0  # BP:deep
    for i in range(100_000):
        total += i
        total -= 1
    return total


def calls(levels=10_000):
    if levels:
        return calls(levels - 1)
    while True:
        same(levels)  # BP:calls


def same(value):
    return value  # BP:same


def large():
    numbers = list(range(1_000_000))
    return len(numbers)  # BP:large


def log(rounds):
    for i in range(rounds):
        value = i  # BP:log
    return value


class Callback:
    """Lines reported to a callback of CPython's own that does nothing, where the driver is told so: no debugger is here."""

    calls = 0
    line = 0

    def install(self, workload, file, line):
        self.line = line
        events = sys.monitoring.events.LINE
        sys.monitoring.use_tool_id(0, "bench")
        sys.monitoring.register_callback(0, events, self.count)
        sys.monitoring.set_local_events(0, code_with(line, file), events)
        # Every other line switches itself off now.
        workload.run(1)
        # It returns False at once, whatever the two arguments are.
        sys.monitoring.register_callback(0, events, operator.is_)

    def count(self, _code, line):
        if line != self.line:
            return sys.monitoring.DISABLE
        self.calls += 1


def code_with(line, file):
    module = sys.modules[os.path.basename(file).removesuffix(".py")]
    codes = [it.__code__ for it in vars(module).values() if hasattr(it, "__code__")]
    return next(code for code in codes if line in (row for *_, row in code.co_lines()))


def reach(workload, name):
    of_driver = {"late": late, "cold": cold.cold, "steps": steps, "uncaught": uncaught, "raised": raised, "deep": deep, "calls": calls, "large": large, "spin": spin}
    of_driver.get(name, lambda: getattr(workload, "reach_" + name)())()


def main():
    sys.setrecursionlimit(20_000)
    workload = importlib.import_module(sys.argv[1])
    link = socket.socket(socket.AF_UNIX)
    link.connect(sys.argv[2])
    lines = link.makefile("rw")
    callback = Callback()
    print("ready", os.getpid(), file=lines, flush=True)
    for line in lines:
        command, *arguments = line.split()
        if command == "measure":
            print(measure(workload, int(arguments[0])), file=lines, flush=True)
        elif command == "run":
            workload.run(int(arguments[0]))
            print("done", file=lines, flush=True)
        elif command == "log":
            begin = time.monotonic()
            log(int(arguments[0]))
            print(time.monotonic() - begin, file=lines, flush=True)
        elif command == "busy":
            busy(int(arguments[0]))
            print("done", file=lines, flush=True)
        elif command == "callback":
            callback.install(workload, arguments[1], int(arguments[0]))
            print("done", file=lines, flush=True)
        elif command == "called":
            print(callback.calls, file=lines, flush=True)
        elif command == "reach":
            reach(workload, arguments[0])
            print("done", file=lines, flush=True)
        else:
            break


main()
