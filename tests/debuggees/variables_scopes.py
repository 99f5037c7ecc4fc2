"""Frames of every kind, to look at their names."""

import threading

shared = 1


def function(first, second=2, *rest, key, **options):
    local = [first]

    def inner():
        return local, outer_name

    outer_name = "cell"
    never = 1
    del never
    return inner()  # BP:function


class Body:
    attribute = 1
    marker = 2  # BP:class


def outer():
    free = "free"

    def inner():
        own = free
        return own  # BP:closure

    return inner()


def held(ready, leave, results):
    value = "before"
    cell = 1

    def inner():
        return cell

    ready.set()
    leave.wait()
    results.append((value, cell, inner()))


def set_values(argument):
    number = 1
    cell = 10

    def inner():
        return cell

    leave.set()  # BP:set
    thread.join()
    print(argument, number, cell, inner(), results, shared)


ready = threading.Event()
leave = threading.Event()
results = []
function(1, 2, 3, key=4, extra=5)
outer()
thread = threading.Thread(target=held, args=(ready, leave, results), name="held")
thread.start()
ready.wait()
caller = "unchanged"


def call():
    caller_local = 1
    set_values(0)
    print(caller_local, caller)


call()
squares = [number * number for number in (3,)]; done = True  # BP:module
