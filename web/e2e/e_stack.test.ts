// Checklist E, as far as it goes yet: call stack and threads.

import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { sessions } from "./session";

const at = sessions();

test("E39 E40 E41 the top row is innermost, an outer row opens its line and keeps the arrow, the copy has the same lines", async () => {
  const { debug, workspace } = await at.entered();
  const [inner, outer] = [workspace.line("total"), workspace.line("call")];
  await debug.breakAt(inner);
  expect((await debug.stackRows())[0]).toBe(`work fixture.py:${inner}`);
  await debug.panel("stack").getByTestId("row").nth(1).click();
  await expect.poll(() => debug.gutter(outer).getAttribute("data-pc")).toBe("frame");
  await debug.goTo(inner);
  expect(await debug.gutter(inner).getAttribute("data-pc")).toBe("top");
  await debug.page.getByTestId("copy-stack").click();
  const copied = await debug.clipboard();
  expect(copied.split("\n")[0]).toContain(`work (fixture.py:${inner}:`);
  expect(copied.split("\n")[1]).toContain(`main (fixture.py:${outer}:`);
});

test("E42 threads are listed by name, and one shows its stack", async () => {
  const { debug } = await at.stoppedIn("work");
  const threads = debug.panel("threads").getByTestId("thread-row");
  await expect.poll(async () => (await threads.allInnerTexts()).join()).toMatch(/MainThread[\s\S]*alpha[\s\S]*beta/);
  await threads.filter({ hasText: "alpha" }).click();
  await expect.poll(async () => (await debug.stackRows()).join()).toContain("background");
  await debug.panel("stack").getByTestId("row").filter({ hasText: "background" }).click();
  await expect.poll(() => debug.value("vars", "gate").count()).toBe(1);
});

test("E43 a source that only the program has opens read-only, with its line marked", async () => {
  const workspace = at.workspace();
  const program = [
    "import linecache",
    "text = 'value = 6 * 7\\nbreakpoint()\\nprint(value)\\n'",
    "linecache.cache['<made>'] = (len(text), None, text.splitlines(True), '<made>')",
    "exec(compile(text, '<made>', 'exec'))",
  ];
  writeFileSync(workspace.file("maker.py"), program.join("\n"));
  const { debug } = await at.start(["--no-stop", "maker.py"], { workspace });
  await debug.says(/<made>:[23]/);
  await debug.page.getByTestId("read-only").waitFor();
  expect(await debug.page.locator(".cm-content").innerText()).toContain("value = 6 * 7");
  await expect.poll(() => debug.page.locator(".cm-line.at-top").innerText()).toMatch(/breakpoint|print/);
  await debug.page.keyboard.press("F5");
  await debug.says("Ended, exit code 0");
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
