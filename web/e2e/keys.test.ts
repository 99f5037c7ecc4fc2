// The keys that no other test presses.

import { expect, test } from "vitest";
import { sessions } from "./session";

const at = sessions();

test("Ctrl-F10 runs to the cursor, Shift-F9 Ctrl-F9 Ctrl-F8 work on breakpoints, F6 pauses, Ctrl-Shift-F5 restarts", async () => {
  const { debug, workspace } = await at.entered(["fixture.py", "spin"]);
  const { keyboard } = debug.page;
  const line = workspace.line("total");
  await debug.goTo(line);
  await keyboard.press("Control+F10");
  await debug.stoppedAt(line);
  await expect.poll(async () => (await debug.variables()).i).toBe("0");

  await keyboard.press("Shift+F9");
  await debug.page.getByTestId("condition-input").fill("i == 2");
  await keyboard.press("Enter");
  await debug.mark(line, "cond");
  await keyboard.press("Control+F9");
  await debug.mark(line, "off");
  await keyboard.press("Control+F9");
  await debug.mark(line, "cond");
  const master = debug.page.getByTestId("bp-master");
  await keyboard.press("Control+F8");
  await debug.mark(line, "off");
  expect(await master.getAttribute("aria-checked")).toBe("false");
  await keyboard.press("Control+F8");
  await debug.mark(line, "cond");
  expect(await master.getAttribute("aria-checked")).toBe("true");

  await keyboard.press("F5");
  await expect.poll(async () => (await debug.variables()).i).toBe("2");
  await keyboard.press("F5");
  await debug.is("running");
  await keyboard.press("F6");
  await debug.is("stopped");
  const pid = await debug.pid();
  await keyboard.press("Control+Shift+F5");
  await debug.stoppedAt(1);
  await expect.poll(() => debug.pid()).not.toBe(pid);
  await debug.mark(line, "cond");
});

test("the run bar is one tab stop, and arrow keys move inside of it", async () => {
  const { debug } = await at.entered();
  const { keyboard } = debug.page;
  const focused = () => debug.page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset.testid);
  await debug.button("resume").focus();
  const walked: (string | undefined)[] = [];
  for (let i = 0; i < 7; i++) {
    await keyboard.press("ArrowRight");
    walked.push(await focused());
  }
  expect(walked).toEqual(["btn-over", "btn-into", "btn-out", "btn-restart", "btn-stop", "btn-stepping", "btn-resume"]);
  await keyboard.press("Tab");
  expect(`${await focused()}`).not.toMatch(/^btn-(over|into|out|restart|stop|stepping)$/);
  await debug.button("resume").focus();
  await keyboard.press("ArrowRight");
  await keyboard.press("Enter");
  await debug.stoppedAt(2);
});
