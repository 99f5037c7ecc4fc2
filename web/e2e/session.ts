// What nearly every browser test begins with: the fixture, stopped at its first line, with the page open.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";
import { type Debugger, launchBrowser, openPage } from "./page";
import { type Run, Workspace } from "./support";

export interface Session {
  workspace: Workspace;
  run: Run;
  debug: Debugger;
}

type Options = { workspace?: Workspace; terminal?: boolean; python?: string } & Parameters<typeof openPage>[2];

/** Gives a function that starts a session; what it started is ended after each test. */
export function sessions() {
  let browser: Browser;
  const workspaces: Workspace[] = [];
  const pages: Debugger[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    try {
      for (const page of pages.splice(0)) await page.close();
    } finally {
      for (const workspace of workspaces.splice(0)) await workspace.dispose();
    }
  });

  return {
    get browser() {
      return browser;
    },
    /** Another page of the same hub. */
    async page(address: string, options: Parameters<typeof openPage>[2] = {}): Promise<Debugger> {
      const page = await openPage(browser, address, options);
      pages.push(page);
      return page;
    },
    workspace(): Workspace {
      const workspace = new Workspace();
      workspaces.push(workspace);
      return workspace;
    },
    async start(args: string[] = ["fixture.py"], options: Options = {}): Promise<Session> {
      const workspace = options.workspace ?? this.workspace();
      const run = await workspace.run(args, options);
      const debug = await this.page(await run.address(), options);
      return { workspace, run, debug };
    },
    /** A session of the fixture that stands before its first line. */
    async entered(args: string[] = ["fixture.py"], options: Options = {}): Promise<Session> {
      const session = await this.start(args, options);
      await session.debug.stoppedAt(1);
      return session;
    },
    /** A session of the fixture that a breakpoint stopped at a marked line. */
    async stoppedIn(marker: string, args: string[] = ["fixture.py"], options: Options = {}): Promise<Session> {
      const session = await this.entered(args, options);
      await session.debug.breakAt(session.workspace.line(marker));
      return session;
    },
  };
}
