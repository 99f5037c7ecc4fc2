// Checklist J: names, keyboard, accessibility, small screens, what reaches a hidden tab.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { expect, test } from "vitest";
import type { Debugger } from "./page";
import { sessions } from "./session";

const at = sessions();
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What an accessibility checker finds, in one line each. */
async function faults(debug: Debugger): Promise<string[]> {
  // By the developer tools' door: the page's policy lets no such script in.
  const cdp = await debug.page.context().newCDPSession(debug.page);
  await cdp.send("Runtime.evaluate", { expression: AXE });
  const run = "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa'] }).then((r) => JSON.stringify(r.violations))";
  const { result } = await cdp.send("Runtime.evaluate", { expression: run, awaitPromise: true });
  const violations = JSON.parse(String(result.value)) as AxeResults["violations"];
  return violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
}

test("J64 every run button has a name and a tooltip with its key", async () => {
  const { debug } = await at.entered();
  for (const [name, key] of Object.entries({
    resume: "F5",
    over: "F10",
    into: "F11",
    out: "Shift-F11",
    stop: "Shift-F5",
  })) {
    expect(await debug.button(name).getAttribute("title")).toContain(key);
    expect(await debug.button(name).getAttribute("aria-label")).toContain(key);
  }
});

test("J64 the whole run control works by the keyboard alone", async () => {
  const { debug, workspace } = await at.entered(["fixture.py", "spin"]);
  const { keyboard } = debug.page;
  const [call, work, total, print] = ["call", "work", "total", "print"].map((marker) => workspace.line(marker));
  if (call === undefined || work === undefined || total === undefined || print === undefined) throw new Error();
  const pointed = await debug.page.evaluateHandle(() => {
    const seen = { count: 0 };
    for (const kind of ["pointerdown", "pointermove", "wheel"]) {
      addEventListener(kind, () => Object.assign(seen, { count: seen.count + 1 }), { capture: true });
    }
    return seen;
  });
  const go = async (line: number) => {
    await keyboard.press("Control+p");
    await keyboard.type(`fixture.py:${line}`);
    await debug.page.getByTestId("choice").first().filter({ hasText: "fixture.py" }).waitFor();
    await keyboard.press("Enter");
    await debug.page.getByTestId("dialog-input").waitFor({ state: "detached" });
    await expect.poll(() => debug.page.locator(".foot").innerText()).toContain(`Ln ${line}`);
  };
  const depth = async () => (await debug.stackRows()).length;

  await go(call);
  await keyboard.press("F9");
  await debug.mark(call, "on");
  await keyboard.press("F5");
  await debug.stoppedAt(call);
  await expect.poll(depth).toBe(2);
  await keyboard.press("F11");
  await debug.stoppedAt(work);
  await expect.poll(depth).toBe(3);
  await keyboard.press("F10");
  await debug.stoppedAt(total);
  await go(print);
  await keyboard.press("Control+F10");
  await debug.stoppedAt(print);
  await keyboard.press("Alt+ArrowDown");
  await expect.poll(() => debug.gutter(call).getAttribute("data-pc")).toBe("frame");
  await keyboard.press("Control+Shift+Y");
  await keyboard.type("len(many)");
  await keyboard.press("Enter");
  await expect.poll(() => debug.lastResult().innerText()).toContain("500");
  for (let i = 0; i < 9; i++) {
    await keyboard.press("Control+F6");
    const inRegion = () => debug.page.evaluate(() => document.activeElement?.closest("[data-region]") != null);
    expect(await inRegion()).toBe(true);
  }
  await keyboard.press("Shift+F11");
  await debug.stoppedAt(call);
  await expect.poll(depth).toBe(2);
  await go(call);
  await keyboard.press("F9");
  await debug.mark(call, "none");
  await keyboard.press("F5");
  await debug.is("running");
  await keyboard.press("F6");
  await debug.is("stopped");
  await debug.says("because you paused it");
  const pid = await debug.pid();
  await keyboard.press("Control+Shift+F5");
  await debug.stoppedAt(1);
  expect(await debug.pid()).not.toBe(pid);
  await keyboard.press("F8");
  await debug.is("running");
  await keyboard.press("Shift+F5");
  await debug.is("disconnected");
  await keyboard.press("F5");
  await debug.stoppedAt(1);
  await keyboard.press("Shift+F5");
  await debug.is("disconnected");
  expect(await pointed.jsonValue()).toEqual({ count: 0 });
});

test("an accessibility checker finds nothing, in both themes, stopped and on an exception", async () => {
  const { debug, workspace } = await at.stoppedIn("total", ["fixture.py", "raise"]);
  await expect.poll(async () => (await debug.variables()).i).toBe("0");
  expect(await faults(debug)).toEqual([]);
  await debug.page.getByTestId("btn-theme").click();
  await debug.page.getByTestId("btn-theme").click();
  await expect.poll(() => debug.page.evaluate(() => document.documentElement.dataset.theme)).toBe("light");
  expect(await faults(debug)).toEqual([]);
  await debug.page.getByTestId("bp-master").click();
  await debug.resume();
  await debug.stoppedAt(workspace.line("raise"));
  await debug.page.getByTestId("exception").waitFor();
  expect(await faults(debug)).toEqual([]);
});

test("an accessibility checker finds nothing in what opens: watch, search, condition, menu, terminal, dialog", async () => {
  const { debug, workspace } = await at.stoppedIn("done");
  const { page } = debug;
  const menu = () => page.getByRole("menu");
  await page.getByTestId("watch-add").click();
  await page.keyboard.type("[point, text]");
  await page.keyboard.press("Enter");
  await debug.value("watch", "[point, text]").click();
  await debug.treeItem("watch", "0").waitFor();
  await debug.evaluate("nowhere");
  await page.getByTestId("console-error").waitFor();
  await page.keyboard.press("Control+f");
  await page.locator(".cm-search").waitFor();
  expect(await faults(debug)).toEqual([]);
  await page.keyboard.press("Escape");
  await debug.gutter(workspace.line("done")).click({ modifiers: ["Control"] });
  await page.getByTestId("condition-input").fill("1 +");
  await page.keyboard.press("Enter");
  await page.getByTestId("condition-error").waitFor();
  await page.getByTestId("tab-terminal").click();
  await debug.panel("terminal").locator(".xterm-rows").waitFor();
  expect(await faults(debug)).toEqual([]);
  await page.keyboard.press("Control+Shift+p");
  await page.getByTestId("choice").first().waitFor();
  expect(await faults(debug)).toEqual([]);
  await page.keyboard.press("Escape");
  await debug.value("vars", "text").click({ button: "right" });
  await menu().waitFor();
  expect(await faults(debug)).toEqual([]);
});

test("the chosen theme stays over a reload", async () => {
  const { debug } = await at.entered();
  await debug.page.getByTestId("btn-theme").click();
  await debug.page.getByTestId("btn-theme").click();
  const theme = () => debug.page.evaluate(() => document.documentElement.dataset.theme);
  await expect.poll(theme).toBe("light");
  await debug.page.reload();
  await debug.stoppedAt(1);
  await expect.poll(theme).toBe("light");
});

test("J65 at 390 px toolbar and a panel are usable without scrolling sideways", async () => {
  const { debug } = await at.start(["fixture.py"], { width: 390, height: 844 });
  await debug.says("fixture.py:1");
  const over = debug.page.getByRole("navigation", { name: "Run control" }).getByRole("button", { name: "Over" });
  await over.click();
  await debug.says("fixture.py:2");
  const wide = () => debug.width();
  expect(await wide()).toBeLessThanOrEqual(390);
  for (const panel of ["Stack", "Console", "Breakpoints", "Files", "Source"]) {
    await debug.page.getByRole("navigation", { name: "Panels" }).getByRole("button", { name: panel }).click();
    expect(await wide()).toBeLessThanOrEqual(390);
  }
});

test("a stop in a hidden tab is told by title, icon and notification", async () => {
  const { debug, workspace } = await at.start(["fixture.py", "spin"], {
    prepare: async (page) => {
      await page.context().grantPermissions(["notifications", "clipboard-read", "clipboard-write"]);
      await page.addInitScript(() => {
        const told: string[] = [];
        class Told {
          static permission = "granted";
          constructor(title: string) {
            told.push(title);
          }
        }
        Object.assign(window, { Notification: Told, told });
      });
    },
  });
  await debug.stoppedAt(1);
  const icon = () => debug.page.locator("link[rel=icon]").getAttribute("href");
  const stoppedIcon = await icon();
  await debug.setBreakpoint(workspace.line("total"));
  await debug.page.evaluate(() => Object.defineProperty(document, "hidden", { get: () => true, configurable: true }));
  await debug.resume();
  await debug.stoppedAt(workspace.line("total"));
  await expect.poll(() => debug.page.title()).toBe(`Stopped, fixture.py:${workspace.line("total")} – shop – IKPdb`);
  expect(await icon()).toBe(stoppedIcon);
  const told = await debug.page.evaluate(() => (window as unknown as { told: string[] }).told);
  expect(told.at(-1)).toContain(`Stopped on a breakpoint at fixture.py:${workspace.line("total")}`);
  await debug.gutter(workspace.line("total")).click();
  await debug.resume();
  await debug.is("running");
  await expect.poll(icon).not.toBe(stoppedIcon);
});
