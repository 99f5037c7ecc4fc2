"""Eight threads that compute at the same time."""

from threading import Thread

COUNT = 8


def step(value):
    if value < 0:
        return 0  # BP:never
    return (value * 31 + 7) % 1000  # BP:hot if value == 123456


def work(n):
    value = 1
    for _ in range(n):
        value = step(value)
    return value


def run(n):
    threads = [Thread(target=work, args=(n * 100,)) for _ in range(COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def reach_never():
    step(-1)


def reach_hot():
    step(123456)
