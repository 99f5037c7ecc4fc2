import { expect, test } from "vitest";
import { plainText } from "./ansi";
import { append, appendOutput, EMPTY_CONSOLE, KEPT_ENTRIES, replace } from "./reduceConsole";

const lines = (view: { entries: { kind: string; text?: string }[] }) =>
  view.entries.map((one) => plainText(one.text ?? ""));

test("output is cut into lines and an unfinished line goes on in the next chunk", () => {
  let view = appendOutput(EMPTY_CONSOLE, [{ output: "a\r\nb", category: "stdout" }]);
  expect(lines(view)).toEqual(["a", "b"]);
  view = appendOutput(view, [{ output: "c\nd\n", category: "stdout" }]);
  expect(lines(view)).toEqual(["a", "bc", "d"]);
});

test("an unfinished line is closed by something else in between", () => {
  let view = appendOutput(EMPTY_CONSOLE, [{ output: "name? ", category: "stdout" }]);
  view = append(view, { kind: "input", text: "1 + 1", place: "main" });
  view = appendOutput(view, [{ output: "Ada\n", category: "stdout" }]);
  expect(lines(view)).toEqual(["name? ", "1 + 1", "Ada"]);
});

test("what was dropped on the way is said where it was dropped", () => {
  const view = appendOutput(EMPTY_CONSOLE, [{ output: "z\n", ikpdbDropped: 2048 }]);
  expect(view.entries[0]).toMatchObject({ kind: "note", text: "2.0 KB of output were left out here" });
});

test("the console keeps a bounded number of lines and counts the others", () => {
  const view = appendOutput(EMPTY_CONSOLE, [{ output: "x\n".repeat(KEPT_ENTRIES + 10) }]);
  expect(view.entries).toHaveLength(KEPT_ENTRIES);
  expect(view.dropped).toBe(10);
});

test("a pending evaluation is replaced in place by its result", () => {
  const waiting = { since: 0, slow: false, interrupting: false, said: null };
  let view = append(EMPTY_CONSOLE, { kind: "pending", text: "f()", ...waiting });
  view = append(view, { kind: "note", text: "later" });
  view = replace(view, 1, { kind: "error", text: "ZeroDivisionError", place: null });
  expect(view.entries.map((one) => one.kind)).toEqual(["error", "note"]);
});

test("a line that rewrites itself, or never ends, does not grow without bounds", () => {
  let view = EMPTY_CONSOLE;
  for (let i = 0; i < 2000; i++) view = appendOutput(view, [{ output: `\r${i} of 2000 done` }]);
  expect(view.entries).toHaveLength(1);
  const [entry] = view.entries;
  if (entry?.kind !== "output") throw new Error("no output");
  expect(plainText(entry.text)).toBe("1999 of 2000 done");
  expect(entry.text.length).toBeLessThan(4000);
  view = appendOutput(EMPTY_CONSOLE, [{ output: "x".repeat(1_000_000) }]);
  expect(view.entries[0]?.kind === "output" && view.entries[0].text.length).toBeLessThan(21_000);
});
