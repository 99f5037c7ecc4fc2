// The workspace: its tree of files, the tabs, and the search in the source.

import { mkdirSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Debugger } from "./page";
import { sessions } from "./session";

const at = sessions();

test("the tree opens a folder, a click on a file shows its text in a tab, and a badge counts its breakpoints", async () => {
  const workspace = at.workspace();
  mkdirSync(workspace.file("pkg"));
  writeFileSync(workspace.file("pkg/inner.py"), "answer = 42\nprint(answer)\n");
  const { debug } = await at.entered(["fixture.py"], { workspace });
  const row = (name: string) => debug.panel("files").getByTestId("row").filter({ hasText: name });
  expect(await row("inner.py").count()).toBe(0);
  await row("pkg").click();
  await row("inner.py").click();
  await debug.gutter(2).waitFor();
  expect(await debug.page.locator(".cm-content").innerText()).toContain("answer = 42");
  expect(await debug.page.getByRole("tab", { selected: true }).first().innerText()).toBe("inner.py");
  expect(await row("inner.py").getAttribute("aria-selected")).toBe("true");
  expect(await row("inner.py").locator(".marks").count()).toBe(0);
  for (const line of [1, 2]) {
    await debug.gutter(line).click();
    // No program has loaded the file yet.
    await debug.mark(line, "unverified");
  }
  await expect.poll(() => row("inner.py").locator(".marks").innerText()).toBe("2");
  await debug.gutter(1).click();
  await expect.poll(() => row("inner.py").locator(".marks").innerText()).toBe("1");
  await row("pkg").click();
  await expect.poll(() => row("inner.py").count()).toBe(0);
});

test("the tree works by the keyboard", async () => {
  const workspace = at.workspace();
  mkdirSync(workspace.file("pkg"));
  writeFileSync(workspace.file("pkg/inner.py"), "answer = 42\n");
  const { debug } = await at.entered(["fixture.py"], { workspace });
  const { keyboard } = debug.page;
  await debug.panel("files").getByTestId("row").first().focus();
  for (const key of ["ArrowDown", "ArrowRight"]) await keyboard.press(key);
  const inner = debug.panel("files").getByTestId("row").filter({ hasText: "inner.py" });
  await inner.waitFor();
  for (const key of ["ArrowRight", "Enter"]) await keyboard.press(key);
  await expect.poll(() => debug.page.locator(".cm-content").innerText()).toContain("answer = 42");
});

const tabs = (debug: Debugger) => debug.page.getByTestId("tab");
const names = (debug: Debugger) => tabs(debug).allInnerTexts();
const selected = (debug: Debugger) => debug.page.locator("[data-testid=tab][aria-selected=true]").innerText();

test("tabs are chosen by click and arrow keys, and closed by their cross, a middle click and Delete", async () => {
  const { debug } = await at.entered();
  await debug.goTo(3, "long.py");
  await debug.goTo(3, "shop.py");
  expect(await names(debug)).toEqual(["fixture.py", "long.py", "shop.py"]);
  expect(await selected(debug)).toBe("shop.py");
  await tabs(debug).nth(1).click();
  await expect.poll(() => selected(debug)).toBe("long.py");
  expect(await debug.page.locator(".cm-content").innerText()).toContain("value_1 = 1");
  await tabs(debug).nth(1).focus();
  await debug.page.keyboard.press("ArrowLeft");
  await expect.poll(() => selected(debug)).toBe("fixture.py");
  await debug.page.keyboard.press("ArrowLeft");
  await expect.poll(() => selected(debug)).toBe("shop.py");
  await debug.page.keyboard.press("Delete");
  await expect.poll(() => names(debug)).toEqual(["fixture.py", "long.py"]);
  // The keyboard stays where it was: the next Delete closes the next one.
  await debug.page.keyboard.press("Delete");
  await expect.poll(() => names(debug)).toEqual(["fixture.py"]);
  await debug.goTo(3, "long.py");
  await tabs(debug).nth(1).click({ button: "middle" });
  await expect.poll(() => names(debug)).toEqual(["fixture.py"]);
  await debug.goTo(3, "long.py");
  await debug.page.getByTestId("tab-close").nth(1).click();
  await expect.poll(() => names(debug)).toEqual(["fixture.py"]);
});

test("tabs and their order are there again after a reload, and the stop shows its file", async () => {
  const sent: string[] = [];
  const { debug } = await at.entered(["fixture.py"], {
    prepare: async (page) => {
      page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => sent.push(String(payload))));
    },
  });
  for (const file of ["shop.py", "long.py"]) await debug.goTo(3, file);
  // They are kept a moment after the last change.
  await expect.poll(() => sent.findLast((text) => text.includes('"tabs"'))).toContain("long.py");
  await debug.page.reload();
  await debug.stoppedAt(1);
  await expect.poll(() => names(debug)).toEqual(["fixture.py", "shop.py", "long.py"]);
  expect(await selected(debug)).toBe("fixture.py");
  await tabs(debug).nth(1).click();
  await expect.poll(() => debug.page.locator(".cm-content").innerText()).toContain("Flask");
});

test("Ctrl-F searches in the file, wherever the keyboard was, and selects what it finds", async () => {
  const { debug } = await at.entered();
  const { keyboard } = debug.page;
  await debug.page.getByTestId("console-input").focus();
  await keyboard.press("Control+f");
  const panel = debug.page.locator(".cm-search");
  await panel.waitFor();
  await keyboard.type("gate.set");
  await keyboard.press("Enter");
  const match = debug.page.locator(".cm-searchMatch-selected");
  await expect.poll(() => match.innerText()).toBe("gate.set");
  const view = await debug.page.locator(".cm-scroller").boundingBox();
  const box = await match.boundingBox();
  if (view === null || box === null) throw new Error("not shown");
  expect(box.y).toBeGreaterThan(view.y);
  expect(box.y + box.height).toBeLessThan(view.y + view.height);
  await keyboard.press("Escape");
  await expect.poll(() => panel.count()).toBe(0);
  // The cursor is where the search ended.
  await keyboard.press("F9");
  await expect.poll(() => debug.panel("breakpoints").innerText()).toContain("gate.set()");
});
