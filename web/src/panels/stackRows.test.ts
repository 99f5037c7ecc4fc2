// What the call stack says of each thread.

import { expect, test } from "vitest";
import { sentence } from "../model/sentence";
import { openThreads } from "../model/testModel";
import { command } from "./commands";
import { stackRows } from "./stackRows";

type Opened = Awaited<ReturnType<typeof openThreads>>;

const threads = ({ state }: Opened) =>
  stackRows(state()).flatMap((row) => (row.kind === "thread" ? [`${row.name} ${row.state} ${row.open}`] : []));

test("a stop of one thread lets the others run, and one of all holds them", async () => {
  const one = await openThreads();
  await one.stops(4);
  expect(threads(one)).toEqual(["alpha stopped true", "main running null", "beta running null"]);
  const all = await openThreads();
  await all.stops(4, { allThreadsStopped: true });
  expect(threads(all)).toEqual(["alpha stopped true", "main held false", "beta held false"]);
});

test("of several that have stopped one is shown; choosing another moves no row", async () => {
  const opened = await openThreads();
  await opened.stops(4);
  await opened.stops(5, { reason: "exception", text: "ValueError: no" });
  expect(threads(opened)).toEqual(["alpha stopped true", "beta exception false", "main running null"]);
  await opened.choose(5);
  expect(threads(opened)).toEqual(["alpha stopped false", "beta exception true", "main running null"]);
});

test("a thread whose step lasts runs, at the place where it was", async () => {
  const opened = await openThreads();
  await opened.stops(4);
  await opened.stops(5);
  opened.model.run.stepOver();
  await opened.goesOn(4);
  expect(threads(opened)[0]).toBe("alpha stopped true");
  opened.timers.advance(150);
  expect(threads(opened)).toEqual(["alpha running null", "beta stopped false", "main running null"]);
  opened.timers.advance(500);
  expect(threads(opened)).toEqual(["alpha running null", "beta stopped false", "main running null"]);
});

test("commands are about the thread that is shown, and those about several need several", async () => {
  const opened = await openThreads();
  const { state, model } = opened;
  const can = (...ids: string[]) => ids.filter((id) => command(id).unless(state()) === null);
  await opened.stops(4);
  expect(can("over", "nextThread", "continueAll", "intoAnyway", "pause")).toEqual(["over", "intoAnyway"]);
  await opened.stops(5, { reason: "exception", text: "ValueError: no", ikpdbUnwound: true });
  expect(can("over", "nextThread", "continueAll")).toEqual(["over", "nextThread", "continueAll"]);
  await opened.choose(5);
  expect(can("over", "nextThread", "continueAll")).toEqual(["nextThread", "continueAll"]);
  await opened.choose(4);
  model.run.stepOver();
  await opened.goesOn(4);
  opened.timers.advance(700);
  expect(can("over", "nextThread", "continueAll", "pause")).toEqual(["nextThread", "continueAll", "pause"]);
  expect(sentence(state(), 0).phase).toBe("running");
});
