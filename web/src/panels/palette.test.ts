import { expect, test } from "vitest";
import { openModel } from "../model/testModel";
import { COMMANDS, command, keyName, tip } from "./commands";
import { findCommands, fits } from "./palette";

test("what can be done now is listed first, and otherwise the order is kept", async () => {
  const { state, stop } = await openModel();
  for (const now of ["running", "stopped"]) {
    if (now === "stopped") await stop(4, 1, 1);
    const found = findCommands("", state());
    const can = COMMANDS.filter((one) => one.unless(state()) === null);
    const cannot = COMMANDS.filter((one) => one.unless(state()) !== null);
    expect(cannot.length, now).toBeGreaterThan(0);
    expect(
      found.map(({ command }) => command.id),
      now,
    ).toEqual([...can, ...cannot].map(({ id }) => id));
  }
});

test("of what can be done now comes first what fits best, and then the same of the rest", async () => {
  const { state } = await openModel();
  const found = findCommands("s", state());
  const orders = [found.filter((one) => one.unless === null), found.filter((one) => one.unless !== null)];
  expect(orders.flat()).toEqual(found);
  for (const order of orders) {
    const scores = order.map(({ command }) => fits(command.title, "s"));
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(new Set(scores).size).toBeGreaterThan(1);
  }
});

test("keys are named as people call them", async () => {
  const { state, stop } = await openModel();
  await stop(4, 1, 1);
  expect(tip(command("frameOut"), state())).toBe("Frame outwards (Alt-Down)");
  expect(COMMANDS.flatMap((one) => one.keys.map(keyName)).join()).not.toContain("Arrow");
});
