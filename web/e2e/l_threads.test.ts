// Threads that stop and go on one by one, and what the user chooses about it.

import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Debugger } from "./page";
import { sessions } from "./session";

const at = sessions();
const FILE = "threads.py";

const threads = async (debug: Debugger) =>
  Object.fromEntries(
    (await debug.panel("stack").getByTestId("thread-row").allInnerTexts()).map((text) => text.trim().split(/\s+/)),
  );
const thread = (debug: Debugger, name: string) =>
  debug.panel("stack").getByTestId("thread-row").filter({ hasText: name });

/** The program stands before its first line, and from there on a stop stops one thread. */
async function oneByOne() {
  const session = await at.start([FILE]);
  const { debug } = session;
  await debug.stoppedAt(1, FILE);
  await debug.button("stepping").click();
  await debug.page.getByRole("menuitemcheckbox", { name: "Stop only the thread that hits" }).click();
  await expect.poll(() => debug.page.getByTestId("stack-options").innerText()).toBe("stops one thread");
  return session;
}

/** Both workers have come to the marked line; alpha is shown. */
async function bothStopped(marker: string) {
  const session = await oneByOne();
  const { debug, workspace } = session;
  await debug.goTo(1, FILE);
  await debug.setBreakpoint(workspace.line(marker, FILE));
  await debug.resume();
  // Whichever came first is shown.
  await expect.poll(() => threads(debug)).toMatchObject({ alpha: "stopped", beta: "stopped" });
  await thread(debug, "alpha").click();
  await debug.says("(alpha)");
  await debug.says(/beta is stopped as well, 2 run/);
  return session;
}

test("L1 a thread that stops while another is looked at shows as stopped, and takes nothing away", async () => {
  const { debug, workspace } = await bothStopped("turn");
  const line = workspace.line("turn", FILE);
  await debug.stoppedAt(line, FILE);
  expect(await threads(debug)).toEqual({ alpha: "stopped", beta: "stopped", MainThread: "running", ticker: "running" });
  expect((await debug.variables()).name).toBe("'alpha'");
  // Choosing the other shows it, and moves no row.
  await thread(debug, "beta").click();
  await debug.says("(beta)");
  await expect.poll(async () => (await debug.variables()).name).toBe("'beta'");
  expect(Object.keys(await threads(debug))).toEqual(["alpha", "beta", "MainThread", "ticker"]);
  // Steps are those of the chosen thread.
  await debug.page.keyboard.press("F10");
  await debug.stoppedAt(workspace.line("dump", FILE), FILE);
  await debug.says("(beta)");
  await debug.says("alpha is stopped as well");
  // The same after a reload.
  await debug.page.reload();
  await debug.says("(beta)");
  await debug.stoppedAt(workspace.line("dump", FILE), FILE);
  await debug.says(/alpha is stopped as well, 2 run/);
  await expect.poll(() => threads(debug)).toMatchObject({ alpha: "stopped", beta: "stopped", ticker: "running" });
  await debug.page.getByRole("button", { name: "alpha is stopped as well" }).click();
  await debug.stoppedAt(line, FILE);
  await debug.says("(alpha)");
});

test("L2 a thread that goes on leaves the others: the next one that waits comes up, and at last none", async () => {
  const { debug, workspace } = await bothStopped("method");
  const line = workspace.line("method", FILE);
  await debug.gutter(line).click();
  await debug.mark(line, "none");
  await debug.resume();
  await debug.says("(beta)");
  await debug.says(/\d other threads? run/);
  await debug.stoppedAt(line, FILE);
  await debug.resume();
  await debug.says("exit code 0");
});

test("L3 who waits for a step stays with its thread, and sees that another has stopped", async () => {
  const { debug, workspace } = await oneByOne();
  const [gate, back] = [workspace.line("gate", FILE), workspace.line("back", FILE)];
  await debug.goTo(1, FILE);
  await debug.setBreakpoint(gate);
  await debug.setBreakpoint(back);
  await debug.resume();
  await expect.poll(() => threads(debug)).toMatchObject({ alpha: "stopped", beta: "stopped" });
  await thread(debug, "alpha").click();
  await debug.stoppedAt(gate, FILE);
  // It waits for beta.
  await debug.page.keyboard.press("F10");
  await debug.says("alpha runs until its step is done");
  await debug.says("beta is stopped as well");
  await debug.is("running");
  expect(await threads(debug)).toMatchObject({ alpha: "running", beta: "stopped" });
  expect(await debug.button("over").isDisabled()).toBe(true);
  await thread(debug, "beta").click({ button: "right" });
  await debug.page.getByRole("menuitem", { name: "Continue this thread" }).click();
  await debug.stoppedAt(workspace.line("turn", FILE) - 1, FILE);
  await debug.says("(alpha)");
});

test("L3 a pause stops one thread, also one that has never stopped before", async () => {
  const workspace = at.workspace();
  const program = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end:\n    pass\n";
  writeFileSync(workspace.file("busy.py"), program);
  const { debug } = await at.start(["--no-stop", "--stop-one-thread", "busy.py"], { workspace });
  await debug.is("running");
  await debug.page.keyboard.press("F6");
  await debug.says("Stopped because you paused it");
  await debug.says("(MainThread)");
});

test("L4 just my code, and what is of it: for one step, for the program, for a package", async () => {
  const session = await at.start([FILE]);
  const { debug, workspace } = session;
  await debug.stoppedAt(1, FILE);
  const line = workspace.line("dump", FILE);
  await debug.breakAt(line, FILE);
  await debug.gutter(line).click();
  await debug.page.keyboard.press("Control+F11");
  await debug.says(/Stopped after a step at __init__.py:\d+, in dumps/);
  const row = debug.panel("stack").getByTestId("row").first();
  expect(await row.getAttribute("class")).toContain("lib");
  await debug.chooseFrom(row, "Treat json as my own code");
  await expect.poll(() => debug.page.getByTestId("stack-options").innerText()).toBe("1 rule");
  await expect.poll(() => row.getAttribute("class")).not.toContain("lib");
  await debug.chooseFrom(row, /^Forget rules/);
  await expect.poll(() => row.getAttribute("class")).toContain("lib");
  await debug.page.getByTestId("stack-menu").click();
  await debug.page.getByRole("menuitemcheckbox", { name: "Just my code" }).click();
  await expect.poll(() => debug.page.getByTestId("stack-options").innerText()).toBe("all code");
  await debug.page.reload();
  await expect.poll(() => debug.page.getByTestId("stack-options").innerText()).toBe("all code");
  await debug.page.keyboard.press("Control+Shift+P");
  await debug.page.getByTestId("dialog-input").fill("just my code");
  await expect.poll(() => debug.page.getByTestId("choice").first().innerText()).toMatch(/Just my code.*off$/s);
  await debug.page.getByTestId("dialog-input").press("Enter");
  await expect.poll(() => debug.page.getByTestId("stack-options").innerText()).toBe("");
});

test("L5 a breakpoint stops whom its menu says, and the list says so", async () => {
  const { debug, workspace } = await at.start([FILE]);
  await debug.stoppedAt(1, FILE);
  const line = workspace.line("turn", FILE);
  await debug.setBreakpoint(line);
  const row = debug.panel("breakpoints").getByTestId("row").first();
  await row.click({ button: "right" });
  await debug.page.getByRole("menuitemradio", { name: "Stops only the thread that hits" }).click();
  await expect.poll(() => row.innerText()).toContain("stops only its thread");
  await debug.resume();
  await debug.stoppedAt(line, FILE);
  await expect.poll(() => threads(debug)).toMatchObject({ MainThread: "running", ticker: "running" });
  await debug.says(/\((alpha|beta)\)/);
  await debug.gutter(line).click({ button: "right" });
  await debug.page.getByRole("menuitemradio", { name: "as the whole program does: every thread" }).click();
  await expect.poll(() => row.innerText()).not.toContain("stops only");
});

test("L6 a function's name is enough for a breakpoint, with all that a breakpoint has", async () => {
  const { debug, workspace } = await at.start([FILE]);
  await debug.stoppedAt(1, FILE);
  await debug.page.getByTestId("bp-add-function").click();
  await debug.page.getByTestId("bp-function-name").fill("Turner.turn");
  await debug.page.getByTestId("bp-function-name").press("Enter");
  const row = debug.panel("breakpoints").getByTestId("row").filter({ hasText: "Turner.turn" });
  await row.waitFor();
  await row.focus();
  await debug.page.keyboard.press("F2");
  await debug.page.getByTestId("condition-input").fill("name == 'beta'");
  await debug.page.getByTestId("condition-input").press("Enter");
  await expect.poll(() => row.innerText()).toContain("name == 'beta'");
  await debug.resume();
  await debug.stoppedAt(workspace.line("method", FILE), FILE);
  await debug.says("Stopped on a function breakpoint");
  await debug.says("Its condition name == 'beta' is true");
  await debug.page.getByRole("checkbox", { name: "Function Turner.turn enabled" }).click();
  await expect.poll(() => row.getAttribute("class")).toContain("off");
  await row.focus();
  await debug.page.keyboard.press("Delete");
  await expect.poll(() => row.count()).toBe(0);
  await debug.resume();
});
