// What every part of the model works with.

import type { SessionDebugger } from "../debugger/beyond";
import type { Hub } from "../socket/hub";
import { RequestError } from "../socket/wire";
import type { Message } from "./message";
import type { State } from "./state";
import type { Store } from "./store";

/** Timers and the clock, so that tests need not wait. */
export interface Clock {
  now(): number;
  after(ms: number, run: () => void): () => void;
}

export interface Context {
  store: Store;
  hub: Hub;
  clock: Clock;
  /** The debugger of the session that is shown; null if there is none. */
  debugger(): SessionDebugger | null;
}

export const browserClock: Clock = {
  now: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** The base of the parts: short ways to the state and to the user. */
export class Part {
  constructor(protected readonly context: Context) {}

  protected get state(): State {
    return this.context.store.get();
  }

  protected dispatch(message: Message): void {
    this.context.store.dispatch(message);
  }

  /** Says that something the user asked for did not work. What ended with the connection is said elsewhere. */
  protected complain(error: unknown): void {
    if (isGone(error) || (error instanceof RequestError && error.kind === "cancelled")) return;
    this.dispatch({ type: "toast", toast: { tone: "error", text: reason(error), action: null } });
  }

  protected attempt(work: Promise<unknown> | undefined): void {
    work?.catch((error: unknown) => this.complain(error));
  }
}

/** Whether it failed with the connection: it is asked again when that is back. */
export function isGone(error: unknown): boolean {
  return error instanceof RequestError && error.kind === "gone";
}

/** One line for the user. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
