# coding: utf8
class R(object):
    def __repr__(self): raise ValueError("no repr")
class D(object):
    pass
r = R(); d = D(); d.f = len; d.__x = 1; d.m = d.__init__; d.lam = lambda: 1; d.k = D
raw = "\xff\xfe"
dd = {u"\xe9": 1, "\xff": 2, None: 3}
fs = frozenset([1]); ba = bytearray(b"ab"); c = 1j; e = Ellipsis; ex = ValueError("z"); ge = (i for i in []); rg = range(3); ty = int; b = True
from collections import OrderedDict, namedtuple, deque
od = OrderedDict(a=1); nt = namedtuple("NT","a b")(1,2); dq = deque([1,2])
class SubList(list): pass
sl = SubList([1,2,3]); sl.extra = 1
exact = "x"*485; over = "x"*486
x = 1
