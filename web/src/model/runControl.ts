// Continue, pause, steps, run to a line, stop, restart: what moves the program.

import type { SessionDebugger } from "../debugger/beyond";
import { Part } from "./context";
import { currentSession } from "./selectors";
import type { DocumentKey } from "./state";

/** So long the window keeps looking stopped after a step was asked for: longer ones show as running. */
const SETTLE_MS = 150;
/** So long a program may take to end before the user is offered to kill it. */
const ENDING_MS = 3000;

export class RunControl extends Part {
  resume(): void {
    this.move((backend) => backend.resume());
  }

  stepOver(): void {
    this.move((backend) => backend.stepOver());
  }

  stepInto(): void {
    this.move((backend) => backend.stepInto());
  }

  stepOut(): void {
    this.move((backend) => backend.stepOut());
  }

  runTo(document: DocumentKey, line: number): void {
    if (document.startsWith("/")) this.move((backend) => backend.runTo(document, line - 1));
  }

  pause(): void {
    this.attempt(this.context.debugger()?.suspend());
  }

  stop(): void {
    const info = currentSession(this.state);
    if (info === null || info.state === "ended") return;
    this.attempt(this.context.debugger()?.terminate());
    this.context.clock.after(ENDING_MS, () => {
      if (this.state.sessions[info.id]?.state === "ended" || this.state.sessions[info.id] === undefined) return;
      const action = { label: "Kill it", command: "kill" };
      const text = `${info.name} was asked to end and is still there.`;
      this.dispatch({ type: "toast", toast: { tone: "error", text, action } });
    });
  }

  kill(): void {
    this.attempt(this.context.debugger()?.kill());
  }

  restart(): void {
    this.attempt(this.context.debugger()?.restart());
  }

  private move(work: (backend: SessionDebugger) => Promise<void>): void {
    const backend = this.context.debugger();
    const { link, stop } = this.state;
    // A key that is held down asks faster than a step takes: what comes while the last stop is still on show is dropped.
    // Where nothing is on show, as when the stack is long in coming, nothing is lost: the program moves.
    const moving = currentSession(this.state)?.state !== "stopped" || stop?.stale === true;
    if (backend === null || link.kind !== "open" || moving) return;
    this.dispatch({ type: "settling", on: true });
    this.context.clock.after(SETTLE_MS, () => this.dispatch({ type: "settling", on: false }));
    this.attempt(work(backend));
  }
}
