"""The program of the browser tests that stop threads one by one."""
import json
import threading

done = threading.Event()
gate = threading.Event()


def tick():
    while not done.wait(0.01):
        pass


def turn(name):
    total = 0
    for i in range(3):
        total += i  # BP:turn
        text = json.dumps(total)  # BP:dump
        if name == "alpha":
            gate.wait(60)  # BP:gate
    return text  # BP:back


class Turner:
    def turn(self, name):
        return turn(name)  # BP:method


def main():
    ticker = threading.Thread(target=tick, name="ticker")
    ticker.start()
    threads = [threading.Thread(target=Turner().turn, args=(n,), name=n) for n in ("alpha", "beta")]
    for thread in threads:
        thread.start()
    threads[1].join()
    gate.set()
    threads[0].join()
    done.set()
    ticker.join()
    print("all done")


main()
