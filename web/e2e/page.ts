// Drives the page in a real Chromium, with the words of the tests.

import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { expect } from "vitest";
import { SETUP } from "./support";

export async function launchBrowser(): Promise<Browser> {
  const args = ["--disable-quic", "--disable-background-networking", "--no-first-run", "--disable-component-update"];
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  return chromium.launch({
    executablePath: SETUP.chromium ?? "/usr/bin/chromium",
    args: [...args, "--disable-sync"],
  });
}

/** One page of the debugger. */
export class Debugger {
  readonly errors: string[] = [];

  constructor(
    readonly page: Page,
    private readonly context: BrowserContext,
  ) {
    page.setDefaultTimeout(10_000);
    page.on("pageerror", (error) => this.errors.push(String(error.stack)));
    page.on("console", (message) => {
      const text = message.text();
      // What the browser says of the socket while the hub is away is expected.
      if (message.type() === "error" && !text.includes("WebSocket connection")) this.errors.push(text);
    });
  }

  get state(): Locator {
    return this.page.getByTestId("status-state");
  }

  button(name: string): Locator {
    return this.page.getByTestId(`btn-${name}`);
  }

  panel(name: string): Locator {
    return this.page.getByTestId(`panel-${name}`);
  }

  gutter(line: number): Locator {
    return this.page.getByTestId(`gutter-line-${line}`);
  }

  /** The program's process, as the page tells it. */
  async pid(): Promise<number> {
    return Number(/pid (\d+)/.exec(await this.page.getByTestId("session-picker").innerText())?.[1]);
  }

  clipboard(): Promise<string> {
    return this.page.evaluate(() => navigator.clipboard.readText());
  }

  /** The width that the page would need without scrolling sideways. */
  width(): Promise<number> {
    return this.page.evaluate(() => document.documentElement.scrollWidth);
  }

  /** Rests the pointer on a word of a line: the one where the program stopped, if none is given. */
  async pointAt(word: string, line = this.page.locator(".cm-line:is(.at-top, .at-exception)")): Promise<void> {
    const place = await line.evaluate((within, wanted) => {
      const walker = document.createTreeWalker(within, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
        const at = (node.textContent ?? "").indexOf(wanted);
        if (at < 0) continue;
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + wanted.length);
        const box = range.getBoundingClientRect();
        return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      }
      return null;
    }, word);
    if (place === null) throw new Error(`${word} does not stand in the line`);
    await this.page.mouse.move(place.x, place.y);
  }

  /** Lets all pass in the page that is due within so long: a timer that was set after it and lasts longer comes later. */
  async outlast(ms: number): Promise<void> {
    await this.page.evaluate((time) => new Promise((resolve) => setTimeout(resolve, time)), ms);
  }

  /** The labels of all cards that open from now on, however shortly. */
  async cards(): Promise<() => Promise<(string | null)[]>> {
    const opened = await this.page.evaluateHandle(() => {
      const labels = new Set<string | null>();
      new MutationObserver(() => {
        const card = document.querySelector("[data-testid=hover-card]");
        if (card !== null) labels.add(card.getAttribute("aria-label"));
      }).observe(document.body, { subtree: true, childList: true, attributes: true });
      return labels;
    });
    return () => opened.evaluate((labels) => [...labels]);
  }

  /** Whether the line can be seen, whole. */
  async isInView(line: number): Promise<boolean> {
    const view = await this.page.getByTestId("source").locator(".cm-scroller").boundingBox();
    const cell = this.gutter(line);
    const box = (await cell.count()) === 0 ? null : await cell.boundingBox();
    return view !== null && box !== null && box.y >= view.y && box.y + box.height <= view.y + view.height;
  }

  /** Rows of a panel that say something about `name`. */
  value(panel: string, name: string): Locator {
    return this.panel(panel).locator(`[data-name="${name}"]`);
  }

  /** The same, as what has the keyboard. */
  treeItem(panel: string, name: string): Locator {
    return this.panel(panel)
      .getByRole("treeitem")
      .filter({ has: this.page.locator(`[data-name="${name}"]`) });
  }

  async stoppedAt(line: number, file = "fixture.py"): Promise<void> {
    await expect.poll(() => this.state.innerText(), { timeout: 15_000 }).toContain(`${file}:${line}`);
    await expect.poll(() => this.state.getAttribute("data-state")).toBe("stopped");
    await expect.poll(() => this.gutter(line).getAttribute("data-pc")).toBe("top");
  }

  async says(text: string | RegExp): Promise<void> {
    const wanted = typeof text === "string" ? expect.stringContaining(text) : expect.stringMatching(text);
    await expect.poll(() => this.state.innerText(), { timeout: 15_000 }).toEqual(wanted);
  }

  async is(state: "disconnected" | "away" | "running" | "stopped"): Promise<void> {
    await expect.poll(() => this.state.getAttribute("data-state"), { timeout: 15_000 }).toBe(state);
  }

  async mark(line: number, kind: string): Promise<void> {
    await expect.poll(() => this.gutter(line).getAttribute("data-bp"), { timeout: 5000 }).toBe(kind);
  }

  /** Opens a file at a line by the keyboard. */
  async goTo(line: number, file = "fixture.py"): Promise<void> {
    await this.page.keyboard.press("Control+p");
    await this.page.getByTestId("dialog-input").fill(`${file}:${line}`);
    await this.page.getByTestId("choice").first().filter({ hasText: file }).waitFor();
    await this.page.getByTestId("dialog-input").press("Enter");
    // It may wait for its list: what is typed before it has gone would go to it, or nowhere.
    await this.page.getByTestId("dialog-input").waitFor({ state: "detached" });
    await this.gutter(line).waitFor();
  }

  /** Sets a breakpoint with a click in the gutter. */
  async setBreakpoint(line: number): Promise<void> {
    if ((await this.gutter(line).count()) === 0) await this.goTo(line);
    await this.gutter(line).click();
    await this.mark(line, "on");
  }

  async resume(): Promise<void> {
    await this.button("resume").click();
  }

  /** Sets a breakpoint on a line and lets the program run to it. */
  async breakAt(line: number, file = "fixture.py"): Promise<void> {
    await this.setBreakpoint(line);
    await this.resume();
    await this.stoppedAt(line, file);
  }

  /** Chooses an item of the menu that a right click opens. */
  async chooseFrom(place: Locator, item: string | RegExp): Promise<void> {
    await place.click({ button: "right" });
    await this.page.getByRole("menuitem", { name: item }).click();
  }

  /** Opens the condition editor on a line and saves an expression. */
  async setCondition(line: number, expression: string): Promise<void> {
    if ((await this.gutter(line).count()) === 0) await this.goTo(line);
    await this.gutter(line).click({ modifiers: ["Control"] });
    await this.page.getByTestId("condition-input").fill(expression);
    await this.page.getByTestId("condition-input").press("Enter");
  }

  async evaluate(expression: string): Promise<void> {
    await this.page.getByTestId("console-input").fill(expression);
    await this.page.getByTestId("console-input").press("Enter");
  }

  lastResult(): Locator {
    return this.page.getByTestId("console-result").last();
  }

  /** The rows of the variables panel by name, without what they were before. */
  async variables(): Promise<Record<string, string>> {
    const rows = await this.panel("vars").getByTestId("row").all();
    const pairs = await Promise.all(
      rows.map(async (row) => {
        const value = row.locator(".va > span").first();
        return [await row.locator(".nm").innerText(), await value.innerText()] as const;
      }),
    );
    return Object.fromEntries(pairs);
  }

  async stackRows(): Promise<string[]> {
    return (await this.panel("stack").getByTestId("row").allInnerTexts()).map((text) => text.replaceAll("\n", " "));
  }

  async close(): Promise<void> {
    await this.context.close();
    expect(this.errors).toEqual([]);
  }
}

export async function openPage(
  browser: Browser,
  address: string,
  options: {
    width?: number;
    height?: number;
    colorScheme?: "dark" | "light";
    prepare?: (page: Page) => Promise<void>;
  } = {},
): Promise<Debugger> {
  const { width = 1440, height = 900, colorScheme = "dark" } = options;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  const debug = new Debugger(page, context);
  await options.prepare?.(page);
  await page.goto(address);
  await page.getByTestId("app").waitFor();
  return debug;
}
