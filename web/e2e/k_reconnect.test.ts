// What a page has after its connection, or its hub, was gone.

import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { wire } from "./k_wire";
import { sessions } from "./session";

const at = sessions();

function parentOf(pid: number): number {
  // The name of the process, in brackets, may hold anything.
  const [, rest = ""] = /\) (.*)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
  return Number(rest.split(" ")[1]);
}

for (const unanswered of ["stackTrace", "scopes", "evaluate"]) {
  test(`I62 I15 a connection that breaks before '${unanswered}' is answered loses nothing of the stop`, async () => {
    const line = wire();
    const { debug, workspace } = await at.stoppedIn("work", ["fixture.py"], { prepare: line.prepare });
    await debug.page.getByTestId("watch-add").click();
    await debug.panel("watch").locator("input").fill("total + 100");
    await debug.page.keyboard.press("Enter");
    await expect.poll(() => debug.value("watch", "total + 100").innerText()).toContain("100");
    line.held.add(unanswered);
    const before = line.asked.filter((one) => one === unanswered).length;
    await debug.page.keyboard.press("F10");
    await expect.poll(() => line.asked.filter((one) => one === unanswered).length).toBeGreaterThan(before);
    line.cut();
    await debug.is("away");
    line.held.clear();
    line.down = false;
    await debug.stoppedAt(workspace.line("total"));
    await expect.poll(() => debug.variables()).toMatchObject({ square: "0", total: "0" });
    await expect.poll(() => debug.value("watch", "total + 100").innerText()).toContain("100");
    expect((await debug.stackRows())[0]).toContain("work");
    await debug.page.keyboard.press("F10");
    await debug.stoppedAt(workspace.line("print"));
    expect(await debug.page.getByTestId("toast").count()).toBe(0);
  });
}

test("I62 under a hub that took the place of a killed one the page finds its own program again", async () => {
  const workspace = at.workspace();
  const program = "import time\nNAME = 'mine'\nwhile True:\n    time.sleep(0.02)  # BP:loop\n";
  writeFileSync(workspace.file("mine.py"), program);
  writeFileSync(workspace.file("other.py"), program.replace("mine", "other"));
  await workspace.run(["--no-stop", "other.py"]);
  const mine = await workspace.run(["mine.py"], { joins: false });
  const debug = await at.page(await mine.address());
  // Its menu lists what was there when it was opened.
  const picker = debug.page.getByTestId("session-picker");
  await expect.poll(() => picker.innerText(), { timeout: 15_000 }).toContain("2 programs");
  await picker.click();
  await debug.page.getByRole("menuitemcheckbox", { name: /mine\.py/ }).click();
  await debug.stoppedAt(1, "mine.py");
  await debug.breakAt(4, "mine.py");
  await debug.evaluate("NAME");
  await expect.poll(() => debug.lastResult().innerText()).toContain("mine");
  const pid = await debug.pid();
  const hub = workspace.hubPid();
  if (hub === null) throw new Error("no hub");
  // The other one's runner is the first to come to the next hub: the page shows it until the right one is there. Between
  // the runner and the program stands its guard.
  const runner = parentOf(parentOf(pid));
  process.kill(runner, "SIGSTOP");
  process.kill(hub, "SIGKILL");
  await debug.is("away");
  const ikpdb = process.env.IKPDB ?? join(import.meta.dirname, "../../target/debug/ikpdb");
  const port = new URL(debug.page.url()).port;
  spawn(ikpdb, ["hub", "--workspace", workspace.path, "--port", port], { env: workspace.environment, stdio: "ignore" });
  try {
    await debug.is("running");
  } finally {
    process.kill(runner, "SIGCONT");
  }
  await debug.is("stopped");
  await debug.stoppedAt(4, "mine.py");
  expect(await debug.pid()).toBe(pid);
  expect(await debug.lastResult().innerText()).toContain("mine");
  await debug.evaluate("NAME * 2");
  await expect.poll(() => debug.lastResult().innerText()).toContain("minemine");
  await debug.page.keyboard.press("F10");
  await debug.stoppedAt(3, "mine.py");
});

test("what the hub cannot keep is said on the page, to one that comes later as well", async () => {
  const workspace = at.workspace();
  // A file where the folder should be: even root cannot make a folder there.
  writeFileSync(join(workspace.root, "state"), "");
  const { debug, run } = await at.start(["fixture.py"], { workspace });
  await debug.stoppedAt(1);
  await debug.setBreakpoint(workspace.line("total"));
  const toast = debug.page.getByTestId("toast").filter({ hasText: "workspace.json could not be written" });
  await toast.waitFor();
  expect(await toast.innerText()).toContain("kept until the hub ends");
  expect(await debug.panel("console").innerText()).toContain("workspace.json could not be written");
  const later = await at.page(await run.address());
  await later.stoppedAt(1);
  await later.page.getByTestId("toast").filter({ hasText: "workspace.json could not be written" }).waitFor();
  await later.page.getByTestId("toast").filter({ hasText: "XDG_STATE_HOME" }).waitFor();
});

test("A1 with no program only Run can be pressed, and it says how to start one", async () => {
  const workspace = at.workspace();
  const ikpdb = process.env.IKPDB ?? join(import.meta.dirname, "../../target/debug/ikpdb");
  const args = ["hub", "--workspace", workspace.path, "--linger", "60"];
  const hub = spawn(ikpdb, args, { env: workspace.environment, stdio: ["ignore", "pipe", "ignore"] });
  await new Promise((resolve) => hub.stdout.once("data", resolve));
  const debug = await at.page(await workspace.ticket());
  await debug.is("disconnected");
  await debug.says("disconnected");
  for (const name of ["over", "into", "out", "stop", "restart"]) {
    expect(await debug.button(name).isDisabled(), name).toBe(true);
  }
  expect(await debug.button("run").getAttribute("title")).toContain("Run");
  await debug.button("run").click();
  await expect.poll(() => debug.page.getByTestId("toast").innerText()).toContain("ikpdb run app.py");
  await workspace.run(["fixture.py"], { joins: true });
  await debug.stoppedAt(1);
});

test("A1 once the program has ended Run starts it again, and Restart says so", async () => {
  const { debug } = await at.entered();
  await debug.resume();
  await debug.says("Ended, exit code 0");
  expect(await debug.button("restart").isDisabled()).toBe(true);
  expect(await debug.button("restart").getAttribute("title")).toContain("F5 runs it again");
  await debug.page.keyboard.press("F5");
  await debug.stoppedAt(1);
  expect(await debug.button("restart").isEnabled()).toBe(true);
});
