import { expect, test } from "vitest";
import { RequestError } from "../socket/wire";
import type { SessionChannel } from "./beyond";
import type { Debugger } from "./contract";
import { settled, setUp, stopped } from "./testDebugger";

test("lines are 0-based inside the contract and 1-based on the wire", async () => {
  const { backend, channel, asked, hubAsked } = setUp();
  await backend.attach(channel, false);
  const { frames } = await backend.getFramesOf(3, 0, 0);
  expect(frames.map((frame) => [frame.line, frame.column, frame.subtle])).toEqual([
    [41, 8, false],
    [6, 0, true],
  ]);
  expect((await backend.listBreakpoints())[0]?.line).toBe(42);
  await backend.runTo("/w/app.py", 41);
  expect(asked.at(-1)).toEqual(["ikpdb/runTo", { threadId: 0, source: { path: "/w/app.py" }, line: 42 }]);
  const [breakpoint] = await backend.listBreakpoints();
  if (breakpoint === undefined) throw new Error("no breakpoint");
  const placed = await backend.setBreakpoint({ ...breakpoint, condition: "i == 3" });
  expect(hubAsked[0]?.[1]).toMatchObject({ line: 43, condition: "i == 3" });
  expect([placed.line, placed.actual]).toEqual([42, { line: 43 }]);
});

test("an evaluation names its frame, its purpose, and can be cancelled by its number", async () => {
  const { backend, channel, asked } = setUp();
  await backend.attach(channel, false);
  const [frame = null] = (await backend.getFramesOf(3, 0, 0)).frames;
  const evaluation = backend.evaluate("1 + 1", frame, false, false);
  expect(await evaluation.result).toMatchObject({ value: "2", type: "int", children: false });
  expect(asked.at(-1)).toEqual(["evaluate", { expression: "1 + 1", context: "repl", frameId: 11 }]);
  evaluation.cancel();
  expect(asked.at(-1)).toEqual(["cancel", { requestId: 2 }]);
  backend.evaluate("a", frame, true, true);
  expect(asked.at(-1)?.[1]).toEqual({ expression: "a", context: "watch", ikpdbDisableBreak: true });
});

test("all 23 methods are there, and one that is not supported fails instead of staying silent", async () => {
  const { backend, channel } = setUp();
  await backend.attach(channel, false);
  const methods: (keyof Debugger<SessionChannel>)[] = [
    "attach", "detach", "getSources", "getSource", "getFrames", "getScope", "getProperties", "stepInto", "stepOver",
    "stepOut", "resume", "suspend", "evaluate", "setScriptSource", "setBreakpoint", "changeBreakpoint",
    "clearBreakpoint", "listBreakpoints", "setVariable", "restartFrame", "serializeVariable", "setBreakBehavior",
    "getProxySource",
  ]; // biome-ignore format: a list of names
  expect(new Set(methods).size).toBe(23);
  for (const method of methods) expect(typeof backend[method]).toBe("function");
  await expect(backend.setScriptSource()).rejects.toThrow("not supported");
  await expect(backend.restartFrame()).rejects.toThrow("not supported");
  expect(backend.getProxySource()).toBe(false);
  backend.detach();
  await expect(backend.stepOver()).rejects.toThrow("No program is attached");
});

test("setting a variable names its container and gives the new value back", async () => {
  const { backend, channel, asked } = setUp();
  await backend.attach(channel, false);
  const [frame] = (await backend.getFramesOf(3, 0, 0)).frames;
  if (frame === undefined) throw new Error("no frame");
  const [scope] = await backend.getScopes(frame);
  if (scope === undefined) throw new Error("no scope");
  const [variable] = await backend.getScope(frame, scope);
  if (variable === undefined) throw new Error("no variable");
  expect(variable).toMatchObject({ name: "a", children: true, parent: 100, expression: "a" });
  expect(await backend.setVariable(variable, "41", frame)).toMatchObject({ name: "a", value: "41" });
  expect(asked.at(-1)).toEqual(["setVariable", { variablesReference: 100, name: "a", value: "41" }]);
});

test("a pause that is accepted is told as `suspend`, a refused one is not", async () => {
  const { backend, channel, asked, events, failures } = setUp();
  await backend.attach(channel, false);
  events.length = 0;
  await backend.suspend();
  expect([asked.at(-1), events]).toEqual([["pause", { threadId: 0 }], ["suspend"]]);
  failures.pause = new RequestError("refused", "pause", "it has ended");
  await expect(backend.suspend()).rejects.toThrow("it has ended");
  expect(events).toEqual(["suspend"]);
});

test("steps and resume go for the thread that stopped, until another is selected", async () => {
  const { backend, channel, asked } = setUp();
  await backend.attach(channel, false);
  backend.receive(stopped({ reason: "step", threadId: 3, ikpdbStop: 1 }));
  await settled();
  await backend.stepInto();
  await backend.stepOut();
  backend.selectThread(4);
  await backend.stepOver();
  await backend.resume();
  expect(asked.slice(-4)).toEqual([
    ["stepIn", { threadId: 3 }],
    ["stepOut", { threadId: 3 }],
    ["next", { threadId: 4 }],
    ["continue", { threadId: 4 }],
  ]);
});

test("sources are listed and told, new ones as they are loaded, and a text comes with its hash", async () => {
  const { backend, channel, answers, events } = setUp();
  await backend.attach(channel, false);
  answers.loadedSources = { sources: [{ path: "/w/app.py" }, { name: "<string>", sourceReference: 4 }] };
  const seen: string[] = [];
  backend.on("sources", ({ sources }) => seen.push(...sources.map((source) => `${source.name} ${source.debug}`)));
  backend.on("sourcesCompile", ({ source }) => seen.push(source.path));
  const [file] = await backend.getSources();
  expect(seen).toEqual(["app.py false", "<string> true"]);
  const source = { path: "/w/late.py", name: "late.py" };
  backend.receive({ type: "event", seq: 0, event: "loadedSource", body: { reason: "new", source } });
  expect(seen.at(-1)).toBe("/w/late.py");
  expect(events.slice(-2)).toEqual(["sources", "sourcesCompile"]);
  if (file === undefined) throw new Error("no source");
  expect(await backend.getSource(file)).toBe("x = 1\n");
  expect([file.text, file.hash]).toEqual(["x = 1\n", "ab"]);
});

test("all frames of the thread are given and told, the innermost first", async () => {
  const { backend, channel, asked, events } = setUp();
  await backend.attach(channel, false);
  backend.selectThread(3);
  events.length = 0;
  const frames = await backend.getFrames();
  expect(frames.map(({ name, index, istop, thread }) => [name, index, istop, thread])).toEqual([
    ["inner", 0, true, 3],
    ["run", 1, false, 3],
  ]);
  expect([asked.at(-1), events]).toEqual([["stackTrace", { threadId: 3, startFrame: 0, levels: 0 }], ["getFrames"]]);
});

test("scopes and properties are fetched whole or page by page, and kept where the contract says", async () => {
  const { backend, channel, asked } = setUp();
  await backend.attach(channel, false);
  const [frame] = (await backend.getFramesOf(3, 0, 0)).frames;
  if (frame === undefined) throw new Error("no frame");
  const [scope] = await backend.getScopes(frame);
  if (scope === undefined) throw new Error("no scope");
  expect(frame.scopes).toEqual([scope]);
  const [variable] = await backend.getScope(frame, scope);
  expect(asked.at(-1)).toEqual(["variables", { variablesReference: 100 }]);
  if (variable === undefined) throw new Error("no variable");
  expect(scope.variables).toEqual([variable]);
  const children = await backend.getProperties(variable);
  expect(asked.at(-1)).toEqual(["variables", { variablesReference: 5 }]);
  expect(variable.properties).toBe(children);
  expect(children[0]).toMatchObject({ name: "a", parent: 5 });
  await backend.getProperties(variable, { filter: "indexed", start: 100, count: 50 });
  const page = { variablesReference: 5, filter: "indexed", start: 100, count: 50 };
  expect(asked.at(-1)).toEqual(["variables", page]);
});

test("a whole value is asked for in its frame, and what cannot be named is what is shown of it", async () => {
  const { backend, channel, asked, answers } = setUp();
  await backend.attach(channel, false);
  const frames = (await backend.getFramesOf(3, 0, 0)).frames;
  answers.evaluate = { result: "'a long text'", variablesReference: 0 };
  const variable = { ...(await backend.evaluate("a", null, true, true).result), value: "'a long…'" };
  expect(await backend.serializeVariable(variable, frames[1])).toBe("'a long text'");
  const args = { expression: "a", context: "clipboard", frameId: 12, ikpdbDisableBreak: true };
  expect(asked.at(-1)).toEqual(["evaluate", args]);
  expect(await backend.serializeVariable({ ...variable, expression: null }, frames[1])).toBe("'a long…'");
  backend.update({ ...channel.info(), capabilities: {} });
  expect(await backend.serializeVariable(variable, frames[1])).toBe("'a long…'");
});
