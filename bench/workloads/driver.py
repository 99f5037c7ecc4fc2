"""Runs one workload on command and measures itself: `driver.py WORKLOAD SOCKET`.

The harness listens on SOCKET and sends one command a line. Times are the user CPU seconds of this process.
"""

import importlib
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


def large():
    numbers = list(range(1_000_000))
    return len(numbers)  # BP:large


def log(rounds):
    for i in range(rounds):
        value = i  # BP:log
    return value


def reach(workload, name):
    of_driver = {"late": late, "cold": cold.cold, "steps": steps, "uncaught": uncaught, "raised": raised, "deep": deep, "large": large, "spin": spin}
    of_driver.get(name, lambda: getattr(workload, "reach_" + name)())()


def main():
    sys.setrecursionlimit(20_000)
    workload = importlib.import_module(sys.argv[1])
    link = socket.socket(socket.AF_UNIX)
    link.connect(sys.argv[2])
    lines = link.makefile("rw")
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
        elif command == "reach":
            reach(workload, arguments[0])
            print("done", file=lines, flush=True)
        else:
            break


main()
