//! Locals of a caller that is in the middle of an expression are replaced: what was read before stays what it was, under the debug allocator.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use support::variables::{scope, set};
use support::{Debuggee, Launch, pythons};

/// In each shape `x` and `y` are read before and after a call in which they are replaced. Nothing else refers to what they were.
const SHAPES: &str = "\
import asyncio
class Old(list):
    def __add__(self, other): return ('sum', list(self), other)
    def at(self, n): return ('at', list(self), n)
    def __enter__(self): return f(self)
    def __exit__(self, *_): self.append('left')
def fresh(name):
    return Old([name, name * 3])
def f(*_, **__):
    junk = [object() for _ in range(50)]
    return 2  # BP:callee
def h(*args, **named):
    return [list(a) if isinstance(a, list) else a for a in args], {k: list(v) for k, v in named.items()}
def g(y):
    return len(y)
def in_tuple():
    x, y = fresh('x'), fresh('y')
    return (x, f(x), x)
def in_sum():
    x, y = fresh('x'), fresh('y')
    return x + f(x) * g(y)
def in_list():
    x, y = fresh('x'), fresh('y')
    return [*x, y, *[f()], *x, y]
def in_dict():
    x, y = fresh('x'), fresh('y')
    return {'a': x, 'b': y, 'c': f(), 'd': x}
def in_call():
    x, y = fresh('x'), fresh('y')
    return h(x, y, f(), x, k=y)
def in_method():
    x, y = fresh('x'), fresh('y')
    return x.at(f(y)), y
def in_index():
    x, y = fresh('x'), fresh('y')
    return x[f(y) - 2], y[f(x) - 1]
def in_comparison():
    x, y = fresh('x'), fresh('y')
    return x == f() == y, x < [f()] if False else list(x)
def in_text():
    x, y = fresh('x'), fresh('y')
    return f'{x} {y} {f()} {x} {y}'
def in_store():
    x, y = fresh('x'), fresh('y')
    x[f() - 2] = y
    return x, y
def in_unpacking():
    x, y = fresh('x'), fresh('y')
    a, b, c = x, f(), y
    return a, b, c, x
def in_loop():
    x, y = fresh('x'), fresh('y')
    seen = []
    for item in x:
        seen.append((item, f() if item == 'x' else 0))
    return seen, x
def in_comprehension():
    x, y = fresh('x'), fresh('y')
    return [(item, y, f() if item == 'x' else 0) for item in x]
def in_with():
    x, y = fresh('x'), fresh('y')
    with x as n:
        pass
    return n, x
def in_cell():
    x, y = fresh('x'), fresh('y')
    def inner(): return x, y
    return x, f(inner), x, inner()
def in_generator():
    def generate():
        x, y = fresh('x'), fresh('y')
        yield x, y, f(), x
    return list(generate())
def in_coroutine():
    async def wait():
        x, y = fresh('x'), fresh('y')
        await asyncio.sleep(0)
        return x, y, f(), x
    return asyncio.run(wait())
def in_arguments():
    def inner(x, y, *rest, z=None):
        return x, f(), rest, z, y, x
    return inner(fresh('x'), fresh('y'), fresh('r'), z=fresh('z'))
def in_conditional():
    x, y = fresh('x'), fresh('y')
    return (x or y), f() and x, y
def in_raise():
    x, y = fresh('x'), fresh('y')
    try:
        raise ValueError(x, f(), y)
    except ValueError as error:
        return error.args, x
def in_slice():
    x, y = fresh('x'), fresh('y')
    return x[f() - 2:len(y)], y[0:f()]
SHAPES = [it for key, it in sorted(globals().items()) if key.startswith('in_')]
for shape in SHAPES:
    print(shape.__name__, shape(), flush=True)
";

/// What becomes of each, by Python's rules: values are read from left to right, and what was read stays.
const EXPECTED: &str = "\
in_arguments (['x', 'xxx'], 2, (['r', 'rrr'],), ['z', 'zzz'], ('new y', 2), ['new x', 2])
in_call ([['x', 'xxx'], ['y', 'yyy'], 2, ['new x', 2]], {'k': ['new y', 2]})
in_cell (['x', 'xxx'], 2, ['new x', 2], (['new x', 2], ('new y', 2)))
in_comparison (False, ['new x', 2])
in_comprehension [('x', ['y', 'yyy'], 2), ('xxx', ('new y', 2), 0)]
in_conditional (['x', 'xxx'], ['new x', 2], ('new y', 2))
in_coroutine (['x', 'xxx'], ['y', 'yyy'], 2, ['new x', 2])
in_dict {'a': ['x', 'xxx'], 'b': ['y', 'yyy'], 'c': 2, 'd': ['new x', 2]}
in_generator [(['x', 'xxx'], ['y', 'yyy'], 2, ['new x', 2])]
in_index ('x', 2)
in_list ['x', 'xxx', ['y', 'yyy'], 2, 'new x', 2, ('new y', 2)]
in_loop ([('x', 2), ('xxx', 0)], ['new x', 2])
in_method (('at', ['x', 'xxx'], 2), ('new y', 2))
in_raise ((['x', 'xxx'], 2, ('new y', 2)), ['new x', 2])
in_slice (['x', 'xxx'], ('new y', 2))
in_store (['new x', 2], ('new y', 2))
in_sum ('sum', ['x', 'xxx'], 4)
in_text ['x', 'xxx'] ['y', 'yyy'] 2 ['new x', 2] ('new y', 2)
in_tuple (['x', 'xxx'], 2, ['new x', 2])
in_unpacking (['x', 'xxx'], 2, ('new y', 2), ['new x', 2])
in_with (2, ['new x', 2])";

#[test]
fn locals_that_are_replaced_in_the_middle_of_an_expression_are_read_as_they_were_and_then_as_they_are() {
    for python in pythons() {
        let version = &python.version;
        let env = [("PYTHONMALLOC", "debug"), ("PYTHONDEVMODE", "1"), ("PYTHONFAULTHANDLER", "1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        let mut debuggee = Debuggee::launch(&python, SHAPES, Launch { env, ..Launch::at("callee") });
        let mut stops = 0;
        while let Some(body) = debuggee.event_until_end("stopped") {
            let stop = debuggee.describe(body);
            stops += 1;
            let what = format!("{version} {}", stop.frames[1]["name"]);
            assert_eq!(stop.function(), "f", "{what}");
            // The frame that has them: `__enter__` is called by a `with`, and on 3.11 comprehensions have frames of their own.
            let others = ["Old.__enter__", "in_comprehension.<locals>.<listcomp>", "<listcomp>"];
            let is_other = |it: &serde_json::Value| others.iter().any(|other| it["name"] == *other);
            let caller = stop.frames.iter().skip(1).find(|it| !is_other(it)).unwrap();
            let locals = scope(&mut debuggee, caller, "Locals");
            for round in 0..3 {
                set(&mut debuggee, &locals, "x", &format!("['new x', {round}]")).unwrap();
                set(&mut debuggee, &locals, "y", &format!("('new y', {round})")).unwrap();
                // What is freed is used by others at once.
                debuggee.evaluate("[bytes(n) for n in range(200)] and __import__('gc').collect() and None", caller);
            }
            debuggee.go("continue", stop.thread);
        }
        let ended = debuggee.end();
        assert_eq!((ended.status.code(), ended.errors.as_str()), (Some(0), ""), "{version}");
        let (made, wanted): (Vec<_>, Vec<_>) = (ended.output.lines().collect(), EXPECTED.lines().collect());
        for (made, wanted) in made.iter().zip(&wanted) {
            assert_eq!(made, wanted, "{version}");
        }
        assert_eq!(made.len(), wanted.len(), "{version}");
        assert_eq!(stops, 23, "{version}");
    }
}
