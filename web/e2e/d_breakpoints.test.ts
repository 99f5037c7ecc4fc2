// Checklist D: the list of breakpoints.

import { expect, test } from "vitest";
import { sessions } from "./session";

const at = sessions();

test("D26 D28 a row names file, line and text, and its cross removes it in list, gutter and debugger", async () => {
  const { debug, workspace } = await at.entered(["fixture.py", "seven"]);
  const line = workspace.line("total");
  await debug.breakAt(line);
  const row = debug.panel("breakpoints").getByTestId("row").first();
  expect(await row.innerText()).toContain(`${line}`);
  expect(await row.innerText()).toContain("total += square");
  expect(await debug.panel("breakpoints").innerText()).toContain("fixture.py");
  await row.hover();
  await debug.page.getByRole("button", { name: `Remove breakpoint, line ${line}` }).click();
  await debug.mark(line, "none");
  await expect.poll(() => debug.page.getByTestId("bp-empty").isVisible()).toBe(true);
  expect(await row.count()).toBe(0);
  // The line would be passed five times more.
  await debug.resume();
  await debug.says("exit code 7");
});

test("D29 a click on a row opens its file at its line, whatever file is shown and wherever that was scrolled", async () => {
  const { debug, workspace } = await at.entered();
  const line = workspace.line("far", "long.py");
  const crumbs = debug.page.getByRole("navigation", { name: "Path" });
  const foot = debug.page.locator(".foot");
  await debug.goTo(line, "long.py");
  await debug.gutter(line).click();
  await debug.mark(line, "unverified");
  const row = debug
    .panel("breakpoints")
    .getByTestId("row")
    .filter({ hasText: `${line}` });

  await debug.goTo(1);
  await expect.poll(() => crumbs.innerText()).toContain("fixture.py");
  await row.click();
  await expect.poll(() => crumbs.innerText()).toContain("long.py");
  await expect.poll(() => debug.isInView(line)).toBe(true);
  await expect.poll(() => foot.innerText()).toContain(`Ln ${line}`);

  await debug.page.getByTestId("source").locator(".cm-scroller").hover();
  await debug.page.mouse.wheel(0, -100_000);
  await expect.poll(() => debug.isInView(1)).toBe(true);
  expect(await debug.isInView(line)).toBe(false);
  await row.click();
  await expect.poll(() => debug.isInView(line)).toBe(true);
  // With another file in front of it, which was left out of sight of the line.
  await debug.page.mouse.move(700, 400);
  await debug.page.mouse.wheel(0, -100_000);
  await expect.poll(() => debug.isInView(1)).toBe(true);
  await debug.goTo(1);
  await row.click();
  await expect.poll(() => crumbs.innerText()).toContain("long.py");
  await expect.poll(() => debug.isInView(line)).toBe(true);
});

test("D27 an unticked breakpoint is run through, a ticked one stops again", async () => {
  const { debug, workspace } = await at.entered();
  const [first, second] = [workspace.line("work"), workspace.line("total")];
  await debug.setBreakpoint(first);
  await debug.setBreakpoint(second);
  const tick = debug.page.getByRole("checkbox", { name: `Line ${first} enabled` });
  await tick.click();
  await debug.mark(first, "off");
  await debug.resume();
  await debug.stoppedAt(second);
  await tick.click();
  await debug.mark(first, "on");
  await debug.resume();
  await debug.stoppedAt(first);
});

test("D30 the master switch stops nothing, dims all marks, and keeps each tick", async () => {
  const { debug, workspace } = await at.entered(["fixture.py", "seven"]);
  const line = workspace.line("work");
  await debug.setBreakpoint(line);
  await debug.page.getByTestId("bp-master").click();
  await debug.mark(line, "off");
  expect(await debug.page.getByRole("checkbox", { name: `Line ${line} enabled` }).isChecked()).toBe(true);
  await debug.resume();
  await debug.says("exit code 7");
  await debug.page.getByTestId("bp-master").click();
  await debug.mark(line, "on");
});

test("D31 Remove all empties the list and says so", async () => {
  const { debug, workspace } = await at.entered();
  await debug.setBreakpoint(workspace.line("work"));
  await debug.setBreakpoint(workspace.line("total"));
  await debug.page.getByTestId("bp-remove-all").click();
  await expect.poll(() => debug.page.getByTestId("bp-empty").innerText()).toContain("No breakpoints");
  await debug.mark(workspace.line("work"), "none");
});

test("D32 a condition stops exactly when it is true", async () => {
  const { debug, workspace } = await at.entered(["fixture.py", "seven"]);
  const line = workspace.line("total");
  await debug.setCondition(line, "i == 3");
  await debug.mark(line, "cond");
  await debug.resume();
  await debug.stoppedAt(line);
  await expect.poll(async () => (await debug.variables()).i).toMatch(/^3/);
  expect(await debug.state.innerText()).toContain("i == 3");
  await debug.resume();
  await debug.says("exit code 7");
});

test("D33 a condition that raises says so instead of silently never stopping", async () => {
  const { debug, workspace } = await at.entered();
  const line = workspace.line("total");
  await debug.setCondition(line, "nowhere > 1");
  await debug.mark(line, "cond");
  await debug.resume();
  await debug.is("disconnected");
  const everywhere = async () =>
    [
      await debug.panel("console").innerText(),
      await debug.panel("breakpoints").innerText(),
      ...(await debug.page.getByTestId("toast").allInnerTexts()),
    ].join("\n");
  await expect.poll(everywhere).toContain("nowhere");
  await expect.poll(everywhere).toContain("NameError");
});

test("D37 uncaught exceptions stop when the box is ticked and do not when it is not", async () => {
  const { debug, workspace } = await at.entered(["fixture.py", "raise"]);
  const box = debug.page.getByTestId("filter-uncaught");
  expect(await box.isChecked()).toBe(true);
  await debug.resume();
  await debug.stoppedAt(workspace.line("raise"));
  await debug.button("restart").click();
  await debug.stoppedAt(1);
  await box.click();
  await debug.resume();
  await debug.says("exit code 1");
});

test("D38 breakpoints, conditions and ticks survive a reload with no program running", async () => {
  const { debug, workspace, run } = await at.entered();
  const [first, second] = [workspace.line("work"), workspace.line("total")];
  await debug.setBreakpoint(first);
  await debug.gutter(first).click({ modifiers: ["Shift"] });
  await debug.mark(first, "off");
  await debug.setCondition(second, "i == 9");
  await debug.mark(second, "cond");
  await debug.resume();
  await debug.is("disconnected");
  await run.ended();
  await debug.page.reload();
  await debug.mark(first, "off");
  await debug.mark(second, "cond");
  expect(await debug.panel("breakpoints").innerText()).toContain("i == 9");
});
