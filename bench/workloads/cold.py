"""A function that no workload calls."""


def cold():
    return 1  # BP:cold
