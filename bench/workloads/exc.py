"""Exceptions raised in one function and caught in another."""


class Refused(Exception):
    pass


def check(value):
    if value < 0:
        return False  # BP:never
    if value % 2:
        raise Refused(value)  # BP:hot if value == 99999
    return True


def run(n):
    refused = 0
    for i in range(n * 100):
        try:
            check(i % 100)
        except Refused:
            refused += 1
    return refused


def reach_never():
    check(-1)


def reach_hot():
    try:
        check(99999)
    except Refused:
        pass
