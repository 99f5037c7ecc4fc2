"""Runs one workload on command and measures itself: `driver.py WORKLOAD SOCKET`.

The harness listens on SOCKET and sends one command a line. Times are the user CPU seconds of this process.
"""

import importlib
import os
import resource
import socket
import sys

import cold


def user_seconds():
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def measure(workload, n):
    workload.run(max(1, n // 10))
    before = user_seconds()
    workload.run(n)
    return user_seconds() - before


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

    def spin():
        while True:
            pass

    for _ in range(count):
        threading.Thread(target=spin, daemon=True).start()


def reach(workload, name):
    if name == "late":
        late()
    elif name == "cold":
        cold.cold()
    elif name == "steps":
        steps()
    else:
        getattr(workload, "reach_" + name)()


def main():
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
        elif command == "busy":
            busy(int(arguments[0]))
            print("done", file=lines, flush=True)
        elif command == "reach":
            reach(workload, arguments[0])
            print("done", file=lines, flush=True)
        else:
            break


main()
