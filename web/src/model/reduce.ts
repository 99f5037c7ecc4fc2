// Where every change of the state comes about: a pure function of the state and one message.

import { afterContinue, afterStop, stopsOf } from "../debugger/stops";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { Setting } from "../socket/generated/Setting";
import type { Snapshot } from "../socket/generated/Snapshot";
import type { StoppedEvent } from "../socket/generated/StoppedEvent";
import type { Message } from "./message";
import { sourceIdOf } from "./paths";
import { append, appendOutput, EMPTY_CONSOLE, joined, NO_SESSION, replace } from "./reduceConsole";
import { reduceFiles } from "./reduceFiles";
import { clearStop, reduceStop, staleIfOver, staleStop } from "./reduceStop";
import type { Awaited, Choices, ConsoleView, State, Toast } from "./state";

const MOST_TOASTS = 3;

/** The latest session that is still alive, else the latest. */
function choose(sessions: Record<number, SessionInfo>, order: number[]): number | null {
  const alive = order.filter((id) => sessions[id]?.state !== "ended");
  return alive.at(-1) ?? order.at(-1) ?? null;
}

function select(state: State, session: number | null): State {
  return state.current === session
    ? state
    : { ...clearStop(state), current: session, settling: false, stepping: null, threads: [], condition: null };
}

function console(state: State, session: number, change: (view: ConsoleView) => ConsoleView): State {
  return { ...state, consoles: { ...state.consoles, [session]: change(state.consoles[session] ?? EMPTY_CONSOLE) } };
}

function toast(state: State, one: Omit<Toast, "id">): State {
  const id = state.nextToast;
  const others = state.toasts.filter((other) => other.text !== one.text);
  return { ...state, nextToast: id + 1, toasts: [...others, { ...one, id }].slice(-MOST_TOASTS) };
}

function setting(state: State, { key, value }: Setting): State {
  const known = state.choices[key as keyof Choices];
  if (known === undefined || typeof value !== typeof known) return state;
  return { ...state, choices: { ...state.choices, [key]: value } };
}

/** Another hub numbers its sessions anew: nothing that belongs to one of the old numbers is kept under it. */
function forgetSessions(state: State): State {
  const info = state.current === null ? undefined : state.sessions[state.current];
  let { awaited } = state;
  if (info !== undefined) {
    const { pid, command } = info;
    const text = state.consoles[info.id] ?? EMPTY_CONSOLE;
    awaited = pid === undefined || info.state === "ended" ? null : { pid, command, console: text };
  }
  const ofNone = state.consoles[NO_SESSION];
  const consoles: State["consoles"] = ofNone === undefined ? {} : { [NO_SESSION]: ofNone };
  // A text that only a program has is named by its session, too.
  const texts = state.tabs.filter((key) => sourceIdOf(key) !== null);
  const without = texts.reduce((next, key) => reduceFiles(next, { type: "closeDocument", key }), select(state, null));
  return { ...without, sessions: {}, order: [], consoles, awaited };
}

/** Whether a session is the program that was on show under the hub before. */
function isAwaited(awaited: Awaited | null, info: SessionInfo): boolean {
  return awaited !== null && info.pid === awaited.pid && info.command.join("\n") === awaited.command.join("\n");
}

/** Shows the program again that was on show under the hub before. */
function takeUp(state: State, info: SessionInfo): State {
  const { awaited } = state;
  if (awaited === null || !isAwaited(awaited, info)) return state;
  const console = joined(awaited.console, state.consoles[info.id] ?? EMPTY_CONSOLE);
  return { ...select(state, info.id), consoles: { ...state.consoles, [info.id]: console }, awaited: null };
}

function snapshot(known: State, from: Snapshot, epoch: string): State {
  const state = known.epoch === null || known.epoch === epoch ? known : forgetSessions(known);
  const sessions = Object.fromEntries(from.sessions.map((info) => [info.id, info]));
  const order = from.sessions.map((info) => info.id);
  const ofNone = state.consoles[NO_SESSION];
  const consoles: State["consoles"] = ofNone === undefined ? {} : { [NO_SESSION]: ofNone };
  for (const id of order) {
    const shown = state.consoles[id];
    const typed = shown?.entries.filter((entry) => entry.kind !== "output") ?? [];
    // The snapshot has the whole output; what was typed here is kept before it only if nothing else is known.
    consoles[id] = appendOutput(EMPTY_CONSOLE, from.output[id] ?? []);
    for (const entry of typed) consoles[id] = append(consoles[id] ?? EMPTY_CONSOLE, entry);
  }
  let next: State = {
    ...state,
    epoch,
    workspace: from.workspace,
    sessions,
    order,
    consoles,
    breakpoints: from.breakpoints,
    filters: from.exceptionFilters.active,
    watches: from.watches.expressions,
    pages: from.pages,
    openFolders: { ...state.openFolders, [from.workspace.path]: true },
  };
  for (const one of from.settings) next = setting(next, one);
  const { current } = state;
  const again = from.sessions.find((info) => isAwaited(next.awaited, info));
  if (again !== undefined) return takeUp(next, again);
  const info = current === null ? undefined : sessions[current];
  if (info === undefined) return select(next, choose(sessions, order));
  return info.state === "stopped" ? staleIfOver(next, info) : next;
}

function session(state: State, info: SessionInfo): State {
  const isNew = state.sessions[info.id] === undefined;
  const order = isNew ? [...state.order, info.id] : state.order;
  let next: State = { ...state, sessions: { ...state.sessions, [info.id]: info }, order };
  if (isAwaited(state.awaited, info)) return takeUp(next, info);
  const current = state.current === null ? undefined : state.sessions[state.current];
  const takesOver = current === undefined || current.state === "ended" || info.replaces === current.id;
  if (isNew && takesOver) return select(next, info.id);
  if (info.id !== next.current) return next;
  if (info.state === "ended") next = { ...clearStop(next), settling: false, stepping: null, threads: [] };
  if (info.state === "running" || info.state === "stopped") next = staleIfOver(next, info);
  return next;
}

/** Some threads have stopped or gone on: the program is stopped as long as one of them is. */
function withStops(state: State, id: number, change: (stops: StoppedEvent[]) => StoppedEvent[]): State {
  const before = state.sessions[id];
  if (before === undefined || before.state === "ended") return state;
  const stops = change(stopsOf(before));
  const stopped = stops.at(-1);
  const info: SessionInfo = {
    ...before,
    state: stopped === undefined ? "running" : "stopped",
    stopped,
    alsoStopped: stops.slice(0, -1),
  };
  const next = { ...state, sessions: { ...state.sessions, [id]: info } };
  return id === state.current ? staleIfOver(next, info) : next;
}

export function reduce(state: State, message: Message): State {
  switch (message.type) {
    case "link":
      return { ...state, link: message.status, settling: false };
    case "snapshot":
      return snapshot(state, message.snapshot, message.epoch);
    case "told": {
      // A disk that stays full says the same at every change: once is enough.
      if (state.told.includes(message.text)) return state;
      const text = { kind: "note" as const, text: message.text };
      const said = console(state, state.current ?? NO_SESSION, (view) => append(view, text));
      return toast(
        { ...said, told: [...state.told, message.text] },
        { tone: "error", text: message.text, action: null },
      );
    }
    case "session":
      return session(state, message.info);
    case "sessionRemoved": {
      const sessions = { ...state.sessions };
      delete sessions[message.session];
      const order = state.order.filter((id) => id !== message.session);
      const consoles = { ...state.consoles };
      delete consoles[message.session];
      const next = { ...state, sessions, order, consoles };
      return state.current === message.session ? select(next, choose(sessions, order)) : next;
    }
    case "stopped":
      return withStops(state, message.session, (stops) => afterStop(stops, message.body));
    case "continued":
      return withStops(state, message.session, (stops) => afterContinue(stops, message.body));
    case "output":
      return console(state, message.session, (view) => appendOutput(view, message.events));
    case "breakpoints":
      return { ...state, breakpoints: message.list };
    case "filters":
      return { ...state, filters: message.active };
    case "watches":
      return { ...state, watches: message.expressions };
    case "setting":
      return setting(state, message.setting);
    case "pages":
      return { ...state, pages: message.count };
    case "selectSession":
      return { ...select(state, message.session), awaited: null };
    case "settling":
      return { ...state, settling: message.on };
    case "stepping":
      return { ...state, stepping: message.thread };
    case "wentOn":
      return staleStop(state);
    case "consoleInput":
      return console(state, message.session, (view) => {
        const { text, place, now } = message;
        const asked = append(view, { kind: "input", text, place });
        return append(asked, { kind: "pending", text, since: now, slow: false, interrupting: false, said: null });
      });
    case "consoleSlow":
    case "consoleInterrupting":
    case "consoleProgress":
      return console(state, message.session, (view) => ({
        ...view,
        entries: view.entries.map((entry) => {
          if (entry.id !== message.id || entry.kind !== "pending") return entry;
          if (message.type === "consoleSlow") return { ...entry, slow: true };
          if (message.type === "consoleInterrupting") return { ...entry, interrupting: true, said: null };
          return { ...entry, interrupting: false, said: message.text };
        }),
      }));
    case "consoleResult":
      return console(state, message.session, (view) => {
        const { id, variable, othersRan } = message;
        const stop = state.stop?.number ?? 0;
        return replace(view, id, { kind: "result", input: id - 1, variable, stop, othersRan });
      });
    case "consoleError":
      return console(state, message.session, (view) =>
        replace(view, message.id, { kind: "error", text: message.text, place: null }),
      );
    case "consoleNote":
      return console(state, message.session, (view) => append(view, { kind: "note", text: message.text }));
    case "consoleTraceback":
      return console(state, message.session, (view) =>
        append(view, { kind: "error", text: message.text, place: null }),
      );
    case "clearConsole":
      return console(state, message.session, (view) => ({ ...view, entries: [], dropped: 0 }));
    case "layout":
      return { ...state, ...message.change };
    case "choices":
      return { ...state, choices: { ...state.choices, ...message.change } };
    case "condition":
      return { ...state, condition: message.editor };
    case "toast":
      return toast(state, message.toast);
    case "dismissToast":
      return { ...state, toasts: state.toasts.filter((toast) => toast.id !== message.id) };
    case "toldChildren":
      return { ...state, toldChildren: [...state.toldChildren, ...message.pids] };
    default:
      return reduceFiles(reduceStop(state, message), message);
  }
}
