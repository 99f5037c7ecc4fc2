// Continue, pause, steps, run to a line, stop, restart: what moves the program.

import type { SessionDebugger } from "../debugger/beyond";
import { Part } from "./context";
import { currentSession, shownStop, stoppedThreads } from "./selectors";
import type { DocumentKey } from "./state";

/** So long the window keeps looking stopped after a step was asked for: longer ones show as running. */
const SETTLE_MS = 150;
/** So long a program may take to end before the user is offered to kill it. */
const ENDING_MS = 3000;

export class RunControl extends Part {
  resume(): void {
    this.move(null, (backend) => backend.resume());
  }

  /** Every thread that is stopped goes on, the one that is shown last: another would be shown in its place. */
  resumeAll(): void {
    const shown = shownStop(this.state)?.threadId;
    for (const thread of stoppedThreads(this.state)) {
      if (thread !== shown) this.resumeThread(thread);
    }
    this.resume();
  }

  resumeThread(thread: number): void {
    this.attempt(this.context.debugger()?.resumeThread(thread));
  }

  pauseThread(thread: number): void {
    this.attempt(this.context.debugger()?.suspendThread(thread));
  }

  stepOver(): void {
    this.move(this.chosen, (backend) => backend.stepOver());
  }

  stepInto(): void {
    this.move(this.chosen, (backend) => backend.stepInto());
  }

  stepIntoAnyway(): void {
    this.move(this.chosen, (backend) => backend.stepIntoAnyway());
  }

  stepOut(): void {
    this.move(this.chosen, (backend) => backend.stepOut());
  }

  runTo(document: DocumentKey, line: number): void {
    if (document.startsWith("/")) this.move(this.chosen, (backend) => backend.runTo(document, line - 1));
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

  /** The thread that steps go for. */
  private get chosen(): number | null {
    const { stop } = this.state;
    return stop?.selected?.thread ?? stop?.thread ?? null;
  }

  private move(steps: number | null, work: (backend: SessionDebugger) => Promise<void>): void {
    const backend = this.context.debugger();
    const { link, stop } = this.state;
    // A key that is held down asks faster than a step takes: what comes while the last stop is still on show is dropped.
    // Where nothing is on show, as when the stack is long in coming, nothing is lost: the program moves.
    const stopped = currentSession(this.state)?.state === "stopped" && shownStop(this.state) !== null;
    if (backend === null || link.kind !== "open" || !stopped || stop?.stale === true) return;
    this.dispatch({ type: "stepping", thread: steps });
    this.dispatch({ type: "settling", on: true });
    this.context.clock.after(SETTLE_MS, () => this.dispatch({ type: "settling", on: false }));
    this.attempt(work(backend));
  }
}
