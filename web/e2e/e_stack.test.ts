// Checklist E, as far as it goes yet: call stack and threads.

import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { sessions } from "./session";

const at = sessions();

test("E39 E40 E41 the top row is innermost, an outer row opens its line and keeps the arrow, the copy has the same lines", async () => {
  const { debug, workspace } = await at.start();
  await debug.stoppedAt(1);
  const [inner, outer] = [workspace.line("total"), workspace.line("call")];
  await debug.setBreakpoint(inner);
  await debug.resume();
  await debug.stoppedAt(inner);
  expect((await debug.stackRows())[0]).toBe(`work fixture.py:${inner}`);
  await debug.panel("stack").getByTestId("row").nth(1).click();
  await expect.poll(() => debug.gutter(outer).getAttribute("data-pc")).toBe("frame");
  await debug.goTo(inner);
  expect(await debug.gutter(inner).getAttribute("data-pc")).toBe("top");
  await debug.page.getByTestId("copy-stack").click();
  const copied = await debug.page.evaluate(() => navigator.clipboard.readText());
  expect(copied.split("\n")[0]).toContain(`work (fixture.py:${inner}:`);
  expect(copied.split("\n")[1]).toContain(`main (fixture.py:${outer}:`);
});

test("E42 threads are listed by name, and one shows its stack", async () => {
  const { debug, workspace } = await at.start();
  await debug.stoppedAt(1);
  await debug.setBreakpoint(workspace.line("work"));
  await debug.resume();
  await debug.stoppedAt(workspace.line("work"));
  const threads = debug.panel("stack").getByTestId("thread-row");
  await expect.poll(async () => (await threads.allInnerTexts()).join()).toMatch(/MainThread[\s\S]*alpha[\s\S]*beta/);
  await threads.filter({ hasText: "alpha" }).click();
  await expect.poll(async () => (await debug.stackRows()).join()).toContain("background");
  await debug.panel("stack").getByTestId("row").filter({ hasText: "background" }).click();
  await expect.poll(() => debug.value("vars", "gate").count()).toBe(1);
});

test("E44 a deep recursion is a bounded list with more on demand, painted within a second", async () => {
  const workspace = at.workspace();
  const program = "def deep(n):\n    if n == 0:\n        return 0\n    return deep(n - 1)\n\ndeep(500)\n";
  writeFileSync(workspace.file("deep.py"), program);
  const { debug } = await at.start(["deep.py"], { workspace });
  await debug.stoppedAt(1, "deep.py");
  await debug.setBreakpoint(3);
  const before = Date.now();
  await debug.resume();
  await debug.stoppedAt(3, "deep.py");
  expect(Date.now() - before).toBeLessThan(2000);
  const rows = debug.panel("stack").getByTestId("row");
  await expect.poll(() => rows.count()).toBe(50);
  await debug.panel("stack").getByTestId("stack-extra").filter({ hasText: "Load more" }).click();
  await expect.poll(() => rows.count()).toBe(250);
});
