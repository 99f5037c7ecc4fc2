// What a break of the connection, or of the hub, leaves behind.

import { expect, test } from "vitest";
import { Refusal, settled } from "../socket/fakeHub";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import { currentConsole, isStopped, phase, selectedFrame } from "./selectors";
import type { ConsoleEntry } from "./state";
import { openModel, PATH, RUNNING, SNAPSHOT } from "./testModel";
import { scopeRows } from "./tree";

type Opened = Awaited<ReturnType<typeof openModel>>;

/** Everything that a stop shows, and that a step is carried out. */
async function wholeAndAlive({ model, state, hub }: Opened, line: number): Promise<void> {
  expect(selectedFrame(state().stop)?.line).toBe(line);
  expect(state().threads).toEqual([{ id: 3, name: "MainThread" }]);
  const shown = scopeRows(state()).map((row) => (row.kind === "variable" ? row.variable.value : row.kind));
  expect(shown).toEqual(["scope", "1", "scope"]);
  expect(state().watchValues).toMatchObject([{ variable: { value: "2" }, error: null, pending: false }]);
  const asked = hub.commands().filter((one) => one === "next").length;
  model.run.stepOver();
  await settled();
  expect(hub.commands().filter((one) => one === "next")).toHaveLength(asked + 1);
}

for (const unanswered of ["stackTrace", "threads", "scopes", "variables", "evaluate"]) {
  test(`i15 a connection that breaks before '${unanswered}' is answered loses nothing of the stop`, async () => {
    const opened = await openModel();
    const { hub, stop, cut, back } = opened;
    const answer = hub.answers.get(unanswered);
    if (answer === undefined) throw new Error("never answered at all");
    hub.answers.delete(unanswered);
    await stop(4, 1, 1, "breakpoint");
    await cut();
    hub.answers.set(unanswered, answer);
    await back();
    await wholeAndAlive(opened, 4);
  });
}

test("i15 what failed with the connection is shown as it was, not as an error, and is asked again", async () => {
  const { hub, model, state, stop, cut, back } = await openModel();
  const node = { value: "{…}", type: "dict", variablesReference: 50, namedVariables: 1 };
  hub.answers.set("evaluate", () => ({ result: node.value, ...node }));
  await stop(4, 1, 1);
  hub.answers.delete("variables");
  model.values.toggle({ path: "w:0:a + 1", expanded: false, load: { ref: 50, filter: null, start: 0, count: 0 } });
  model.values.refresh();
  hub.answers.delete("evaluate");
  await settled();
  await cut();
  expect(JSON.stringify(state())).not.toContain("The hub is gone.");
  hub.answers.set("evaluate", () => ({ result: node.value, ...node }));
  const item = { name: "'k'", value: "7", type: "int", variablesReference: 0 };
  hub.answers.set("variables", (args) => ({ variables: args.variablesReference === 50 ? [item] : [] }));
  await back();
  expect(state().tree.children["w:0:a + 1"]).toMatchObject({ items: [{ name: "'k'", value: "7" }], error: null });
});

test("i15 a stop that came while the connection was broken takes the place of the one before", async () => {
  const { hub, state, stop, cut, back } = await openModel();
  await stop(4, 1, 1);
  await cut();
  // The journal does not reach back far enough.
  const hello = hub.answers.get("ikpdb/hello");
  hub.answers.set("ikpdb/hello", (...asked) => ({ ...(hello?.(...asked) as object), snapshot: hub.snapshot }));
  hub.snapshot = {
    ...SNAPSHOT,
    sessions: [{ ...RUNNING, state: "stopped", stopped: { reason: "step", threadId: 3, ikpdbStop: 9 } }],
  };
  hub.answers.delete("stackTrace");
  await back();
  expect(isStopped(state())).toBe(false);
  await cut();
  hub.answers.set("stackTrace", () => ({
    stackFrames: [{ id: 7, name: "g", line: 6, column: 1, source: { path: PATH, name: "app.py" } }],
    totalFrames: 1,
  }));
  await back();
  expect(selectedFrame(state().stop)?.name).toBe("g");
  expect(isStopped(state())).toBe(true);
});

test("a backend that is late with the stack is said to be, and asked again until it answers", async () => {
  const opened = await openModel();
  const { hub, state, stop, timers } = opened;
  const answer = hub.answers.get("stackTrace");
  if (answer === undefined) throw new Error("never answered at all");
  hub.answers.delete("stackTrace");
  await stop(4, 1, 1);
  timers.advance(15_000);
  await settled();
  expect(state().toasts.at(-1)?.text).toContain("No answer to 'stackTrace' within 15 s");
  hub.answers.set("stackTrace", answer);
  timers.advance(15_000);
  await settled();
  await wholeAndAlive(opened, 4);
});

test("a backend that is late with the scopes is asked again until it answers", async () => {
  const opened = await openModel();
  const { hub, stop, timers } = opened;
  const answer = hub.answers.get("scopes");
  if (answer === undefined) throw new Error("never answered at all");
  hub.answers.delete("scopes");
  await stop(4, 1, 1);
  timers.advance(15_000);
  await settled();
  hub.answers.set("scopes", answer);
  timers.advance(15_000);
  await settled();
  await wholeAndAlive(opened, 4);
});

test("a stop whose stack is refused can be continued, and one whose stack is still to come as well", async () => {
  const { hub, model, state, stop } = await openModel();
  hub.answers.set("stackTrace", () => {
    throw new Refusal("no such thread");
  });
  await stop(4, 1, 1);
  expect(state().toasts.at(-1)?.text).toContain("no such thread");
  model.run.resume();
  await settled();
  expect(hub.asked.at(-1)).toMatchObject({ command: "continue", args: { threadId: 3 } });
  const other = await openModel();
  other.hub.answers.delete("stackTrace");
  await other.stop(4, 1, 1);
  other.model.run.resume();
  await settled();
  expect(other.hub.asked.at(-1)).toMatchObject({ command: "continue", args: { threadId: 3 } });
});

test("i15 a file that was being read when the connection broke is read when it is back", async () => {
  const { hub, model, state, cut, back } = await openModel();
  for (const unanswered of ["ikpdb/files/read", "source"]) {
    const answer = hub.answers.get(unanswered);
    if (answer === undefined) throw new Error("never answered at all");
    const path = unanswered === "source" ? "/lib/late.py" : "/w/late.py";
    hub.answers.delete(unanswered);
    model.files.open(path);
    await settled();
    await cut();
    expect(state().documents[path], path).toMatchObject({ status: "loading", error: null });
    hub.answers.set(unanswered, answer);
    await back();
    expect(state().documents[path], path).toMatchObject({ status: "loaded" });
  }
});

test("the tabs of the workspace are read once the hub can be asked, also where no program is", async () => {
  const { state } = await openModel([], (hub) => {
    const setting = { scope: "workspace", key: "tabs", value: { open: [PATH], active: PATH } };
    hub.snapshot = { ...SNAPSHOT, sessions: [], settings: [setting] };
  });
  expect(state().documents[PATH]).toMatchObject({ status: "loaded", showing: "disk" });
});

const first: SessionInfo = { ...RUNNING, pid: 41 };
const other: SessionInfo = { ...RUNNING, id: 2, pid: 52, name: "other.py", command: ["python3", "other.py"] };

/** Two programs under a hub that is killed; the first is on show, stopped. */
async function underAnotherHub(sessions: SessionInfo[]): Promise<Opened> {
  const opened = await openModel([first, other]);
  const { hub, model, stop, cut, back } = opened;
  model.sessions.select(1);
  await settled();
  await stop(4, 1, 1);
  await model.console.evaluate("a + 1");
  hub.epoch = "two";
  hub.n = 0;
  hub.snapshot = { ...SNAPSHOT, sessions, output: {} };
  await cut();
  await back();
  return opened;
}

const kinds = (opened: Opened) => currentConsole(opened.state()).entries.map((entry: ConsoleEntry) => entry.kind);

test("a program is found again under another hub by its process, whatever number it has there", async () => {
  const opened = await underAnotherHub([
    { ...other, id: 1 },
    { ...first, id: 2, state: "stopped", stopped: { reason: "step", threadId: 3, ikpdbStop: 1 } },
  ]);
  const { hub, state, model } = opened;
  expect(state().current).toBe(2);
  expect(kinds(opened)).toEqual(["output", "input", "result"]);
  expect(selectedFrame(state().stop)?.line).toBe(4);
  model.run.stepOver();
  await settled();
  expect(hub.asked.at(-1)).toMatchObject({ session: 2, command: "next" });
});

test("a program whose runner comes to the new hub after another's is taken up when it comes", async () => {
  const opened = await underAnotherHub([]);
  const { hub, state, model } = opened;
  expect(phase(state())).toBe("none");
  expect(state().stop).toBeNull();
  hub.event(null, "ikpdb/session", { ...other, id: 1 });
  await settled();
  expect(state().current).toBe(1);
  expect(kinds(opened)).toEqual([]);
  const terminal: string[] = [];
  model.listenToTerminals((session, text) => terminal.push(`${session} ${text}`));
  hub.event(1, "output", { output: "from the other\n", ikpdbTerminal: true });
  hub.event(null, "ikpdb/session", { ...first, id: 2, state: "starting", pid: undefined });
  hub.event(null, "ikpdb/session", { ...first, id: 2 });
  await settled();
  expect(state().current).toBe(2);
  expect(kinds(opened)).toEqual(["output", "input", "result"]);
  expect(terminal.at(-1)).toBe("2 hello\n");
  hub.event(2, "output", { output: "on it goes\n", ikpdbTerminal: true });
  expect(terminal.at(-1)).toBe("2 on it goes\n");
});

test("another program under the number of the old one has nothing of it", async () => {
  const opened = await underAnotherHub([{ ...other, id: 1 }]);
  const { state, hub } = opened;
  expect(state().current).toBe(1);
  expect(state().stop).toBeNull();
  expect(kinds(opened)).toEqual([]);
  hub.event(1, "stopped", { reason: "step", threadId: 3, ikpdbStop: 1 });
  await settled();
  expect(selectedFrame(state().stop)?.line).toBe(4);
});

test("a program that the user turned away from is not taken up again", async () => {
  const { hub, state, model } = await underAnotherHub([{ ...other, id: 1 }]);
  model.sessions.select(1);
  hub.event(null, "ikpdb/session", { ...first, id: 2 });
  expect(state().current).toBe(1);
});

test("an answer about a stop of the program that was on show before is not taken for one of this", async () => {
  const { hub, model, state, stop } = await openModel([first, other]);
  model.sessions.select(1);
  await settled();
  await stop(4, 1, 1);
  const old = state().stop?.number ?? 0;
  model.sessions.select(2);
  hub.event(2, "stopped", { reason: "step", threadId: 3, ikpdbStop: 1 });
  await settled();
  expect(state().stop?.number).not.toBe(old);
  model.sessions.select(1);
  await settled();
  expect(state().stop?.number).not.toBe(old);
});

test("a text that only a program has is asked of that program alone", async () => {
  const opened = await openModel([first, other]);
  const { hub, model, state, cut, back } = opened;
  model.sessions.select(1);
  const source = { name: "<string>", sourceReference: 5 };
  const frames = [{ id: 1, name: "f", line: 1, column: 1, source }];
  hub.answers.set("stackTrace", () => ({ stackFrames: frames, totalFrames: 1 }));
  hub.event(1, "stopped", { reason: "step", threadId: 3, ikpdbStop: 1 });
  await settled();
  expect(state().documents["ref:1:5"]).toMatchObject({ status: "loaded", text: "y = 1\n" });
  hub.answers.set("source", () => ({ content: "of the other\n" }));
  model.sessions.select(2);
  await settled();
  expect(state().documents["ref:1:5"]?.text).toBe("y = 1\n");
  model.sessions.select(1);
  await settled();
  hub.epoch = "two";
  hub.snapshot = { ...SNAPSHOT, sessions: [{ ...other, id: 1 }] };
  await cut();
  await back();
  expect(state().tabs).not.toContain("ref:1:5");
});

test("what the hub says of itself is shown once, with and without a program", async () => {
  const said = { category: "important", output: "ikpdb: /state could not be written (not a folder)\n" };
  for (const sessions of [[RUNNING], []]) {
    const opened = await openModel(sessions);
    const { hub, state } = opened;
    hub.event(null, "output", said);
    hub.event(null, "output", said);
    const text = "/state could not be written (not a folder)";
    expect(state().toasts).toMatchObject([{ tone: "error", text }]);
    expect(currentConsole(state()).entries.filter((entry) => entry.kind === "note")).toMatchObject([{ text }]);
  }
});
