"""Says everything that a program can see of how it was started; run with and without the debugger and compared."""

import os

# Before anything else is imported: what is open, and what is loaded.
DESCRIPTORS = sorted(os.listdir("/proc/self/fd"), key=int)
import sys

MODULES = sorted(sys.modules)

import gc
import inspect
import json
import signal
import threading


def describe():
    main = sys.modules["__main__"]
    return {
        "argv": sys.argv,
        "orig_argv": sys.orig_argv,
        "executable": sys.executable,
        "path": sys.path,
        "flags": repr(sys.flags),
        "xoptions": repr(sys._xoptions),
        "warnoptions": sys.warnoptions,
        "meta_path": [repr(finder) for finder in sys.meta_path],
        "path_hooks": len(sys.path_hooks),
        "environ": dict(os.environ),
        "environ order": list(os.environ),
        "descriptors": DESCRIPTORS,
        "modules": MODULES,
        "main dir": sorted(vars(main)),
        "main spec": repr(main.__spec__),
        "main loader": repr(type(main.__loader__)),
        "main file": getattr(main, "__file__", None),
        "main package": getattr(main, "__package__", None),
        "stack": len(inspect.stack()),
        "recursion limit": sys.getrecursionlimit(),
        "switch interval": sys.getswitchinterval(),
        "signal handlers": {number: repr(signal.getsignal(number)) for number in sorted(signal.valid_signals())},
        "signal mask": repr(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))),
        "wakeup descriptor": signal.set_wakeup_fd(-1),
        "threads": [repr(type(thread)) + thread.name for thread in threading.enumerate()],
        "active count": threading.active_count(),
        "gc thresholds": gc.get_threshold(),
        "gc enabled": gc.isenabled(),
        "gettrace": repr(sys.gettrace()),
        "getprofile": repr(sys.getprofile()),
        "excepthook": repr(sys.excepthook),
        "threading excepthook": repr(threading.excepthook),
        "unraisablehook": repr(sys.unraisablehook),
        "displayhook": repr(sys.displayhook),
        "breakpointhook": repr(sys.breakpointhook),
        "first excepthook": sys.excepthook is sys.__excepthook__,
        "first threading excepthook": threading.excepthook is threading.__excepthook__,
        "first unraisablehook": sys.unraisablehook is sys.__unraisablehook__,
        "first displayhook": sys.displayhook is sys.__displayhook__,
        "first breakpointhook": sys.breakpointhook is sys.__breakpointhook__,
        "threading": {name: repr(value) for name, value in vars(threading).items() if callable(value)},
        "trace of threads": repr(getattr(threading, "gettrace", lambda: None)()),
        "cwd": os.getcwd(),
        "umask": os.umask(os.umask(0)),
        "group": os.getpgrp() == os.getpid(),
        "nice": os.nice(0),
        "streams": [repr(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "builtins": sorted(dir(__builtins__)) if not isinstance(__builtins__, dict) else sorted(__builtins__),
        "monitoring tools": [sys.monitoring.get_tool(number) for number in range(6)]
        if hasattr(sys, "monitoring")
        else None,
        "os threads": len(os.listdir("/proc/self/task")),
        "mappings": sorted({line.split(None, 5)[5].strip() for line in open("/proc/self/maps") if line.count("/")}),
        "environ memory": open("/proc/self/environ", "rb").read().decode("latin-1"),
    }


def fail(depth):
    if depth:
        fail(depth - 1)
    raise LookupError("nothing shows")


if __name__ == "__main__":
    json.dump(describe(), sys.stdout)
    sys.stdout.flush()
    sys.stderr.write("in a thread:\n")
    thread = threading.Thread(target=fail, args=(2,), name="failing")
    thread.start()
    thread.join()
    sys.stderr.write("in main:\n")
    fail(1)
