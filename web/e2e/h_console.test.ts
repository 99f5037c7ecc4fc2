// Checklist H: hover, console, terminal.

import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { wire } from "./k_wire";
import { sessions } from "./session";

const at = sessions();

/** Longer than the pointer has to rest before a card comes. */
const RESTED_MS = 500;

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

test("H56 the card comes when the pointer has rested for about 350 ms, and not before", async () => {
  const { debug } = await at.stoppedIn("done");
  // When the pointer last moved before the first card, and when that came, by the clock of the page.
  const seen = await debug.page.evaluateHandle(() => {
    const times = { moved: 0, opened: 0 };
    const late = { capture: true };
    addEventListener("mousemove", () => times.opened === 0 && Object.assign(times, { moved: performance.now() }), late);
    new MutationObserver(() => {
      if (times.opened === 0 && document.querySelector("[data-testid=hover-card]") !== null) {
        times.opened = performance.now();
      }
    }).observe(document.body, { subtree: true, childList: true });
    return times;
  });
  await debug.pointAt("nested");
  await debug.page.getByTestId("hover-card").waitFor();
  const { moved, opened } = await seen.jsonValue();
  expect(moved).toBeGreaterThan(0);
  // Chromium's timers may be a millisecond early.
  expect(opened - moved).toBeGreaterThanOrEqual(345);
  expect(opened - moved).toBeLessThan(3000);
});

test("H57 no hover in another file than the frame's, though the name has a value, nor while the program runs", async () => {
  const workspace = at.workspace();
  writeFileSync(workspace.file("other.py"), "many = []\nprint(many)\n");
  const line = wire();
  const { debug } = await at.stoppedIn("spin", ["fixture.py", "spin"], { workspace, prepare: line.prepare });
  const cards = await debug.cards();
  const last = debug.page.locator(".cm-line", { hasText: 'print("done"' });
  const asked = () => line.asked.filter((command) => command === "evaluate").length;
  const card = debug.page.getByTestId("hover-card");

  await debug.goTo(2, "other.py");
  await debug.pointAt("many", debug.page.locator(".cm-line", { hasText: "print(many)" }));
  await debug.outlast(RESTED_MS);
  await expect.poll(() => debug.page.locator(".hover-target").count()).toBe(0);
  await debug.goTo(workspace.line("spin"));
  await debug.pointAt("many", last);
  await expect.poll(() => card.getAttribute("aria-label")).toBe("Value of many");
  expect([await cards(), asked()]).toEqual([["Value of many"], 1]);

  await debug.gutter(workspace.line("spin")).click();
  await debug.mark(workspace.line("spin"), "none");
  await debug.resume();
  await debug.is("running");
  await debug.pointAt("point", last);
  await debug.outlast(RESTED_MS);
  await debug.button("pause").click();
  await debug.is("stopped");
  await debug.pointAt("text", last);
  await expect.poll(() => card.getAttribute("aria-label")).toBe("Value of text");
  expect([await cards(), asked()]).toEqual([["Value of many", "Value of text"], 2]);
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

test("H59 output shows in console and terminal, the terminal takes what is typed, and neither mixes with debugging", async () => {
  const { debug, workspace, run } = await at.entered(["fixture.py", "ask"]);
  const { page } = debug;
  const started = run.output.length;
  await debug.breakAt(workspace.line("print"));
  // All kinds of traffic: values, an error, a watch, a condition.
  await debug.evaluate("6 * 7");
  await expect.poll(() => debug.lastResult().innerText()).toMatch(/^42/);
  await debug.evaluate("nowhere");
  await page.getByTestId("console-error").waitFor();
  await page.getByTestId("watch-add").click();
  await debug.panel("watch").locator("input").fill("i * 1000 + 77");
  await page.keyboard.press("Enter");
  await expect.poll(() => debug.value("watch", "i * 1000 + 77").innerText()).toContain("77");
  await debug.setCondition(workspace.line("print"), "i == 4");
  await debug.mark(workspace.line("print"), "cond");
  await debug.resume();
  await expect.poll(() => debug.value("watch", "i * 1000 + 77").innerText()).toContain("4077");
  await debug.resume();
  await debug.says("Waiting for input");
  await expect.poll(() => debug.panel("console").innerText()).toContain("step 5 55");

  await page.getByTestId("tab-terminal").click();
  const rows = debug.panel("terminal").locator(".xterm-rows");
  await expect.poll(() => rows.innerText()).toContain("name?");
  await debug.panel("terminal").locator(".xterm").click();
  await page.keyboard.type("Ada");
  await expect.poll(() => rows.innerText()).toMatch(/name\?\sAda/);
  await page.keyboard.press("Enter");
  await debug.says("Ended, exit code 0");
  expect(await run.ended()).toBe(0);

  // The program's own lines, and what was typed, which its terminal echoes: nothing else.
  const steps = ["step 0 0", "step 1 1", "step 2 5", "step 3 14", "step 4 30", "step 5 55"];
  const lines = [...steps, "name? Ada", "hello Ada", "done 2 500 3 text"];
  const filled = (text: string) =>
    text
      .replaceAll("\u00a0", " ")
      .split(/\r?\n/)
      .flatMap((one) => one.trim() || []);
  expect(run.output.slice(started)).toBe(lines.map((one) => `${one}\r\n`).join(""));
  await expect.poll(async () => filled(await rows.innerText())).toEqual(lines);
  await page.getByTestId("tab-console").click();
  const output = debug.panel("console").getByTestId("console-output");
  await expect.poll(async () => filled((await output.allInnerTexts()).join("\n"))).toEqual(lines);
  expect(await page.getByTestId("console-input").inputValue()).toBe("");
});

test("H59 streams that are no terminal stay where they go, and the page says where", async () => {
  const { debug } = await at.entered(["fixture.py"], { terminal: false });
  await expect.poll(() => debug.page.getByTestId("streams").innerText()).toMatch(/Standard output goes to a/);
});
