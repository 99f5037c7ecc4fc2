import { expect, test } from "vitest";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { SessionChannel } from "./beyond";
import type { Debugger } from "./contract";
import { DapDebugger } from "./dapDebugger";

const CAPABILITIES = {
  supportsConditionalBreakpoints: true,
  supportsSetVariable: true,
  supportsTerminateRequest: true,
  exceptionBreakpointFilters: [
    { filter: "uncaught", label: "Uncaught" },
    { filter: "raised", label: "Raised" },
  ],
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
      const answer = answers[command];
      return { seq, answer: Promise.resolve((answer ?? {}) as never) };
    },
    info: () => ({ id: 1, state: "running", capabilities: CAPABILITIES, ...info }) as SessionInfo,
    wishes: () => [{ id: 1, path: "/w/app.py", line: 43, enabled: true, placed: {} }],
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
  ] as const) {
    backend.on(name, (payload) => events.push(name === "stateChange" ? `state ${JSON.stringify(payload)}` : name));
  }
  return { backend, channel, asked, hubAsked, events, answers };
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
  expect(events).toEqual(["frameActivate", "attach", 'state {"state":"stopped"}', "frameActivate", "break"]);
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
