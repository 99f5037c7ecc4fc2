"""A `while` loop over floats in one long-lived frame."""


def loop(i, end):
    x, y, v, w = 1.0, 0.5, 0.0, 0.25
    while i < end:
        if i < -10:
            return x  # BP:never
        d = x * x + y * y + 0.01
        v -= x / d  # BP:hot if i == -5
        w -= y / d
        x += v * 0.001
        y += w * 0.001
        i += 1
    return x


def run(n):
    loop(0, n * 500)


def reach_never():
    loop(-20, 0)


def reach_hot():
    loop(-5, 0)
