// Checklist B: run control.

import { expect, test } from "vitest";
import { sessions } from "./session";

const at = sessions();

test("B9 F10 moves the current line by one executed line", async () => {
  const { debug } = await at.entered();
  for (const line of [2, 3, 4, 6]) {
    await debug.page.keyboard.press("F10");
    await debug.stoppedAt(line);
  }
});

test("B10 B11 F11 enters the function and Shift-F11 returns: the stack grows by one row and shrinks again", async () => {
  const { debug, workspace } = await at.entered();
  await debug.setBreakpoint(workspace.line("call"));
  await debug.page.keyboard.press("F5");
  await debug.stoppedAt(workspace.line("call"));
  const before = (await debug.stackRows()).length;
  await debug.page.keyboard.press("F11");
  await debug.stoppedAt(workspace.line("work"));
  await expect.poll(async () => (await debug.stackRows()).length).toBe(before + 1);
  expect((await debug.stackRows())[0]).toMatch(new RegExp(`^work fixture\\.py:${workspace.line("work")}$`));
  await debug.page.keyboard.press("Shift+F11");
  await debug.stoppedAt(workspace.line("call"));
  await expect.poll(async () => (await debug.stackRows()).length).toBe(before);
});

test("B12 F8 continues to the next hit", async () => {
  const { debug, workspace } = await at.entered();
  await debug.setBreakpoint(workspace.line("total"));
  await debug.page.keyboard.press("F8");
  await debug.stoppedAt(workspace.line("total"));
  await expect.poll(async () => (await debug.variables()).i).toBe("0");
  await debug.page.keyboard.press("F8");
  await expect.poll(async () => (await debug.variables()).i, { timeout: 5000 }).toMatch(/^1/);
});

test("B13 Pause stops a running loop within 2 s and shows a stack", async () => {
  const { debug, workspace } = await at.entered(["fixture.py", "spin"]);
  await debug.resume();
  await debug.is("running");
  const before = Date.now();
  await debug.button("pause").click();
  await debug.is("stopped");
  expect(Date.now() - before).toBeLessThan(2000);
  await expect.poll(async () => (await debug.stackRows()).join()).toContain("main");
  expect(await debug.state.innerText()).toMatch(/because you paused it/);
  const line = Number(/fixture\.py:(\d+)/.exec(await debug.state.innerText())?.[1]);
  expect(Math.abs(line - workspace.line("spin"))).toBeLessThanOrEqual(1);
});

test("B14 Step out in the outermost frame finishes the program without an error", async () => {
  const { debug, run } = await at.entered();
  await debug.button("out").click();
  await debug.is("disconnected");
  expect(await debug.page.getByTestId("toast").count()).toBe(0);
  expect(await run.ended()).toBe(0);
});

test("B15 after a step no panel goes blank, and nothing flickers", async () => {
  const { debug, workspace } = await at.stoppedIn("work");
  await expect.poll(async () => (await debug.variables()).i).toBe("0");
  await debug.page.getByTestId("inline-value").first().waitFor();
  // Looks at every frame that the browser paints for 500 ms.
  const sampled = debug.page.evaluate(
    () =>
      new Promise<{ blank: number; changed: number; frames: number }>((resolve) => {
        const seen = { blank: 0, changed: 0, frames: 0 };
        const end = performance.now() + 500;
        const look = () => {
          seen.frames += 1;
          for (const panel of ["panel-vars", "panel-stack"]) {
            if (document.querySelectorAll(`[data-testid=${panel}] [data-testid=row]`).length === 0) seen.blank += 1;
          }
          if (document.querySelector("[data-testid=inline-value]") === null) seen.blank += 1;
          if (document.querySelector("[data-testid=btn-resume]") === null) seen.changed += 1;
          if (performance.now() < end) requestAnimationFrame(look);
          else resolve(seen);
        };
        look();
      }),
  );
  await debug.page.keyboard.press("F10");
  const { blank, changed, frames } = await sampled;
  expect(frames).toBeGreaterThan(5);
  expect([blank, changed]).toEqual([0, 0]);
  await debug.stoppedAt(workspace.line("total"));
});
