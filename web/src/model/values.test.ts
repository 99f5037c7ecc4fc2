// Values that come in parts, and whole values for the clipboard.

import { expect, test } from "vitest";
import { Refusal, settled } from "../socket/fakeHub";
import { openModel, PATH, RUNNING } from "./testModel";
import { hoverPath, valueRows, watchPath } from "./tree";

const LARGE = { result: "rows", type: "Rows", variablesReference: 60, indexedVariables: 250, namedVariables: 3 };

test("a value with many elements and some names shows its names at once, and the elements in pages", async () => {
  const { hub, model, state, stop } = await openModel();
  hub.answers.set("evaluate", () => LARGE);
  hub.answers.set("variables", (args) => {
    const name = args.filter === "named" ? `columns of ${args.variablesReference}` : "element";
    return { variables: args.variablesReference === 10 ? [] : [{ name, value: "1", variablesReference: 0 }] };
  });
  await stop(4, 1, 1);
  await model.values.showHover("rows", { document: PATH, x: 0, y: 0 });
  await settled();
  const shown = (path: string, ref: number) => {
    const variable = state().hover?.variable ?? state().watchValues[0]?.variable;
    if (variable == null) throw new Error("nothing is shown");
    const rows: Parameters<typeof valueRows>[4] = [];
    valueRows(state(), path, { ...variable, ref }, 0, rows);
    return rows.map((row) => (row.kind === "variable" ? row.variable.name : row.kind));
  };
  expect(shown(hoverPath("rows"), 60)).toEqual(["columns of 60", "page", "page", "page"]);

  const path = watchPath(0, "a + 1");
  model.store.dispatch({ type: "expand", path, on: true });
  model.values.loadMissing();
  await settled();
  expect(shown(path, 60)[0]).toBe("columns of 60");
  hub.answers.set("evaluate", () => ({ ...LARGE, variablesReference: 61 }));
  hub.event(1, "continued", { threadId: 3 });
  await stop(5, 2, 2);
  expect(shown(path, 61)[0]).toBe("columns of 61");
});

test("what could not be fetched is tried again when it is opened again", async () => {
  const { hub, model, state, stop } = await openModel();
  await stop(4, 1, 1);
  hub.answers.set("variables", () => {
    throw new Refusal("busy");
  });
  const row = { path: "c:1:1", load: { ref: 70, filter: null, start: 0, count: 0 } };
  model.values.toggle({ ...row, expanded: false });
  await settled();
  expect(state().tree.children[row.path]?.error).toBe("busy");
  hub.answers.set("variables", () => ({ variables: [{ name: "k", value: "1", variablesReference: 0 }] }));
  model.values.toggle({ ...row, expanded: true });
  model.values.toggle({ ...row, expanded: false });
  await settled();
  expect(state().tree.children[row.path]).toMatchObject({ error: null, items: [{ name: "k" }] });
});

test("the whole value is copied, of the frame that is selected, and what is shown of it where it cannot be had", async () => {
  const clipboard = { ...RUNNING.capabilities, supportsClipboardContext: true };
  const { hub, model, stop } = await openModel([{ ...RUNNING, capabilities: clipboard }]);
  await stop(4, 1, 1);
  model.sessions.moveFrame(1);
  await settled();
  const [variable] = model.store.get().tree.children["s:Locals"]?.items ?? [];
  if (variable === undefined) throw new Error("no variable");
  const whole = { ...variable, value: "'abc…'", expression: "a" };
  hub.answers.set("evaluate", () => ({ result: "'abcdef'", variablesReference: 0 }));
  expect(await model.values.copyText(whole)).toBe("'abcdef'");
  const asked = hub.asked.findLast((one) => one.command === "evaluate")?.args;
  expect(asked).toMatchObject({ expression: "a", context: "clipboard", frameId: 2 });
  hub.answers.set("evaluate", () => {
    throw new Refusal("it is gone");
  });
  expect(await model.values.copyText(whole)).toBe("'abc…'");
  hub.event(1, "continued", { threadId: 3 });
  expect(await model.values.copyText(whole)).toBe("'abc…'");
});

test("a hover that the pointer has left before it came is not shown, and one that is shown stays until it is hidden", async () => {
  const { model, state, stop } = await openModel();
  await stop(4, 1, 1);
  const at = { document: PATH, x: 0, y: 0 };
  const coming = model.values.showHover("a", at);
  model.values.cancelHover();
  await coming;
  expect(state().hover).toBeNull();
  await model.values.showHover("a", at);
  model.values.cancelHover();
  expect(state().hover?.expression).toBe("a");
  const next = model.values.showHover("b", at);
  model.values.hideHover();
  await next;
  expect(state().hover?.expression).toBe("b");
});

test("what the program refuses to evaluate under the pointer opens no card, and takes away the one before", async () => {
  const { hub, model, state, stop } = await openModel();
  await stop(4, 1, 1);
  const at = { document: PATH, x: 0, y: 0 };
  expect(await model.values.showHover("nope", at)).toBe(false);
  expect([state().hover, state().toasts]).toEqual([null, []]);
  expect(await model.values.showHover("a", at)).toBe(true);
  expect(state().hover?.expression).toBe("a");
  expect(await model.values.showHover("nope", at)).toBe(false);
  expect(state().hover).toBeNull();
  // A refusal that comes late takes nothing away of what is shown since.
  hub.answers.delete("evaluate");
  const late = model.values.showHover("nope", at);
  await settled();
  const { seq } = hub.asked.at(-1) ?? { seq: 0 };
  hub.answers.set("evaluate", () => ({ result: "1", variablesReference: 0 }));
  await model.values.showHover("a", at);
  const refused = { type: "response" as const, seq: 0, request_seq: seq, command: "evaluate", success: false };
  hub.socket.deliver({ session: 1, message: { ...refused, message: "NameError" } });
  expect(await late).toBe(true);
  expect(state().hover?.expression).toBe("a");
});

test("the pointer shows nothing in another file than the selected frame's, and no card stays over another file or frame", async () => {
  const { hub, model, state, stop } = await openModel();
  await stop(4, 1, 1);
  const at = { document: PATH, x: 0, y: 0 };
  const asked = () => hub.asked.filter(({ args }) => args?.context === "hover").length;
  expect(await model.values.showHover("a", at)).toBe(true);
  model.files.open("/w/other.py", 1, false);
  expect(state().hover).toBeNull();
  await settled();
  expect(await model.values.showHover("a", { ...at, document: "/w/other.py" })).toBe(false);
  expect(await model.values.showHover("a", at)).toBe(false);
  expect([state().hover, asked()]).toEqual([null, 1]);

  model.files.open(PATH, 4, false);
  await settled();
  expect(await model.values.showHover("a", at)).toBe(true);
  model.sessions.moveFrame(1);
  expect(state().hover).toBeNull();
  // What was asked of one frame does not show over the next, nor over the next file.
  const late = model.values.showHover("a", at);
  model.sessions.moveFrame(-1);
  expect(await late).toBe(false);
  const later = model.values.showHover("a", at);
  model.files.open("/w/other.py", 1, false);
  expect(await later).toBe(false);
  expect(state().hover).toBeNull();
});
