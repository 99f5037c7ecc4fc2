import { expect, test } from "vitest";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { Wish } from "../socket/generated/Wish";
import { RequestError } from "../socket/wire";
import type { SessionChannel } from "./beyond";
import type { Debugger } from "./contract";
import { DapDebugger } from "./dapDebugger";
import type { Breakpoint } from "./data";

const CAPABILITIES = {
  supportsConditionalBreakpoints: true,
  supportsSetVariable: true,
  supportsTerminateRequest: true,
  exceptionBreakpointFilters: [
    { filter: "uncaught", label: "Uncaught" },
    { filter: "raised", label: "Raised" },
  ],
  supportsClipboardContext: true,
  ikpdb: { executeCode: true },
};

const FRAMES = [
  { id: 11, name: "inner", line: 42, column: 9, source: { path: "/w/app.py", name: "app.py" } },
  { id: 12, name: "run", line: 7, column: 1, source: { path: "/lib/x.py" }, presentationHint: "subtle", moduleId: "x" },
];

function setUp(info: Partial<SessionInfo> = {}) {
  const asked: [string, unknown][] = [];
  const hubAsked: [string, unknown][] = [];
  const answers: Record<string, unknown> = {
    stackTrace: { stackFrames: FRAMES, totalFrames: 2 },
    threads: { threads: [{ id: 3, name: "MainThread" }] },
    evaluate: { result: "2", type: "int", variablesReference: 0 },
    setVariable: { value: "41", type: "int" },
    source: { content: "x = 1\n", ikpdbHash: "ab" },
    variables: { variables: [{ name: "a", value: "1", type: "int", variablesReference: 5, evaluateName: "a" }] },
    scopes: { scopes: [{ name: "Locals", presentationHint: "locals", variablesReference: 100, expensive: false }] },
  };
  const hub = (name: string) => async (args: unknown) => {
    hubAsked.push([name, args]);
    return { id: 1, path: "/w/app.py", line: 43, enabled: true, placed: { 1: { verified: true, line: 44 } } } as never;
  };
  let seq = 0;
  const wishes: Wish[] = [{ id: 1, path: "/w/app.py", line: 43, enabled: true, placed: {} }];
  const failures: Record<string, RequestError> = {};
  const channel: SessionChannel = {
    session: 1,
    hub: {
      setBreakpoint: hub("set"),
      changeBreakpoint: hub("change"),
      removeBreakpoints: hub("remove"),
      setExceptionFilters: hub("filters"),
    },
    request: (command, args) => {
      asked.push([command, args]);
      seq += 1;
      const failure = failures[command];
      if (failure !== undefined) return { seq, answer: Promise.reject(failure) };
      return { seq, answer: Promise.resolve((answers[command] ?? {}) as never) };
    },
    info: () => ({ id: 1, state: "running", capabilities: CAPABILITIES, ...info }) as SessionInfo,
    wishes: () => wishes,
    exceptionFilters: () => ["uncaught"],
  };
  const backend = new DapDebugger("python");
  const events: string[] = [];
  for (const name of [
    "attach",
    "detach",
    "break",
    "exception",
    "frameActivate",
    "stateChange",
    "suspend",
    "error",
    "sources",
    "getFrames",
    "sourcesCompile",
    "breakpointUpdate",
  ] as const) {
    backend.on(name, (payload) => events.push(name === "stateChange" ? `state ${JSON.stringify(payload)}` : name));
  }
  return { backend, channel, asked, hubAsked, events, answers, failures, wishes };
}

const stopped = (body: object) => ({ type: "event" as const, seq: 0, event: "stopped", body });

test("attach tells the panels in the order that the contract prescribes", async () => {
  const { backend, channel, events } = setUp();
  await backend.attach(channel, false);
  expect(events).toEqual(["frameActivate", "attach", 'state {"state":"running"}']);
  expect(backend.attached).toBe(true);
  backend.detach();
  expect(events.slice(3)).toEqual(["frameActivate", 'state {"state":null}', "detach"]);
  expect(backend.attached).toBe(false);
});

test("attaching to a stopped program shows its stop", async () => {
  const { backend, channel, events } = setUp({ state: "stopped", stopped: { reason: "breakpoint", threadId: 3 } });
  await backend.attach(channel, true);
  expect(events).toEqual(["frameActivate", "attach", "frameActivate", "break", 'state {"state":"stopped"}']);
  expect(backend.state).toBe("stopped");
});

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

test("a stop that is told twice is shown once, and one that was left behind is dropped", async () => {
  const { backend, channel, events } = setUp();
  await backend.attach(channel, false);
  events.length = 0;
  backend.receive(stopped({ reason: "step", threadId: 3, ikpdbStop: 8 }));
  backend.update({ ...channel.info(), state: "stopped", stopped: { reason: "step", threadId: 3, ikpdbStop: 8 } });
  await new Promise((resolve) => setTimeout(resolve));
  expect(events.filter((event) => event === "break")).toHaveLength(1);
  backend.receive({ type: "event", seq: 0, event: "continued", body: {} });
  backend.receive(stopped({ reason: "step", threadId: 3, ikpdbStop: 9 }));
  backend.receive({ type: "event", seq: 0, event: "continued", body: {} });
  await new Promise((resolve) => setTimeout(resolve));
  expect(events.filter((event) => event === "break")).toHaveLength(1);
});

test("an exception is its own event and carries its text", async () => {
  const { backend, channel } = setUp();
  await backend.attach(channel, false);
  const seen: string[] = [];
  backend.on("exception", ({ exception, frame }) => seen.push(`${exception.value} ${exception.error} ${frame.line}`));
  backend.receive(stopped({ reason: "exception", threadId: 3, text: "ValueError: no" }));
  await new Promise((resolve) => setTimeout(resolve));
  expect(seen).toEqual(["ValueError: no true 41"]);
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

test("break behaviour is translated by role, and the flags follow the capabilities", async () => {
  const { backend, channel, hubAsked } = setUp();
  await backend.attach(channel, false);
  expect([backend.breakOnExceptions, backend.breakOnUncaughtExceptions]).toEqual([false, true]);
  await backend.setBreakBehavior("all", true);
  expect(hubAsked.at(-1)).toEqual(["filters", ["uncaught", "raised"]]);
  expect(backend.features).toMatchObject({ conditionalBreakpoints: true, liveUpdate: false, executeCode: true });
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

/** Lets everything that is under way happen. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

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

test("what goes wrong while a stop is looked at is told as `error`, and the stop is one without frames", async () => {
  const { backend, channel, events, failures } = setUp();
  await backend.attach(channel, false);
  events.length = 0;
  const said: string[] = [];
  backend.on("error", (error) => said.push(error.message));
  failures.stackTrace = new RequestError("refused", "stackTrace", "no such thread");
  backend.receive(stopped({ reason: "pause", threadId: 3, ikpdbStop: 1 }));
  await settled();
  expect(said).toEqual(["no such thread"]);
  expect(events).toEqual(['state {"state":"stopped"}', "error", "frameActivate", "break"]);
});

test("a stop that was not looked at because the way to it broke is told when it is told again", async () => {
  for (const failing of ["stackTrace", "threads"]) {
    const { backend, channel, events, failures } = setUp();
    await backend.attach(channel, false);
    const body = { reason: "pause", ikpdbStop: 1, ...(failing === "threads" ? {} : { threadId: 3 }) };
    failures[failing] = new RequestError("gone", failing, "The hub is gone.");
    backend.receive(stopped(body));
    await settled();
    expect(events).not.toContain("break");
    delete failures[failing];
    backend.update({ ...channel.info(), state: "stopped", stopped: body });
    backend.update({ ...channel.info(), state: "stopped", stopped: body });
    await settled();
    expect(
      events.filter((event) => event === "break"),
      failing,
    ).toHaveLength(1);
  }
});

test("attaching over a broken connection to a stopped program keeps the order when it is made up for", async () => {
  const body = { reason: "breakpoint", threadId: 3, ikpdbStop: 1 };
  const { backend, channel, events, failures } = setUp({ state: "stopped", stopped: body });
  failures.stackTrace = new RequestError("gone", "stackTrace", "The hub is gone.");
  await backend.attach(channel, true);
  expect([backend.state, events]).toEqual([null, ["frameActivate", "attach", "error"]]);
  delete failures.stackTrace;
  backend.update(channel.info());
  await settled();
  expect(events.slice(3)).toEqual(["frameActivate", "break", 'state {"state":"stopped"}']);
});

test("attaching asks the UI for its breakpoints, and sets those that nobody has", async () => {
  const { backend, channel, hubAsked } = setUp();
  const known = { ...breakpoint(7), id: 1 };
  backend.on("getBreakpoints", () => [known, breakpoint(9)]);
  await backend.attach(channel, true);
  expect(hubAsked).toMatchObject([["set", { path: "/w/app.py", line: 10 }]]);
});

test("a breakpoint that is placed elsewhere is told once, with the place", async () => {
  const { backend, channel, events, wishes } = setUp();
  await backend.attach(channel, false);
  const told: unknown[] = [];
  backend.on("breakpointUpdate", ({ breakpoint: { id, line, actual, message } }) =>
    told.push([id, line, actual?.line, message]),
  );
  const place = (placed: Wish["placed"]) => {
    const [first] = wishes;
    if (first !== undefined) wishes[0] = { ...first, placed };
    backend.breakpointsChanged();
    backend.breakpointsChanged();
  };
  place({ 2: { verified: true, line: 43 } });
  expect(told).toEqual([]);
  place({ 1: { verified: true, line: 44, message: "moved" } });
  place({ 1: { verified: true, line: 45, message: "moved again" } });
  expect(told).toEqual([
    [1, 42, 43, "moved"],
    [1, 42, 44, "moved again"],
  ]);
  expect(events.filter((event) => event === "breakpointUpdate")).toHaveLength(2);
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

test("the flags follow what the backend says it can do", async () => {
  const none = { scripts: false, conditionalBreakpoints: false, updateScopeVariables: false, executeCode: false };
  const { backend, channel } = setUp({ capabilities: {} });
  await backend.attach(channel, false);
  expect(backend.features).toMatchObject({ ...none, updateWatchedVariables: false, setBreakBehavior: false });
  const loaded = { supportsLoadedSourcesRequest: true, supportsSetVariable: true };
  backend.receive({ type: "event", seq: 0, event: "capabilities", body: { capabilities: loaded } });
  expect(backend.features).toMatchObject({ scripts: true, updateScopeVariables: true, updateWatchedVariables: true });
});

test("the end is told as the contract has it, and a step after it is refused", async () => {
  const { backend, channel, events } = setUp();
  await backend.attach(channel, false);
  events.length = 0;
  backend.receive({ type: "event", seq: 0, event: "terminated", body: {} });
  backend.update({ ...channel.info(), state: "ended" });
  expect(events.filter((event) => event.startsWith("state"))).toEqual(['state {"state":null}']);
  expect(events[0]).toBe("frameActivate");
});

function breakpoint(line: number): Breakpoint {
  return {
    tagName: "breakpoint",
    path: "/w/app.py",
    text: "app.py",
    line,
    content: "",
    enabled: true,
    condition: "",
    hitCondition: "",
    logMessage: "",
    actual: null,
    message: null,
    invalid: false,
    hidden: false,
    serverOnly: false,
  };
}
