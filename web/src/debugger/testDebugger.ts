// A debugger with a backend of its own, for tests.

import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { Wish } from "../socket/generated/Wish";
import type { RequestError } from "../socket/wire";
import type { SessionChannel } from "./beyond";
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

/** A debugger that is not attached yet, its channel, and what comes of it. */
export function setUp(info: Partial<SessionInfo> = {}) {
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
    lookedAt: () => null,
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

export const stopped = (body: object) => ({ type: "event" as const, seq: 0, event: "stopped", body });

/** Lets everything that is under way happen. */
export const settled = () => new Promise((resolve) => setTimeout(resolve));

/** A breakpoint that nobody has set yet. */
export function breakpoint(line: number): Breakpoint {
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
