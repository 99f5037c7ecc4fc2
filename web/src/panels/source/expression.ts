// Reads Python source by its syntax tree: what the pointer rests on, which names a line binds.

import { syntaxTree } from "@codemirror/language";
import type { EditorState } from "@codemirror/state";
import type { SyntaxNode } from "@lezer/common";

/** An expression that can be evaluated without running code that was not asked for: names, attributes, subscripts. */
export function expressionAt(state: EditorState, position: number): { from: number; to: number; text: string } | null {
  const node = syntaxTree(state).resolveInner(position, 1);
  const inside = position >= node.from && position < node.to;
  if (!inside) return null;
  let target: SyntaxNode | null = null;
  if (node.name === "VariableName" || node.name === "self") target = node;
  else if (node.name === "PropertyName" && node.parent?.name === "MemberExpression") target = node.parent;
  if (target === null || hasCall(target)) return null;
  const isDefinition = target.parent?.name === "FunctionDefinition" || target.parent?.name === "ClassDefinition";
  if (isDefinition && target.name === "VariableName") return null;
  const text = state.sliceDoc(target.from, target.to);
  return text.includes("\n") ? null : { from: target.from, to: target.to, text };
}

function hasCall(node: SyntaxNode): boolean {
  if (node.name === "CallExpression") return true;
  for (let child = node.firstChild; child !== null; child = child.nextSibling) if (hasCall(child)) return true;
  return false;
}

/** The function that a line is in, as a range of positions; the whole text outside of any. */
export function functionAround(state: EditorState, position: number): { from: number; to: number; name: string } {
  for (let node: SyntaxNode | null = syntaxTree(state).resolveInner(position, 1); node !== null; node = node.parent) {
    if (node.name !== "FunctionDefinition" && node.name !== "LambdaExpression") continue;
    const name = node.getChild("VariableName");
    return { from: node.from, to: node.to, name: name === null ? "<lambda>" : state.sliceDoc(name.from, name.to) };
  }
  return { from: 0, to: state.doc.length, name: "" };
}

const SCOPES = ["FunctionDefinition", "ClassDefinition", "LambdaExpression"];

function binds(node: SyntaxNode): boolean {
  const { parent } = node;
  if (parent === null) return false;
  switch (parent.name) {
    case "TupleExpression":
    case "ArrayExpression":
    case "ParenthesizedExpression":
      return binds(parent);
    case "AssignStatement": {
      const sign = parent.getChildren("AssignOp").at(-1);
      return sign !== undefined && node.to <= sign.from;
    }
    case "UpdateStatement":
    case "NamedExpression":
      return parent.firstChild?.from === node.from;
    case "ForStatement": {
      const word = parent.getChild("in");
      return word !== null && node.to <= word.from;
    }
    case "ParamList":
      return node.prevSibling?.name !== "AssignOp" && node.prevSibling?.name !== "TypeDef";
    case "WithStatement":
    case "TryStatement":
      return node.prevSibling?.name === "as";
    default:
      return false;
  }
}

/**
 * The names with a value at the line `current` that is worth showing: those bound on the lines of its function up to
 * it, and all that the line itself uses. By line number.
 */
export function namesByLine(state: EditorState, current: number): Map<number, string[]> {
  const result = new Map<number, string[]>();
  if (current < 1 || current > state.doc.lines) return result;
  const line = state.doc.line(current);
  const start = line.from + (line.text.length - line.text.trimStart().length);
  const around = functionAround(state, start);
  const add = (number: number, name: string) => {
    const names = result.get(number) ?? [];
    if (!names.includes(name)) result.set(number, [...names, name]);
  };
  syntaxTree(state).iterate({
    from: around.from,
    to: Math.min(around.to, line.to),
    enter(node) {
      if (SCOPES.includes(node.name) && node.from > around.from) return false;
      if (node.name.endsWith("ComprehensionExpression")) return false;
      if (node.name !== "VariableName") return;
      const number = state.doc.lineAt(node.from).number;
      if (number > current) return;
      if (number === current || binds(node.node)) add(number, state.sliceDoc(node.from, node.to));
      return;
    },
  });
  return result;
}
