// Checklist I: exceptions, the end, reload and reconnect.

import { writeFileSync } from "node:fs";
import type { Page, WebSocketRoute } from "playwright-core";
import { expect, test } from "vitest";
import { sessions } from "./session";

const at = sessions();

test("I60 an exception shows type and message at its line, and the stack at the raise", async () => {
  const { debug, workspace, run } = await at.entered(["fixture.py", "raise"]);
  await debug.resume();
  const line = workspace.line("raise");
  await debug.stoppedAt(line);
  const widget = debug.page.getByTestId("exception");
  expect(await widget.innerText()).toMatch(/ValueError[\s\S]*total is 55/);
  // It was raised at the line that it stands at: nothing to be told twice.
  await expect.poll(() => widget.getByRole("button", { name: "Show traceback" }).isEnabled()).toBe(true);
  expect(await widget.getByRole("listitem").count()).toBe(0);
  const below = await debug.page.evaluate(() => {
    const at = document.querySelector(".cm-line.at-exception")?.getBoundingClientRect();
    const box = document.querySelector("[data-testid=exception]")?.getBoundingClientRect();
    return at === undefined || box === undefined ? -1 : box.top - at.bottom;
  });
  expect(below).toBeGreaterThanOrEqual(0);
  expect(below).toBeLessThan(20);
  expect((await debug.stackRows())[0]).toContain(`main fixture.py:${line}`);
  await expect.poll(() => debug.value("vars", "text").innerText()).toContain("'text'");
  await debug.page.keyboard.press("F5");
  await debug.says("exit code 1");
  expect(await widget.count()).toBe(0);
  expect(await run.ended()).toBe(1);
});

test("I60 what an exception came from shows with it, and leads there", async () => {
  const workspace = at.workspace();
  const program = "def look(things):\n    return things['a']\n\n\ntry:\n    look({})\nexcept KeyError as error:\n";
  writeFileSync(workspace.file("chain.py"), `${program}    raise ValueError("nothing there") from error\n`);
  const { debug } = await at.start(["--no-stop", "chain.py"], { workspace });
  await debug.stoppedAt(8, "chain.py");
  const links = debug.page.getByTestId("exception").getByRole("listitem");
  await expect.poll(() => links.allInnerTexts()).toHaveLength(2);
  expect(await links.nth(1).innerText()).toMatch(/caused by[\s\S]*KeyError: 'a'[\s\S]*chain\.py:2 in look/);
  await links.nth(1).getByRole("button").click();
  await expect.poll(() => debug.page.locator(".foot").innerText()).toContain("Ln 2");
});

test("I60 a file that does not compile is shown at the line of the error", async () => {
  const workspace = at.workspace();
  writeFileSync(workspace.file("broken.py"), "import sys\n\nprint('a')\nx = = 1\n");
  const { debug } = await at.start(["broken.py"], { workspace });
  await debug.says("SyntaxError");
  await debug.says(/broken\.py:4\b/);
  await expect.poll(() => debug.gutter(4).getAttribute("data-pc")).toBe("top");
  await expect.poll(() => debug.page.getByTestId("exception").innerText()).toContain("SyntaxError");
});

test("I60 Python 2 code is named as such, at its line", async () => {
  const workspace = at.workspace();
  writeFileSync(workspace.file("old.py"), 'import sys\n\nprint "x"\n');
  const { debug, run } = await at.start(["old.py"], { workspace });
  await debug.says(/SyntaxError.*old\.py:3\b/s);
  await expect.poll(() => debug.gutter(3).getAttribute("data-pc")).toBe("top");
  const widget = debug.page.getByTestId("exception");
  await expect.poll(() => widget.innerText()).toContain("SyntaxError");
  expect(await widget.innerText()).toContain("this looks like Python 2 code; IKPdb debugs CPython 3.11 and newer");
  await debug.page.keyboard.press("F5");
  await debug.says("exit code 1");
  expect(await run.ended()).toBe(1);
});

test("I61 a reload while stopped brings back line, stack, variables and watches within 3 s, and runs nothing again", async () => {
  const { debug, workspace } = await at.stoppedIn("print");
  const line = workspace.line("print");
  await debug.resume();
  await expect.poll(async () => (await debug.variables()).i).toBe("1");
  await debug.page.getByTestId("watch-add").click();
  await debug.panel("watch").locator("input").fill("total + 100");
  await debug.page.keyboard.press("Enter");
  await expect.poll(() => debug.value("watch", "total + 100").innerText()).toContain("101");
  const stack = await debug.stackRows();
  const variables = await debug.variables();
  const output = await debug.panel("console").innerText();
  expect(output).toContain("step 0 0");
  const pid = await debug.pid();
  await debug.page.reload();
  const before = Date.now();
  await debug.stoppedAt(line);
  await expect.poll(() => debug.value("watch", "total + 100").innerText()).toContain("101");
  await expect.poll(() => debug.variables()).toEqual(variables);
  expect(Date.now() - before).toBeLessThan(3000);
  expect(await debug.stackRows()).toEqual(stack);
  expect(await debug.panel("console").innerText()).toBe(output);
  expect(await debug.pid()).toBe(pid);
  await debug.mark(line, "on");
});

/** Lets the page's socket be cut, and kept away. */
function cuttable() {
  const sockets: WebSocketRoute[] = [];
  const control = {
    down: false,
    prepare: (page: Page) =>
      page.routeWebSocket(/\/ws$/, (socket) => {
        if (control.down) {
          void socket.close();
          return;
        }
        socket.connectToServer();
        sockets.push(socket);
      }),
    cut() {
      control.down = true;
      for (const socket of sockets.splice(0)) void socket.close();
    },
  };
  return control;
}

test("I62 a broken connection says so, disables what cannot work, and comes back by itself with what it missed", async () => {
  const line = cuttable();
  const { debug, workspace, run } = await at.stoppedIn("work", ["fixture.py"], { prepare: line.prepare });
  await debug.page.getByTestId("inline-value").first().waitFor();
  line.cut();
  await debug.is("away");
  await debug.says("Hub gone, reconnecting");
  for (const name of ["resume", "over", "into", "out", "stop", "restart"]) {
    expect(await debug.button(name).isDisabled()).toBe(true);
  }
  expect(await debug.page.title()).toContain("Reconnecting");
  // What was shown stays on show.
  expect(await debug.gutter(workspace.line("work")).getAttribute("data-pc")).toBe("top");
  expect(await debug.page.getByTestId("inline-value").count()).toBeGreaterThan(0);
  expect(await debug.page.getByTestId("console-input").getAttribute("placeholder")).toContain("hub is back");
  const other = await at.page(await run.address());
  await other.stoppedAt(workspace.line("work"));
  await other.breakAt(workspace.line("total"));
  line.down = false;
  await debug.stoppedAt(workspace.line("total"));
  await debug.mark(workspace.line("total"), "on");
  await expect.poll(async () => (await debug.variables()).i).toBe("0");
  await debug.page.keyboard.press("F10");
  await other.stoppedAt(workspace.line("print"));
});

test("I62 a hub that is killed leaves the program alone, and the page says that it is gone", async () => {
  const { debug, workspace, run } = await at.entered();
  const hub = workspace.hubPid();
  if (hub === null) throw new Error("no hub");
  process.kill(hub, "SIGKILL");
  await debug.is("away");
  expect(await run.ended()).toBe(0);
  expect(run.output).toContain("done 2 500");
});

test("I62 two pages see one truth", async () => {
  const { debug, run, workspace } = await at.entered();
  const other = await at.page(await run.address());
  await other.stoppedAt(1);
  await debug.setBreakpoint(workspace.line("total"));
  await other.mark(workspace.line("total"), "on");
  await other.resume();
  await debug.stoppedAt(workspace.line("total"));
  await other.stoppedAt(workspace.line("total"));
});

test("I63 killing the program says how it ended", async () => {
  const { debug } = await at.entered(["fixture.py", "spin"]);
  const pid = await debug.pid();
  await debug.resume();
  await debug.is("running");
  process.kill(pid, "SIGKILL");
  await debug.says("Killed by SIGKILL");
  await debug.is("disconnected");
});

test("a file that was changed since it was loaded is shown as it runs, and says so", async () => {
  const { debug, workspace } = await at.entered();
  await expect.poll(() => debug.page.locator(".crumbs").innerText()).toContain("Same as on disk");
  writeFileSync(workspace.file("fixture.py"), "print('another program')\n");
  // The user comes back from the editor's window.
  await debug.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await expect.poll(() => debug.page.getByTestId("differs").innerText()).toContain("changed since");
  await debug.stoppedAt(1);
  expect(await debug.page.locator(".cm-content").innerText()).toContain("import threading");
  await debug.page.getByRole("button", { name: "Show the file on disk" }).click();
  await expect.poll(() => debug.page.locator(".cm-content").innerText()).toContain("another program");
  await debug.page.locator(".notice").getByRole("button", { name: "Restart" }).click();
  await debug.stoppedAt(1);
  await expect.poll(() => debug.page.getByTestId("differs").count()).toBe(0);
  expect(await debug.page.locator(".cm-content").innerText()).toContain("another program");
});

test("a page without its key, or with a used one, says what to type", async () => {
  const { run } = await at.start();
  const address = await run.address();
  const page = await at.page(address.replace(/#.*/, ""));
  await page.says("Not connected");
  expect(await page.page.locator(".start").innerText()).toContain("ikpdb open");
  const wrong = await at.page(address.replace(/#secret=.*/, `#secret=${"00".repeat(32)}`));
  await wrong.says("Not connected");
  expect(wrong.page.url()).not.toContain("00000000");
});

test("a ticket opens the page once, leaves the address, and the tab stays in over a reload", async () => {
  const { workspace } = await at.start();
  const address = await workspace.ticket();
  expect(address).toContain("#ticket=");
  const page = await at.page(address);
  await page.stoppedAt(1);
  expect(page.page.url()).not.toContain("#");
  await page.page.reload();
  await page.stoppedAt(1);
  const again = await at.page(address);
  await again.says("Not connected");
  expect(await again.page.locator(".start").innerText()).toMatch(/used|ikpdb open/);
});
