import { expect, test } from "vitest";
import type { Wish } from "../socket/generated/Wish";
import { RequestError } from "../socket/wire";
import { breakpoint, settled, setUp, stopped } from "./testDebugger";

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

test("a stop that is told twice is shown once, and one that was left behind is dropped", async () => {
  const { backend, channel, events } = setUp();
  await backend.attach(channel, false);
  events.length = 0;
  backend.receive(stopped({ reason: "step", threadId: 3, ikpdbStop: 8 }));
  backend.update({ ...channel.info(), state: "stopped", stopped: { reason: "step", threadId: 3, ikpdbStop: 8 } });
  await settled();
  expect(events.filter((event) => event === "break")).toHaveLength(1);
  backend.receive({ type: "event", seq: 0, event: "continued", body: {} });
  backend.receive(stopped({ reason: "step", threadId: 3, ikpdbStop: 9 }));
  backend.receive({ type: "event", seq: 0, event: "continued", body: {} });
  await settled();
  expect(events.filter((event) => event === "break")).toHaveLength(1);
});

test("an exception is its own event and carries its text", async () => {
  const { backend, channel } = setUp();
  await backend.attach(channel, false);
  const seen: string[] = [];
  backend.on("exception", ({ exception, frame }) => seen.push(`${exception.value} ${exception.error} ${frame.line}`));
  backend.receive(stopped({ reason: "exception", threadId: 3, text: "ValueError: no" }));
  await settled();
  expect(seen).toEqual(["ValueError: no true 41"]);
});

test("break behaviour is translated by role, and the flags follow the capabilities", async () => {
  const { backend, channel, hubAsked } = setUp();
  await backend.attach(channel, false);
  expect([backend.breakOnExceptions, backend.breakOnUncaughtExceptions]).toEqual([false, true]);
  await backend.setBreakBehavior("all", true);
  expect(hubAsked.at(-1)).toEqual(["filters", ["uncaught", "raised"]]);
  expect(backend.features).toMatchObject({ conditionalBreakpoints: true, liveUpdate: false, executeCode: true });
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
