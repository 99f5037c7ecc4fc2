"""The program that the browser tests debug. Lines are addressed by their `BP:` markers."""
import sys
import threading
import time

FLAGS = set(sys.argv[1:])


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y


def work(i, total):
    square = i * i  # BP:work
    total += square  # BP:total

    # BP:comment
    print("step", i, total)  # BP:print
    return total  # BP:return


def background(gate):
    gate.wait(60)


def main():
    nested = {"a": {"b": [1, 2, {"c": "deep"}]}, "markup": "<img src=x onerror=alert(1)>"}
    many = list(range(500))
    point = Point(3, 4)
    text = "text"
    total = 0
    gate = threading.Event()
    threads = [threading.Thread(target=background, args=(gate,), name=n) for n in ("alpha", "beta")]
    for thread in threads:
        thread.start()
    for i in range(6):
        total = work(i, total)  # BP:call
    gate.set()
    if "ask" in FLAGS:
        print("hello", input("name? "))  # BP:ask
    while "spin" in FLAGS:
        total += 1  # BP:spin
        time.sleep(0.01)
    if "raise" in FLAGS:
        raise ValueError(f"total is {total}")  # BP:raise
    print("done", len(nested), len(many), point.x, text)  # BP:done
    return total


main()
sys.exit(7 if "seven" in FLAGS else 0)  # BP:exit
