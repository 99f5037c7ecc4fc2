// Real programs, debugged through the page alone: the example, a Flask application, python -m http.server.

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { expect, test, vi } from "vitest";
import { sessions } from "./session";
import { PYTHONS } from "./support";

const at = sessions();

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** What the server answers, asked until there is one; a program that stops in its answer takes its time. */
async function get(url: string): Promise<string> {
  let text = "";
  const ask = async () => {
    text = await (await fetch(url)).text();
  };
  await vi.waitFor(ask, { timeout: 50_000, interval: 50 });
  return text;
}

const example = "the example on Python %s: what its first lines tell to try, to an uncaught exception";
test.each(PYTHONS)(example, async (_, python) => {
  const workspace = at.workspace();
  const program = new URL("../../examples/debug_me.py", import.meta.url).pathname;
  cpSync(program, workspace.file("debug_me.py"));
  const { debug, run } = await at.start(["debug_me.py", "--fail"], { workspace, python });
  const here = workspace.line("HERE", "debug_me.py");
  await debug.stoppedAt(1, "debug_me.py");
  await debug.goTo(here, "debug_me.py");
  await debug.breakAt(here, "debug_me.py");
  await expect.poll(() => debug.value("vars", "customer").innerText()).toContain("'Ada'");
  await debug.value("vars", "order").click();
  await expect.poll(() => debug.value("vars", "number").innerText()).toContain("1");
  await debug.value("vars", "basket").click();
  await expect.poll(() => debug.value("vars", "0").first().innerText()).toContain("Item");
  const discount = debug.value("vars", "discount");
  await discount.dblclick();
  await discount.locator("input").fill("0.5");
  await discount.locator("input").press("Enter");
  await expect.poll(() => discount.innerText()).toContain("0.5");
  expect(await debug.panel("stack").innerText()).toContain("counter");
  await debug.page.keyboard.press("F11");
  await debug.says(/in price_of/);
  await expect.poll(() => debug.value("vars", "discount").innerText()).toContain("0.5");
  await debug.page.keyboard.press("Shift+F11");
  await debug.says(/in serve/);
  await debug.goTo(here, "debug_me.py");
  await debug.gutter(here).click();
  await debug.mark(here, "none");
  await debug.page.keyboard.press("F5");
  await debug.says(/KeyError/);
  expect(await debug.page.getByTestId("exception").innerText()).toContain("'unicorn'");
  await expect.poll(() => debug.panel("console").innerText()).toContain("Ada pays 2.15");
  await debug.page.keyboard.press("F5");
  await debug.says("Ended, exit code 1");
  expect(await run.ended()).toBe(1);
});

test("Flask: a request stops in its view, a changed local shows in the answer; paused while idle it serves again", async () => {
  const port = await freePort();
  const { debug, workspace } = await at.start(["--no-stop", "shop.py", String(port)]);
  await debug.is("running");
  expect(await get(`http://127.0.0.1:${port}/hello/Ada`)).toBe("hello Ada, 3 visits");
  const line = workspace.line("answer", "shop.py");
  await debug.goTo(line, "shop.py");
  await debug.setBreakpoint(line);
  const answer = get(`http://127.0.0.1:${port}/hello/Bob`);
  await debug.stoppedAt(line, "shop.py");
  await expect.poll(() => debug.value("vars", "name").innerText()).toContain("'Bob'");
  expect(await debug.panel("stack").getByTestId("stack-extra").first().innerText()).toContain("library frames");
  const row = debug.value("vars", "greeting");
  await row.dblclick();
  await row.locator("input").fill("'goodbye Bob'");
  await row.locator("input").press("Enter");
  await expect.poll(() => row.innerText()).toContain("goodbye");
  await debug.resume();
  expect(await answer).toBe("goodbye Bob, 3 visits");
  await debug.is("running");
  await debug.gutter(line).click();
  await debug.mark(line, "none");
  await debug.button("pause").click();
  await debug.is("stopped");
  await debug.says("shop.py");
  await debug.evaluate("app.name");
  await expect.poll(() => debug.lastResult().innerText()).toContain("shop");
  await debug.resume();
  await debug.is("running");
  expect(await get(`http://127.0.0.1:${port}/hello/Eve`)).toBe("hello Eve, 3 visits");
});

test("a child that is not debugged is told of once, with what to do about it", async () => {
  const port = await freePort();
  const { debug } = await at.start(["--no-stop", "shop.py", String(port), "reload"]);
  await debug.is("running");
  expect(await get(`http://127.0.0.1:${port}/hello/Ada`)).toBe("hello Ada, 3 visits");
  const toast = debug.page.getByTestId("toast");
  await expect.poll(() => toast.allInnerTexts().then((all) => all.join())).toMatch(/Child process \d+ .*not debugged/);
  expect((await toast.allInnerTexts()).join()).toMatch(/--no-reload|use_reloader/);
  await debug.page.reload();
  await debug.is("running");
  expect(await toast.count()).toBe(0);
});

test("Flask's reloader starts a changed program in a new child, and the page tells of that one too", async () => {
  const port = await freePort();
  const { debug, workspace } = await at.start(["--no-stop", "shop.py", String(port), "reload"]);
  const url = `http://127.0.0.1:${port}/hello/Ada`;
  expect(await get(url)).toBe("hello Ada, 3 visits");
  const told = async () => (await debug.page.getByTestId("toast").allInnerTexts()).join();
  const children = async () => [...(await told()).matchAll(/Child process (\d+)/g)].map(([, pid]) => pid);
  await expect.poll(children).toHaveLength(1);
  const [first] = await children();
  const source = readFileSync(workspace.file("shop.py"), "utf8");
  writeFileSync(workspace.file("shop.py"), source.replace('f"hello {name}"', 'f"welcome {name}"'));
  await expect.poll(() => get(url), { timeout: 20_000 }).toBe("welcome Ada, 3 visits");
  await expect.poll(async () => (await children()).at(-1), { timeout: 10_000 }).not.toBe(first);
  await expect.poll(() => debug.panel("console").innerText()).toContain("GET /hello/Ada");
});

test("python -m http.server: paused while idle, it shows a stack and then serves", async () => {
  const port = await freePort();
  const { debug } = await at.start(["--no-stop", "-m", "http.server", String(port), "--bind", "127.0.0.1"]);
  await debug.is("running");
  expect(await get(`http://127.0.0.1:${port}/`)).toContain("fixture.py");
  await debug.button("pause").click();
  await debug.is("stopped");
  await expect.poll(async () => (await debug.stackRows()).length).toBeGreaterThan(0);
  await debug.resume();
  await debug.is("running");
  expect(await get(`http://127.0.0.1:${port}/long.py`)).toContain("value_1 = 1");
  await expect.poll(() => debug.panel("console").innerText()).toContain("GET /long.py");
});
