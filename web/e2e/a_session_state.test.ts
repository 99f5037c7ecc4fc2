// Checklist A: the shell and the state of the session.

import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { sessions } from "./session";

const at = sessions();

test("A1 without any program the page is disconnected and says what to do; breakpoints set then stop the first run", async () => {
  const workspace = at.workspace();
  await workspace.hub();
  const debug = await at.page(await workspace.ticket());
  await debug.is("disconnected");
  await debug.says("No program is running");
  expect(await debug.state.innerText()).toContain("disconnected");
  for (const name of ["over", "into", "out", "restart", "stop"]) {
    expect(await debug.button(name).isDisabled()).toBe(true);
  }
  // There is nothing yet that could be run: the button tells what starts something.
  await debug.button("run").click();
  await expect.poll(() => debug.page.getByTestId("toast").innerText()).toContain("ikpdb run app.py");
  await debug.is("disconnected");
  expect(await debug.page.getByRole("region", { name: "Start" }).innerText()).toContain("ikpdb run app.py");
  const line = workspace.line("total");
  await debug.setBreakpoint(line);
  await workspace.run(["--no-stop", "fixture.py"], { joins: true });
  await debug.stoppedAt(line);
});

test("A2 a debugged program stops within 5 s, and its end disables all run buttons but Run", async () => {
  const before = Date.now();
  const { debug, run } = await at.entered(["fixture.py", "seven"]);
  expect(Date.now() - before).toBeLessThan(5000);
  await debug.resume();
  await debug.says("Ended, exit code 7 after");
  await debug.is("disconnected");
  expect(await debug.state.innerText()).toContain("disconnected");
  expect(await run.ended()).toBe(7);
  for (const name of ["over", "into", "out", "stop"]) expect(await debug.button(name).isDisabled()).toBe(true);
  expect(await debug.button("run").isEnabled()).toBe(true);
  expect(await debug.page.title()).toContain("Ended, exit code 7");
});

test("A3 A4 run buttons follow the program: Pause while it runs, Continue and steps while it is stopped", async () => {
  const { debug } = await at.entered(["fixture.py", "spin"]);
  expect(await debug.button("pause").count()).toBe(0);
  for (const name of ["resume", "over", "into", "out"]) expect(await debug.button(name).isEnabled()).toBe(true);
  await debug.resume();
  await debug.is("running");
  await debug.says(/Running for \d+\.\d s/);
  expect(await debug.button("pause").isEnabled()).toBe(true);
  expect(await debug.button("resume").count()).toBe(0);
  for (const name of ["over", "into", "out"]) expect(await debug.button(name).isDisabled()).toBe(true);
});

test("A5 the debug panel shows itself at the first stop when auto-show is on, and stays shut when it is off", async () => {
  const { debug, workspace } = await at.entered(["fixture.py", "spin"]);
  const panel = debug.page.getByTestId("debug-panel");
  const choose = async (label: string) => {
    await debug.page.getByRole("button", { name: "More" }).click();
    await debug.page.getByRole("menuitemcheckbox", { name: label }).click();
  };
  await choose("Stack, variables and watch");
  await expect.poll(() => panel.isVisible()).toBe(false);
  await debug.page.keyboard.press("F10");
  await expect.poll(() => panel.isVisible()).toBe(true);
  await choose("Show them when the program stops");
  await choose("Stack, variables and watch");
  await expect.poll(() => panel.isVisible()).toBe(false);
  await debug.setBreakpoint(workspace.line("spin"));
  await debug.page.keyboard.press("F5");
  await debug.stoppedAt(workspace.line("spin"));
  expect(await panel.isVisible()).toBe(false);
});

test("A6 Stop ends the program and the markers go", async () => {
  const { debug, run } = await at.entered(["fixture.py", "spin"]);
  await debug.button("stop").click();
  await debug.is("disconnected");
  await debug.says(/Killed by SIGTERM|Ended/);
  expect(await debug.gutter(1).getAttribute("data-pc")).toBe("none");
  expect(await debug.page.locator(".at-top").count()).toBe(0);
  expect(await run.ended()).not.toBe(0);
});

test("A7 Restart runs again and stops at the same breakpoint with the same list", async () => {
  const { debug, workspace } = await at.entered();
  const line = workspace.line("total");
  await debug.breakAt(line);
  await debug.button("restart").click();
  await debug.stoppedAt(1);
  await debug.resume();
  await debug.stoppedAt(line);
  expect(await debug.panel("breakpoints").getByTestId("row").count()).toBe(1);
});

test("A7 a program that has ended is run again from the page, and its output shows", async () => {
  const { debug, run } = await at.entered();
  await debug.resume();
  await debug.says("Ended, exit code 0");
  await run.ended();
  await debug.button("run").click();
  await debug.stoppedAt(1);
  await debug.resume();
  await debug.says("Ended, exit code 0");
  await expect.poll(() => debug.panel("console").innerText()).toContain("step 5 55");
});

test("A8 a second run joins the picker, the first is untouched, and both can be driven", async () => {
  const { debug, workspace, run } = await at.entered(["fixture.py", "seven"]);
  const second = await workspace.run(["long.py"], { joins: true });
  const picker = debug.page.getByTestId("session-picker");
  const choose = async (name: RegExp) => {
    await picker.click();
    await debug.page.getByRole("menuitemcheckbox", { name }).click();
  };
  await expect.poll(() => picker.innerText()).toContain("2 programs");
  await debug.stoppedAt(1);
  await choose(/long\.py/);
  await debug.stoppedAt(1, "long.py");
  expect(await picker.innerText()).toContain("shop · long.py");
  await debug.page.keyboard.press("F10");
  await debug.stoppedAt(3, "long.py");
  // Each goes on where it was left, whatever the other does.
  await choose(/fixture\.py/);
  await debug.stoppedAt(1);
  await debug.page.keyboard.press("F10");
  await debug.stoppedAt(2);
  await debug.breakAt(workspace.line("total"));
  await expect.poll(async () => (await debug.variables()).i).toBe("0");
  await choose(/long\.py/);
  await debug.stoppedAt(3, "long.py");
  await debug.page.keyboard.press("F10");
  await debug.stoppedAt(4, "long.py");
  await debug.resume();
  await debug.says("Ended, exit code 0");
  expect(await second.ended()).toBe(0);
  await choose(/fixture\.py/);
  await debug.stoppedAt(workspace.line("total"));
  await debug.page.keyboard.press("F10");
  await debug.stoppedAt(workspace.line("print"));
  await debug.gutter(workspace.line("total")).click();
  await debug.mark(workspace.line("total"), "none");
  await debug.resume();
  await debug.says("Ended, exit code 7");
  expect(await run.ended()).toBe(7);
});

test("A6 a program that does not end when it is asked to is killed when the user wants it", async () => {
  const workspace = at.workspace();
  const program =
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True:\n    time.sleep(0.05)\n";
  writeFileSync(workspace.file("stubborn.py"), program);
  const { debug } = await at.start(["stubborn.py"], { workspace });
  await debug.stoppedAt(1, "stubborn.py");
  await debug.breakAt(4, "stubborn.py");
  await debug.gutter(4).click();
  await debug.mark(4, "none");
  await debug.resume();
  await debug.is("running");
  await debug.button("stop").click();
  await debug.page.getByRole("button", { name: "Kill it" }).click();
  await debug.says("Killed by SIGKILL");
});
