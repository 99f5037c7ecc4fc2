import { expect, test } from "vitest";
import { settled } from "../socket/fakeHub";
import { currentConsole, isStopped, marks, phase, pointers, selectedFrame } from "./selectors";
import { plain, sentence } from "./sentence";
import { openModel, PATH, RUNNING } from "./testModel";
import { scopeRows } from "./tree";

test("a program that Ctrl-Z suspended says where it goes on", async () => {
  const streams = { stdin: { kind: "terminal" }, stdout: { kind: "terminal" }, stderr: { kind: "terminal" } } as const;
  const suspended = { ...RUNNING, pid: 41, suspended: "SIGTSTP", streams: { ...streams, attached: true } };
  const { state, says } = await openModel([suspended]);
  expect(says()).toBe("Suspended in its terminal");
  expect(plain(sentence(state(), 0).why)).toBe("Type fg there to go on");
  const alone = await openModel([{ ...suspended, suspended: "SIGSTOP", streams: { ...streams, attached: false } }]);
  expect(alone.says()).toBe("Suspended");
  expect(plain(sentence(alone.state(), 0).why)).toBe("By SIGSTOP, kill -CONT 41 lets it go on");
});

test("a stop shows its line, stack, variables and watches", async () => {
  const { state, stop, says } = await openModel();
  expect(phase(state())).toBe("running");
  await stop(4, 1, 1, "breakpoint");
  expect(phase(state())).toBe("stopped");
  expect(says()).toBe("Stopped on a breakpoint at app.py:4, in f");
  expect(pointers(state(), PATH)).toEqual([{ line: 4, kind: "top" }]);
  expect(state().active).toBe(PATH);
  const rows = scopeRows(state());
  expect(
    rows.map((row) => (row.kind === "variable" ? `${row.variable.name}=${row.variable.value}` : row.kind)),
  ).toEqual(["scope", "a=1", "scope"]);
  expect(state().watchValues[0]).toMatchObject({ expression: "a + 1", variable: { value: "2" }, pending: false });
});

test("what changed since the last stop in the same function is marked, and only that", async () => {
  const { hub, state, stop } = await openModel();
  await stop(4, 1, 1);
  expect(scopeRows(state()).some((row) => row.kind === "variable" && row.changed)).toBe(false);
  hub.event(1, "continued", { threadId: 3 });
  await stop(5, 2, 2);
  expect(scopeRows(state()).find((row) => row.kind === "variable")).toMatchObject({ changed: true, was: "1" });
  hub.event(1, "continued", { threadId: 3 });
  await stop(6, 2, 3);
  expect(scopeRows(state()).find((row) => row.kind === "variable")).toMatchObject({ changed: false });
});

test("between a step and the next stop nothing goes blank and nothing flickers", async () => {
  const { hub, model, state, stop, timers } = await openModel();
  await stop(4, 1, 1);
  model.run.stepOver();
  hub.event(1, "continued", { threadId: 3 });
  await settled();
  expect(phase(state())).toBe("stopped");
  expect(scopeRows(state())).toHaveLength(3);
  expect(isStopped(state())).toBe(false);
  timers.advance(150);
  expect(phase(state())).toBe("running");
  expect(scopeRows(state())).toHaveLength(3);
  timers.advance(500);
  expect(scopeRows(state())).toHaveLength(0);
});

test("answers that belong to an earlier stop are dropped", async () => {
  const { hub, model, state, stop } = await openModel();
  await stop(4, 1, 1);
  const old = state().stop?.number ?? 0;
  hub.event(1, "continued", { threadId: 3 });
  await stop(5, 2, 2);
  const before = state();
  model.store.dispatch({ type: "children", number: old, path: "s:Locals", items: [] });
  model.store.dispatch({
    type: "exceptionInfo",
    number: old,
    info: { exceptionId: "E", breakMode: "always" },
    at: null,
  });
  expect(state()).toEqual(before);
});

test("selecting an outer frame keeps the arrow on the top line and evaluates the watches again", async () => {
  const { hub, model, state, stop } = await openModel();
  await stop(4, 1, 1);
  const asked = hub.commands().filter((one) => one === "evaluate").length;
  model.sessions.moveFrame(1);
  await settled();
  expect(selectedFrame(state().stop)?.line).toBe(9);
  expect(pointers(state(), PATH)).toEqual([
    { line: 4, kind: "top" },
    { line: 9, kind: "frame" },
  ]);
  expect(hub.commands().filter((one) => one === "evaluate")).toHaveLength(asked + 1);
  expect(hub.asked.findLast((one) => one.command === "evaluate")?.args.frameId).toBe(2);
});

test("an exception is told at its line with its type", async () => {
  const { hub, state, stop, says } = await openModel();
  const details = { typeName: "ValueError", message: "no" };
  hub.answers.set("exceptionInfo", () => ({
    exceptionId: "ValueError",
    description: "no",
    breakMode: "unhandled",
    details,
  }));
  await stop(4, 1, 1, "exception");
  expect(phase(state())).toBe("exception");
  expect(says()).toBe("Stopped on ValueError at app.py:4, in f");
  expect(state().stop?.exception).toMatchObject({ line: 4, document: PATH, info: { description: "no" } });
});

test("a file that does not compile is shown where the compiler points", async () => {
  const { hub, state, stop, says } = await openModel();
  hub.answers.set("stackTrace", () => ({ stackFrames: [], totalFrames: 0 }));
  const details = { typeName: "SyntaxError", ikpdbRaisedAt: { path: PATH, line: 7 } };
  hub.answers.set("exceptionInfo", () => ({ exceptionId: "SyntaxError", breakMode: "unhandled", details }));
  await stop(0, 0, 1, "exception");
  expect(says()).toBe("Stopped on SyntaxError at app.py:7");
  expect(state().reveal).toMatchObject({ document: PATH, line: 7 });
});

test("a file that differs from the loaded code is shown as it was loaded, and says so", async () => {
  const { state, stop } = await openModel();
  await stop(4, 1, 1);
  expect(state().documents[PATH]).toMatchObject({ differs: true, showing: "loaded", text: "y = 1\n" });
});

test("a backend that knows no hash is helped by what the file was when the program was first seen to run it", async () => {
  const { hub, model, state, stop } = await openModel([RUNNING], (before) =>
    before.answers.set("source", () => ({ content: "read again from disk\n" })),
  );
  await stop(4, 1, 1);
  expect(state().documents[PATH]).toMatchObject({ differs: false, showing: "disk" });
  hub.answers.set("ikpdb/files/read", () => ({ content: "edited\n", hash: "cc" }));
  model.files.reload();
  await settled();
  expect(state().documents[PATH]).toMatchObject({ differs: true, showing: "loaded", text: "x = 1\n".repeat(20) });
});

test("the console evaluates in the selected frame, styles errors, and offers a way out of long ones", async () => {
  const { hub, model, state, stop, timers } = await openModel();
  await stop(4, 1, 1);
  await model.console.evaluate("a + 1");
  await model.console.evaluate("nope");
  const kinds = () => currentConsole(state()).entries.map((entry) => entry.kind);
  expect(kinds()).toEqual(["output", "input", "result", "input", "error"]);
  hub.answers.delete("evaluate");
  void model.console.evaluate("forever()");
  await settled();
  timers.advance(5000);
  const last = currentConsole(state()).entries.at(-1);
  expect(last).toMatchObject({ kind: "pending", slow: true });
  model.console.interrupt(last?.id ?? 0);
  await settled();
  const sent = hub.asked.findLast((one) => one.command === "evaluate");
  expect(hub.asked.at(-1)).toMatchObject({ command: "cancel", args: { requestId: sent?.seq } });
});

test("an evaluation that cannot be interrupted says why where it stands, and may be interrupted again", async () => {
  const { hub, model, state, stop, timers } = await openModel([RUNNING, { ...RUNNING, id: 2 }]);
  await stop(4, 1, 1);
  hub.answers.delete("evaluate");
  void model.console.evaluate("sum(iter(int, 1))");
  await settled();
  const seq = hub.asked.findLast((one) => one.command === "evaluate")?.seq;
  const last = () => currentConsole(state()).entries.at(-1);
  const cancels = () => hub.asked.filter(({ command, args }) => command === "cancel" && args.requestId === seq).length;
  const update = (session: number, progressId: string) =>
    hub.event(session, "progressUpdate", { progressId, message: "it runs native code" });
  timers.advance(5000);
  hub.event(1, "progressStart", { progressId: "of another", title: "Evaluating" });
  hub.event(2, "progressStart", { progressId: "of another session", title: "Evaluating", requestId: 99 });
  hub.event(1, "progressStart", { progressId: "p", title: "Evaluating", requestId: seq, message: "still running" });
  expect(last()).toMatchObject({ slow: true, said: null });
  for (const times of [1, 2]) {
    model.console.interrupt(last()?.id ?? 0);
    await settled();
    expect(cancels()).toBe(times);
    for (const [session, progress] of [
      [1, "of another"],
      [2, "of another session"],
      [2, "p"],
    ] as const) {
      update(session, progress);
    }
    hub.event(1, "progressUpdate", { progressId: "p" });
    expect(last()).toMatchObject({ kind: "pending", interrupting: true, said: null });
    update(1, "p");
    expect(last()).toMatchObject({ kind: "pending", interrupting: false, said: "it runs native code" });
  }
  const answer = { type: "response" as const, seq: 0, request_seq: seq ?? 0, command: "evaluate" };
  hub.socket.deliver({
    session: 1,
    message: { ...answer, success: true, body: { result: "0", variablesReference: 0 } },
  });
  await settled();
  expect(last()).toMatchObject({ kind: "result" });
  update(1, "p");
  expect(last()).toMatchObject({ kind: "result" });
});

test("the end says how, and a restart takes the place of the session that it replaces", async () => {
  const { hub, state, stop, says } = await openModel();
  await stop(4, 1, 1);
  hub.event(null, "ikpdb/session", { ...RUNNING, state: "ended", exit: { exitCode: 7, durationMs: 3210 } });
  expect(says()).toBe("Ended, exit code 7 after 3.2 s");
  expect(pointers(state(), PATH)).toEqual([]);
  hub.event(null, "ikpdb/session", { ...RUNNING, id: 2, replaces: 1 });
  expect(state().current).toBe(2);
  expect(phase(state())).toBe("running");
});

test("a second session joins the list and leaves the first one on show", async () => {
  const { hub, state, stop } = await openModel();
  await stop(4, 1, 1);
  hub.event(null, "ikpdb/session", { ...RUNNING, id: 2 });
  expect([state().current, state().order]).toEqual([1, [1, 2]]);
  expect(phase(state())).toBe("stopped");
});

test("a broken connection is said with what the program was doing", async () => {
  const { hub, state, stop, says, timers } = await openModel();
  await stop(4, 1, 1);
  hub.up = false;
  hub.socket.close();
  await settled();
  expect(phase(state())).toBe("away");
  expect(says()).toBe("Hub gone, reconnecting: attempt 1, next in 1 s");
  expect(plain(sentence(state(), timers.time).why)).toBe("The program was stopped at app.py:4 · Retry now");
});

test("breakpoint marks tell condition, logpoint, disabled, unverified and the master switch apart", async () => {
  const { hub, state } = await openModel();
  const wish = { path: PATH, enabled: true, placed: {} };
  const wishes = [
    { ...wish, id: 1, line: 1 },
    { ...wish, id: 2, line: 2, condition: "a" },
    { ...wish, id: 3, line: 3, logMessage: "a" },
    { ...wish, id: 4, line: 4, enabled: false },
    { ...wish, id: 5, line: 5, placed: { 1: { verified: false, message: "no code here" } } },
    { ...wish, id: 6, line: 6, placed: { 1: { verified: true, line: 8 } } },
  ];
  hub.event(null, "ikpdb/breakpoints", { active: true, wishes });
  expect(marks(state()).map((mark) => [mark.kind, mark.line])).toEqual([
    ["on", 1],
    ["cond", 2],
    ["log", 3],
    ["off", 4],
    ["unverified", 5],
    ["on", 8],
  ]);
  hub.event(null, "ikpdb/breakpoints", { active: false, wishes });
  expect(marks(state()).every((mark) => mark.kind === "off")).toBe(true);
});

test("a condition that the program refuses keeps the editor open with the reason", async () => {
  const { hub, model, state, timers } = await openModel();
  const wish = { id: 1, path: PATH, line: 4, enabled: true, condition: "a ==", placed: {} };
  hub.answers.set("ikpdb/breakpoints/set", () => {
    hub.event(null, "ikpdb/breakpoints", { active: true, wishes: [wish] });
    return wish;
  });
  model.breakpoints.edit(PATH, 4);
  void model.breakpoints.save({ condition: "a ==", hitCondition: "", logMessage: "" });
  await settled();
  const placed = { 1: { verified: false, message: "SyntaxError: invalid syntax" } };
  hub.event(null, "ikpdb/breakpoints", { active: true, wishes: [{ ...wish, placed }] });
  await settled();
  expect(state().condition).toMatchObject({ wish: 1, error: "SyntaxError: invalid syntax", saving: false });
  hub.answers.set("ikpdb/breakpoints/change", () => ({ ...wish, condition: "a == 1" }));
  hub.event(null, "ikpdb/breakpoints", { active: true, wishes: [{ ...wish, condition: "a == 1" }] });
  void model.breakpoints.save({ condition: "a == 1", hitCondition: "", logMessage: "" });
  await settled();
  timers.advance(400);
  await settled();
  expect(state().condition).toBeNull();
});
