"""Values of every kind and size, to expand and to change."""

import collections
import dataclasses
import enum
import sys
import types
import weakref

# Large only where it matters: it takes its time to build.
LARGE = sys.argv[1:] == ["large"]
MILLION = 1_000_000 if LARGE else 1_000


class Base:
    inherited = "from the base"

    def method(self):
        return self


class Thing(Base):
    shared = [1]

    def __init__(self):
        self.public = 1
        self._protected = 2
        self.__private = 3

    @property
    def twice(self):
        opened.append("twice")
        return self.public * 2

    @twice.setter
    def twice(self, value):
        self.public = value // 2

    @property
    def broken(self):
        raise LookupError("no such thing")


class Slots:
    __slots__ = ("full", "empty")

    def __init__(self):
        self.full = 1


class Loud(list):
    def __setitem__(self, index, value):
        raise IndexError("not here")


class Weak:
    pass


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: int = 2


class Colour(enum.Enum):
    RED = 1


Pair = collections.namedtuple("Pair", "left right")
opened = []
thing = Thing()
slots = Slots()
point = Point(1)
pair = Pair(1, [2])
loud = Loud([1])
proxy = types.MappingProxyType({"a": 1})
keys = {"a": 1, 2: "two", (1, "x"): 3, None: 4, 1.5: 5, b"b": 6, True: 7, Colour.RED: 8, thing: 9, 'it"s': 10}
numbers = list(range(MILLION))
frozen = tuple(numbers)
table = {number: -number for number in numbers}
gaps = dict(table)
for number in range(0, MILLION, 3):
    del gaps[number]
chosen = set(numbers)
crowded = types.SimpleNamespace(**{f"name_{number}": number for number in range(MILLION // 10)})
long_text = "x" * (100 * MILLION)
deep = []
for _ in range(10_000):
    deep = [deep]
loop = [1]
loop.append(loop)
queue = collections.deque([1, 2])
error = KeyError("missing")


def weakly():
    weak = Weak()
    weak.cycle = [weak, {weak: weak}]
    alive = weakref.ref(weak)
    del weak.cycle  # BP:weak
    del weak
    return alive


stopped = True  # BP:values
print(thing.public, thing._Thing__private, slots.full, point, keys["a"], numbers[:2], queue, Base.inherited)
print(weakly()() is None)
