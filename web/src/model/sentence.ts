// The one sentence that says what the program is doing, why, where, and what can be done.

import { holdsAll } from "../debugger/stops";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { Wish } from "../socket/generated/Wish";
import { place } from "./paths";
import {
  allStand,
  currentSession,
  type Phase,
  phase,
  selectedFrame,
  shownStop,
  stoppedThreads,
  stops,
  threadName,
  topFrame,
} from "./selectors";
import type { FrameView, State } from "./state";

/** A piece of the sentence: words, a place to go to, program text, or words only for wide windows. */
export type Words =
  | { kind: "text"; text: string }
  | { kind: "wide"; text: string }
  | { kind: "code"; text: string }
  | { kind: "place"; text: string; document: string; line: number }
  | { kind: "action"; text: string; command: string };

export interface Sentence {
  phase: Phase;
  /** The page title's first part. */
  short: string;
  main: Words[];
  why: Words[];
  /** What the other threads do, for who only hears the sentence. */
  others?: string;
}

const text = (words: string): Words => ({ kind: "text", text: words });
const wide = (words: string): Words => ({ kind: "wide", text: words });
const code = (words: string): Words => ({ kind: "code", text: words });

/** "12.4 s", "3 min 5 s", "2 h 4 min". */
export function duration(ms: number): string {
  const seconds = Math.max(ms, 0) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const count = (many: number, one: string): string => `${many} ${one}${many === 1 ? "" : "s"}`;

const REASONS: Record<string, string> = {
  breakpoint: "on a breakpoint",
  "function breakpoint": "on a function breakpoint",
  "data breakpoint": "on a data breakpoint",
  step: "after a step",
  entry: "before the first line",
  pause: "because you paused it",
  goto: "at the line you chose",
};

const KEYS = "F5 continues, F10 runs this line";

function inFunction(frame: FrameView): Words[] {
  return frame.name === "" || frame.name === "<module>" ? [] : [wide(`, in ${frame.name}`)];
}

/** The others, where not all stand still: "beta is stopped as well, 3 other threads run". Or what no stop holds. */
function others(state: State): Words[] {
  if (allStand(state)) {
    const runsOn = stops(state).find(holdsAll)?.ikpdbNotStopped;
    return runsOn === undefined ? [] : [text(runsOn)];
  }
  const { stop, stepping, threads } = state;
  const shown = shownStop(state)?.threadId ?? stepping ?? stop?.thread;
  const ids = stoppedThreads(state);
  const also = ids.filter((id) => id !== shown);
  const run = threads.filter(({ id }) => id !== shown && !ids.includes(id)).length;
  const words: Words[] = [];
  const [first] = also;
  if (first !== undefined) {
    const known = threads.some(({ id }) => id === first);
    const name = known ? threadName(state, first) : "Another thread";
    const said = also.length === 1 ? `${name} is stopped as well` : `${also.length} others are stopped as well`;
    words.push({ kind: "action", text: said, command: "nextThread" });
  }
  if (run > 0 && also.length > 0) words.push(text(`, ${run} run${run === 1 ? "s" : ""}`));
  else if (run > 0) words.push(text(`${count(run, "other thread")} run${run === 1 ? "s" : ""}`));
  return words;
}

/** The thread that is shown, where it is not the only one that could be meant. */
function inThread(state: State): Words[] {
  const thread = shownStop(state)?.threadId ?? state.stepping;
  const alone = allStand(state) && stops(state).length === 1;
  return alone || thread === null || thread === undefined ? [] : [text(` (${threadName(state, thread)})`)];
}

function followedBy(words: Words[], rest: Words[]): Words[] {
  return words.length === 0 || rest.length === 0 ? [...words, ...rest] : [...words, text(" · "), ...rest];
}

function where(frame: FrameView): Words {
  return {
    kind: "place",
    text: place(frame.path || frame.fileName, frame.line),
    document: frame.document,
    line: frame.line,
  };
}

/** Why a breakpoint let the program stop, in the words of its condition. */
function cause(wish: Wish | null): Words[] {
  if (wish?.condition) return [text("Its condition "), code(wish.condition), text(" is true"), wide(` · ${KEYS}`)];
  if (wish?.hitCondition)
    return [text("Its hit count "), code(wish.hitCondition), text(" is reached"), wide(` · ${KEYS}`)];
  return [text(KEYS)];
}

function stopped(state: State): Pick<Sentence, "short" | "main" | "why"> {
  const { stop } = state;
  const reason = stop?.reason ?? shownStop(state)?.reason ?? "";
  const top = topFrame(state);
  const selected = selectedFrame(stop);
  // A pause lands in library code more often than not: the user's own line is what they look for.
  const shown = top?.subtle === true && selected !== null ? selected : top;
  if (shown === null) return { short: "Stopped", main: [text("Stopped")], why: [text("Fetching the call stack")] };
  const main = [
    text(`Stopped ${REASONS[reason] ?? ""}`.trim()),
    text(" at "),
    where(shown),
    ...inFunction(shown),
    ...inThread(state),
  ];
  const why =
    shown !== top && top !== null
      ? [text(`Inside ${top.name} of ${top.module ?? top.fileName}, called from here`), wide(" · F5 continues")]
      : reason.endsWith("breakpoint")
        ? cause(stop?.wish ?? null)
        : [text(KEYS)];
  return { short: `Stopped, ${place(shown.path || shown.fileName, shown.line)}`, main, why };
}

function exception(state: State): Pick<Sentence, "short" | "main" | "why"> {
  const stop = shownStop(state);
  const view = state.stop?.exception ?? null;
  const said = view?.text || stop?.text || "";
  const id = view?.info?.details?.typeName ?? view?.info?.exceptionId ?? said.split(":")[0] ?? "";
  const name = id.slice(id.lastIndexOf(".") + 1) || "an exception";
  const message = view?.info?.description ?? (said.includes(":") ? said.slice(said.indexOf(":") + 1).trim() : "");
  const uncaught = view?.info === undefined || view?.info === null || view.info.breakMode === "unhandled";
  const fate = uncaught ? "nothing catches it" : "it was just raised";
  const next = stop?.ikpdbUnwound === true ? "F5 ends the program" : "F5 lets it go on";
  const why = [text(message === "" ? fate : `${message} · ${fate}`), wide(` · ${next}`)];
  if (view === null || view.line === 0) return { short: name, main: [text(`Stopped on ${name}`)], why };
  const fileName = view.document.slice(view.document.lastIndexOf("/") + 1);
  const at: Words = { kind: "place", text: place(fileName, view.line), document: view.document, line: view.line };
  const frame = selectedFrame(state.stop);
  const within = frame !== null && frame.line === view.line ? inFunction(frame) : [];
  return {
    short: `${name}, ${place(fileName, view.line)}`,
    main: [text(`Stopped on ${name} at `), at, ...within, ...inThread(state)],
    why,
  };
}

function running(state: State, now: number): Pick<Sentence, "short" | "main" | "why"> {
  const info = currentSession(state);
  const waiting = state.breakpoints.wishes.filter((wish) => wish.enabled && state.breakpoints.active).length;
  const breakpoints = waiting === 0 ? "" : `${count(waiting, "breakpoint")} ${waiting === 1 ? "is" : "are"} waiting`;
  if (info?.undebugged !== undefined) {
    return { short: "Running", main: [text("Running without the debugger")], why: [text(info.undebugged)] };
  }
  if (info?.waitingForInput === true) {
    const type: Words = { kind: "action", text: "Type it in the terminal", command: "showTerminal" };
    return { short: "Waiting for input", main: [text("Waiting for input")], why: [type, wide(" · F6 pauses")] };
  }
  const { stepping } = state;
  if (stepping !== null && stops(state).length > 0) {
    const name = threadName(state, stepping);
    return {
      short: `Running, ${name}`,
      main: [text(`${name} runs until its step is done`)],
      why: [text("F6 pauses it")],
    };
  }
  const since = duration(now - (info?.startedAt ?? now));
  const why = breakpoints === "" ? [text("F6 pauses it")] : [text("F6 pauses · "), text(breakpoints)];
  return { short: "Running", main: [text(`Running for ${since}`)], why };
}

/** Ctrl-Z, or a signal that does the same: nobody answers until the program is continued. */
function suspended(info: SessionInfo, signal: string): Pick<Sentence, "short" | "main" | "why"> {
  const inTerminal = info.streams?.attached === true;
  const why = inTerminal
    ? [text("Type fg there to go on")]
    : [text("By "), code(signal), text(", "), code(`kill -CONT ${info.pid ?? ""}`.trim()), text(" lets it go on")];
  return { short: "Suspended", main: [text(inTerminal ? "Suspended in its terminal" : "Suspended")], why };
}

function ended(state: State): Pick<Sentence, "short" | "main" | "why"> {
  const info = currentSession(state);
  const exit = info?.exit;
  const again = info?.restartable === true ? "F5 runs it again" : "ikpdb run starts another";
  const why = [text("The debugger is disconnected"), wide(` · ${again}`)];
  if (exit?.error !== undefined) {
    return { short: "Not started", main: [text(exit.error)], why };
  }
  const after = exit === undefined ? "" : ` after ${duration(exit.durationMs)}`;
  if (exit?.signal !== undefined) {
    return { short: `Killed by ${exit.signal}`, main: [text(`Killed by ${exit.signal}${after}`)], why };
  }
  const exitCode = exit?.exitCode ?? null;
  const how = exitCode === null ? "Ended" : `Ended, exit code ${exitCode}`;
  return { short: how, main: [text(`${how}${after}`)], why };
}

function away(state: State, now: number): Pick<Sentence, "short" | "main" | "why"> {
  const { link } = state;
  const info = currentSession(state);
  const top = selectedFrame(state.stop);
  const retry: Words = { kind: "action", text: "Retry now", command: "retry" };
  const program =
    info?.state === "stopped" && top !== null
      ? `The program was stopped at ${place(top.path, top.line)}`
      : info?.state === "running"
        ? "The program was running and runs on"
        : "Nothing is lost";
  if (link.kind !== "lost" || link.retryAt === null) {
    const attempt = link.kind === "lost" ? `: attempt ${link.attempt}` : "";
    return { short: "Reconnecting", main: [text(`Hub gone, reconnecting${attempt}`)], why: [text(program)] };
  }
  const seconds = Math.max(0, Math.ceil((link.retryAt - now) / 1000));
  return {
    short: "Reconnecting",
    main: [text(`Hub gone, reconnecting: attempt ${link.attempt}, next in ${seconds} s`)],
    why: [text(`${program} · `), retry],
  };
}

function withOthers(state: State, said: Pick<Sentence, "short" | "main" | "why">): Omit<Sentence, "phase"> {
  const words = stops(state).length === 0 ? [] : others(state);
  return { ...said, why: followedBy(words, said.why), others: plain(words) };
}

/** The sentence at the time `now` (ms since 1970). */
export function sentence(state: State, now: number): Sentence {
  const is = phase(state);
  const info = currentSession(state);
  if (info?.suspended !== undefined && ["starting", "running", "stopped", "exception"].includes(is)) {
    return { phase: is, ...suspended(info, info.suspended) };
  }
  switch (is) {
    case "connecting":
      return { phase: is, short: "Connecting", main: [text("Connecting to the hub")], why: [text("One moment")] };
    case "refused": {
      const why = state.link.kind === "refused" ? state.link.message : "";
      return { phase: is, short: "Not connected", main: [text("Not connected to a hub")], why: [text(why)] };
    }
    case "away":
      return { phase: is, ...away(state, now) };
    case "none": {
      const why = [text("The debugger is disconnected"), wide(" · Breakpoints can be set before the start")];
      return { phase: is, short: "Ready", main: [text("No program is running")], why };
    }
    case "starting":
      return { phase: is, short: "Starting", main: [text("Starting")], why: [text("Waiting for the interpreter")] };
    case "running":
      return { phase: is, ...withOthers(state, running(state, now)) };
    case "stopped":
      return { phase: is, ...withOthers(state, stopped(state)) };
    case "exception":
      return { phase: is, ...withOthers(state, exception(state)) };
    case "ended":
      return { phase: is, ...ended(state) };
  }
}

/** The words as one text, for the title, notifications and screen readers. */
export function plain(words: Words[]): string {
  return words.map((one) => one.text).join("");
}
