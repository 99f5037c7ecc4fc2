// What panels read out of the state.

import type { Features } from "../debugger/contract";
import { featuresOf } from "../debugger/features";
import { holdsAll, isSameStop, stopsOf, stopToShow } from "../debugger/stops";
import type { Capabilities } from "../socket/generated/Capabilities";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { StoppedEvent } from "../socket/generated/StoppedEvent";
import type { Wish } from "../socket/generated/Wish";
import { assertNever } from "./assertNever";
import { EMPTY_CONSOLE, NO_SESSION } from "./reduceConsole";
import { selectedFrame } from "./reduceStop";
import type { ConsoleView, Doc, DocumentKey, FrameView, State } from "./state";

export { selectedFrame };

/** What is going on, as the whole window shows it. */
export type Phase =
  | "connecting"
  | "refused"
  | "away"
  | "none"
  | "ended"
  | "starting"
  | "running"
  | "stopped"
  | "exception";

export function currentSession(state: State): SessionInfo | null {
  return state.current === null ? null : (state.sessions[state.current] ?? null);
}

/** The stops of the threads of the program that is shown, in the order in which they came. */
export function stops(state: State): StoppedEvent[] {
  const info = currentSession(state);
  return info?.state === "stopped" ? stopsOf(info) : [];
}

/** The threads of those stops. */
export function stoppedThreads(state: State): number[] {
  return stops(state).flatMap(({ threadId }) => threadId ?? []);
}

/**
 * The stop that the window is about: the one on show, else the one that is about to be; null if the thread that the user
 * waits for runs, whoever else is stopped.
 */
export function shownStop(state: State): StoppedEvent | null {
  const { stop, stepping } = state;
  const all = stops(state);
  const shown = stop === null ? undefined : all.find((one) => isSameStop(one, stop.body));
  return shown ?? stopToShow(all, stepping ?? stop?.thread ?? null, stepping !== null);
}

export function threadName(state: State, id: number): string {
  return state.threads.find((one) => one.id === id)?.name ?? "Thread";
}

/** Whether every thread stands still. */
export function allStand(state: State): boolean {
  return stops(state).some(holdsAll);
}

/** Whether the program that is shown has ended in another way than with exit code 0. */
export function hasFailed(state: State): boolean {
  const exit = phase(state) === "ended" ? currentSession(state)?.exit : undefined;
  return exit !== undefined && (exit.error !== undefined || exit.signal !== undefined || exit.exitCode !== 0);
}

export function phase(state: State): Phase {
  switch (state.link.kind) {
    case "connecting":
      return "connecting";
    case "refused":
      return "refused";
    case "lost":
      return "away";
    case "open":
      break;
  }
  const info = currentSession(state);
  if (info === null) return "none";
  switch (info.state) {
    case "starting":
      return "starting";
    case "ended":
      return "ended";
    case "stopped":
    case "running": {
      const stop = shownStop(state);
      if (stop !== null) return stop.reason === "exception" ? "exception" : "stopped";
      // A step is over in a millisecond: the window does not flicker for it.
      if (state.settling && state.stop !== null) return state.stop.exception === null ? "stopped" : "exception";
      // A backend that does not say what stopped.
      return info.state === "stopped" && info.stopped === undefined ? "stopped" : "running";
    }
  }
}

/** The words of the debugger contract for it. */
export function contractState(of: Phase): "disconnected" | "away" | "running" | "stopped" {
  switch (of) {
    case "away":
      return "away";
    case "starting":
    case "running":
      return "running";
    case "stopped":
    case "exception":
      return "stopped";
    case "connecting":
    case "refused":
    case "none":
    case "ended":
      return "disconnected";
  }
}

/** Whether requests about the program's state make sense right now. */
export function isStopped(state: State): boolean {
  return state.link.kind === "open" && currentSession(state)?.state === "stopped" && state.stop?.stale === false;
}

export function capabilities(state: State): Capabilities {
  return currentSession(state)?.capabilities ?? {};
}

export function currentConsole(state: State): ConsoleView {
  return state.consoles[state.current ?? NO_SESSION] ?? EMPTY_CONSOLE;
}

/** What the debugger of the session that is shown can do; without one everything is offered that some debugger can. */
export function features(state: State): Features {
  const info = currentSession(state);
  return info?.capabilities === undefined ? ALL_FEATURES : featuresOf(info.capabilities);
}

const ALL_FEATURES: Features = {
  scripts: true,
  conditionalBreakpoints: true,
  liveUpdate: false,
  updateWatchedVariables: true,
  updateScopeVariables: true,
  setBreakBehavior: true,
  executeCode: true,
};

export function activeDocument(state: State): Doc | null {
  return state.active === null ? null : (state.documents[state.active] ?? null);
}

export type MarkKind = "none" | "on" | "off" | "cond" | "log" | "unverified";

/** A breakpoint as the gutter and the list show it. */
export interface Mark {
  wish: Wish;
  /** Where it is, 1-based. */
  line: number;
  asked: number;
  kind: MarkKind;
  message: string | null;
}

export function markOf(wish: Wish, active: boolean, session: number | null): Mark {
  const placed = session === null ? undefined : wish.placed[session];
  const line = placed?.line ?? wish.line;
  const isSet = (text: string | undefined) => text !== undefined && text !== "";
  let kind: MarkKind = "on";
  if (!wish.enabled || !active) kind = "off";
  else if (placed !== undefined && !placed.verified) kind = "unverified";
  else if (isSet(wish.logMessage)) kind = "log";
  else if (isSet(wish.condition) || isSet(wish.hitCondition)) kind = "cond";
  // A function is nowhere else than where it was asked for.
  const asked = wish.function === undefined ? wish.line : line;
  return { wish, line, asked, kind, message: placed?.message ?? null };
}

/** The session in which breakpoints are placed; an ended one has none any more. */
function placingSession(state: State): number | null {
  const info = currentSession(state);
  return info === null || info.state === "ended" ? null : info.id;
}

export function marks(state: State): Mark[] {
  const session = placingSession(state);
  return state.breakpoints.wishes.map((wish) => markOf(wish, state.breakpoints.active, session));
}

/** The marks of one document, by line; the shared list wins over an editor's. */
export function marksIn(all: Mark[], document: DocumentKey): Map<number, Mark> {
  const byLine = new Map<number, Mark>();
  for (const mark of all) {
    if (mark.wish.path !== document) continue;
    const there = byLine.get(mark.line);
    if (there === undefined || there.wish.owner !== undefined) byLine.set(mark.line, mark);
  }
  return byLine;
}

/**
 * The mark that a click on a line is about. A breakpoint that was moved is also at the line where the user asked for it:
 * otherwise a second click there would set it anew instead of taking it away.
 */
export function markAt(all: Mark[], document: DocumentKey, line: number): Mark | null {
  const here = marksIn(all, document).get(line) ?? null;
  if (here !== null && here.wish.owner === undefined) return here;
  const asked = all.find(({ wish }) => wish.path === document && wish.line === line && wish.owner === undefined);
  return asked ?? here;
}

/** "line 42", "function Cart.total". */
export function markPlace({ wish, line }: Mark): string {
  return wish.function === undefined ? `line ${line}` : `function ${wish.function}`;
}

/** Whom it stops, where that is not what holds for the whole program. */
export function policyWords({ stopPolicy }: Wish): string {
  if (stopPolicy === undefined) return "";
  return stopPolicy === "thread" ? "stops only its thread" : "stops every thread";
}

/** "Breakpoint, line 42, condition net > 40_000". */
export function markWords(mark: Mark): string {
  const { wish } = mark;
  const words = [`${mark.kind === "log" ? "Logpoint" : "Breakpoint"}, ${markPlace(mark)}`];
  if (wish.condition) words.push(`condition ${wish.condition}`);
  if (wish.hitCondition) words.push(`hit count ${wish.hitCondition}`);
  if (wish.logMessage) words.push(`log ${wish.logMessage}`);
  if (wish.stopPolicy !== undefined) words.push(policyWords(wish));
  if (mark.asked !== mark.line) words.push(`asked for at line ${mark.asked}`);
  if (mark.kind === "off") words.push("disabled");
  if (mark.message !== null) words.push(mark.message);
  if (wish.owner !== undefined) words.push(`set by ${wish.owner}`);
  return words.join(", ");
}

/** The line of a document where the program is, and whether it is the top frame's, an outer one's, or an exception's. */
export interface Pointer {
  line: number;
  kind: "top" | "frame" | "exception";
}

/** The frame that carries the arrow: the innermost of the thread that stopped. */
export function topFrame(state: State): FrameView | null {
  const { stop } = state;
  return stop === null ? null : (stop.frames[stop.thread]?.frames[0] ?? null);
}

export function pointers(state: State, document: DocumentKey): Pointer[] {
  const { stop } = state;
  if (stop === null || (stop.stale && !state.settling)) return [];
  const result: Pointer[] = [];
  const selected = selectedFrame(stop);
  const top = topFrame(state);
  const { exception } = stop;
  if (exception !== null && exception.document === document) {
    result.push({ line: exception.line, kind: "exception" });
  }
  if (top !== null && top.document === document && exception?.line !== top.line) {
    result.push({ line: top.line, kind: "top" });
  }
  if (selected !== null && selected !== top && selected.document === document) {
    if (!result.some((one) => one.line === selected.line)) result.push({ line: selected.line, kind: "frame" });
  }
  return result;
}

/** Where streams that are no terminal go, in words; empty if all are the terminal. */
export function streamNotes(info: SessionInfo | null): string[] {
  const { streams } = info ?? {};
  if (streams === undefined) return [];
  const named = [
    ["Standard input", streams.stdin, "comes from"],
    ["Standard output", streams.stdout, "goes to"],
    ["Standard error", streams.stderr, "goes to"],
  ] as const;
  return named.flatMap(([name, stream, verb]) => {
    switch (stream.kind) {
      case "terminal":
      case "captured":
        return [];
      case "pipe":
        return [`${name} ${verb} a pipe`];
      case "file":
        return [`${name} ${verb} ${stream.path}`];
      case "null":
        return [`${name} ${verb} /dev/null`];
      case "closed":
        return [`${name} is closed`];
      case "other":
        return [`${name} ${verb} a socket or device`];
      default:
        return assertNever(stream);
    }
  });
}
