"""The command line of ``python -m ikpdb``: the options of the original IKPdb in all their spellings, and a few of ours."""

from __future__ import annotations

import argparse

__all__ = ["CommandLine", "parse"]

DESCRIPTION = """\
Debugs a Python program for a client of the original IKPdb, such as the Cloud9 IDE: it listens for one, and the program
begins when the client says so. `ikpdb run` debugs in the browser."""

EPILOG = """\
Options come first: everything behind the script, -m or -c belongs to the program. Options of the interpreter stand
before `-m ikpdb` and are handed on."""

#: What Python runs in place of a script.
FLAGS = {"-m": "a module, as of Python", "-c": "code, as of Python"}


class CommandLine(argparse.Namespace):
    """What was asked for."""

    address: str
    port: int
    log: str
    #: Off if it is empty.
    welcome: str
    #: Off if it is empty.
    stop_at_entry: str
    working_directory: str | None
    client_working_directory: str
    safe_values: bool
    allow_any_user: bool
    version: bool
    #: What the interpreter is to run, as it was typed: a script, ``-m`` or ``-c``, and its arguments. Empty if it is missing.
    program: list[str]

    def script(self) -> str | None:
        """The script, if it is one."""
        return self.program[0] if self.program and self.program[0][:2] not in FLAGS else None


def parse(arguments: list[str]) -> CommandLine:
    """Reads the arguments behind ``-m ikpdb``. Ends the process, as argparse does, for help and for what is no option."""
    options = Options()
    ours, program = options.split(arguments)
    parsed = options.parser.parse_args(ours, namespace=CommandLine())
    parsed.program = program
    return parsed


class Options:
    """All options, and where they end among the arguments: argparse would look for them in the program's, too."""

    def __init__(self) -> None:
        self.parser = argparse.ArgumentParser(
            prog="python -m ikpdb",
            usage="python -m ikpdb [options] (scriptfile | -m module | -c code) [args ...]",
            description=DESCRIPTION,
            epilog=EPILOG,
            # Finding the width out takes modules that take their time, at every start.
            formatter_class=lambda prog: argparse.HelpFormatter(prog, width=100),
        )
        # The beginnings of the original's names count before those of ours, so that each is as clear as it was.
        self.groups = [self.add_originals(), self.add_ours()]

    def add_originals(self) -> list[argparse.Action]:
        add = self.parser.add_argument
        return [
            add(
                "-ik_a",
                "--ikpdb-address",
                dest="address",
                metavar="ADDRESS",
                type=address,
                default="127.0.0.1",
                help="where to listen; the default, 127.0.0.1, can be reached from this machine alone",
            ),
            add(
                "-ik_p",
                "--ikpdb-port",
                dest="port",
                metavar="PORT",
                type=port,
                default=15470,
                help="the TCP port; the default is 15470, and 0 takes a free one",
            ),
            add(
                "-ik_l",
                "--ikpdb-log",
                dest="log",
                metavar="LETTERS",
                default="",
                help="what is logged in detail, to standard error: n network, b breakpoints, e evaluation, x execution, "
                "f frames, p paths, g general",
            ),
            add(
                "-ik_w",
                "--ikpdb-welcome",
                dest="welcome",
                metavar="VALUE",
                default="on",
                help="greet the client with the event 'start', unless VALUE is empty",
            ),
            add(
                "-ik_s",
                "--ikpdb-stop-at-entry",
                dest="stop_at_entry",
                metavar="VALUE",
                default="",
                help="stop before the program's first line, unless VALUE is empty",
            ),
            add(
                "-ik_cwd",
                "--ikpdb-working-directory",
                dest="working_directory",
                metavar="FOLDER",
                help="the folder that the program's paths begin with; the default is the current one, and that is where "
                "the program runs in any case",
            ),
            add(
                "-ik_ccwd",
                "--ikpdb-client-working-directory",
                dest="client_working_directory",
                metavar="FOLDER",
                default="",
                help="the folder that the client's paths begin with in its place",
            ),
            add(
                "-ik_nvc",
                "--ikpdb-no-version-check",
                dest="no_version_check",
                action="store_true",
                help="ignored: nothing asks for newer versions",
            ),
            add(
                "-ik_v",
                "--ikpdb-version",
                dest="version",
                action="store_true",
                help="print the version of the protocol and, below it, that of ikpdb",
            ),
        ]

    def add_ours(self) -> list[argparse.Action]:
        add = self.parser.add_argument
        for flag, meaning in FLAGS.items():
            # Shown in the help; what follows them is split off before.
            add(flag, dest="program", metavar=flag[1].upper(), help=f"{meaning}, in place of a script")
        return [
            add(
                "--ikpdb-safe-values",
                dest="safe_values",
                action="store_true",
                help="show values without running any __repr__ of the program's",
            ),
            add(
                "--ikpdb-allow-any-user",
                dest="allow_any_user",
                action="store_true",
                help="let in clients of other users of this machine: they can run any code as you",
            ),
            # Of IKP3db, the original for Python 3.
            add(
                "-ik_vc",
                "--ikpdb-version-check",
                dest="version_check",
                action="store_true",
                help=argparse.SUPPRESS,
            ),
        ]

    def split(self, arguments: list[str]) -> tuple[list[str], list[str]]:
        """Our options with their names in full, and the program with its arguments, of which none is ours."""
        ours: list[str] = []
        rest = list(arguments)
        while rest:
            word = rest[0]
            if word == "--":
                script = rest[1:2]
                # Python would take it for an option.
                return ours, [f"./{word}" if word.startswith("-") else word for word in script] + rest[2:]
            if word == "-" or not word.startswith("-") or self.begins_program(rest):
                break
            name, equals, value = rest.pop(0).partition("=")
            option = self.find(name)
            if option is None:
                # Argparse says what is wrong with it.
                ours.append(name + equals + value)
                continue
            ours.append(option.option_strings[-1] + equals + value)
            if option.nargs != 0 and not equals and rest:
                ours.append(rest.pop(0))
        return ours, rest

    @staticmethod
    def begins_program(rest: list[str]) -> bool:
        """``-m module`` or ``-mmodule``; an ``-m`` with nothing behind it is argparse's to refuse."""
        return rest[0][:2] in FLAGS and (len(rest[0]) > 2 or len(rest) > 1)

    def find(self, name: str) -> argparse.Action | None:
        """The option of this name, or the one alone whose name begins like this."""
        for fits in (str.__eq__, str.startswith):
            for group in self.groups:
                found = [option for option in group if any(fits(full, name) for full in option.option_strings)]
                if found:
                    return found[0] if len(found) == 1 else None
        return None


def address(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("it is empty; the usual one is 127.0.0.1")
    return text


def port(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; ports are numbers from 0 to 65535")
    return number
