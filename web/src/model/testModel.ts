// A model with a hub of its own, for tests: a program of one file, with two frames, one local and one watch.

import { FakeHub, FakeTimers, fakeParts, fakePlaces, Refusal, SECRET, settled } from "../socket/fakeHub";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { Snapshot } from "../socket/generated/Snapshot";
import { hex } from "../socket/proof";
import { Model } from "./model";
import { plain, sentence } from "./sentence";

export const PATH = "/w/app.py";
export const RUNNING: SessionInfo = {
  id: 1,
  name: "app.py",
  type: "python",
  state: "running",
  command: ["python3", "app.py"],
  cwd: "/w",
  startedAt: 1000,
  waitingForInput: false,
  restartable: true,
  children: [],
  alsoStopped: [],
  options: { justMyCode: true, stopPolicy: "all", rules: [] },
  capabilities: {
    supportsExceptionInfoRequest: true,
    supportsConditionalBreakpoints: true,
    supportsSetVariable: true,
    ikpdb: { executeCode: true },
  },
};

export const SNAPSHOT: Snapshot = {
  n: 0,
  workspace: { path: "/w", name: "w" },
  sessions: [RUNNING],
  output: { 1: [{ output: "hello\n", category: "stdout", ikpdbTerminal: true }] },
  breakpoints: { active: true, wishes: [] },
  exceptionFilters: { active: ["uncaught"] },
  watches: { expressions: ["a + 1"] },
  settings: [],
  pages: 1,
};

/** A page that is connected, with these sessions. */
export async function openModel(
  sessions: SessionInfo[] = [RUNNING],
  prepare: (hub: FakeHub) => void = () => undefined,
) {
  const hub = new FakeHub();
  const timers = new FakeTimers();
  let line = 4;
  let value = 1;
  hub.snapshot = { ...SNAPSHOT, sessions };
  const frames = () => [
    { id: 1, name: "f", line, column: 1, source: { path: PATH, name: "app.py" } },
    { id: 2, name: "<module>", line: 9, column: 1, source: { path: PATH, name: "app.py" } },
  ];
  hub.answers.set("stackTrace", () => ({ stackFrames: frames(), totalFrames: 2 }));
  hub.answers.set("threads", () => ({ threads: [{ id: 3, name: "MainThread" }] }));
  hub.answers.set("scopes", () => ({
    scopes: [
      { name: "Locals", presentationHint: "locals", variablesReference: 10, expensive: false },
      { name: "Globals", presentationHint: "globals", variablesReference: 20, expensive: false },
    ],
  }));
  hub.answers.set("variables", (args) => ({
    variables:
      args.variablesReference === 10 ? [{ name: "a", value: String(value), type: "int", variablesReference: 0 }] : [],
  }));
  hub.answers.set("evaluate", (args) => {
    if (args.expression === "nope") throw new Refusal("NameError: name 'nope' is not defined");
    return { result: String(value + 1), type: "int", variablesReference: 0 };
  });
  hub.answers.set("ikpdb/files/read", () => ({ content: "x = 1\n".repeat(20), hash: "aa" }));
  hub.answers.set("source", () => ({ content: "y = 1\n", ikpdbHash: "bb" }));
  for (const quiet of ["next", "continue", "ikpdb/setting", "ikpdb/watches"]) hub.answers.set(quiet, () => ({}));
  const clock = {
    now: () => timers.time,
    after: (ms: number, run: () => void) => {
      const timer = timers.set(run, ms);
      return () => timers.clear(timer);
    },
  };
  prepare(hub);
  const model = new Model(fakeParts(hub, timers, fakePlaces(`#secret=${hex(SECRET)}`)), clock);
  model.start();
  await settled();
  const stop = async (at: number, now: number, ikpdbStop: number, reason = "step") => {
    line = at;
    value = now;
    hub.event(1, "stopped", {
      reason,
      threadId: 3,
      ikpdbStop,
      text: reason === "exception" ? "ValueError: no" : undefined,
    });
    await settled();
  };
  const state = () => model.store.get();
  /** Breaks the connection. */
  const cut = async () => {
    hub.socket.close();
    await settled();
  };
  /** Lets the page come back. */
  const back = async () => {
    timers.advance(200);
    await settled();
  };
  return { hub, timers, model, state, stop, cut, back, says: () => plain(sentence(state(), timers.time).main) };
}

/** A program with the threads main (3), alpha (4) and beta (5), of which each stops at a line of its own. */
export async function openThreads(sessions?: SessionInfo[], settings: unknown[] = []) {
  const capabilities = { ...RUNNING.capabilities, ikpdb: { executeCode: true, options: true } };
  const running: SessionInfo = {
    ...RUNNING,
    capabilities,
    options: { justMyCode: true, stopPolicy: "thread", rules: [] },
  };
  const opened = await openModel(sessions ?? [running], (hub) => {
    hub.snapshot = { ...(hub.snapshot as Snapshot), settings };
    const threads = ["main", "alpha", "beta"].map((name, index) => ({ id: index + 3, name }));
    hub.answers.set("threads", () => ({ threads }));
    hub.answers.set("stackTrace", ({ threadId }) => ({
      stackFrames: [
        { id: 1, name: "f", line: Number(threadId) * 10, column: 1, source: { path: PATH, name: "app.py" } },
      ],
      totalFrames: 1,
    }));
  });
  let ikpdbStop = 0;
  return {
    ...opened,
    async stops(threadId: number, more: object = {}): Promise<void> {
      ikpdbStop += 1;
      const body = { reason: "breakpoint", threadId, ikpdbStop, allThreadsStopped: false, ...more };
      opened.hub.event(1, "stopped", body);
      await settled();
    },
    async goesOn(threadId: number): Promise<void> {
      opened.hub.event(1, "continued", { threadId, allThreadsContinued: false });
      await settled();
    },
    async choose(threadId: number): Promise<void> {
      opened.model.sessions.showThread(threadId);
      await settled();
    },
  };
}
