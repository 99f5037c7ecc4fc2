"""The command line of ``python -m ikpdb``: every option in every spelling, where options end, and what is no option."""

import contextlib
import io
import unittest

from ikpdb.command_line import parse

DEFAULTS = {
    "address": "127.0.0.1",
    "port": 15470,
    "log": "",
    "welcome": "on",
    "stop_at_entry": "",
    "working_directory": None,
    "client_working_directory": "",
    "safe_values": False,
    "allow_any_user": False,
    "version": False,
}

#: Short and long spelling, a value as typed and as read, the attribute.
VALUED = [
    ("-ik_a", "--ikpdb-address", "10.0.0.1", "10.0.0.1", "address"),
    ("-ik_p", "--ikpdb-port", "15471", 15471, "port"),
    ("-ik_p", "--ikpdb-port", "0", 0, "port"),
    ("-ik_l", "--ikpdb-log", "nBx", "nBx", "log"),
    ("-ik_w", "--ikpdb-welcome", "", "", "welcome"),
    ("-ik_w", "--ikpdb-welcome", "0", "0", "welcome"),
    ("-ik_s", "--ikpdb-stop-at-entry", "false", "false", "stop_at_entry"),
    ("-ik_s", "--ikpdb-stop-at-entry", "", "", "stop_at_entry"),
    ("-ik_cwd", "--ikpdb-working-directory", "/srv/a b/", "/srv/a b/", "working_directory"),
    ("-ik_ccwd", "--ikpdb-client-working-directory", "a=b", "a=b", "client_working_directory"),
]

FLAGS = [
    ("-ik_v", "version"),
    ("--ikpdb-version", "version"),
    ("--ikpdb-safe-values", "safe_values"),
    ("--ikpdb-allow-any-user", "allow_any_user"),
    ("-ik_nvc", None),
    ("--ikpdb-no-version-check", None),
    ("-ik_vc", None),
    ("--ikpdb-version-check", None),
]

#: The beginnings that the original took, also where an option of ours begins alike.
BEGINNINGS = [
    ("--ikpdb-a", "x", "address"),
    ("--ikpdb-addr", "x", "address"),
    ("--ikpdb-l", "x", "log"),
    ("--ikpdb-we", "x", "welcome"),
    ("--ikpdb-s", "x", "stop_at_entry"),
    ("--ikpdb-wo", "x", "working_directory"),
    ("--ikpdb-c", "x", "client_working_directory"),
    ("-ik_cw", "x", "working_directory"),
    ("-ik_cc", "x", "client_working_directory"),
    ("--ikpdb-v", None, "version"),
    ("--ikpdb-sa", None, "safe_values"),
    ("--ikpdb-al", None, "allow_any_user"),
    ("--ikpdb-n", None, None),
    ("--ikpdb-version-c", None, None),
]


def refused(*arguments):
    """Exit code, and what is said."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            parse(list(arguments))
    except SystemExit as end:
        return end.code, out.getvalue(), err.getvalue()
    raise AssertionError(f"{arguments} was taken")


class Options(unittest.TestCase):
    def check(self, arguments, expected, program=("app.py", "-x")):
        with self.subTest(arguments=arguments):
            line = parse([*arguments, *program])
            found = {name: getattr(line, name) for name in DEFAULTS}
            self.assertEqual(found, {**DEFAULTS, **expected})
            self.assertEqual(line.program, list(program))

    def test_without_options_all_is_as_it_was_in_the_original(self):
        self.check([], {})

    def test_every_option_with_a_value_is_read_in_each_spelling(self):
        for short, long, typed, value, name in VALUED:
            for spelling in [[short, typed], [f"{short}={typed}"], [long, typed], [f"{long}={typed}"]]:
                self.check(spelling, {name: value})

    def test_every_option_without_a_value_is_read(self):
        for spelling, name in FLAGS:
            self.check([spelling], {name: True} if name else {})

    def test_beginnings_of_names_that_are_unambiguous_are_enough(self):
        for beginning, value, name in BEGINNINGS:
            if value is None:
                self.check([beginning], {name: True} if name else {})
            else:
                self.check([beginning, value], {name: value})
                self.check([f"{beginning}={value}"], {name: value})

    def test_options_come_in_any_order_and_the_last_of_one_counts(self):
        options = ["-ik_nvc", "-ik_p", "1", "--ikpdb-log=e", "--ikpdb-port=2", "-ik_s", "1"]
        self.check(options, {"port": 2, "log": "e", "stop_at_entry": "1"})

    def test_the_sibling_of_an_option_is_not_taken_for_its_beginning(self):
        self.check(["--ikpdb-version-check"], {})
        self.check(["--ikpdb-version"], {"version": True})


class Program(unittest.TestCase):
    def test_everything_behind_the_script_is_its_own(self):
        for program in [
            ["app.py"],
            ["app.py", "-ik_p", "1", "--ikpdb-log=n", "-h", "--", "-m", "x", ""],
            ["-m", "module", "-ik_p", "1", "--help"],
            ["-mmodule", "--ikpdb-version"],
            ["-c", "-1", "-m", "x"],
            ["-cpass", "-c"],
        ]:
            for options in [[], ["-ik_p", "15470"], ["-ik_nvc"], ["--ikpdb-port=15470"]]:
                with self.subTest(program=program, options=options):
                    line = parse([*options, *program])
                    self.assertEqual((line.program, line.port), (program, 15470))

    def test_what_is_run_is_a_script_or_python_knows_it_by_a_flag(self):
        for program, script in [(["app.py"], "app.py"), (["-m", "x"], None), (["-cx"], None), (["-"], "-"), ([], None)]:
            with self.subTest(program=program):
                self.assertEqual(parse(program).script(), script)

    def test_a_script_that_looks_like_an_option_follows_two_dashes(self):
        for arguments, program in [
            (["--", "app.py", "--"], ["app.py", "--"]),
            (["--", "-m", "x"], ["./-m", "x"]),
            (["-ik_p", "3", "--", "--ikpdb-log"], ["./--ikpdb-log"]),
            (["--"], []),
        ]:
            with self.subTest(arguments=arguments):
                self.assertEqual(parse(arguments).program, program)

    def test_a_missing_program_is_left_to_the_caller(self):
        self.assertEqual((parse([]).program, parse(["-ik_p", "1"]).program), ([], []))


class Refusals(unittest.TestCase):
    def test_what_is_wrong_ends_with_code_2_and_is_named(self):
        for arguments, said in [
            (["-x", "app.py"], "unrecognized arguments: -x"),
            (["--ikpdb-nothing", "app.py"], "unrecognized arguments: --ikpdb-nothing"),
            (["--port=3", "app.py"], "unrecognized arguments: --port=3"),
            (["--ikpdb-w", "1", "app.py"], "ambiguous option: --ikpdb-w"),
            (["-ik_", "1", "app.py"], "ambiguous option: -ik_"),
            (["--ikpdb-port"], "expected one argument"),
            (["-ik_l", "-ik_p", "1"], "expected one argument"),
            (["-ik_p", "many", "app.py"], "'many' is no port"),
            (["-ik_p", "65536", "app.py"], "'65536' is no port"),
            (["-ik_p", "-1", "app.py"], "'-1' is no port"),
            (["--ikpdb-address=", "app.py"], "-ik_a/--ikpdb-address"),
            (["-ik_nvc=1", "app.py"], "ignored explicit argument '1'"),
            (["-m"], "argument -m: expected one argument"),
            (["-c"], "argument -c: expected one argument"),
        ]:
            with self.subTest(arguments=arguments):
                code, out, err = refused(*arguments)
                self.assertEqual((code, out), (2, ""))
                self.assertIn(said, err)
                self.assertTrue(err.startswith("usage: python -m ikpdb [options] (scriptfile"), err)

    def test_help_names_every_option_and_ends_with_code_0(self):
        for spelling in ["-h", "--help"]:
            code, out, err = refused(spelling, "app.py")
            self.assertEqual((code, err), (0, ""))
            names = [name for row in VALUED for name in row[:2]] + [spelling for spelling, _ in FLAGS[:6]]
            for name in [*names, "-m", "-c", "--help"]:
                self.assertIn(name, out)
            self.assertNotIn("version-check", out.replace("--ikpdb-no-version-check", ""))


if __name__ == "__main__":
    unittest.main()
