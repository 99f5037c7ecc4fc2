import { expect, test } from "vitest";
import type { StoppedEvent } from "../socket/generated/StoppedEvent";
import { afterContinue, afterStop, stopsOf, stopToShow } from "./stops";

const stop = (threadId: number, allThreadsStopped: boolean, ikpdbStop = threadId): StoppedEvent => ({
  reason: "breakpoint",
  threadId,
  allThreadsStopped,
  ikpdbStop,
});
const [a, b, c] = [stop(1, false), stop(2, false), stop(3, false)];
const ids = (stops: StoppedEvent[]) => stops.map((one) => one.ikpdbStop);

test("stops are kept in the order in which they came, one for each thread", () => {
  expect(stopsOf({ stopped: c, alsoStopped: [a, b] })).toEqual([a, b, c]);
  expect(stopsOf({ alsoStopped: [] })).toEqual([]);
  expect(ids(afterStop([a, b], stop(1, false, 9)))).toEqual([2, 9]);
});

test("one thread that goes on leaves the others stopped, and all that go on leave none", () => {
  expect(afterContinue([a, b, c], { threadId: 2, allThreadsContinued: false })).toEqual([a, c]);
  expect(afterContinue([a, b], { threadId: 2, allThreadsContinued: true })).toEqual([]);
  expect(afterContinue([a, b], { threadId: 2 })).toEqual([]);
});

test("the thread that was looked at comes up again, else the one that has waited longest", () => {
  expect(stopToShow([a, b, c], 2, false)).toBe(b);
  expect(stopToShow([b, c], 1, false)).toBe(b);
  expect(stopToShow([], 1, false)).toBe(null);
});

test("who waits for a step is shown no other thread, unless that holds the one that steps", () => {
  expect(stopToShow([b, c], 1, true)).toBe(null);
  expect(stopToShow([b, a], 1, true)).toBe(a);
  const all = stop(4, true);
  expect(stopToShow([b, all], 1, true)).toBe(all);
});
