"""Objects whose every special method says that it was called: a debugger that looks at them must stay silent."""

import enum
import gc
import sys

CALLS = []

SPECIAL = """
    __repr__ __str__ __bytes__ __format__ __lt__ __le__ __eq__ __ne__ __gt__ __ge__ __hash__ __bool__ __getattr__
    __getattribute__ __setattr__ __delattr__ __dir__ __get__ __set__ __delete__ __instancecheck__ __subclasscheck__
    __call__ __len__ __length_hint__ __getitem__ __setitem__ __delitem__ __missing__ __iter__ __next__ __reversed__
    __contains__ __add__ __radd__ __int__ __float__ __complex__ __index__ __round__ __abs__ __neg__ __enter__ __exit__
    __fspath__ __sizeof__ __reduce__ __reduce_ex__ __getstate__ __copy__ __deepcopy__ __class_getitem__ __buffer__
    __iadd__ __mul__ __or__ __and__ __trunc__ __await__ __aiter__ __anext__ keys items values get
""".split()


def special(name):
    def method(*args, **kwargs):
        CALLS.append(name)
        raise RuntimeError(f"{name} was called")

    method.__name__ = name
    return method


METHODS = {name: special(name) for name in SPECIAL}


class Meta(type):
    pass


for name in SPECIAL + ["__prepare__", "mro"]:
    if name not in ("mro", "__prepare__", "__setattr__", "__class_getitem__"):
        setattr(Meta, name, special("Meta." + name))


def hostile(*bases, **extra):
    namespace = dict(METHODS, __module__="hostile", __class__=property(special("__class__")), **extra)
    namespace["prop"] = property(special("prop"))
    return namespace, bases


def make(name, *bases, **extra):
    namespace, bases = hostile(*bases, **extra)
    return type.__new__(Meta, name, bases, namespace)


Plain = make("Plain")
Slotted = make("Slotted", __slots__=("a", "b"))
List = make("List", list)
Tuple = make("Tuple", tuple)
Dict = make("Dict", dict)
Set = make("Set", set)
Frozen = make("Frozen", frozenset)
Text = make("Text", str)
Bytes = make("Bytes", bytes)
Int = make("Int", int)
Float = make("Float", float)
Error = make("Error", Exception)

plain = object.__new__(Plain)
object.__setattr__(plain, "visible", 1)
slotted = object.__new__(Slotted)
object.__setattr__(slotted, "a", 2)
a_list = list.__new__(List)
list.extend(a_list, [1, plain])
a_tuple = tuple.__new__(Tuple, (1, 2))
a_dict = dict.__new__(Dict)
dict.__setitem__(a_dict, "k", plain)
a_set = set.__new__(Set)
set.update(a_set, [7])
a_frozen = frozenset.__new__(Frozen, [8])
a_text = str.__new__(Text, "text")
some_bytes = bytes.__new__(Bytes, b"bytes")
an_int = int.__new__(Int, 41)
a_float = float.__new__(Float, 0.5)
an_error = Exception.__new__(Error, "wrong", plain)


class HostileName(str):
    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other):
        CALLS.append("HostileName.__eq__")
        return str.__eq__(self, other)


# A name that looks like the one that a reader would search for, and an equal hash.
odd = object.__new__(Plain)
odd_dict = {HostileName("__name__"): 1, HostileName("visible"): 2}
object.__setattr__(odd, "__dict__", odd_dict)


class Key:
    def __init__(self, number):
        self.number = number

    def __hash__(self):
        if sys._getframe(1).f_code.co_name not in ("build", "<module>"):
            CALLS.append("Key.__hash__")
        return 1

    def __eq__(self, other):
        if sys._getframe(1).f_code.co_name not in ("build", "<module>"):
            CALLS.append("Key.__eq__")
        return self is other

    def __repr__(self):
        CALLS.append("Key.__repr__")
        return "key"


class Colour(enum.Enum):
    RED = 1

    def __repr__(self):
        CALLS.append("Colour.__repr__")
        return "red"


class Finalized:
    def __del__(self):
        CALLS.append("__del__")
        # Another one, so that there is always garbage whose collection would be heard.
        build_cycle()


def build():
    keyed = {Key(1): "one", Key(2): "two"}
    keys = {Key(3), Key(4)}
    return keyed, keys, Colour.RED


def build_cycle():
    cycle = Finalized()
    cycle.me = cycle


def hook(event, args):
    if armed and event == "object.__getattr__":
        CALLS.append(event)


armed = False
sys.addaudithook(hook)


def look():
    keyed, keys, colour = build()
    values = [plain, slotted, a_list, a_tuple, a_dict, a_set, a_frozen, a_text, some_bytes, an_int, a_float, an_error, odd]
    classes = [Plain, Slotted, List, Meta]
    generator = (value for value in values)
    try:
        raise ValueError(plain)
    except ValueError as error:
        caught = error
    global armed
    # Each allocation is a reason to collect the cycle, whose `__del__` would be heard.
    gc.collect()
    build_cycle()
    gc.set_threshold(1)
    armed = True
    CALLS.clear()
    stopped = True  # BP:hostile
    gc.set_threshold(0)
    armed = False
    return stopped, generator, caught


look()
