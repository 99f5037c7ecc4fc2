// Threads that stop and go on one by one: what is shown, what is said, what is asked of the program.

import { expect, test } from "vitest";
import { settled } from "../socket/fakeHub";
import { isStopped, phase, selectedFrame } from "./selectors";
import { plain, sentence } from "./sentence";
import { openThreads } from "./testModel";

type Opened = Awaited<ReturnType<typeof openThreads>>;

const shown = ({ state }: Opened) => (isStopped(state()) ? state().stop?.thread : null);
const why = ({ state, timers }: Opened) => plain(sentence(state(), timers.time).why);

test("who looks at one thread keeps looking at it when another stops, and is told", async () => {
  const opened = await openThreads();
  await opened.stops(4);
  expect(opened.says()).toBe("Stopped on a breakpoint at app.py:40, in f (alpha)");
  expect(why(opened)).toBe("2 other threads run · F5 continues, F10 runs this line");
  const before = opened.state().stop;
  await opened.stops(5);
  expect(shown(opened)).toBe(4);
  expect(opened.state().stop).toBe(before);
  expect(why(opened)).toBe("beta is stopped as well, 1 runs · F5 continues, F10 runs this line");
  await opened.stops(3);
  expect(why(opened)).toBe("2 others are stopped as well · F5 continues, F10 runs this line");
});

test("one that goes on leaves the others: the one that has waited longest comes up, at last none", async () => {
  const opened = await openThreads();
  await opened.stops(4);
  await opened.stops(5);
  await opened.stops(3);
  // Another than the one on show.
  await opened.goesOn(3);
  expect(shown(opened)).toBe(4);
  await opened.stops(3);
  for (const next of [5, 3]) {
    opened.model.run.resume();
    await opened.goesOn(opened.state().stop?.thread ?? 0);
    expect(shown(opened)).toBe(next);
    expect(selectedFrame(opened.state().stop)?.line).toBe(next * 10);
  }
  opened.model.run.resume();
  await opened.goesOn(3);
  opened.timers.advance(150);
  expect(phase(opened.state())).toBe("running");
  await opened.stops(5);
  expect(shown(opened)).toBe(5);
});

test("steps are of the thread that was chosen, and the window waits for it, whoever else has stopped", async () => {
  const opened = await openThreads();
  const { hub, model, state, timers } = opened;
  await opened.stops(4);
  await opened.stops(5);
  await opened.choose(5);
  expect(shown(opened)).toBe(5);
  model.run.stepOver();
  await settled();
  expect(hub.asked.at(-1)).toMatchObject({ command: "next", args: { threadId: 5 } });
  await opened.goesOn(5);
  timers.advance(150);
  expect(phase(state())).toBe("running");
  timers.advance(500);
  expect([shown(opened), state().stop]).toEqual([null, null]);
  expect(opened.says()).toBe("beta runs until its step is done");
  expect(why(opened)).toBe("alpha is stopped as well, 1 runs · F6 pauses it");
  // It does not run twice because a key was pressed twice.
  const asked = hub.asked.length;
  model.run.stepOver();
  expect(hub.asked).toHaveLength(asked);
  await opened.stops(3);
  expect(shown(opened)).toBe(null);
  await opened.stops(5, { reason: "step" });
  expect(shown(opened)).toBe(5);
});

test("a stop of all ends the wait for a step, and so does the end of the thread that makes it", async () => {
  for (const how of ["all", "end"]) {
    const opened = await openThreads();
    const { hub, model, timers } = opened;
    await opened.stops(5);
    await opened.stops(4);
    model.run.stepOver();
    await opened.goesOn(5);
    timers.advance(700);
    expect(shown(opened)).toBe(null);
    if (how === "all") await opened.stops(3, { allThreadsStopped: true });
    else hub.answers.set("threads", () => ({ threads: [{ id: 4, name: "alpha" }] }));
    timers.advance(2000);
    await settled();
    expect(shown(opened), how).toBe(how === "all" ? 3 : 4);
  }
});

test("threads come and go while one is stopped: they are asked for again as long as some run", async () => {
  const opened = await openThreads();
  const { hub, timers } = opened;
  await opened.stops(4);
  hub.answers.set("threads", () => ({ threads: [{ id: 4, name: "alpha" }] }));
  timers.advance(2000);
  await settled();
  expect(why(opened)).toBe("F5 continues, F10 runs this line");
  await opened.goesOn(4);
  const asked = hub.asked.length;
  timers.advance(10_000);
  await settled();
  expect(hub.asked).toHaveLength(asked);
});

test("a page that is loaded anew shows the same threads stopped, and the one that was looked at", async () => {
  const first = await openThreads();
  await first.stops(4);
  await first.stops(5);
  await first.choose(5);
  await first.stops(3);
  const look = first.hub.asked.findLast((one) => one.command === "ikpdb/setting" && one.args.key === "thread")?.args;
  expect(look).toMatchObject({ scope: "workspace", value: { session: 1, thread: 5 } });
  const [info] = Object.values(first.state().sessions);
  const again = await openThreads(info === undefined ? [] : [info], [look]);
  expect(shown(again)).toBe(5);
  expect(again.says()).toBe(first.says());
  expect(why(again)).toBe(why(first));
});

test("all that are stopped go on, the one that is shown last", async () => {
  const opened = await openThreads();
  const { hub, model } = opened;
  for (const thread of [4, 5, 3]) await opened.stops(thread);
  model.run.resumeAll();
  await settled();
  const asked = hub.asked.filter((one) => one.command === "continue").map((one) => one.args.threadId);
  expect(asked).toEqual([5, 3, 4]);
});

test("what counts as the user's own code is looked at anew when it changes", async () => {
  const opened = await openThreads();
  const { hub, state } = opened;
  await opened.stops(4);
  const asked = hub.commands().filter((one) => one === "stackTrace").length;
  const [info] = Object.values(state().sessions);
  const options = { justMyCode: true, stopPolicy: "thread", rules: [{ module: "json", include: true }] };
  hub.event(1, "ikpdb/session", { ...info, options });
  await settled();
  expect(hub.commands().filter((one) => one === "stackTrace")).toHaveLength(asked + 1);
  hub.event(1, "ikpdb/session", { ...info, options });
  await settled();
  expect(hub.commands().filter((one) => one === "stackTrace")).toHaveLength(asked + 1);
});
