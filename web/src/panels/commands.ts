// Every command of the window: one row drives its key, its button's tooltip, the palette and the key list.

import type { Model } from "../model/model";
import {
  activeDocument,
  capabilities,
  currentSession,
  isStopped,
  markAt,
  marks,
  phase,
  shownStop,
  stops,
  topFrame,
} from "../model/selectors";
import type { State } from "../model/state";
import { findInSource } from "./findInSource";
import { cycleRegions } from "./regions";
import type { Ui } from "./ui";

export interface Command {
  id: string;
  title: string;
  /** As the user reads them: "Ctrl-Shift-F5". The first is shown. */
  keys: string[];
  /** Keys that a text field or the terminal needs for itself. */
  notInText?: boolean;
  /** Of what is switched on and off: which it is now. */
  isOn?(state: State): boolean;
  /** Why it cannot be done now; null if it can. */
  unless(state: State): string | null;
  run(model: Model, ui: Ui): void;
}

const AWAY = "Not possible until the hub is back";

const always = (): string | null => null;

const linkOnly = (state: State): string | null => (state.link.kind === "open" ? null : AWAY);

const stoppedOnly = (state: State): string | null => {
  const now = phase(state);
  if (now === "away") return AWAY;
  return now === "stopped" || now === "exception" ? null : "Only while the program is stopped";
};

/** A step has nothing to step to when the exception has left its frames. */
const stepOnly = (state: State): string | null =>
  stoppedOnly(state) ??
  (shownStop(state)?.ikpdbUnwound === true ? "The exception has left this frame: continue" : null);

const liveOnly = (state: State): string | null => {
  const now = phase(state);
  if (now === "away") return AWAY;
  return ["starting", "running", "stopped", "exception"].includes(now) ? null : "No program is running";
};

/** A program that has ended is run again; without any, the command says how to start one. */
const runOnly = (state: State): string | null => {
  const away = linkOnly(state);
  if (away !== null) return away;
  const info = currentSession(state);
  if (info === null) return null;
  if (info.state !== "ended") return "Only when no program is running";
  return info.restartable ? null : "This program cannot be started again from here";
};

const restartOnly = (state: State): string | null => {
  const live = liveOnly(state);
  if (live !== null) return phase(state) === "ended" ? "The program has ended: F5 runs it again" : live;
  return currentSession(state)?.restartable === true ? null : "This program cannot be started again from here";
};

const pauseOnly = (state: State): string | null => {
  const info = currentSession(state);
  if (info?.undebugged !== undefined) return info.undebugged;
  return phase(state) === "running" ? null : "Only while the program is running";
};

/** What is only understood by debuggers that say so. */
export const optionsOnly = (state: State): string | null =>
  liveOnly(state) ?? (capabilities(state).ikpdb?.options === true ? null : "This debugger knows no such choice");

/** Only where threads are stopped one by one there are several to choose from. */
const severalOnly = (state: State): string | null => {
  const others = stops(state).filter((one) => one !== shownStop(state));
  return linkOnly(state) ?? (others.length > 0 ? null : "Only while several threads are stopped");
};

const documentOnly = (state: State): string | null =>
  activeDocument(state) === null ? "Only while a file is open" : null;

function atCursor(model: Model, run: (document: string, line: number) => void): void {
  const { active, cursor } = model.store.get();
  if (active !== null) run(active, cursor.line);
}

function runAgain(model: Model): void {
  if (currentSession(model.store.get()) !== null) {
    model.run.restart();
    return;
  }
  const text = "There is nothing to run yet. Type this in a terminal, in the folder of your program: ikpdb run app.py";
  model.store.dispatch({ type: "toast", toast: { tone: "info", text, action: null } });
}

/** Whether F5 starts a program instead of continuing one. */
const runs = (state: State): boolean => ["none", "ended"].includes(phase(state));

function showDock(model: Model, ui: Ui, dock: "console" | "terminal"): void {
  model.store.dispatch({ type: "layout", change: { dock, dockOpen: true, phone: "console" } });
  ui.setKeyboard(dock);
}

export const COMMANDS: Command[] = [
  {
    id: "continue",
    title: "Continue",
    keys: ["F5", "F8"],
    unless: (state) => (runs(state) ? runOnly(state) : stoppedOnly(state)),
    run: (model) => (runs(model.store.get()) ? runAgain(model) : model.run.resume()),
  },
  // Its key is the one of "Continue": one key moves the program on, whatever it is doing.
  { id: "run", title: "Run (F5)", keys: [], unless: runOnly, run: runAgain },
  { id: "pause", title: "Pause", keys: ["F6"], unless: pauseOnly, run: (model) => model.run.pause() },
  { id: "over", title: "Step over", keys: ["F10"], unless: stepOnly, run: (model) => model.run.stepOver() },
  { id: "into", title: "Step into", keys: ["F11"], unless: stepOnly, run: (model) => model.run.stepInto() },
  {
    id: "intoAnyway",
    title: "Step into library code",
    keys: ["Ctrl-F11"],
    unless: (state) => stepOnly(state) ?? optionsOnly(state),
    run: (model) => model.run.stepIntoAnyway(),
  },
  { id: "out", title: "Step out", keys: ["Shift-F11"], unless: stepOnly, run: (model) => model.run.stepOut() },
  {
    id: "runTo",
    title: "Run to the line of the cursor",
    keys: ["Ctrl-F10"],
    unless: (state) => stepOnly(state) ?? documentOnly(state),
    run: (model) => atCursor(model, (document, line) => model.run.runTo(document, line)),
  },
  {
    id: "nextThread",
    title: "Show the next stopped thread",
    keys: ["Shift-F6"],
    unless: severalOnly,
    run: (model) => model.sessions.showNextThread(),
  },
  {
    id: "continueAll",
    title: "Continue all stopped threads",
    keys: [],
    unless: severalOnly,
    run: (model) => model.run.resumeAll(),
  },
  {
    id: "justMyCode",
    title: "Just my code: steps skip the library, on or off",
    keys: [],
    isOn: (state) => currentSession(state)?.options.justMyCode === true,
    unless: optionsOnly,
    run: (model) => model.options.toggleJustMyCode(),
  },
  {
    id: "stopPolicy",
    title: "Stop only the thread that hits, on or off",
    keys: [],
    isOn: (state) => currentSession(state)?.options.stopPolicy === "thread",
    unless: optionsOnly,
    run: (model) => model.options.toggleStopPolicy(),
  },
  {
    id: "forgetRules",
    title: "Forget rules of own and library code",
    keys: [],
    unless: (state) => {
      const rules = currentSession(state)?.options.rules.length ?? 0;
      return optionsOnly(state) ?? (rules === 0 ? "There are no rules" : null);
    },
    run: (model) => model.options.forgetRules(),
  },
  {
    id: "restart",
    title: "Restart",
    keys: ["Ctrl-Shift-F5"],
    unless: restartOnly,
    run: (model) => model.run.restart(),
  },
  { id: "stop", title: "Stop", keys: ["Shift-F5"], unless: liveOnly, run: (model) => model.run.stop() },
  { id: "kill", title: "Kill the program", keys: [], unless: liveOnly, run: (model) => model.run.kill() },
  {
    id: "toggleBreakpoint",
    title: "Breakpoint at the cursor, on or off",
    keys: ["F9"],
    unless: documentOnly,
    run: (model) => atCursor(model, (document, line) => model.breakpoints.toggle(document, line)),
  },
  {
    id: "editBreakpoint",
    title: "Condition of the breakpoint at the cursor",
    keys: ["Shift-F9"],
    unless: documentOnly,
    run: (model) => atCursor(model, (document, line) => model.breakpoints.edit(document, line)),
  },
  {
    id: "disableBreakpoint",
    title: "Disable or enable the breakpoint at the cursor",
    keys: ["Ctrl-F9"],
    unless: (state) => {
      const { active, cursor } = state;
      const there = active !== null && markAt(marks(state), active, cursor.line) !== null;
      return there ? null : "No breakpoint at the cursor";
    },
    run: (model) => atCursor(model, (document, line) => model.breakpoints.toggleEnabled(document, line)),
  },
  {
    id: "functionBreakpoint",
    title: "Add function breakpoint…",
    keys: [],
    unless: (state) => {
      const able = currentSession(state)?.capabilities;
      const can = able === undefined || able.supportsFunctionBreakpoints === true;
      return linkOnly(state) ?? (can ? null : "This debugger knows no function breakpoints");
    },
    run: (model, ui) => {
      // A narrow window has the list behind a button, a phone in a tab.
      model.store.dispatch({ type: "layout", change: { leftOpen: true, phone: "breakpoints" } });
      ui.setNamesFunction(true);
    },
  },
  {
    id: "masterSwitch",
    title: "All breakpoints on or off",
    keys: ["Ctrl-F8"],
    isOn: (state) => state.breakpoints.active,
    unless: always,
    run: (model) => model.breakpoints.activate(!model.store.get().breakpoints.active),
  },
  {
    id: "frameOut",
    title: "Frame outwards",
    keys: ["Alt-ArrowDown"],
    unless: stoppedOnly,
    run: (model) => model.sessions.moveFrame(1),
  },
  {
    id: "frameIn",
    title: "Frame inwards",
    keys: ["Alt-ArrowUp"],
    unless: stoppedOnly,
    run: (model) => model.sessions.moveFrame(-1),
  },
  {
    id: "showCurrent",
    title: "Show the current line",
    keys: ["Alt-."],
    unless: (state) => (isStopped(state) ? null : "Only while the program is stopped"),
    run: (model) => {
      const top = topFrame(model.store.get());
      if (top !== null) model.sessions.selectFrame(top, true);
    },
  },
  {
    id: "goToFile",
    title: "Go to file",
    keys: ["Ctrl-P"],
    notInText: true,
    unless: always,
    run: (_, ui) => ui.setDialog("files"),
  },
  {
    id: "find",
    title: "Find in the file",
    keys: ["Ctrl-F"],
    notInText: true,
    unless: documentOnly,
    run: (model) => {
      model.store.dispatch({ type: "layout", change: { phone: "source" } });
      findInSource();
    },
  },
  {
    id: "commands",
    title: "Commands",
    keys: ["Ctrl-Shift-P"],
    unless: always,
    run: (_, ui) => ui.setDialog("commands"),
  },
  { id: "keys", title: "All keys", keys: ["F1"], unless: always, run: (_, ui) => ui.setDialog("keys") },
  {
    id: "toggleLeft",
    title: "Workspace and breakpoints (narrow window)",
    keys: ["Ctrl-B"],
    notInText: true,
    unless: always,
    run: (model) => model.store.dispatch({ type: "layout", change: { leftOpen: !model.store.get().leftOpen } }),
  },
  {
    id: "toggleRight",
    title: "Call stack, variables and watch, shown or hidden",
    keys: ["Ctrl-Alt-B"],
    unless: always,
    run: (model) => model.store.dispatch({ type: "layout", change: { rightOpen: !model.store.get().rightOpen } }),
  },
  {
    id: "toggleDock",
    title: "Console and terminal, shown or hidden",
    keys: ["Ctrl-J"],
    notInText: true,
    unless: always,
    run: (model) => model.store.dispatch({ type: "layout", change: { dockOpen: !model.store.get().dockOpen } }),
  },
  {
    id: "showConsole",
    title: "Console",
    keys: ["Ctrl-Shift-Y"],
    unless: always,
    run: (model, ui) => showDock(model, ui, "console"),
  },
  {
    id: "showTerminal",
    title: "Terminal",
    keys: ["Ctrl-`"],
    unless: always,
    run: (model, ui) => showDock(model, ui, "terminal"),
  },
  { id: "nextRegion", title: "Next part of the window", keys: ["Ctrl-F6"], unless: always, run: () => cycleRegions(1) },
  {
    id: "previousRegion",
    title: "Previous part of the window",
    keys: ["Ctrl-Shift-F6"],
    unless: always,
    run: () => cycleRegions(-1),
  },
  {
    id: "retry",
    title: "Reconnect now",
    keys: [],
    unless: (state) => (state.link.kind === "lost" ? null : "Connected"),
    run: (model) => model.retry(),
  },
];

export function command(id: string): Command {
  const found = COMMANDS.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no command ${id}`);
  return found;
}

/** A key as people call it: "Alt-Down". */
export function keyName(key: string): string {
  return key.replace("Arrow", "");
}

/** "Step over (F10)", and the reason when it cannot be done. */
export function tip(one: Command, state: State): string {
  const keys = one.keys.length === 0 ? "" : ` (${one.keys.map(keyName).join(" or ")})`;
  const why = one.unless(state);
  return `${one.title}${keys}${why === null ? "" : `: ${why.charAt(0).toLowerCase()}${why.slice(1)}`}`;
}
