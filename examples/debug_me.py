"""A small shop to look around in: `cargo xtask run examples/debug_me.py`.

Try this: set a breakpoint on the line marked "HERE", continue, look at `order` and `basket`, change `discount`, step into
`price_of`, and let it run on. Run it with `--fail` to see an uncaught exception in the debugger, or with `--ask` to type
into the program's terminal from the page.
"""

import sys
import threading
import time
from dataclasses import dataclass, field


@dataclass
class Item:
    name: str
    price: float
    tags: set[str] = field(default_factory=set)


@dataclass
class Order:
    number: int
    customer: str
    items: list[Item]

    @property
    def total(self):
        return sum(item.price for item in self.items)


STOCK = {
    "pencil": Item("pencil", 0.8, {"office"}),
    "notebook": Item("notebook", 3.5, {"office", "paper"}),
    "lamp": Item("lamp", 29.9, {"home"}),
    "chair": Item("chair", 119.0, {"home", "heavy"}),
}


def price_of(order, discount=0.0):
    total = order.total
    if any("heavy" in item.tags for item in order.items):
        total += 15.0
    return round(total * (1 - discount), 2)


def serve(customer, *names):
    serve.count += 1
    basket = [STOCK[name] for name in names]
    order = Order(serve.count, customer, basket)
    discount = 0.1 if len(basket) > 2 else 0.0
    price = price_of(order, discount)  # HERE
    print(f"order {order.number}: {customer} pays {price:.2f} for {', '.join(names)}")
    return price


serve.count = 0


def count_seconds(ticks, done):
    while not done.wait(0.1):
        ticks.append(time.monotonic())


def main(arguments):
    ticks, done = [], threading.Event()
    counter = threading.Thread(target=count_seconds, args=(ticks, done), name="counter")
    counter.start()
    try:
        takings = serve("Ada", "pencil", "notebook")
        takings += serve("Grace", "lamp", "pencil", "notebook")
        takings += serve("Alan", "chair")
        if "--ask" in arguments:
            name = input("your name? ")
            takings += serve(name, *input("what do you want? ").split())
        if "--fail" in arguments:
            takings += serve("Nobody", "unicorn")
    finally:
        done.set()
        counter.join()
    squares = [n * n for n in range(1_000_000)]
    print(f"takings: {takings:.2f}, {len(ticks)} ticks, {len(squares)} squares")


if __name__ == "__main__":
    main(sys.argv[1:])
