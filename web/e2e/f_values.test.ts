// Checklist F and G: variables and watches.

import { expect, test } from "vitest";
import type { Debugger } from "./page";
import { sessions } from "./session";

const at = sessions();

async function edit(debug: Debugger, name: string, value: string): Promise<void> {
  const row = debug.value("vars", name);
  await row.dblclick();
  await row.locator("input").fill(value);
  await row.locator("input").press("Enter");
}

test("F45 F51 locals show with name, value and type, scopes have names, globals are shut", async () => {
  const { debug } = await at.stoppedIn("done");
  await expect.poll(() => debug.value("vars", "text").innerText()).toMatch(/text\s*'text'\s*str/);
  expect(await debug.value("vars", "total").innerText()).toMatch(/55/);
  const scopes = debug.panel("vars").getByTestId("row-scope");
  const names = (await scopes.allInnerTexts()).map((text) => text.split("\n")[0]);
  expect(names).toEqual(["Locals", "Globals"]);
  expect(await scopes.first().getAttribute("aria-expanded")).toBe("true");
  expect(await scopes.last().getAttribute("aria-expanded")).toBe("false");
});

test("F46 a dict's children are fetched once, when it is opened first", async () => {
  const { debug } = await at.stoppedIn("done");
  const requests: string[] = [];
  // The page is loaded again, so that its traffic is seen from the beginning.
  debug.page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => requests.push(String(payload))));
  await debug.page.reload();
  const row = debug.value("vars", "nested");
  await row.waitFor();
  const asked = () => requests.filter((text) => text.includes('"variables"')).length;
  await expect.poll(asked).toBeGreaterThan(0);
  const before = asked();
  await row.click();
  await debug.value("vars", "'a'").waitFor();
  expect(asked()).toBe(before + 1);
  await row.click();
  await expect.poll(() => debug.value("vars", "'a'").count()).toBe(0);
  await row.click();
  await debug.value("vars", "'a'").waitFor();
  expect(asked()).toBe(before + 1);
});

test("F46 what the program says is text, never markup", async () => {
  const { debug } = await at.stoppedIn("done");
  await debug.value("vars", "nested").click();
  await expect.poll(() => debug.value("vars", "'markup'").innerText()).toContain("<img src=x onerror=alert(1)>");
  expect(await debug.page.locator('img[src="x"]').count()).toBe(0);
});

test("F47 a changed int is what the program has then", async () => {
  const { debug } = await at.stoppedIn("done");
  await edit(debug, "total", "41");
  await expect.poll(() => debug.value("vars", "total").innerText()).toContain("41");
  await debug.evaluate("total");
  await expect.poll(() => debug.lastResult().innerText()).toContain("41");
});

test("F48 an invalid value gives the old one back and says why", async () => {
  const { debug } = await at.stoppedIn("done");
  await edit(debug, "total", "1 +");
  await expect.poll(() => debug.panel("vars").locator(".fault").innerText()).toMatch(/Not set: .*syntax/i);
  expect(await debug.value("vars", "total").innerText()).toContain("55");
});

test("F49 what the last step changed is marked, nothing else is", async () => {
  const { debug, workspace } = await at.stoppedIn("work");
  // What a step changed is known by what was seen before it.
  const seen = async (name: string, value: string) => {
    await expect.poll(() => debug.value("vars", name).locator(".va > span").first().innerText()).toBe(value);
  };
  await seen("total", "0");
  await debug.page.keyboard.press("F10");
  await debug.stoppedAt(workspace.line("total"));
  await debug.setBreakpoint(workspace.line("total"));
  await debug.resume();
  await debug.stoppedAt(workspace.line("work"));
  await debug.resume();
  await debug.stoppedAt(workspace.line("total"));
  await seen("square", "1");
  await seen("total", "0");
  await debug.page.keyboard.press("F10");
  await debug.stoppedAt(workspace.line("print"));
  const changed = () =>
    debug
      .panel("vars")
      .locator(".vr.chg")
      .evaluateAll((rows) => rows.map((row) => (row as HTMLElement).dataset.name));
  await expect.poll(changed).toEqual(["total"]);
  expect(await debug.value("vars", "total").innerText()).toMatch(/1.*was 0/s);
});

test("F50 a list of 500 is shown in pages", async () => {
  const { debug } = await at.stoppedIn("done");
  await debug.value("vars", "many").click();
  const pages = debug.panel("vars").getByTestId("row-page");
  await expect.poll(() => pages.count()).toBe(5);
  await pages.nth(1).click();
  await expect.poll(() => debug.value("vars", "100").innerText()).toContain("100");
  expect(await debug.panel("vars").getByTestId("row").count()).toBeLessThan(130);
});

test("a value is copied whole, by key and by menu", async () => {
  const { debug } = await at.stoppedIn("done");
  await debug.treeItem("vars", "many").focus();
  await debug.page.keyboard.press("Control+c");
  const numbers = Array.from({ length: 500 }, (_, index) => index);
  await expect.poll(() => debug.clipboard()).toBe(`[${numbers.join(", ")}]`);
  await debug.chooseFrom(debug.value("vars", "text"), /Copy value/);
  await expect.poll(() => debug.clipboard()).toBe("'text'");
  await debug.chooseFrom(debug.value("vars", "text"), /Copy name/);
  await expect.poll(() => debug.clipboard()).toBe("text");
});

test("the arrow keys walk through the tree, open and close its rows", async () => {
  const { debug } = await at.stoppedIn("done");
  const focused = () =>
    debug.page.evaluate(() => document.activeElement?.querySelector("[data-name]")?.getAttribute("data-name"));
  await debug.treeItem("vars", "nested").focus();
  await debug.page.keyboard.press("ArrowRight");
  await debug.value("vars", "'a'").waitFor();
  await debug.page.keyboard.press("ArrowRight");
  expect(await focused()).toBe("'a'");
  await debug.page.keyboard.press("ArrowDown");
  expect(await focused()).toBe("'markup'");
  await debug.page.keyboard.press("ArrowLeft");
  expect(await focused()).toBe("nested");
  await debug.page.keyboard.press("ArrowLeft");
  await expect.poll(() => debug.value("vars", "'a'").count()).toBe(0);
});

async function addWatch(debug: Debugger, expression: string): Promise<void> {
  await debug.page.getByTestId("watch-add").click();
  const input = debug.panel("watch").locator("input");
  await input.fill(expression);
  await input.press("Enter");
}

test("G52 a watch has its value at once, and its new one after a step", async () => {
  const { debug, workspace } = await at.entered();
  const line = workspace.line("total");
  await debug.setCondition(line, "i == 2");
  await debug.mark(line, "cond");
  await debug.resume();
  await debug.stoppedAt(line);
  const shown = () => debug.value("watch", "total + 1").locator(".va > span").first().innerText();
  await addWatch(debug, "total + 1");
  await expect.poll(shown).toBe("2");
  await debug.page.keyboard.press("F10");
  await debug.stoppedAt(workspace.line("print"));
  await expect.poll(shown).toBe("6");
});

test("G53 an error stands in its watch's row, in the style of errors, and stops no other", async () => {
  const { debug, workspace } = await at.stoppedIn("work");
  await addWatch(debug, "nowhere");
  await addWatch(debug, "total + 1");
  await expect.poll(() => debug.value("watch", "total + 1").innerText()).toMatch(/\b1\b/);
  await expect.poll(() => debug.value("watch", "nowhere").innerText()).toContain("NameError");
  expect(await debug.value("watch", "nowhere").getAttribute("class")).toContain("bad");
  await addWatch(debug, "square * 2");
  await debug.breakAt(workspace.line("print"));
  await debug.resume();
  await debug.stoppedAt(workspace.line("work"));
  await debug.resume();
  await debug.stoppedAt(workspace.line("print"));
  await expect.poll(() => debug.value("watch", "total + 1").innerText()).toMatch(/\b2\b/);
  await expect.poll(() => debug.value("watch", "square * 2").innerText()).toMatch(/\b2\b/);
});

test("a watched value opens below its row, and the keys lead into it and out of it", async () => {
  const { debug } = await at.stoppedIn("done");
  await addWatch(debug, "[point, text]");
  await addWatch(debug, "total");
  await debug.value("watch", "[point, text]").focus();
  await debug.page.keyboard.press("ArrowRight");
  const first = debug.treeItem("watch", "0");
  await first.waitFor();
  await debug.page.keyboard.press("ArrowDown");
  await expect.poll(() => first.evaluate((row) => row === document.activeElement)).toBe(true);
  await debug.page.keyboard.press("ArrowLeft");
  const outer = debug.value("watch", "[point, text]");
  await expect.poll(() => outer.evaluate((row) => row === document.activeElement)).toBe(true);
  await debug.page.keyboard.press("Control+c");
  await expect.poll(() => debug.clipboard()).toContain("'text'");
});

test("G54 another frame evaluates all watches again", async () => {
  const { debug } = await at.stoppedIn("work");
  await addWatch(debug, "len(many)");
  await expect.poll(() => debug.value("watch", "len(many)").innerText()).toContain("NameError");
  await debug.panel("stack").getByTestId("row").nth(1).click();
  await expect.poll(() => debug.value("watch", "len(many)").innerText()).toContain("500");
});

test("G55 watches are removed by key and by menu, edited in place, and survive a reload in their order", async () => {
  const { debug } = await at.stoppedIn("work");
  for (const expression of ["i", "total", "i + 1", "i + 2"]) await addWatch(debug, expression);
  await debug.value("watch", "i + 2").waitFor();
  await debug.value("watch", "i").focus();
  await debug.page.keyboard.press("Delete");
  await expect.poll(() => debug.value("watch", "i").count()).toBe(0);
  await debug.value("watch", "i + 1").click({ button: "right" });
  await debug.page.getByRole("menuitem", { name: /Remove/ }).click();
  await expect.poll(() => debug.value("watch", "i + 1").count()).toBe(0);
  await debug.value("watch", "i + 2").dblclick();
  await debug.panel("watch").locator("input").fill("i + 3");
  await debug.page.keyboard.press("Enter");
  await expect.poll(() => debug.value("watch", "i + 3").innerText()).toMatch(/\b3\b/);
  await debug.page.reload();
  const names = () =>
    debug
      .panel("watch")
      .getByTestId("row")
      .evaluateAll((rows) => rows.map((row) => (row as HTMLElement).dataset.name));
  await expect.poll(names).toEqual(["total", "i + 3"]);
});
