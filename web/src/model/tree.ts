// Trees of values (variables, watch, results, hover) as flat rows, page by page. A node is named by its path, which
// stays the same from stop to stop, so what was open stays open.

import type { Variable } from "../debugger/data";
import type { Children, ScopeView, TreeView } from "./state";

/** Children on one page. */
export const PAGE = 100;
/** Named children that are fetched at once. */
const NAMED_AT_ONCE = 500;

/** How the children of a node are fetched. */
export interface Load {
  ref: number;
  filter: "indexed" | "named" | null;
  start: number;
  /** 0: all. */
  count: number;
}

interface RowBase {
  path: string;
  depth: number;
  /** null: it has no children. */
  expanded: boolean | null;
  load: Load | null;
}

export type TreeRow =
  | (RowBase & { kind: "scope"; scope: ScopeView })
  | (RowBase & { kind: "variable"; variable: Variable; parent: string; changed: boolean; was: string | null })
  | (RowBase & { kind: "page"; from: number; to: number })
  | (RowBase & { kind: "note"; tone: "error" | "empty" | "loading"; text: string });

export interface Expansion {
  expanded: Record<string, boolean>;
  tree: TreeView;
}

const SEPARATOR = "\n";

export const scopePath = (scope: ScopeView): string => `s:${scope.name}`;
export const watchPath = (index: number, expression: string): string => `w:${index}:${expression}`;
export const resultPath = (session: number, entry: number): string => `c:${session}:${entry}`;
export const hoverPath = (expression: string): string => `h:${expression}`;

export function isOpen(expanded: Record<string, boolean>, scope: ScopeView): boolean {
  return expanded[scopePath(scope)] ?? scope.open;
}

export const scopeLoad = (scope: ScopeView): Load => ({ ref: scope.ref, filter: null, start: 0, count: 0 });

/** The pages of `count` children from `start`: at most 100 of them, each of 100, 10,000, … children. */
export function pages(start: number, count: number): { start: number; count: number }[] {
  let size = PAGE;
  while (count > size * PAGE) size *= PAGE;
  const result: { start: number; count: number }[] = [];
  for (let at = start; at < start + count; at += size) {
    result.push({ start: at, count: Math.min(size, start + count - at) });
  }
  return result;
}

/** Names may repeat among children (keys that look alike): the later ones are numbered. */
function childPaths(parent: string, items: Variable[]): string[] {
  const seen = new Map<string, number>();
  return items.map((item) => {
    const times = seen.get(item.name) ?? 0;
    seen.set(item.name, times + 1);
    return `${parent}${SEPARATOR}${item.name}${times === 0 ? "" : `#${times}`}`;
  });
}

function note(path: string, depth: number, tone: "error" | "empty" | "loading", text: string): TreeRow {
  return { kind: "note", path: `${path}${SEPARATOR}!`, depth, expanded: null, load: null, tone, text };
}

function childRows(at: Expansion, path: string, depth: number, rows: TreeRow[], emptyText: string): void {
  const children: Children | undefined = at.tree.children[path];
  if (children === undefined) {
    rows.push(note(path, depth, "loading", "loading"));
    return;
  }
  if (children.error !== null) {
    rows.push(note(path, depth, "error", children.error));
    return;
  }
  if (children.items.length === 0 && children.stop === at.tree.stop) rows.push(note(path, depth, "empty", emptyText));
  variableRows(at, path, children.items, depth, rows);
}

function pageRows(at: Expansion, path: string, load: Load, depth: number, rows: TreeRow[]): void {
  for (const page of pages(load.start, load.count)) {
    const own = `${path}${SEPARATOR}[${page.start}…${page.start + page.count - 1}]${load.filter === "named" ? "n" : ""}`;
    const expanded = at.expanded[own] ?? false;
    const pageLoad: Load = { ...load, start: page.start, count: page.count };
    const leaf = page.count <= PAGE;
    rows.push({
      kind: "page",
      path: own,
      depth,
      expanded,
      load: leaf ? pageLoad : null,
      from: page.start,
      to: page.start + page.count - 1,
    });
    if (!expanded) continue;
    if (leaf) childRows(at, own, depth + 1, rows, "nothing here");
    else pageRows(at, own, pageLoad, depth + 1, rows);
  }
}

/** What is fetched when the node itself is opened; its pages are fetched when they are. */
export function ownLoad(variable: Variable): Load | null {
  if (variable.ref === 0 || variable.lazy) return null;
  const { ref, indexed, named } = variable;
  if (indexed <= PAGE && named <= NAMED_AT_ONCE) return { ref, filter: null, start: 0, count: 0 };
  if (named > 0 && named <= NAMED_AT_ONCE) return { ref, filter: "named", start: 0, count: 0 };
  if (indexed > 0 && indexed <= PAGE) return { ref, filter: "indexed", start: 0, count: indexed };
  return null;
}

/** The rows of one value and of what is open below it. */
export function valueRows(at: Expansion, path: string, variable: Variable, depth: number, rows: TreeRow[]): void {
  const load = ownLoad(variable);
  if (load !== null) childRows(at, path, depth, rows, "empty");
  if (variable.indexed > PAGE) {
    pageRows(at, path, { ref: variable.ref, filter: "indexed", start: 0, count: variable.indexed }, depth, rows);
  }
  if (variable.named > NAMED_AT_ONCE) {
    pageRows(at, path, { ref: variable.ref, filter: "named", start: 0, count: variable.named }, depth, rows);
  }
}

export function variableRows(at: Expansion, parent: string, items: Variable[], depth: number, rows: TreeRow[]): void {
  const paths = childPaths(parent, items);
  items.forEach((variable, index) => {
    const path = paths[index] ?? parent;
    const expandable = variable.ref > 0 && !variable.lazy;
    const expanded = expandable ? (at.expanded[path] ?? false) : null;
    const { previous } = at.tree;
    const before = previous?.[path];
    const isNew = previous !== null && before === undefined && `${parent}${SEPARATOR}` in previous;
    const changed = (before !== undefined && before !== variable.value) || isNew;
    const was = changed && before !== undefined && variable.ref === 0 ? before : null;
    rows.push({
      kind: "variable",
      path,
      depth,
      expanded,
      load: ownLoad(variable),
      variable,
      parent,
      changed,
      was,
    });
    if (expanded) valueRows(at, path, variable, depth + 1, rows);
  });
}

/** The rows of the variables panel. */
export function scopeRows(at: Expansion): TreeRow[] {
  const rows: TreeRow[] = [];
  for (const scope of at.tree.scopes) {
    const path = scopePath(scope);
    const expanded = isOpen(at.expanded, scope);
    rows.push({ kind: "scope", path, depth: 0, expanded, load: scopeLoad(scope), scope });
    if (expanded) childRows(at, path, 1, rows, "no names yet");
  }
  return rows;
}

/** Every value by its path, to tell at the next stop what changed. A path with an end mark says its children are known. */
export function valuesOf(tree: TreeView): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [parent, children] of Object.entries(tree.children)) {
    if (!parent.startsWith("s:")) continue;
    values[`${parent}${SEPARATOR}`] = "";
    const paths = childPaths(parent, children.items);
    children.items.forEach((item, index) => {
      const path = paths[index];
      if (path !== undefined) values[path] = item.value;
    });
  }
  return values;
}

/** The open nodes whose children are not those of this stop. */
export function missing(tree: TreeView, rows: TreeRow[]): { path: string; load: Load }[] {
  return rows.flatMap((row) => {
    if (row.expanded !== true || row.load === null) return [];
    return tree.children[row.path]?.stop === tree.stop ? [] : [{ path: row.path, load: row.load }];
  });
}
