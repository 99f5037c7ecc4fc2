"""The log of the package in a program that is not debugged."""

import contextlib
import io
import unittest

from ikpdb import IKPdbLogger


class Log(unittest.TestCase):
    def setUp(self):
        IKPdbLogger.setup(None)
        self.addCleanup(IKPdbLogger.setup, None)

    def written(self, call, *arguments):
        stream = io.StringIO()
        with contextlib.redirect_stderr(stream):
            call(*arguments)
        return stream.getvalue()

    def test_a_line_looks_as_the_originals(self):
        colours = {"debug": 94, "info": 92, "warning": 93, "error": 91, "critical": 91}
        IKPdbLogger.setup("nbexfpg")
        for letter in "nbexfpg":
            for level, colour in colours.items():
                line = self.written(getattr(IKPdbLogger, f"{letter}_{level}"), "%s is %d é", "one", 1)
                pattern = (
                    rf"\A\x1b\[1m\[IKPdb-{letter}\]\x1b\[0m \d\d:\d\d:\d\d,\d{{6}} - "
                    rf"\x1b\[{colour}m{level.upper()}\x1b\[0m - one is 1 é\n\Z"
                )
                self.assertRegex(line, pattern)

    def test_details_are_written_for_the_letters_that_were_asked_for_in_either_case(self):
        IKPdbLogger.setup("Nz,9p")
        for letter in "nbexfpg":
            line = self.written(getattr(IKPdbLogger, f"{letter}_debug"), "told")
            self.assertEqual(line != "", letter in "np", letter)
            self.assertNotEqual(self.written(getattr(IKPdbLogger, f"{letter}_info"), "told"), "")
        IKPdbLogger.setup("")
        self.assertEqual(self.written(IKPdbLogger.n_debug, "told"), "")

    def test_the_text_of_a_line_that_is_not_written_is_not_made(self):
        class Costly:
            def __str__(self):
                raise AssertionError("was made")

        self.assertEqual(self.written(IKPdbLogger.x_debug, "%s", Costly()), "")

    def test_a_text_that_does_not_fit_its_arguments_is_written_all_the_same(self):
        for message, arguments, text in [
            ("100 % sure", (), "100 % sure"),
            ("%d", ("one",), "%d ('one',)"),
            ("%s and %s", (1,), "%s and %s (1,)"),
            ("none", (1,), "none (1,)"),
            (5, (), "5"),
        ]:
            line = self.written(IKPdbLogger.g_info, message, *arguments)
            self.assertTrue(line.endswith(f" - {text}\n"), line)

    def test_nothing_is_written_where_there_is_no_standard_error(self):
        with contextlib.redirect_stderr(None):
            IKPdbLogger.g_error("nowhere")


if __name__ == "__main__":
    unittest.main()
