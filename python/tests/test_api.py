"""The names of the package, which programs for IKPdb 1.x use, and what they do in a program that is not debugged."""

import collections
import inspect
import sys
import unittest

import ikpdb

FUNCTIONS = {
    "IKPdbRepr": "(t)",
    "main": "(argv=None)",
    "post_mortem": "(trace_back=None, exc_info=None)",
    "set_trace": "(a_frame=None)",
}

CLASSES = {
    "IKPdb": {
        "": "(skip=None, stop_at_first_statement=False, working_directory=None, client_working_directory=None)",
        "CGI_ESCAPE_EVALUATE_OUTPUT": None,
        "canonic": "(self, file_name)",
        "change_breakpoint_state": "(self, bp_number, enabled, condition=None)",
        "clear_breakpoint": "(self, breakpoint_number)",
        "command_loop": "(self)",
        "disable_tracing": "(self)",
        "dump_frames": "(self, frame)",
        "dump_tracing_state": "(self, context)",
        "enable_tracing": "(self)",
        "evaluate": "(self, frame_id, expression, global_context=False, disable_break=False)",
        "extract_name_value_type": "(self, name, value, limit_size=False)",
        "extract_object_properties": "(self, o, limit_size=False)",
        "get_threads": "(self)",
        "let_variable": "(self, frame_id, var_name, expression_value)",
        "normalize_path_in": "(self, client_file_name)",
        "normalize_path_out": "(self, path)",
        "object_properties_count": "(self, o)",
        "reset": "(self)",
        "set_breakpoint": "(self, file_name, line_number, condition='', enabled=True)",
        "set_debugged_thread": "(self, target_thread_ident=None)",
        "setup_resume": "(self)",
        "setup_step_into": "(self, frame, pure=False)",
        "setup_step_out": "(self, frame)",
        "setup_step_over": "(self, frame)",
        "setup_suspend": "(self)",
        "should_break_here": "(self, frame)",
        "should_stop_here": "(self, frame)",
    },
    "IKBreakpoint": {
        "": "(file_name, line_number, condition=None, enabled=True)",
        "any_active_breakpoint": None,
        "backup_breakpoints_state": "()",
        "breakpoints_by_file_and_line": None,
        "breakpoints_by_number": None,
        "breakpoints_files": None,
        "clear": "(self)",
        "condition": None,
        "disable_all_breakpoints": "()",
        "enabled": None,
        "file_name": None,
        "get_breakpoints_list": "()",
        "line_number": None,
        "lookup_effective_breakpoint": "(file_name, line_number, frame)",
        "next_breakpoint_number": None,
        "number": None,
        "restore_breakpoints_state": "(breakpoints_state_list)",
        "update_active_breakpoint_flag": "()",
    },
    "IKPdbLogger": {
        "": "()",
        "setup": "(ikpdb_log_arg)",
        **{
            f"{letter}_{level}": "(message, *arguments)"
            for letter in "nbexfpg"
            for level in ("debug", "info", "warning", "error", "critical")
        },
    },
    "IKPdbConnectionHandler": {
        "": "(connection)",
        "MAGIC_CODE": None,
        "SOCKET_BUFFER_SIZE": None,
        "decode": "(self, message)",
        "encode": "(self, obj)",
        "log_received": "(self, msg)",
        "log_sent": "(self, msg)",
        "receive": "(self)",
        "reply": (
            "(self, obj, result, command_exec_status='ok', info_messages=[], warning_messages=[], error_messages=[])"
        ),
        "send": (
            "(self, command, _id=None, result={}, frames=[], error_messages=[], warning_messages=[], "
            "info_messages=[], exception=None)"
        ),
    },
}


def signature(function):
    """The signature without types."""
    found = inspect.signature(function)
    empty = inspect.Signature.empty
    parameters = [it.replace(annotation=empty) for it in found.parameters.values()]
    return str(found.replace(parameters=parameters, return_annotation=empty))


class Names(unittest.TestCase):
    def test_the_functions_have_the_names_and_signatures_that_programs_use(self):
        for name, expected in FUNCTIONS.items():
            self.assertEqual(signature(getattr(ikpdb, name)), expected, name)

    def test_the_classes_have_the_names_and_signatures_that_programs_use_and_no_others(self):
        for class_name, members in CLASSES.items():
            cls = getattr(ikpdb, class_name)
            found = {name for name in vars(cls) if not name.startswith("_")}
            self.assertEqual(found, set(members) - {""}, class_name)
            self.assertEqual(signature(cls), members[""], class_name)
            for name, expected in members.items():
                if name and expected is not None:
                    self.assertEqual(signature(getattr(cls, name)), expected, f"{class_name}.{name}")

    def test_all_of_it_says_what_it_is_for(self):
        for class_name, members in CLASSES.items():
            cls = getattr(ikpdb, class_name)
            for name in members:
                member = inspect.getattr_static(cls, name) if name else cls
                if class_name != "IKPdbConnectionHandler" or members[name] is not None:
                    self.assertTrue(member.__doc__, f"{class_name}.{name}")
        for name in [*FUNCTIONS, "IKPdbQuit"]:
            self.assertTrue(getattr(ikpdb, name).__doc__, name)

    def test_everything_is_found_at_the_package_and_nothing_else_is(self):
        names = {*FUNCTIONS, *CLASSES, "IKPdbQuit", "__version__", "_logger", "ikpdb"}
        self.assertEqual(names - set(dir(ikpdb)), set())
        self.assertEqual(set(ikpdb.__all__), names - {"_logger", "ikpdb"})
        self.assertIs(ikpdb._logger, ikpdb.IKPdbLogger)
        self.assertTrue(issubclass(ikpdb.IKPdbQuit, Exception))
        with self.assertRaisesRegex(AttributeError, "module 'ikpdb' has no attribute 'nothing'"):
            ikpdb.nothing  # noqa: B018


class NotDebugged(unittest.TestCase):
    def test_stops_say_that_the_program_is_not_debugged(self):
        text = "Error: IKPdb must be launched before calling ikpd.{}()."
        self.assertEqual(ikpdb.set_trace(), text.format("set_trace"))
        self.assertEqual(ikpdb.set_trace(sys._getframe()), text.format("set_trace"))
        self.assertEqual(ikpdb.post_mortem(), text.format("post_mortem"))
        self.assertEqual(ikpdb.post_mortem(exc_info=(None, None, None)), text.format("post_mortem"))

    def test_there_is_no_debugger_and_what_needs_one_says_so(self):
        self.assertIsNone(ikpdb.ikpdb)
        debugger = ikpdb.IKPdb(working_directory=".")
        frame = sys._getframe()
        for call in [
            lambda: debugger.canonic("a.py"),
            lambda: debugger.evaluate(None, "1"),
            lambda: debugger.dump_frames(frame),
            lambda: debugger.CGI_ESCAPE_EVALUATE_OUTPUT,
            lambda: debugger.command_loop(),
            lambda: debugger.enable_tracing(),
            lambda: ikpdb.IKBreakpoint("a.py", 1),
            lambda: ikpdb.IKBreakpoint.breakpoints_by_number,
            lambda: ikpdb.IKBreakpoint.get_breakpoints_list(),
        ]:
            with self.assertRaisesRegex(RuntimeError, "IKPdb is not launched: .*python -m ikpdb"):
                call()
        with self.assertRaisesRegex(ValueError, "lines are counted from 1"):
            ikpdb.IKBreakpoint("a.py", 0)

    def test_who_looks_for_the_debugger_in_vain_finds_it_once_it_is_there(self):
        from ikpdb import _native

        class Agent:
            def has_door(self):
                return False

            def set_trace(self, frame):
                frames.append(frame)

        frames, here = [], []

        def hook(event, arguments):
            # A hook stays for ever, so it answers one test only.
            if event == "ikpdb.agent" and here:
                arguments[0].append(here[0])

        sys.addaudithook(hook)
        self.addCleanup(setattr, _native, "_found", None)
        self.addCleanup(here.clear)
        self.assertIsInstance(ikpdb.set_trace(), str)
        here.append(Agent())
        self.assertIsNone(ikpdb.set_trace())
        self.assertEqual(frames, [sys._getframe()])
        # Without a door there are stops, and no more.
        self.assertIsNone(ikpdb.ikpdb)

    def test_types_are_named_as_the_protocol_does(self):
        class Inner:
            pass

        for value, name in [
            (1, "int"),
            (None, "NoneType"),
            (int, "type"),
            (collections.OrderedDict(), "collections.OrderedDict"),
            (Inner(), f"{__name__}.{Inner.__qualname__}"),
        ]:
            self.assertEqual(ikpdb.IKPdbRepr(value), name)


if __name__ == "__main__":
    unittest.main()
