// An evaluation in the console that no interrupt ends: the page says why, and both the user and the program get out of it.

import { expect, test } from "vitest";
import { sessions } from "./session";

const at = sessions();

test("H58 what cannot be interrupted says why, can be interrupted again, and the program can be stopped", async () => {
  const { debug, run } = await at.stoppedIn("done");
  await debug.evaluate("sum(iter(int, 1))");
  const button = debug.page.getByTestId("interrupt");
  const pending = debug.page.getByTestId("console-pending");
  await button.waitFor({ timeout: 9000 });
  for (let times = 0; times < 2; times++) {
    await expect.poll(() => button.innerText()).toBe("Interrupt");
    await button.click();
    await expect.poll(() => pending.innerText(), { timeout: 5000 }).toContain("native code that cannot be interrupted");
    await expect.poll(() => button.isEnabled()).toBe(true);
  }
  expect(await pending.innerText()).toContain("Still running: sum(iter(int, 1))");
  await debug.page.keyboard.press("Shift+F5");
  await debug.is("disconnected");
  expect(await run.ended()).not.toBe(0);
  await expect.poll(() => pending.count()).toBe(0);
});
