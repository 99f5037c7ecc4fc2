// Checklist H: hover, console, terminal.

import { expect, test } from "vitest";
import { sessions } from "./session";

const at = sessions();

test("H56 resting on a name shows its value, which expands; moving away hides it", async () => {
  const { debug } = await at.stoppedIn("done");
  const card = debug.page.getByTestId("hover-card");
  await debug.pointAt("nested");
  await card.waitFor({ timeout: 3000 });
  expect(await card.innerText()).toContain("nested");
  await card.locator("[data-name=\"'a'\"]").click();
  await expect.poll(() => card.innerText()).toContain("'b'");
  await card.getByRole("button", { name: "Copy value" }).click();
  await expect.poll(() => debug.clipboard()).toContain("{'a': {'b': [1, 2, {'c': 'deep'}]}");
  await debug.page.mouse.move(20, 500);
  await expect.poll(() => card.count()).toBe(0);
});

test("H57 no hover in another file than the frame's, nor while the program runs", async () => {
  const { debug, workspace } = await at.entered(["fixture.py", "spin"]);
  const card = debug.page.getByTestId("hover-card");
  /** Longer than a hover takes to show. */
  const rest = () => debug.page.waitForTimeout(800);
  await debug.goTo(5, "long.py");
  await debug.page.locator(".cm-line", { hasText: /^value_3 = 3$/ }).hover({ position: { x: 20, y: 8 } });
  await rest();
  expect(await card.count()).toBe(0);
  await debug.goTo(workspace.line("work"));
  await debug.resume();
  await debug.is("running");
  await debug.page.locator(".cm-line", { hasText: "square = i * i" }).hover({ position: { x: 60, y: 8 } });
  await rest();
  expect(await card.count()).toBe(0);
});

test("H58 the console evaluates in the selected frame, styles errors, and Up recalls", async () => {
  const { debug } = await at.stoppedIn("work");
  await debug.evaluate("1 + 1");
  await expect.poll(() => debug.lastResult().innerText()).toMatch(/^2\s*int/);
  await debug.evaluate("i");
  await expect.poll(() => debug.lastResult().innerText()).toMatch(/^0\s*int/);
  await debug.panel("stack").getByTestId("row").nth(1).click();
  await debug.evaluate("len(many)");
  await expect.poll(() => debug.lastResult().innerText()).toMatch(/^500/);
  await debug.evaluate("nowhere");
  const error = debug.page.getByTestId("console-error").last();
  await expect.poll(() => error.innerText()).toContain("NameError");
  expect(await error.evaluate((one) => getComputedStyle(one).color)).not.toBe(
    await debug.lastResult().evaluate((one) => getComputedStyle(one).color),
  );
  const input = debug.page.getByTestId("console-input");
  await input.press("ArrowUp");
  expect(await input.inputValue()).toBe("nowhere");
  await input.press("ArrowUp");
  expect(await input.inputValue()).toBe("len(many)");
});

test("H58 statements run, several lines are one entry, and results expand", async () => {
  const { debug } = await at.stoppedIn("done");
  const input = debug.page.getByTestId("console-input");
  await input.fill("extra = {'k': [1, 2]}");
  await input.press("Enter");
  await debug.evaluate("extra");
  await expect.poll(() => debug.lastResult().innerText()).toContain("'k'");
  await debug.lastResult().getByRole("button", { name: "Expand" }).click();
  await expect.poll(() => debug.lastResult().getByTestId("row").count()).toBeGreaterThan(0);
});

test("H58 a long evaluation says that it runs and can be interrupted", { timeout: 60_000 }, async () => {
  const { debug } = await at.stoppedIn("done");
  await debug.evaluate("sum(1 for _ in iter(int, 1))");
  const button = debug.page.getByTestId("interrupt");
  await button.waitFor({ timeout: 9000 });
  expect(await debug.page.getByTestId("console-pending").innerText()).toContain("Still running");
  await button.click();
  await expect.poll(() => debug.page.getByTestId("console-pending").count(), { timeout: 10_000 }).toBe(0);
  await debug.evaluate("6 * 7");
  await expect.poll(() => debug.lastResult().innerText()).toMatch(/^42/);
});

test("the newest line stays in view while the window changes", async () => {
  const { debug } = await at.stoppedIn("done");
  for (const what of ["text", "many[:90]", "nowhere", "1 +", "nested", "nowhere", "many[:90]", "1 +"]) {
    await debug.evaluate(what);
  }
  await expect.poll(() => debug.page.getByTestId("console-pending").count()).toBe(0);
  expect(await debug.page.getByTestId("console-error").count()).toBe(4);
  const log = debug.panel("console").getByRole("log");
  const below = () => log.evaluate((one) => Math.round(one.scrollHeight - one.scrollTop - one.clientHeight));
  await expect.poll(below).toBeLessThan(2);
  for (const [width, height] of [
    [900, 700],
    [1440, 900],
    [700, 600],
  ] as const) {
    await debug.page.setViewportSize({ width, height });
    await expect.poll(below).toBeLessThan(2);
  }
  // Who looks at older lines is left there.
  await log.hover();
  await debug.page.mouse.wheel(0, -10_000);
  await expect.poll(() => log.evaluate((one) => one.scrollTop)).toBe(0);
  await debug.evaluate("point");
  await expect.poll(() => debug.lastResult().innerText()).toContain("Point");
  expect(await log.evaluate((one) => one.scrollTop)).toBe(0);
});

test("H59 output shows in the console, and the terminal takes what is typed", async () => {
  const { debug, workspace } = await at.entered(["fixture.py", "ask"]);
  await debug.resume();
  await debug.says("Waiting for input");
  expect(await debug.panel("console").innerText()).toContain("step 5 55");
  await debug.page.getByTestId("tab-terminal").click();
  const terminal = debug.panel("terminal");
  await expect.poll(() => terminal.locator(".xterm-rows").innerText(), { timeout: 8000 }).toContain("name?");
  await terminal.locator(".xterm").click();
  await debug.page.keyboard.type("Ada\n");
  await debug.says("Ended, exit code 0");
  await expect.poll(() => terminal.locator(".xterm-rows").innerText()).toContain("hello Ada");
  expect(workspace.line("ask")).toBeGreaterThan(0);
});

test("H59 streams that are no terminal stay where they go, and the page says where", async () => {
  const { debug } = await at.entered(["fixture.py"], { terminal: false });
  await expect.poll(() => debug.page.getByTestId("streams").innerText()).toMatch(/Standard output goes to a/);
});
