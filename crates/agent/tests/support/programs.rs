//! Small random programs that say what they do: the same number makes the same program.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "test code; each test file uses its part")]

/// Makes one program.
pub struct Writer {
    state: u64,
    lines: Vec<String>,
    indent: usize,
    names: usize,
    minor: u32,
    /// Whether `return`, `yield`, `await` and `continue` may stand here.
    places: Vec<Place>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Module,
    Function,
    Coroutine,
    Loop,
    Class,
}

/// The text of program `number`, for Python 3.`minor`.
pub fn program(number: u64, minor: u32) -> String {
    let modern = minor >= 12;
    let mut writer = Writer {
        state: (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        lines: Vec::new(),
        indent: 0,
        names: 0,
        minor,
        places: vec![Place::Module],
    };
    writer.put(HEAD);
    writer.put("a, b, c = 1, 2, 3");
    for _ in 0..4 + writer.below(5) {
        writer.statement(0, modern);
    }
    // How it ends.
    match writer.below(8) {
        0 => writer.put(&format!("sys.exit({})", writer.names % 5)),
        1 => writer.put("raise LookupError('at the end', a, b, c)"),
        2 => writer.put("try:\n    raise KeyError(a)\nexcept KeyError as error:\n    raise OSError(b) from error"),
        3 => writer.put("raise ExceptionGroup('several', [ValueError(a), TypeError(b)])"),
        _ => writer.put("print('end', a, b, c)"),
    }
    writer.lines.join("\n") + "\n"
}

/// What every program begins with.
const HEAD: &str = "\
import asyncio, contextlib, functools, gc, sys, threading, traceback, warnings, weakref
def say(*what):
    print(sys._getframe(1).f_lineno, sys._getframe(1).f_code.co_name, *what)
    return what[-1]
class Thing:
    def __init__(self, name): self.name = name
    def __enter__(self): say('enter', self.name); return self
    def __exit__(self, kind, value, trace): say('exit', self.name, kind and kind.__name__); return kind is KeyError
    def __del__(self): print('del', self.name)
    @property
    def size(self): return say('size', len(str(self.name)))
    def __eq__(self, other): return say('eq', self.name == getattr(other, 'name', None))
    def __repr__(self): return f'<{type(self).__name__} {self.name}>'
    __hash__ = None
@contextlib.contextmanager
def managed(name):
    try:
        yield say('begin', name)
    except ValueError as error:
        say('swallowed', error)
    finally:
        say('over', name)
def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return say('called', function.__name__, function(*args, **kwargs))
    return wrapper
def depth(n=0):
    try:
        return depth(n + 1)
    except RecursionError:
        return n";

impl Writer {
    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}{}", self.names)
    }

    fn put(&mut self, text: &str) {
        for line in text.lines() {
            self.lines.push(format!("{}{line}", "    ".repeat(self.indent)));
        }
    }

    fn place(&self) -> Place {
        self.places.last().copied().unwrap_or(Place::Module)
    }

    /// Whether code here runs in a coroutine.
    fn awaits(&self) -> bool {
        self.places.iter().rev().find(|it| **it != Place::Loop) == Some(&Place::Coroutine)
    }

    fn in_function(&self) -> bool {
        let around = self.places.iter().rev().find(|it| **it != Place::Loop);
        matches!(around, Some(Place::Function | Place::Coroutine))
    }

    fn variable(&mut self) -> &'static str {
        ["a", "b", "c"][self.below(3) as usize]
    }

    fn expression(&mut self, deep: u64) -> String {
        let variable = self.variable();
        if deep == 0 {
            return if self.below(3) == 0 { self.below(10).to_string() } else { variable.to_owned() };
        }
        let (one, two) = (self.expression(deep - 1), self.expression(deep - 1));
        match self.below(12) {
            0 => format!("({one} + {two})"),
            1 => format!("({one} * {two} % 97)"),
            2 => format!("({one} if {two} else {variable})"),
            3 => format!("sum(x * {one} for x in range({two} % 4))"),
            4 => format!("len([(x, y) for x in range({one} % 3) for y in range(x) if y != {two}])"),
            5 => format!("(lambda x, y={one}: x + y)({two})"),
            6 => format!("max({one},\n      {two})").replace('\n', " "),
            7 => format!("({one} and {two} or {variable})"),
            8 => format!("int('%d%d' % ({one}, {two} % 10)) % 89"),
            9 => format!("sorted({{{one}: {two}, {two}: {one}}}.items())[0][1]"),
            10 => format!("({one} << ({two} % 3)) // ({variable} or 1)"),
            _ => format!("abs({one} - {two})"),
        }
    }

    /// An indented block.
    fn block(&mut self, deep: u64, place: Option<Place>, modern: bool) {
        self.indent += 1;
        self.places.extend(place);
        for _ in 0..1 + self.below(3) {
            self.statement(deep + 1, modern);
        }
        if place.is_some() {
            self.places.pop();
        }
        self.indent -= 1;
    }

    fn statement(&mut self, deep: u64, modern: bool) {
        let choice = if deep >= 3 { self.below(9) } else { self.below(34) };
        let (variable, value) = (self.variable(), self.expression(2));
        let (few, many) = (1 + self.below(4), 2 + self.below(20));
        match choice {
            0 | 1 => self.put(&format!("{variable} = {value} % 1000")),
            2 => self.put(&format!("say(f'{{{variable}!r:>3}}', {value})")),
            3 => self.put(&format!("{variable} += 1; say({variable}); {variable} -= 1")),
            4 => self.put(&format!("say('call',\n    {value},\n    # nothing\n    {variable})")),
            5 => self.probe(modern),
            6 if self.place() == Place::Loop => {
                let word = if self.below(2) == 0 { "break" } else { "continue" };
                self.put(&format!("if {value} % 3 == 1: {word}"));
            }
            7 if self.in_function() => self.put(&format!("if {value} % 5 == 1: return say('early', {variable})")),
            8 if self.awaits() => self.put(&format!("await asyncio.sleep(0); say('awaited', {variable})")),
            6..=8 => self.put(&format!("if (n := {value}) > 3: say('walrus', n)")),
            9 | 10 => {
                self.put(&format!("if {value} % 2:"));
                self.block(deep, None, modern);
                self.put("else:");
                self.block(deep, None, modern);
            }
            11 | 12 => {
                let index = self.name("i");
                self.put(&format!("for {index} in range({}):", few));
                self.block(deep, Some(Place::Loop), modern);
                if self.below(3) == 0 {
                    self.put("else:\n    say('no break')");
                }
            }
            13 => {
                let count = self.name("count");
                self.put(&format!("{count} = {}\nwhile {count} > 0:\n    {count} -= 1", few));
                self.block(deep, Some(Place::Loop), modern);
            }
            14..=16 => self.attempt(deep, modern),
            17 => {
                let kind = ["Thing('x')", "managed('m')", "contextlib.suppress(KeyError, ValueError)"][self.below(3) as usize];
                self.put(&format!("with {kind} as it, \\\n        managed({variable}):"));
                self.block(deep, None, modern);
                let error = ["ValueError", "KeyError"][self.below(2) as usize];
                self.put(&format!("    if {value} % 3 == 0: raise {error}({variable})"));
                // What is not swallowed goes on up: only in front of who takes it.
                let last = self.lines.pop().unwrap_or_default();
                self.put("    try: pass\n    finally: say('inside')");
                if kind.starts_with("context") {
                    self.lines.push(last);
                }
            }
            18..=20 => self.function(deep, modern),
            21 | 22 => self.generator(deep, modern),
            23 | 24 if !self.in_function() && !self.awaits() => self.coroutine(deep, modern),
            25 => self.class(deep, modern),
            26 => {
                self.put(&format!("match ({value} % 3, {variable}):"));
                self.put("    case (0, x) if x > 2:\n        say('guarded', x)\n    case (1 | 2 as y, _):");
                self.indent += 1;
                self.block(deep, None, modern);
                self.indent -= 1;
                self.put("    case _:\n        say('any')");
            }
            27 => {
                let thread = self.name("thread");
                self.put(&format!("{thread} = threading.Thread(target=lambda: say('in thread', {value}))"));
                self.put(&format!("{thread}.start(); {thread}.join()"));
            }
            28 => self.put(&format!("warnings.warn('number %d' % {value}, stacklevel={})", few % 2 + 1)),
            29 => {
                let name = self.name("down");
                self.put(&format!("def {name}(me, n):\n    if n <= 0:\n        return say('bottom')\n    return me(me, n - 1)\n{name}({name}, {})", many));
            }
            30 => self.put("try:\n    raise ExceptionGroup('g', [ValueError(a), KeyError(b), ExceptionGroup('h', [ValueError(c)])])\nexcept* ValueError as group:\n    say('values', len(group.exceptions))\nexcept* KeyError as group:\n    say('keys', group.exceptions)"),
            31 => {
                let name = self.name("unbound");
                self.put(&format!("def {name}():\n    if a < 0: late = 1\n    try:\n        return late\n    except UnboundLocalError as error:\n        say(error)\n    late = 2\n    del late\n    return list(locals())\nsay({name}())"));
            }
            32 if modern => {
                let name = self.name("typed");
                self.put(&format!("def {name}[T](x: T) -> T:\n    return x\ntype Alias{name} = list[int]\nsay({name}({value}), [x async for x in aiter_()] if False else Alias{name}.__name__)").replace("[x async for x in aiter_()] if False else ", ""));
            }
            _ => self.put(&format!("say([x for x in range(4) if x != {value}], {{x: y for x, y in zip('ab', range({value} % 3))}})")),
        }
    }

    /// What a debugger must not change.
    fn probe(&mut self, modern: bool) {
        let variable = self.variable();
        let text = match self.below(11) {
            0 => "say(sys.gettrace(), sys.getprofile(), threading.gettrace())".to_owned(),
            1 => "o = object(); say('refs', sys.getrefcount(o), sys.getrefcount(probe)); del o".to_owned(),
            2 => "say('limit', sys.getrecursionlimit())".to_owned(),
            // On 3.11 code that is traced, by whomever, is not specialised, and takes a level more here and there.
            3 => format!("say('depth', depth(){})", if modern { "" } else { " > 900" }),
            // On 3.11 a breakpoint at a column needs the events of instructions, which a frame has to ask for.
            4 if modern => {
                "say(sys._getframe().f_trace, sys._getframe().f_trace_lines, sys._getframe().f_trace_opcodes)"
                    .to_owned()
            }
            4 => "say(sys._getframe().f_trace, sys._getframe().f_trace_lines)".to_owned(),
            5 => "t = Thing('t'); r = weakref.ref(t); del t; say('dead', r() is None)".to_owned(),
            6 => format!("say('exc', sys.exc_info()[0], {variable})"),
            7 => "say('stack', [f.name for f in traceback.extract_stack()])".to_owned(),
            8 => "say('garbage', len(gc.garbage), [type(o).__name__ for o in gc.get_referrers(probe)])".to_owned(),
            9 => "say('threads', threading.active_count(), [t.name for t in threading.enumerate()][:1])".to_owned(),
            // Until 3.12 this makes a dict of the locals as they are now, which keeps them alive until somebody brings it up to date.
            _ if self.minor >= 13 => "say('locals', sorted(k for k in locals() if len(k) == 1))".to_owned(),
            _ => "say('locals', len(globals()) > 0)".to_owned(),
        };
        self.put(&text);
    }

    fn attempt(&mut self, deep: u64, modern: bool) {
        self.put("try:");
        self.block(deep, None, modern);
        let value = self.expression(1);
        match self.below(4) {
            0 => self.put(&format!("    say(10 // ({value} % 2))")),
            1 => self.put(&format!("    raise (ValueError, KeyError, OSError)[{value} % 3]('tried')")),
            // No NameError: until 3.12 `traceback` looks for names like it in `f_locals`, which makes a dict of the locals as they were then,
            // the exception among them. Whatever evaluates in that frame brings the dict up to date, so that they die earlier.
            2 => self.put("    None.nothing"),
            _ => self.put("    say([][a])"),
        }
        self.put("except (ZeroDivisionError, KeyError) as error:\n    say('caught', type(error).__name__, error)");
        let error = self.name("error");
        self.put(&format!("except Exception as {error}:"));
        self.block(deep, None, modern);
        let line = format!("{error}.__traceback__.tb_lineno");
        self.put(&format!("    say('other', traceback.format_exc().splitlines()[-1], {line})"));
        if self.below(2) == 0 {
            self.put("else:\n    say('fine')");
        }
        if self.below(2) == 0 {
            self.put("finally:");
            // A `continue` in it is fine since 3.8, and warned of since 3.14.
            let loops: Vec<Place> = std::mem::replace(&mut self.places, vec![Place::Class]);
            self.block(deep, None, modern);
            self.places = loops;
        }
    }

    fn function(&mut self, deep: u64, modern: bool) {
        let name = self.name("f");
        if self.below(3) == 0 {
            self.put("@logged");
        }
        self.put(&format!("def {name}(a, b=2, *rest, c=3, **more):"));
        let first = ["    'Says what it does.'", "    # nothing", "    x = a"][self.below(3) as usize];
        self.put(first);
        self.block(deep, Some(Place::Function), modern);
        if self.below(2) == 0 {
            self.put("    def inner():\n        nonlocal a\n        a += 1; say('inner', a, b)\n        return a\n    inner()");
        }
        self.put("    return say(a, b, c, rest, sorted(more))");
        let (one, two) = (self.expression(1), self.expression(1));
        self.put(&format!("say('result', {name}({one}, *[{two}, 5], c={two}, d={one}))"));
    }

    fn generator(&mut self, deep: u64, modern: bool) {
        let name = self.name("g");
        self.put(&format!("def {name}(a, b=1, c=2):\n    try:\n        got = yield a"));
        self.indent += 1;
        self.block(deep, Some(Place::Function), modern);
        self.indent -= 1;
        self.put("        yield from (x * 2 for x in range(3))\n        say('got', got)\n    except ValueError as error:\n        yield say('thrown', error)\n    finally:\n        say('closed')");
        match self.below(4) {
            0 => self.put(&format!("say(list({name}(1)))")),
            1 => self.put(&format!("it = {name}(2); say(next(it))\ntry: say(it.send(5))\nexcept StopIteration as stop: say('stop', stop.value)\nit.close()")),
            2 => self.put(&format!("it = {name}(3); next(it); say(it.throw(ValueError('in'))); del it")),
            _ => self.put(&format!("for v in {name}(4): say(v); break")),
        }
    }

    fn coroutine(&mut self, deep: u64, modern: bool) {
        let name = self.name("co");
        self.put(&format!("async def {name}(a, b=1, c=2):"));
        self.block(deep, Some(Place::Coroutine), modern);
        self.put(&format!("    async def numbers():\n        for i in range(3):\n            yield i\n            await asyncio.sleep(0)\n    say([i async for i in numbers()])\n    async with contextlib.AsyncExitStack() as stack:\n        stack.enter_context(managed('async'))\n        await asyncio.sleep(0)\n    return say('{name}', a)"));
        if self.below(2) == 0 {
            self.put(&format!("say(asyncio.run({name}(1)))"));
        } else {
            self.put(&format!("async def main_{name}():\n    return await asyncio.gather(*[{name}(i) for i in range(3)], return_exceptions=True)\nsay(asyncio.run(main_{name}()))"));
        }
    }

    fn class(&mut self, deep: u64, modern: bool) {
        let name = self.name("C");
        self.put(&format!("class {name}(Thing):\n    a, b, c = 4, 5, 6"));
        // A class sees the names of the module, no others': it has its own.
        let around = std::mem::replace(&mut self.places, vec![Place::Class]);
        self.block(deep, None, modern);
        self.places = around;
        self.put(&format!("    def __init__(self):\n        super().__init__('{name}'); self.x = say(type(self).a)\n    @staticmethod\n    def make(): return say('made', {name}())\n    @logged\n    def method(self, *a): return self.size\n{name}.make().method(1)\nit = {name}(); say(it == it); del it"));
    }
}
