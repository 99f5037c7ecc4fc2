import { expect, test } from "vitest";
import { toVariable } from "../debugger/convert";
import { EMPTY_TREE } from "./state";
import { type Expansion, missing, pages, type TreeRow, valueRows, variableRows } from "./tree";

const list = (indexed: number) =>
  toVariable("items", { value: "list", variablesReference: 5, indexedVariables: indexed }, 1);

function rowsOf(expanded: Record<string, boolean>, indexed: number): TreeRow[] {
  const at: Expansion = { expanded, tree: { ...EMPTY_TREE, stop: 1 } };
  const rows: TreeRow[] = [];
  valueRows(at, "p", list(indexed), 0, rows);
  return rows;
}

test("a list of 500 is five pages of 100, and a page is fetched when it is opened", () => {
  const rows = rowsOf({ "p\n[100…199]": true }, 500);
  expect(rows.map((row) => row.kind)).toEqual(["page", "page", "note", "page", "page", "page"]);
  const wanted = missing({ ...EMPTY_TREE, stop: 1 }, rows);
  expect(wanted).toEqual([{ path: "p\n[100…199]", load: { ref: 5, filter: "indexed", start: 100, count: 100 } }]);
});

test("a million elements never make more than a hundred rows on one level", () => {
  expect(rowsOf({}, 1_000_000)).toHaveLength(100);
  expect(pages(0, 1_000_000)[99]).toEqual({ start: 990_000, count: 10_000 });
  expect(rowsOf({ "p\n[0…9999]": true }, 1_000_000)).toHaveLength(200);
});

test("a short list is fetched at once, without pages", () => {
  expect(rowsOf({}, 100).map((row) => row.kind)).toEqual(["note"]);
});

test("children whose names look alike have paths of their own", () => {
  const at: Expansion = { expanded: {}, tree: EMPTY_TREE };
  const rows: TreeRow[] = [];
  const twin = toVariable("k", { value: "1" }, 1);
  variableRows(at, "p", [twin, twin], 0, rows);
  expect(new Set(rows.map((row) => row.path)).size).toBe(2);
});
