// How the page looks where it is not 1440 wide and dark, and how its files come.

import { get } from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { Debugger } from "./page";
import { sessions } from "./session";

const at = sessions();

/** The colour behind a part of the page. */
function ground(debug: Debugger, selector: string): Promise<string> {
  return debug.page.evaluate((wanted) => {
    let element = document.querySelector(wanted);
    while (element !== null) {
      const { backgroundColor } = getComputedStyle(element);
      if (backgroundColor !== "rgba(0, 0, 0, 0)") return backgroundColor;
      element = element.parentElement;
    }
    return "none";
  }, selector);
}

test("the page and its terminal follow the system's colours, also when they change", async () => {
  const { debug } = await at.entered(["fixture.py"], { colorScheme: "light" });
  const theme = () => debug.page.evaluate(() => document.documentElement.dataset.theme);
  expect(await theme()).toBe("light");
  await debug.page.getByTestId("tab-terminal").click();
  await debug.panel("terminal").locator(".xterm-rows").waitFor();
  for (const part of [".cm-editor", ".term .xterm-scrollable-element"]) {
    expect(await ground(debug, part)).toBe("rgb(255, 255, 255)");
  }
  await debug.page.emulateMedia({ colorScheme: "dark" });
  await expect.poll(theme).toBe("dark");
  for (const part of [".cm-editor", ".term .xterm-scrollable-element"]) {
    await expect.poll(() => ground(debug, part)).toBe("rgb(20, 22, 27)");
  }
  await debug.page.getByTestId("btn-theme").click();
  await debug.page.getByTestId("btn-theme").click();
  await expect.poll(theme).toBe("light");
  await expect.poll(() => ground(debug, ".term .xterm-scrollable-element")).toBe("rgb(255, 255, 255)");
});

test("in a low window the field of the commands is as high as with nothing below it, and keys are named in words", async () => {
  const { debug } = await at.entered(["fixture.py"], { width: 900, height: 700 });
  await debug.page.keyboard.press("Control+Shift+P");
  const field = debug.page.getByTestId("dialog-input");
  const height = async () => (await field.boundingBox())?.height;
  await expect.poll(() => debug.page.getByTestId("choice").count()).toBeGreaterThan(20);
  const full = await height();
  expect(await debug.page.getByTestId("choice").filter({ hasText: "Frame outwards" }).innerText()).toContain(
    "Alt-Down",
  );
  await field.fill("xyzzy");
  await expect.poll(() => debug.page.getByTestId("choice").count()).toBe(0);
  expect(await height()).toBe(full);
});

test("at 900 x 700 a program is stepped, and breakpoints are set and listed, without scrolling sideways", async () => {
  const { debug, workspace } = await at.entered(["fixture.py"], { width: 900, height: 700 });
  expect(await debug.width()).toBeLessThanOrEqual(900);
  await debug.button("over").click();
  await debug.stoppedAt(2);
  await debug.setBreakpoint(workspace.line("total"));
  expect(await debug.panel("breakpoints").isVisible()).toBe(false);
  await debug.page.keyboard.press("Control+b");
  await debug.panel("breakpoints").waitFor();
  expect(await debug.panel("breakpoints").getByTestId("row").count()).toBe(1);
  expect(await debug.panel("files").isVisible()).toBe(true);
  expect(await debug.width()).toBeLessThanOrEqual(900);
  await debug.page.keyboard.press("Control+b");
  await expect.poll(() => debug.panel("breakpoints").isVisible()).toBe(false);
  await debug.resume();
  await debug.stoppedAt(workspace.line("total"));
  expect(await debug.width()).toBeLessThanOrEqual(900);
  // What is needed to go on is all there, and inside of the window.
  for (const name of ["resume", "over", "into", "out", "restart", "stop"]) {
    const box = await debug.button(name).boundingBox();
    expect(box?.width).toBeGreaterThan(20);
    expect((box?.x ?? 900) + (box?.width ?? 0)).toBeLessThanOrEqual(900);
  }
  await expect.poll(async () => (await debug.variables()).i).toBe("0");
});

interface Answer {
  encoding: string | undefined;
  body: Buffer;
}

/** As it comes over the wire. */
function raw(url: string, accept: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: { "accept-encoding": accept } }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve({ encoding: response.headers["content-encoding"], body: Buffer.concat(parts) }));
    });
    request.on("error", reject);
  });
}

test("the page's files come compressed to whoever takes that, and are the same files", async () => {
  const encodings = new Map<string, string | undefined>();
  const { debug } = await at.start(["fixture.py"], {
    prepare: async (page) => {
      page.on("response", async (response) => {
        if (response.url().includes("/assets/")) {
          encodings.set(response.url(), (await response.allHeaders())["content-encoding"]);
        }
      });
    },
  });
  await debug.stoppedAt(1);
  await expect.poll(() => encodings.size).toBeGreaterThanOrEqual(2);
  for (const [url, encoding] of encodings) {
    expect(encoding).toBe("br");
    const plain = await raw(url, "identity");
    expect(plain.encoding).toBeUndefined();
    const brotli = await raw(url, "gzip, deflate, br");
    expect(brotli.encoding).toBe("br");
    expect(brotliDecompressSync(brotli.body).equals(plain.body)).toBe(true);
    const gzip = await raw(url, "gzip");
    expect(gzip.encoding).toBe("gzip");
    expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true);
    expect(brotli.body.length).toBeLessThan(plain.body.length / 2);
  }
});
