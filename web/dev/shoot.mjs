// Takes screenshots of the page in its states: node dev/shoot.mjs [scene…]. They land in dev/out/.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const SIZES = { wide: [1440, 900], narrow: [900, 700], phone: [390, 844] };
const wanted = process.argv.slice(2);
const scenes = wanted.length > 0 ? wanted : ["stopped", "exception", "running", "ended", "none"];

mkdirSync(new URL("out/", import.meta.url), { recursive: true });
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
  ],
});
let port = 15600;
for (const scene of scenes) {
  port += 1;
  const hub = spawn(process.execPath, [
    new URL("hub.mjs", import.meta.url).pathname,
    "--port",
    String(port),
    "--scene",
    scene,
  ]);
  hub.stderr.pipe(process.stderr);
  const [line] = await once(hub.stdout, "data");
  for (const [size, [width, height]] of Object.entries(SIZES)) {
    for (const theme of size === "phone" ? ["dark"] : ["dark", "light"]) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme: theme });
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") console.log(`${scene}: ${message.text()}`);
      });
      page.on("pageerror", (error) => console.log(`${scene}: ${error.stack}`));
      await page.goto(String(line).trim());
      await page.waitForSelector("[data-testid=status-state][data-phase]:not([data-phase=connecting])");
      await page.waitForLoadState("networkidle");
      await page.waitForTimeout(600);
      await page.screenshot({ path: new URL(`out/${scene}-${size}-${theme}.png`, import.meta.url).pathname });
      await page.close();
    }
  }
  hub.kill();
}
await browser.close();
