// Checklist C: gutter and editor.

import { expect, test } from "vitest";
import type { Debugger } from "./page";
import { sessions } from "./session";

const at = sessions();

test("C16 C17 clicks add and remove a breakpoint, Shift-click disables it, a click on a disabled one enables it", async () => {
  const { debug, workspace } = await at.entered();
  const line = workspace.line("total");
  await debug.setBreakpoint(line);
  await debug.gutter(line).click({ modifiers: ["Shift"] });
  await debug.mark(line, "off");
  await debug.gutter(line).click();
  await debug.mark(line, "on");
  await debug.gutter(line).click();
  await debug.mark(line, "none");
});

test("C18 Ctrl-click opens the condition under the line, Enter saves, Escape leaves things as they were", async () => {
  const { debug, workspace } = await at.entered();
  const line = workspace.line("total");
  await debug.gutter(line).click({ modifiers: ["Control"] });
  await debug.page.getByTestId("condition-input").fill("i == 3");
  await debug.page.keyboard.press("Escape");
  await expect.poll(() => debug.page.getByTestId("condition-editor").count()).toBe(0);
  await debug.mark(line, "none");
  await debug.setCondition(line, "i == 3");
  await debug.mark(line, "cond");
  await expect.poll(() => debug.page.getByTestId("condition-editor").count()).toBe(0);
  const box = await debug.gutter(line).getAttribute("aria-label");
  expect(box).toContain("condition i == 3");
});

test("C18 the keyboard stays where the user is by the time a condition is taken", async () => {
  const { debug, workspace } = await at.entered(["fixture.py"]);
  const pid = await debug.pid();
  const line = workspace.line("print");
  await debug.gutter(line).click({ modifiers: ["Control"] });
  await debug.page.getByTestId("condition-input").fill("i == 3");
  process.kill(pid, "SIGSTOP");
  await debug.page.getByTestId("condition-input").press("Enter");
  await debug.page.getByTestId("console-input").click();
  await debug.page.keyboard.type("1");
  process.kill(pid, "SIGCONT");
  await debug.mark(line, "cond");
  await expect.poll(() => debug.page.getByTestId("condition-editor").count()).toBe(0);
  await debug.page.keyboard.type("2");
  expect(await debug.page.getByTestId("console-input").inputValue()).toBe("12");
});

test("C18 a condition that does not compile is refused in the editor, with the agent's words", async () => {
  const { debug, workspace } = await at.entered();
  const line = workspace.line("total");
  await debug.setCondition(line, "i ==");
  await expect.poll(() => debug.page.getByTestId("condition-error").innerText()).toMatch(/syntax/i);
  await debug.page.getByTestId("condition-input").fill("i == 2");
  await debug.page.keyboard.press("Enter");
  await debug.mark(line, "cond");
  await expect.poll(() => debug.page.getByTestId("condition-editor").count()).toBe(0);
});

test("C19 the gutter's menu offers what fits, Continue to here only while the program is stopped", async () => {
  const { debug, workspace } = await at.entered(["fixture.py", "spin"]);
  const line = workspace.line("total");
  const items = async () => {
    await debug.gutter(line).click({ button: "right" });
    const list = await debug.page.getByRole("menu").getByRole("menuitem").allInnerTexts();
    await debug.page.keyboard.press("Escape");
    return list.map((text) => text.split("\n")[0]);
  };
  expect(await items()).toEqual(["Continue to here", "Add breakpoint", "Add conditional breakpoint"]);
  await debug.setBreakpoint(line);
  expect(await items()).toEqual(["Continue to here", "Remove breakpoint", "Set condition", "Disable breakpoint"]);
  await debug.gutter(line).click();
  await debug.mark(line, "none");
  await debug.resume();
  await debug.is("running");
  expect(await items()).toEqual(["Add breakpoint", "Add conditional breakpoint"]);
});

test("C19 a condition is set from the gutter's menu", async () => {
  const { debug, workspace } = await at.stoppedIn("total");
  const line = workspace.line("total");
  await debug.chooseFrom(debug.gutter(line), /Set condition/);
  await debug.page.getByTestId("condition-input").fill("i == 4");
  await debug.page.keyboard.press("Enter");
  await debug.mark(line, "cond");
  await debug.resume();
  await expect.poll(async () => (await debug.variables()).i).toMatch(/^4/);
  await debug.chooseFrom(debug.gutter(line), /Edit condition/);
  expect(await debug.page.getByTestId("condition-input").inputValue()).toBe("i == 4");
});

/** Opens the editor at a line and types into one of its kinds. */
async function special(debug: Debugger, line: number, kind: string, text: string): Promise<void> {
  await debug.gutter(line).click({ modifiers: ["Control"] });
  await debug.page.getByTestId("condition-editor").getByRole("tab", { name: kind }).click();
  await debug.page.getByTestId("condition-input").fill(text);
  await debug.page.keyboard.press("Enter");
}

test("D34 a hit count of >= 3 stops on the third pass, and one that is none says what would be", async () => {
  const { debug, workspace } = await at.entered();
  const line = workspace.line("total");
  await special(debug, line, "Hit count", "often");
  await expect.poll(() => debug.page.getByTestId("condition-error").innerText()).toContain(">=N");
  await debug.page.getByTestId("condition-input").fill(">= 3");
  await debug.page.keyboard.press("Enter");
  await debug.mark(line, "cond");
  await debug.resume();
  await debug.stoppedAt(line);
  await expect.poll(async () => (await debug.variables()).i).toBe("2");
});

test("D35 a logpoint prints its text with its values in the console and does not stop", async () => {
  const { debug, workspace } = await at.entered();
  await special(debug, workspace.line("total"), "Log message", "square of {i} is {square}");
  await debug.mark(workspace.line("total"), "log");
  await debug.setBreakpoint(workspace.line("done"));
  await debug.resume();
  await debug.stoppedAt(workspace.line("done"));
  const text = () => debug.panel("console").innerText();
  await expect.poll(text).toContain("square of 0 is 0");
  await expect.poll(text).toContain("square of 5 is 25");
});

test("C20 Continue to here stops there and leaves breakpoints and the master switch as they were", async () => {
  const { debug, workspace } = await at.entered();
  const master = debug.page.getByTestId("bp-master");
  await debug.setBreakpoint(workspace.line("exit"));
  await master.click();
  await debug.mark(workspace.line("exit"), "off");
  const line = workspace.line("print");
  await debug.goTo(line);
  await debug.chooseFrom(debug.gutter(line), /Continue to here/);
  await debug.stoppedAt(line);
  expect(await master.getAttribute("aria-checked")).toBe("false");
  expect(await debug.panel("breakpoints").getByTestId("row").count()).toBe(1);
});

test("C21 a breakpoint on a comment is shown at the next line with code, or says why not", async () => {
  const { debug, workspace } = await at.entered();
  const line = workspace.line("comment");
  await debug.gutter(line).click();
  await expect
    .poll(async () => {
      const next = await debug.gutter(workspace.line("print")).getAttribute("data-bp");
      const here = await debug.gutter(line).getAttribute("data-bp");
      return next === "on" || here === "unverified";
    })
    .toBe(true);
  expect(await debug.panel("breakpoints").getByTestId("row").first().innerText()).toMatch(/code|moved|line/i);
});

test("C22 the stopped line is highlighted, has the arrow, and is in view in a long file", async () => {
  const { debug, workspace } = await at.start(["long.py"]);
  await debug.stoppedAt(1, "long.py");
  const line = workspace.line("far", "long.py");
  await debug.goTo(line, "long.py");
  await debug.setBreakpoint(line);
  await debug.goTo(1, "long.py");
  await debug.page.keyboard.press("F5");
  await debug.stoppedAt(line, "long.py");
  const highlighted = debug.page.locator(".cm-line.at-top");
  expect(await highlighted.innerText()).toContain("print(value_1)");
  await expect.poll(() => debug.isInView(line)).toBe(true);
});

test("C23 C24 the line number does as the strip does, and F9 toggles at the caret", async () => {
  const { debug, workspace } = await at.entered();
  const line = workspace.line("work");
  await debug.page.locator(".cm-lineNumbers .cm-gutterElement", { hasText: new RegExp(`^${line}$`) }).click();
  await debug.mark(line, "on");
  await debug.page.locator(".cm-line", { hasText: "total += square" }).click();
  await debug.page.keyboard.press("F9");
  await debug.mark(workspace.line("total"), "on");
  await debug.page.keyboard.press("F9");
  await debug.mark(workspace.line("total"), "none");
});

test("C25 values show at the ends of lines while it is stopped and vanish when it runs", async () => {
  const { debug, workspace } = await at.entered(["fixture.py", "spin"]);
  const line = workspace.line("total");
  await debug.setCondition(line, "i == 3");
  await debug.mark(line, "cond");
  await debug.resume();
  await debug.stoppedAt(line);
  await expect.poll(() => debug.page.getByTestId("inline-value").allInnerTexts()).toContain("square = 9");
  await debug.resume();
  await debug.is("running");
  await expect.poll(() => debug.page.getByTestId("inline-value").count()).toBe(0);
});
