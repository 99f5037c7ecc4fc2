// The debugger contract between the UI and one kind of debugger: 4 properties, 7 flags, 14 events, 23 methods, under
// the names they have always had. A callback `cb(err, …)` is a promise here. Lines and columns are 0-based in here and
// nowhere else; an implementation and the model convert at their own edges.

import type { Breakpoint, Data, Frame, Scope, Source, Variable } from "./data";
import type { Listener } from "./emitter";

export type DebuggerState = null | "stopped" | "running";

/** What the UI may offer. */
export interface Features {
  scripts: boolean;
  conditionalBreakpoints: boolean;
  liveUpdate: boolean;
  updateWatchedVariables: boolean;
  updateScopeVariables: boolean;
  setBreakBehavior: boolean;
  executeCode: boolean;
}

export interface BreakEvent {
  frame: Frame;
  frames?: Frame[];
}

export interface ExceptionEvent extends BreakEvent {
  /** `error` is true; its value is the message. */
  exception: Variable;
}

/** The 14 events with their payloads. `getBreakpoints` is a question: see `DebuggerAnswers`. */
export interface DebuggerEvents {
  attach: { breakpoints: Breakpoint[] };
  detach: undefined;
  error: Error;
  break: BreakEvent;
  exception: ExceptionEvent;
  sourcesCompile: { source: Source };
  frameActivate: { frame: Frame | null };
  setScriptSource: unknown;
  getFrames: { frames: Frame[] };
  sources: { sources: Source[] };
  suspend: undefined;
  getBreakpoints: undefined;
  breakpointUpdate: { breakpoint: Breakpoint };
  stateChange: { state: DebuggerState };
}

/** What listeners answer to the events that are questions. */
export interface DebuggerAnswers {
  /** What the user wants; asked when the debugger attaches. */
  getBreakpoints: Breakpoint[];
}

export type BreakBehavior = "all" | "uncaught";

/** An evaluation under way. */
export interface Evaluation {
  result: Promise<Variable>;
  /** Hears what the debuggee says of it meanwhile: why it could not be given up. */
  listen(listener: (text: string) => void): void;
  /** Asks the debuggee to give it up. */
  cancel(): void;
}

/** Which children: all, or a page of the indexed or named ones. */
export interface Page {
  filter?: "indexed" | "named";
  start: number;
  count: number;
}

export interface Debugger<Socket> {
  readonly type: string;
  readonly features: Features;
  readonly state: DebuggerState;
  readonly attached: boolean;
  readonly breakOnExceptions: boolean;
  readonly breakOnUncaughtExceptions: boolean;

  on<K extends keyof DebuggerEvents>(event: K, listener: Listener<DebuggerEvents, DebuggerAnswers, K>): () => void;

  attach(socket: Socket, reconnect: boolean): Promise<void>;
  detach(): void;
  getSources(): Promise<Source[]>;
  getSource(source: Source): Promise<string>;
  getFrames(silent?: boolean): Promise<Frame[]>;
  getScope(frame: Frame, scope: Scope): Promise<Variable[]>;
  getProperties(variable: Variable, page?: Page): Promise<Variable[]>;
  stepInto(): Promise<void>;
  stepOver(): Promise<void>;
  stepOut(): Promise<void>;
  resume(): Promise<void>;
  suspend(): Promise<void>;
  evaluate(expression: string, frame: Frame | null, global: boolean, disableBreak: boolean): Evaluation;
  setScriptSource(source: Source, text: string, previewOnly: boolean): Promise<unknown>;
  setBreakpoint(breakpoint: Breakpoint): Promise<Breakpoint>;
  changeBreakpoint(breakpoint: Breakpoint): Promise<Breakpoint>;
  clearBreakpoint(breakpoint: Breakpoint): Promise<void>;
  listBreakpoints(): Promise<Breakpoint[]>;
  setVariable(variable: Variable, value: string, frame: Frame | null): Promise<Variable>;
  restartFrame(frame: Frame): Promise<unknown>;
  /** The whole value as text; the frame is the one that the variable is shown of. */
  serializeVariable(variable: Variable, frame?: Frame | null): Promise<string>;
  setBreakBehavior(type: BreakBehavior, enabled: boolean): Promise<void>;
  getProxySource(process: unknown): string | false;
}

export type { Breakpoint, Data, Frame, Scope, Source, Variable };
