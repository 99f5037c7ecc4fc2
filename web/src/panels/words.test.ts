// What the sentence says can be done, and what can be done, by phase.

import { expect, test } from "vitest";
import { contractState, hasFailed, phase } from "../model/selectors";
import { plain, sentence } from "../model/sentence";
import { openModel, PATH, RUNNING } from "../model/testModel";
import { settled } from "../socket/fakeHub";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import { command } from "./commands";

const at = (reason: string, more: object = {}) => ({ reason, threadId: 3, ikpdbStop: 1, ...more });
const stopped = (body: ReturnType<typeof at>): SessionInfo[] => [{ ...RUNNING, state: "stopped", stopped: body }];
const ended = (exit: SessionInfo["exit"], more: Partial<SessionInfo> = {}): SessionInfo[] => [
  { ...RUNNING, state: "ended", exit, ...more },
];
const KEYS = "F5 continues, F10 runs this line";

/** What is done, sessions, what is said, what can be done, and which commands are possible. */
const TABLE: [string, SessionInfo[], string, string, string[]][] = [
  ["no program", [], "No program is running", "Breakpoints can be set before the start", ["run", "continue"]],
  ["starting", [{ ...RUNNING, state: "starting" }], "Starting", "Waiting for the interpreter", ["restart", "stop"]],
  ["running", [RUNNING], "Running for 0.0 s", "F6 pauses it", ["pause", "restart", "stop"]],
  [
    "waiting for input",
    [{ ...RUNNING, waitingForInput: true }],
    "Waiting for input",
    "Type it in the terminal · F6 pauses",
    ["pause", "restart", "stop"],
  ],
  [
    "undebugged",
    [{ ...RUNNING, undebugged: "This interpreter is too old" }],
    "Running without the debugger",
    "This interpreter is too old",
    ["restart", "stop"],
  ],
  [
    "on a breakpoint",
    stopped(at("breakpoint")),
    "Stopped on a breakpoint at app.py:4, in f",
    KEYS,
    ["continue", "over", "into", "out", "restart", "stop"],
  ],
  [
    "while interpreters run that no stop holds",
    stopped(at("breakpoint", { allThreadsStopped: true, ikpdbNotStopped: "Other interpreters may run on" })),
    "Stopped on a breakpoint at app.py:4, in f",
    `Other interpreters may run on · ${KEYS}`,
    ["continue", "over", "into", "out", "restart", "stop"],
  ],
  [
    "after a step",
    stopped(at("step")),
    "Stopped after a step at app.py:4, in f",
    KEYS,
    ["continue", "over", "into", "out", "restart", "stop"],
  ],
  [
    "raised",
    stopped(at("exception", { text: "ValueError: no" })),
    "Stopped on ValueError at app.py:4, in f",
    "no · nothing catches it · F5 lets it go on",
    ["continue", "over", "into", "out", "restart", "stop"],
  ],
  [
    "unwound",
    stopped(at("exception", { text: "ValueError: no", ikpdbUnwound: true })),
    "Stopped on ValueError at app.py:4, in f",
    "no · nothing catches it · F5 ends the program",
    ["continue", "restart", "stop"],
  ],
  [
    "ended",
    ended({ exitCode: 0, durationMs: 1200 }),
    "Ended, exit code 0 after 1.2 s",
    "The debugger is disconnected · F5 runs it again",
    ["run", "continue"],
  ],
  [
    "killed",
    ended({ signal: "SIGKILL", durationMs: 100 }),
    "Killed by SIGKILL after 0.1 s",
    "The debugger is disconnected · F5 runs it again",
    ["run", "continue"],
  ],
  [
    "ended, and cannot be started again",
    ended({ exitCode: 1, durationMs: 100 }, { restartable: false }),
    "Ended, exit code 1 after 0.1 s",
    "The debugger is disconnected · ikpdb run starts another",
    [],
  ],
  [
    "not started",
    ended({ error: "There is no Python 3.9", durationMs: 0 }),
    "There is no Python 3.9",
    "The debugger is disconnected · F5 runs it again",
    ["run", "continue"],
  ],
];

const COMMANDS = ["run", "continue", "pause", "over", "into", "out", "restart", "stop"];

for (const [name, sessions, main, why, can] of TABLE) {
  test(`${name}: what is going on, and what can be done`, async () => {
    const { state, timers } = await openModel(sessions, (hub) => {
      hub.answers.delete("exceptionInfo");
    });
    const says = sentence(state(), timers.time);
    expect(plain(says.main)).toBe(main);
    expect(plain(says.why)).toContain(why);
    expect(COMMANDS.filter((id) => command(id).unless(state()) === null)).toEqual(can);
    if (sessions[0]?.state !== "stopped") expect(says.why.every((one) => one.text !== "")).toBe(true);
  });
}

test("with no program the state is disconnected, and to run says how a program is started", async () => {
  const { model, state, timers } = await openModel([]);
  expect([phase(state()), contractState(phase(state()))]).toEqual(["none", "disconnected"]);
  expect(plain(sentence(state(), timers.time).why)).toContain("disconnected");
  command("run").run(model, undefined as never);
  expect(state().toasts).toMatchObject([{ tone: "info", text: expect.stringContaining("ikpdb run app.py") }]);
});

test("once a program has ended, Run starts it again and Restart says so", async () => {
  const { hub, model, state } = await openModel(ended({ exitCode: 0, durationMs: 1 }));
  hub.answers.set("restart", () => ({}));
  expect(command("restart").unless(state())).toContain("F5 runs it again");
  command("run").run(model, undefined as never);
  await settled();
  expect(hub.commands()).toContain("restart");
});

test("the words of a breakpoint's condition and hit count say why it stopped", async () => {
  for (const [more, why] of [
    [{ condition: "a > 3" }, `Its condition a > 3 is true · ${KEYS}`],
    [{ hitCondition: ">= 3" }, `Its hit count >= 3 is reached · ${KEYS}`],
  ] as const) {
    const { hub, state, stop } = await openModel();
    const wish = { id: 1, path: PATH, line: 4, enabled: true, placed: {}, ...more };
    hub.event(null, "ikpdb/breakpoints", { active: true, wishes: [wish] });
    await stop(4, 1, 1, "breakpoint");
    expect(plain(sentence(state(), 0).why)).toBe(why);
    // What is edited now is not why it stopped then.
    hub.event(null, "ikpdb/breakpoints", { active: true, wishes: [{ ...wish, condition: "a >" }] });
    expect(plain(sentence(state(), 0).why)).toBe(why);
  }
});

test("breakpoints that wait are counted while the program runs", async () => {
  const { hub, state } = await openModel();
  const wish = { path: PATH, enabled: true, placed: {} };
  const says = (count: number, active = true) => {
    const wishes = Array.from({ length: count }, (_, id) => ({ ...wish, id, line: id + 1 }));
    hub.event(null, "ikpdb/breakpoints", { active, wishes });
    return plain(sentence(state(), 1000).why);
  };
  expect(says(0)).toBe("F6 pauses it");
  expect(says(1)).toBe("F6 pauses · 1 breakpoint is waiting");
  expect(says(2)).toBe("F6 pauses · 2 breakpoints are waiting");
  expect(says(2, false)).toBe("F6 pauses it");
});

test("another document is shown with a cursor of its own, not with the line of the one before", async () => {
  const { model, state } = await openModel();
  model.files.open("/w/a.py", null, false);
  model.files.open("/w/b.py", null, false);
  const moves: [string, () => void][] = [
    ["a tab", () => model.files.activate("/w/a.py")],
    ["another file", () => model.files.open("/w/c.py", null, false)],
    ["closing", () => model.files.close("/w/c.py")],
  ];
  for (const [what, move] of moves) {
    model.store.dispatch({ type: "cursor", line: 17, column: 3 });
    move();
    expect(state().cursor, what).toEqual({ line: 1, column: 1 });
  }
  model.store.dispatch({ type: "cursor", line: 17, column: 3 });
  model.files.activate(state().active ?? "");
  expect(state().cursor).toEqual({ line: 17, column: 3 });
});

test("a program has failed that ended otherwise than with exit code 0, and none that runs", async () => {
  const exit = { durationMs: 3200 };
  const table: [SessionInfo[], boolean][] = [
    [[], false],
    [[RUNNING], false],
    [ended({ ...exit, exitCode: 0 }), false],
    [ended({ ...exit, exitCode: 7 }), true],
    [ended({ ...exit, signal: "SIGSEGV" }), true],
    [ended({ ...exit, error: "python9 was not found" }), true],
  ];
  for (const [sessions, expected] of table) {
    const { state } = await openModel(sessions);
    expect(hasFailed(state()), JSON.stringify(sessions[0]?.exit)).toBe(expected);
  }
});
