"""Writes the reference of the package's API as Markdown, from its sources: nothing is imported."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])
#: The modules in the order of the page, with the names that they show.
MODULES = [
    ("__init__", "Functions of the module"),
    ("_stops", None),
    ("debugger", "The debugger"),
    ("breakpoints", "Breakpoints"),
    ("logger", "Log"),
    ("connection", "Connections"),
]


def documented(node: ast.ClassDef | ast.FunctionDef) -> str:
    """The docstring, with its lists of arguments and exceptions as lists."""
    lines: list[str] = []
    section = ""
    for line in inspect.cleandoc(ast.get_docstring(node) or "").replace("``", "`").splitlines():
        if line in ("Args:", "Returns:", "Raises:"):
            section = line
            if section != "Returns:":
                lines += [{"Args:": "Arguments:", "Raises:": "Raises:"}[section], ""]
        elif not line.startswith("    ") or not section:
            section = section if not line else ""
            lines.append(line)
        elif section == "Returns:":
            lines.append("Returns: " + line.strip() if lines[-1:] == [""] or not lines else line.strip())
        elif line.startswith("     "):
            lines.append("  " + line.strip())
        else:
            name, _, text = line.strip().partition(": ")
            lines.append(f"* `{name}`: {text}")
    return "\n".join(lines)


class Unquoted(ast.NodeTransformer):
    """Annotations that stand in quotation marks, without them."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        if isinstance(node.annotation, ast.Constant) and isinstance(node.annotation.value, str):
            node.annotation = ast.parse(node.annotation.value, mode="eval").body
        return node


def signature(node: ast.FunctionDef, owner: str | None) -> str:
    arguments = Unquoted().visit(node.args)
    kinds = {ast.unparse(it) for it in node.decorator_list}
    if owner and "staticmethod" not in kinds and arguments.args:
        arguments.args = arguments.args[1:]
    returns = f" -> {ast.unparse(node.returns).strip(chr(39))}" if node.returns and node.name != "__init__" else ""
    name = owner if node.name == "__init__" else f"{owner}.{node.name}" if owner else node.name
    return f"{name}({ast.unparse(arguments)}){returns}"


def is_shown(name: str) -> bool:
    return not name.startswith("_")


def function(node: ast.FunctionDef, owner: str | None) -> None:
    kinds = {ast.unparse(it) for it in node.decorator_list}
    if any(kind.endswith(".setter") for kind in kinds):
        return
    if "property" in kinds:
        returns = f": {ast.unparse(node.returns)}" if node.returns else ""
        print(f"#### `{owner}.{node.name}{returns}`\n")
    else:
        print(f"#### `{signature(node, owner)}`\n")
    text = documented(node)
    if text:
        print(f"{text}\n")


def shown_class(node: ast.ClassDef) -> None:
    methods = [it for it in node.body if isinstance(it, ast.FunctionDef)]
    made = next((it for it in methods if it.name == "__init__"), None)
    print(f"### `{signature(made, node.name) if made else node.name}`\n")
    text = documented(node)
    if text:
        print(f"{text}\n")
    for method in methods:
        if is_shown(method.name):
            function(method, node.name)


def page() -> None:
    print("# The API of the package `ikpdb`\n")
    print("Written by `cargo xtask codegen` from the sources in `python/ikpdb`.\n")
    for module, title in MODULES:
        tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
        if title:
            print(f"## {title}\n")
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and is_shown(node.name) and not (module == "debugger"):
                function(node, None)
            elif isinstance(node, ast.ClassDef) and is_shown(node.name):
                shown_class(node)


page()
