"""``python -m ikpdb`` up to the moment when it becomes the executable."""

import os
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import ikpdb
from ikpdb.compatible import interpreter_options

PACKAGE = Path(__file__).resolve().parent.parent


class InterpreterOptions(unittest.TestCase):
    def test_the_options_of_the_interpreter_are_read_as_it_reads_them(self):
        for command, options in [
            ("python -m ikpdb -X dev app.py", ""),
            ("python -X dev -W error -u -m ikpdb app.py", "-X dev -W error -u"),
            ("python -Xdev -Werror -OBu -m ikpdb -m x", "-Xdev -Werror -OBu"),
            ("python -Im ikpdb app.py", "-I"),
            ("python -ImIkpdb app.py", "-I"),
            ("python -BXdev -mikpdb", "-BXdev"),
            ("python -BX dev -c code", "-BX dev"),
            ("python -Bc code -E", "-B"),
            ("python --check-hash-based-pycs always -I -m ikpdb", "--check-hash-based-pycs always -I"),
            ("python -E start.py -I", "-E"),
            ("python -E -- start.py -I", "-E"),
            ("python -i", "-i"),
            ("python", ""),
        ]:
            with self.subTest(command=command):
                self.assertEqual(interpreter_options(command.split()), options.split())


class Start(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.executable = self.folder / "ikpdb"
        show = 'for word in "$@"; do printf "%s\\n" "$word"; done'
        self.executable.write_text(f'#!/bin/sh\n{show}\necho "$LC_CTYPE $EXTRA $$"\nexit 7\n', encoding="utf-8")
        self.executable.chmod(stat.S_IRWXU)
        (self.folder / "app.py").write_text("", encoding="utf-8")

    def python(self, *arguments, **environment):
        variables = {**os.environ, "PYTHONPATH": str(PACKAGE), "IKPDB_HUB": str(self.executable), **environment}
        command = [sys.executable, "-W", "error", *arguments]
        with subprocess.Popen(
            command, env=variables, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            self.pid = process.pid
            out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def test_the_executable_gets_everything_and_is_the_same_process(self):
        code, out, err = self.python("-B", "-m", "ikpdb", "-ik_p", "3", "app.py", "-x", "a b", LC_CTYPE="C", EXTRA="1")
        self.assertEqual((code, err), (7, ""))
        *words, last = out.splitlines()
        options = ["compatible", "--address=127.0.0.1", "--port=3", "--log=", "--client-working-directory="]
        self.assertEqual(words[:5], options)
        version = sys.version.split()[0]
        self.assertEqual(words[6:8], [f"--python-version={version}", "--implementation=CPython"])
        self.assertTrue(os.path.samefile(words[5].removeprefix("--python="), sys.executable))
        self.assertEqual(words[8:], ["--", sys.executable, "-W", "error", "-B", "app.py", "-x", "a b"])
        # The variables are those of the start, though Python has changed LC_CTYPE for itself.
        self.assertEqual(last, f"C 1 {self.pid}")

    def test_all_options_are_handed_on(self):
        options = "-ik_w= -ik_s=0 -ik_cwd=-d -ik_ccwd=-e -ik_l=n -ik_a=::1 --ikpdb-safe-values --ikpdb-allow-any-user"
        code, out, err = self.python("-m", "ikpdb", *options.split(), "-m", "no.such.module")
        self.assertEqual((code, err), (7, ""))
        expected = (
            "compatible --address=::1 --port=15470 --log=n --no-welcome --stop-at-entry --working-directory=-d "
            "--client-working-directory=-e --safe-values --allow-any-user"
        )
        self.assertEqual(out.splitlines()[: len(expected.split())], expected.split())
        self.assertEqual(out.splitlines()[-3:-1], ["-m", "no.such.module"])

    def test_a_missing_script_is_said_as_by_the_original(self):
        for arguments, expected in [
            ([], (2, "Error: scriptfile argument is required\n", "")),
            (["-ik_p", "3"], (2, "Error: scriptfile argument is required\n", "")),
            (["nosuch.py", "app.py"], (1, "Error: 'nosuch.py' does not exist.\n", "")),
            (["-"], (1, "Error: '-' does not exist.\n", "")),
            ([""], (1, "Error: '' does not exist.\n", "")),
        ]:
            with self.subTest(arguments=arguments):
                self.assertEqual(self.python("-m", "ikpdb", *arguments), expected)

    def test_the_first_line_of_the_version_is_that_of_the_original(self):
        for arguments in [["-ik_v"], ["--ikpdb-version", "app.py"], ["-ik_p", "3", "-ik_v", "nosuch.py"]]:
            expected = (0, f"1.3\nikpdb {ikpdb.__version__}\n", "")
            self.assertEqual(self.python("-m", "ikpdb", *arguments), expected)

    def test_a_wrong_option_ends_with_code_2_before_anything_is_started(self):
        code, out, err = self.python("-m", "ikpdb", "-ik_v", "--nothing", "app.py")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("python -m ikpdb: error: unrecognized arguments: --nothing", err)

    def test_a_missing_executable_is_said_in_one_line_with_the_remedy(self):
        code, out, err = self.python("-m", "ikpdb", "app.py", IKPDB_HUB=str(self.folder / "nosuch"))
        self.assertEqual((code, out), (126, ""))
        self.assertEqual(err, f"ikpdb: {self.folder / 'nosuch'} cannot be started: No such file or directory\n")

    def test_the_function_does_the_same_with_arguments_or_those_of_the_process(self):
        for call, arguments in [("ikpdb.main()", ["app.py", "-x"]), ("ikpdb.main(['app.py', '-x'])", [])]:
            code, out, err = self.python("-c", f"import ikpdb, sys; print('first'); sys.exit({call})", *arguments)
            self.assertEqual((code, err), (7, ""))
            lines = out.splitlines()
            self.assertEqual((lines[0], lines[-6:-1]), ("first", [sys.executable, "-W", "error", "app.py", "-x"]))

    def test_who_only_looks_at_the_module_is_not_ended_by_it(self):
        self.assertEqual(self.python("-c", "import ikpdb.__main__; print('on')"), (0, "on\n", ""))


if __name__ == "__main__":
    unittest.main()
