// The source view: the card of the pointer, the cursor of each document, breakpoints that are elsewhere, going to a file.

import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { wire } from "./k_wire";
import { sessions } from "./session";

const at = sessions();

/** Longer than a card takes to go. */
const GOES_MS = 900;

test("H56 the card stays while the pointer is in it or Alt is held, and goes when it leaves", async () => {
  const { debug } = await at.stoppedIn("done");
  const card = debug.page.getByTestId("hover-card");
  await debug.pointAt("nested");
  await card.waitFor({ timeout: 3000 });
  const box = await card.boundingBox();
  if (box === null) throw new Error("no card");
  await debug.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 8 });
  await debug.outlast(GOES_MS);
  expect(await card.count()).toBe(1);
  await card.locator("[data-name=\"'a'\"]").click();
  await expect.poll(() => card.innerText()).toContain("'b'");
  await debug.page.keyboard.down("Alt");
  await debug.page.mouse.move(20, 500, { steps: 8 });
  await debug.outlast(GOES_MS);
  expect(await card.count()).toBe(1);
  await debug.page.keyboard.up("Alt");
  await debug.page.mouse.move(24, 504);
  await expect.poll(() => card.count()).toBe(0);
});

test("H56 resting on one name after the other shows each", async () => {
  const { debug } = await at.stoppedIn("done");
  const card = debug.page.getByTestId("hover-card");
  for (const name of ["nested", "many", "text"]) {
    await debug.pointAt(name);
    await expect.poll(() => card.getAttribute("aria-label"), { timeout: 3000 }).toBe(`Value of ${name}`);
  }
});

test("H56 a name without a value opens no card and is not marked", async () => {
  const received: string[] = [];
  const { debug } = await at.stoppedIn("work", ["fixture.py"], {
    prepare: async (page) => {
      page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => received.push(String(payload))));
    },
  });
  const cards = await debug.cards();
  await debug.pointAt("square");
  const refused = () =>
    received.some((text) => text.includes(`"command":"evaluate"`) && text.includes('"success":false'));
  await expect.poll(refused, { timeout: 3000 }).toBe(true);
  await expect.poll(() => debug.page.locator(".hover-target").count()).toBe(0);
  await debug.pointAt("i");
  const card = debug.page.getByTestId("hover-card");
  await expect.poll(() => card.getAttribute("aria-label"), { timeout: 3000 }).toBe("Value of i");
  expect(await cards()).toEqual(["Value of i"]);
});

test("C24 F9 and its like go for the cursor of the file that is shown, not of the one before", async () => {
  const { debug, workspace } = await at.entered();
  const far = workspace.line("total");
  await debug.goTo(far);
  await debug.goTo(5, "long.py");
  await debug.page.locator(".tab, [role=tab]").filter({ hasText: "fixture.py" }).first().click();
  await debug.gutter(far).waitFor();
  await debug.page.keyboard.press("F9");
  await debug.mark(far, "on");
  await debug.page.locator(".tab, [role=tab]").filter({ hasText: "long.py" }).first().click();
  await debug.page.locator(".cm-line", { hasText: /^value_3 = 3$/ }).waitFor();
  await debug.page.keyboard.press("F9");
  await debug.mark(5, "unverified");
  await debug.page.getByRole("treeitem", { name: /shop\.py/ }).click();
  await expect.poll(() => debug.page.getByTestId("source").innerText()).toContain("shop.py");
  await debug.gutter(1).waitFor();
  await debug.page.keyboard.press("F9");
  await expect.poll(() => debug.panel("breakpoints").innerText()).toContain("shop.py");
  expect(await debug.gutter(1).getAttribute("data-bp")).not.toBe("none");
});

test("C16 C21 a click where a moved breakpoint was asked for takes it away and keeps its condition until then", async () => {
  const { debug, workspace } = await at.entered();
  const asked = workspace.line("comment");
  const there = workspace.line("print");
  await debug.setCondition(asked, "i == 3");
  await debug.mark(there, "cond");
  expect(await debug.gutter(asked).getAttribute("aria-label")).toContain(`line ${there}`);
  await debug.gutter(asked).click({ modifiers: ["Shift"] });
  // Disabled, it is nowhere else: the program is not told of it.
  await debug.mark(asked, "off");
  expect(await debug.panel("breakpoints").innerText()).toContain("i == 3");
  await debug.gutter(asked).click();
  await debug.mark(there, "cond");
  await debug.gutter(asked).click();
  await debug.mark(there, "none");
  expect(await debug.panel("breakpoints").getByTestId("row").count()).toBe(0);
});

test("C18 a condition in a file that is not imported yet is taken without complaint", async () => {
  const workspace = at.workspace();
  writeFileSync(workspace.file("late.py"), "def late(i):\n    return i + 1  # BP:late\n");
  writeFileSync(
    workspace.file("main.py"),
    "import time\ntime.sleep(0)\nimport late\nfor i in range(5):\n    late.late(i)\n",
  );
  const { debug } = await at.start(["main.py"], { workspace });
  await debug.stoppedAt(1, "main.py");
  await debug.goTo(2, "late.py");
  await debug.setCondition(2, "i == 3");
  await expect.poll(() => debug.page.getByTestId("condition-editor").count()).toBe(0);
  expect(await debug.page.getByTestId("condition-error").count()).toBe(0);
  await debug.setCondition(2, "i ==");
  await expect.poll(() => debug.page.getByTestId("condition-error").innerText()).toMatch(/syntax/i);
  await debug.page.getByTestId("condition-input").fill("i == 4");
  await debug.page.keyboard.press("Enter");
  await expect.poll(() => debug.page.getByTestId("condition-editor").count()).toBe(0);
  await debug.resume();
  await debug.stoppedAt(2, "late.py");
  await expect.poll(async () => (await debug.variables()).i).toBe("4");
});

test("Enter opens what was typed, also when the list of it is still to come", async () => {
  const line = wire();
  const { debug } = await at.entered(["fixture.py"], { prepare: line.prepare });
  await debug.page.keyboard.press("Control+p");
  const input = debug.page.getByTestId("dialog-input");
  await input.fill("fixture");
  await debug.page.getByTestId("choice").first().filter({ hasText: "fixture.py" }).waitFor();
  line.held.add("ikpdb/files/find");
  await input.fill("long.py:7");
  await debug.page.keyboard.press("Enter");
  await expect.poll(() => line.asked.at(-1)).toBe("ikpdb/files/find");
  expect(await input.count()).toBe(1);
  line.release();
  await expect.poll(() => input.count()).toBe(0);
  await expect.poll(() => debug.page.getByTestId("source").innerText()).toContain("value_5 = 5");
  await debug.gutter(7).waitFor();
});

test("what the program's debugger cannot do is not offered", async () => {
  const line = wire();
  line.rewrite = (text) =>
    text.replace(
      /"supports(ConditionalBreakpoints|HitConditionalBreakpoints|LogPoints|SetVariable)":true/g,
      '"supports$1":false',
    );
  const { debug, workspace } = await at.stoppedIn("work", ["fixture.py"], { prepare: line.prepare });
  await debug.gutter(workspace.line("total")).click({ button: "right" });
  const items = await debug.page.getByRole("menu").getByRole("menuitem").allInnerTexts();
  expect(items.map((text) => text.split("\n")[0])).toEqual(["Continue to here", "Add breakpoint"]);
  await debug.page.keyboard.press("Escape");
  await debug.gutter(workspace.line("total")).click({ modifiers: ["Control"] });
  await expect.poll(() => debug.page.getByTestId("toast").innerText()).toContain("knows no conditions");
  expect(await debug.page.getByTestId("condition-editor").count()).toBe(0);
  await debug.value("vars", "total").dblclick();
  expect(await debug.panel("vars").getByTestId("row").locator("input").count()).toBe(0);
});
