"""Recursive calls: nearly all of the time goes into calling."""


def fib(n):
    if n < 0:
        return -1  # BP:never
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)  # BP:hot if n == 12345


def run(n):
    for _ in range(n):
        fib(14)


def reach_never():
    fib(-1)


def reach_hot():
    fib(12345)
