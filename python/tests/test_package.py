"""What the package promises to whoever imports it or starts it."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def python(*arguments, **environment):
    variables = {**os.environ, "PYTHONPATH": str(PACKAGE), **environment}
    variables = {name: value for name, value in variables.items() if value is not None}
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)


class Import(unittest.TestCase):
    def test_importing_the_package_starts_nothing_and_imports_only_the_standard_library(self):
        code = (
            "import sys, threading; before = set(sys.modules); import ikpdb; "
            "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
            "assert new <= {'ikpdb'}, new; assert threading.active_count() == 1"
        )
        done = python("-S", "-c", code)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_the_version_is_that_of_the_workspace(self):
        manifest = (PACKAGE.parent / "Cargo.toml").read_text(encoding="utf-8")
        version = python("-c", "import ikpdb; print(ikpdb.__version__)").stdout.strip()
        self.assertIn(f'\nversion = "{version}"\n', manifest)


class Command(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.executable = Path(folder.name) / "ikpdb"
        self.executable.write_text('#!/bin/sh\nprintf "%s|" "$@"\nexit 7\n', encoding="utf-8")
        self.executable.chmod(stat.S_IRWXU)

    def test_the_command_gets_its_arguments_and_gives_its_exit_code(self):
        done = python("-m", "ikpdb.cli", "run", "a b", "", IKPDB_HUB=str(self.executable))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (7, "run|a b||", ""))

    def test_the_command_is_found_on_the_path(self):
        folder = str(self.executable.parent)
        done = python("-m", "ikpdb.cli", "x", IKPDB_HUB=None, PATH=folder + os.pathsep + os.environ["PATH"])
        self.assertEqual((done.returncode, done.stdout), (7, "x|"))

    def test_an_installed_package_finds_the_command_of_its_own_installation_first(self):
        place = self.executable.parent / "lib/python3/site-packages"
        shutil.copytree(PACKAGE / "ikpdb", place / "ikpdb", ignore=shutil.ignore_patterns("__pycache__"))
        scripts = self.executable.parent / "bin"
        scripts.mkdir()
        self.executable.rename(scripts / "ikpdb")
        # Without the current folder, in which the package of the sources is.
        done = python("-P", "-m", "ikpdb.cli", "x", IKPDB_HUB=None, PATH="/nonexistent", PYTHONPATH=str(place))
        self.assertEqual((done.returncode, done.stdout), (7, "x|"))

    def test_a_missing_command_is_said_in_one_line_with_the_remedy(self):
        done = python("-m", "ikpdb.cli", IKPDB_HUB=None, PATH="/nonexistent")
        self.assertEqual((done.returncode, done.stdout), (127, ""))
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn("IKPDB_HUB", done.stderr)

    def test_a_command_that_cannot_be_started_is_named(self):
        self.executable.unlink()
        done = python("-m", "ikpdb.cli", IKPDB_HUB=str(self.executable))
        self.assertEqual(done.returncode, 126)
        self.assertIn(str(self.executable), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
