// Breakpoints that are not where they were asked for, and conditions that nobody has looked at yet.

import { expect, test } from "vitest";
import { settled } from "../socket/fakeHub";
import type { Capabilities } from "../socket/generated/Capabilities";
import type { Wish } from "../socket/generated/Wish";
import { currentConsole, features, marks, markWords } from "./selectors";
import { openModel, PATH, RUNNING } from "./testModel";

const MOVED: Wish = {
  id: 5,
  path: PATH,
  line: 6,
  enabled: true,
  condition: "a > 3",
  placed: { 1: { verified: true, line: 8, message: "line 6 has no code: moved to line 8" } },
};

async function openWith(wishes: Wish[]) {
  const opened = await openModel();
  const { hub } = opened;
  for (const command of ["set", "change", "remove"]) hub.answers.set(`ikpdb/breakpoints/${command}`, () => MOVED);
  hub.event(null, "ikpdb/breakpoints", { active: true, wishes });
  const last = async () => {
    await settled();
    const { command, args } = hub.asked.findLast((one) => one.command.startsWith("ikpdb/breakpoints")) ?? {};
    return [command?.slice("ikpdb/breakpoints/".length), args];
  };
  return { ...opened, last };
}

test("a click where a breakpoint was asked for is about that breakpoint, though it was moved", async () => {
  for (const line of [6, 8]) {
    const { model, last, state } = await openWith([MOVED]);
    model.breakpoints.toggle(PATH, line);
    expect(await last()).toEqual(["remove", { ids: [5] }]);
    model.breakpoints.toggleEnabled(PATH, line);
    expect(await last()).toEqual(["change", { id: 5, enabled: false }]);
    model.breakpoints.edit(PATH, line);
    expect(state().condition).toMatchObject({ line, wish: 5, error: null });
  }
});

test("what lies on the clicked line itself goes first, and an editor's breakpoint is nobody else's", async () => {
  const there: Wish = { ...MOVED, id: 6, condition: undefined, placed: { 1: { verified: true, line: 6 } } };
  const both = await openWith([MOVED, there]);
  both.model.breakpoints.toggle(PATH, 6);
  expect(await both.last()).toEqual(["remove", { ids: [6] }]);
  const editors = await openWith([{ ...there, owner: "Vim" }, MOVED]);
  editors.model.breakpoints.toggle(PATH, 6);
  expect(await editors.last()).toEqual(["remove", { ids: [5] }]);
  const alone = await openWith([{ ...there, owner: "Vim" }]);
  alone.model.breakpoints.toggle(PATH, 6);
  expect((await alone.last())[0]).toBe("set");
});

test("a condition in a file that is not loaded yet is saved, and no fault of the condition", async () => {
  const placed = { 1: { verified: false, message: "the file has not been loaded yet", reason: "pending" } };
  const wish: Wish = { ...MOVED, line: 4, placed };
  const { hub, model, state, timers } = await openWith([]);
  hub.answers.set("ikpdb/breakpoints/set", () => {
    hub.event(null, "ikpdb/breakpoints", { active: true, wishes: [wish] });
    return wish;
  });
  model.breakpoints.edit(PATH, 4);
  void model.breakpoints.save({ condition: "a > 3", hitCondition: "", logMessage: "" });
  await settled();
  timers.advance(400);
  await settled();
  expect(state().condition).toBeNull();
  model.breakpoints.edit(PATH, 4);
  expect(state().condition).toMatchObject({ wish: 5, error: null });
  const failed = { 1: { verified: false, message: "the condition is not valid: invalid syntax", reason: "failed" } };
  hub.event(null, "ikpdb/breakpoints", { active: true, wishes: [{ ...wish, placed: failed }] });
  model.breakpoints.edit(PATH, 4);
  expect(state().condition?.error).toContain("invalid syntax");
});

test("what cannot be said of a breakpoint is not offered, but what is set can be taken away", async () => {
  const rows: [Capabilities, Partial<Wish>, string | undefined][] = [
    [{}, {}, undefined],
    [{ supportsConditionalBreakpoints: true }, {}, "condition"],
    [{ supportsHitConditionalBreakpoints: true }, {}, "hit"],
    [{ supportsLogPoints: true }, {}, "log"],
    [{}, { condition: "a" }, "condition"],
    [{}, { hitCondition: "3" }, "hit"],
    [{ supportsConditionalBreakpoints: true }, { logMessage: "a" }, "log"],
  ];
  for (const [capabilities, set, tab] of rows) {
    const { hub, model, state } = await openModel([{ ...RUNNING, capabilities }]);
    const wish = { ...MOVED, condition: undefined, line: 4, placed: {}, ...set };
    hub.event(null, "ikpdb/breakpoints", { active: true, wishes: [wish] });
    model.breakpoints.edit(PATH, 4);
    expect(state().condition?.tab, JSON.stringify([capabilities, set])).toBe(tab);
    if (tab === undefined) expect(state().toasts.at(-1)?.text).toContain("knows no conditions");
  }
});

test("what panels offer follows the program that is shown; without one it is what some debugger can", async () => {
  const none = { conditionalBreakpoints: false, updateScopeVariables: false, executeCode: false };
  expect(features((await openModel([{ ...RUNNING, capabilities: {} }])).state())).toMatchObject(none);
  const all = { conditionalBreakpoints: true, updateScopeVariables: true, updateWatchedVariables: true };
  expect(features((await openModel()).state())).toMatchObject({ ...all, executeCode: true });
  expect(features((await openModel([])).state())).toMatchObject(all);
  const { hub, model, state } = await openModel([{ ...RUNNING, capabilities: {} }]);
  await model.console.evaluate("1 + 1");
  expect(currentConsole(state()).entries.at(-1)).toMatchObject({
    kind: "error",
    text: expect.stringContaining("cannot"),
  });
  expect(hub.commands()).not.toContain("evaluate");
});

const FUNCTION: Wish = { id: 7, path: "", line: 0, function: "Cart.total", enabled: true, placed: {} };

test("a breakpoint at a function is asked for by name, once, and turned on again where it was off", async () => {
  const { model, last } = await openWith([]);
  model.breakpoints.addFunction("  ");
  expect((await last())[0]).toBe(undefined);
  model.breakpoints.addFunction(" Cart.total ");
  expect(await last()).toEqual(["set", { path: "", line: 0, function: "Cart.total" }]);
  const again = await openWith([{ ...FUNCTION, enabled: false }]);
  again.model.breakpoints.addFunction("Cart.total");
  expect(await again.last()).toEqual(["change", { id: 7, enabled: true }]);
});

test("a breakpoint at a function is named by it, is never moved, and says what fails in it", async () => {
  const placed = { 1: { verified: true, line: 12, message: "its condition failed: no a" } };
  const { model, state } = await openWith([{ ...FUNCTION, condition: "a", placed, stopPolicy: "thread" }]);
  const [mark] = marks(state());
  expect(mark === undefined ? "" : markWords(mark)).toBe(
    "Breakpoint, function Cart.total, condition a, stops only its thread, its condition failed: no a",
  );
  const [wish] = state().breakpoints.wishes;
  if (wish !== undefined) model.breakpoints.editFunction(wish);
  expect(state().condition).toMatchObject({ wish: 7, tab: "condition", error: "its condition failed: no a" });
});
