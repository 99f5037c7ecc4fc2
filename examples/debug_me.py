"""A small program to try the debugger on: `ikpdb run examples/debug_me.py [NAME…]`.

It keeps the stock of a shop. Lines worth a breakpoint are marked `# BP:`.
"""

import sys
import threading
from dataclasses import dataclass, field


@dataclass
class Item:
    """Something on the shelf."""

    name: str
    price: float
    count: int = 1

    @property
    def value(self):
        return self.price * self.count


@dataclass
class Stock:
    """All items, and who asked for them."""

    items: dict[str, Item] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def add(self, item):
        known = self.items.get(item.name)
        if known is None:
            self.items[item.name] = item  # BP:new-item
        else:
            known.count += item.count
        self.log.append(f"added {item.count} {item.name}")

    def total(self):
        total = 0.0
        for item in self.items.values():
            total += item.value  # BP:loop
        return total

    def take(self, name, count):
        item = self.items[name]
        if item.count < count:
            raise ValueError(f"only {item.count} of {name} left, {count} wanted")  # BP:raise
        item.count -= count
        return item


def fill(stock):
    for name, price, count in [("apple", 0.5, 40), ("bread", 2.25, 6), ("cheese", 7.0, 2)]:
        stock.add(Item(name, price, count))
    stock.add(Item("apple", 0.5, 10))


def factorial(n):
    if n <= 1:
        return 1  # BP:bottom
    return n * factorial(n - 1)


def count_in_background(numbers, done):
    total = 0
    for number in numbers:
        total += number  # BP:thread
    done.append(total)


def main(names):
    stock = Stock()
    fill(stock)
    print("the stock is worth", stock.total())

    many = list(range(1_000_000))
    nested = {"list": [1, [2, [3, [4]]]], "text": "x" * 5000, "set": {1, 2, 3}, "none": None}
    print("10! is", factorial(10), "and there are", len(many), "numbers and", len(nested), "odd things")  # BP:values

    done = []
    worker = threading.Thread(target=count_in_background, args=(many[:1000], done), name="counter")
    worker.start()
    worker.join()
    print("the worker counted", done[0])

    for name in names or ["apple", "cheese"]:
        try:
            stock.take(name, 3)
        except (KeyError, ValueError) as error:
            print("cannot take 3 of", name, "-", error)  # BP:caught
        else:
            print("took 3 of", name)
    return 0  # BP:end


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
