// What the UI needs of a session beyond the 23 methods: threads, pages of frames, exception details, run to line, the
// program's end, and its terminal.

import type { RequestOptions, Sent } from "../socket/connection";
import type { Capabilities } from "../socket/generated/Capabilities";
import type { ChangeOptions } from "../socket/generated/ChangeOptions";
import type { ExceptionInfoBody } from "../socket/generated/ExceptionInfoBody";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { StoppedEvent } from "../socket/generated/StoppedEvent";
import type { Thread } from "../socket/generated/Thread";
import type { Wish } from "../socket/generated/Wish";
import type { Hub } from "../socket/hub";
import type { DapEvent } from "../socket/wire";
import type { BreakEvent, Debugger, Evaluation, ExceptionEvent } from "./contract";
import type { Frame, Scope } from "./data";

/** The way to one session's backend. */
export interface SessionChannel {
  readonly session: number;
  readonly hub: Pick<Hub, "setBreakpoint" | "changeBreakpoint" | "removeBreakpoints" | "setExceptionFilters">;
  request<T>(command: string, args: unknown, options?: RequestOptions): Sent<T>;
  /** What is known of the session when the debugger attaches to it. */
  info(): SessionInfo;
  wishes(): Wish[];
  /** The thread that was looked at before the page was loaded anew. */
  lookedAt(): number | null;
  exceptionFilters(): string[];
}

/** `break` and `exception` say more here: which stop it is, why, and how many frames there are in all. */
export interface StopDetails {
  /** Counted up by each stop of any session: no two have the same. */
  stop: number;
  /** What the debuggee told of it. */
  body: StoppedEvent;
  reason: string;
  thread: number;
  totalFrames: number;
}

export type SessionBreak = BreakEvent & Partial<StopDetails>;
export type SessionException = ExceptionEvent & Partial<StopDetails>;

export interface FramePage {
  frames: Frame[];
  total: number;
}

export interface SessionDebugger extends Debugger<SessionChannel> {
  readonly capabilities: Capabilities;
  /** A message of the session's backend. */
  receive(event: DapEvent): void;
  /** The session's place in the hub's list changed. */
  update(info: SessionInfo): void;
  /** The shared list of breakpoints changed. */
  breakpointsChanged(): void;
  getThreads(): Promise<Thread[]>;
  getFramesOf(thread: number, start: number, levels: number): Promise<FramePage>;
  getScopes(frame: Frame): Promise<Scope[]>;
  /** Evaluates what the pointer rests on. */
  hover(expression: string, frame: Frame): Evaluation;
  getExceptionInfo(thread: number): Promise<ExceptionInfoBody>;
  /** Which thread steps and resumes go for. */
  selectThread(thread: number): void;
  /** Shows the stop of another thread that is stopped. */
  showThread(thread: number): void;
  /** The thread that was let step is gone: its stop does not come. */
  waitNoMore(): void;
  resumeThread(thread: number): Promise<void>;
  suspendThread(thread: number): Promise<void>;
  /** Goes into the next call also if it is library code. */
  stepIntoAnyway(): Promise<void>;
  /** How the program is stopped and stepped through from here on. */
  changeOptions(change: ChangeOptions): Promise<void>;
  runTo(path: string, line: number): Promise<void>;
  terminate(): Promise<void>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  typeIntoTerminal(data: string): Promise<void>;
  resizeTerminal(columns: number, rows: number): Promise<void>;
}
