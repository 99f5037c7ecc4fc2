// The stop that is shown: threads, frames, the selected frame's variables. What belongs to another stop is dropped.

import { isSameStop, stopsOf } from "../debugger/stops";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { StoppedEvent } from "../socket/generated/StoppedEvent";
import type { Wish } from "../socket/generated/Wish";
import type { Message } from "./message";
import type { Children, FrameView, State, StopView, ThreadFrames, TreeView } from "./state";
import { valuesOf } from "./tree";

/** Activations whose values are remembered to tell what changed. */
const REMEMBERED = 40;

/** Names one activation of a function over several stops: recursion has several. */
export function frameKey(frame: FrameView, total: number): string {
  return `${frame.thread}|${frame.document}|${frame.name}|${total - frame.index}`;
}

export function selectedFrame(stop: StopView | null): FrameView | null {
  if (stop === null || stop.selected === null) return null;
  return stop.frames[stop.selected.thread]?.frames[stop.selected.index] ?? null;
}

/** Marks what is shown as no longer true, without taking it away yet. */
export function staleStop(state: State): State {
  if (state.stop === null || state.stop.stale) return state;
  return { ...state, stop: { ...state.stop, stale: true }, hover: null };
}

/** The same if the thread that is shown is stopped there no more: others go on and stop without touching it. */
export function staleIfOver(state: State, info: SessionInfo): State {
  const { stop } = state;
  const isThere = stop !== null && stopsOf(info).some((one) => isSameStop(one, stop.body));
  return isThere && info.state === "stopped" ? state : staleStop(state);
}

/** Takes the stop away: the program runs on, has ended, or another session is shown. */
export function clearStop(state: State): State {
  if (state.stop === null) return state;
  const tree: TreeView = { ...state.tree, scopes: [], children: {}, previous: null, stop: 0 };
  return { ...state, stop: null, tree: { ...tree, memory: remember(state.tree) }, hover: null, watchValues: [] };
}

function remember(tree: TreeView): TreeView["memory"] {
  if (tree.frameKey === "" || tree.scopes.length === 0) return tree.memory;
  const entries = Object.entries(tree.memory).filter(([key]) => key !== tree.frameKey);
  return Object.fromEntries([...entries.slice(1 - REMEMBERED), [tree.frameKey, valuesOf(tree)]]);
}

function withStop(state: State, number: number, change: (stop: StopView) => Partial<StopView>): State {
  const { stop } = state;
  return stop === null || stop.number !== number ? state : { ...state, stop: { ...stop, ...change(stop) } };
}

function setChildren(state: State, number: number, path: string, children: Omit<Children, "stop">): State {
  if (state.stop?.number !== number) return state;
  const { tree } = state;
  return { ...state, tree: { ...tree, children: { ...tree.children, [path]: { ...children, stop: tree.stop } } } };
}

function newScopes(state: State, message: Message & { type: "scopes" }): State {
  const { stop, tree } = state;
  const frame = selectedFrame(stop);
  if (stop === null || frame === null || stop.number !== message.number) return state;
  if (frameKey(frame, stop.frames[frame.thread]?.total ?? 0) !== message.frameKey) return state;
  const isNewStop = tree.stop !== message.number;
  const memory = isNewStop ? remember(tree) : tree.memory;
  const children: Record<string, Children> = {};
  for (const [path, old] of Object.entries(tree.children)) {
    const kept = !path.startsWith("s:") || tree.frameKey === message.frameKey;
    if (kept && (!path.startsWith("h:") || !isNewStop)) children[path] = { ...old, stop: isNewStop ? 0 : old.stop };
  }
  for (const [path, items] of Object.entries(message.children)) {
    children[path] = { stop: message.number, items, error: null };
  }
  return {
    ...state,
    tree: {
      stop: message.number,
      frameKey: message.frameKey,
      scopes: message.scopes,
      children,
      previous: memory[message.frameKey] ?? null,
      memory,
    },
  };
}

/** Frames that came later than the first page take their places; a page that came twice changes nothing. */
function mergeFrames(old: ThreadFrames | undefined, start: number, frames: FrameView[], total: number): ThreadFrames {
  const before = start === 0 ? [] : (old?.frames.slice(0, start) ?? []);
  return { status: "loaded", frames: [...before, ...frames], total, error: null };
}

/** The breakpoint that it stopped on: the one that the program names, else the one on the line. */
function wishOf(state: State, { hitBreakpointIds }: StoppedEvent, frame: FrameView | undefined): Wish | null {
  const { wishes } = state.breakpoints;
  const hit = wishes.find((wish) => hitBreakpointIds?.includes(wish.id));
  if (hit !== undefined || frame === undefined) return hit ?? null;
  const { path, line } = frame;
  const placed = (wish: Wish) => wish.placed[state.current ?? 0]?.line ?? wish.line;
  return wishes.find((wish) => wish.path === path && placed(wish) === line) ?? null;
}

export function reduceStop(state: State, message: Message): State {
  switch (message.type) {
    case "stop": {
      const old = state.stop;
      const { number, body, reason, thread, frames, total, selected } = message;
      const at = frames[selected];
      const next: StopView = {
        number,
        body,
        reason,
        stale: false,
        thread,
        frames: { [thread]: { status: "loaded", frames, total, error: null } },
        openThreads: [thread],
        selected: at === undefined ? null : { thread, index: selected },
        openLibraries: old?.openLibraries ?? [],
        exception:
          message.exception === null
            ? null
            : {
                thread,
                document: at?.document ?? "",
                line: at?.line ?? 0,
                column: at?.column ?? 0,
                info: null,
                text: message.exception,
                closed: false,
              },
        wish: wishOf(state, body, frames[0]),
      };
      const rightOpen = state.rightOpen || state.choices.autoShow;
      return { ...state, stop: next, settling: false, stepping: null, hover: null, rightOpen };
    }
    case "graceOver":
      return state.stop?.number === message.number && state.stop.stale ? clearStop(state) : state;
    case "threads":
      return message.session === state.current ? { ...state, threads: message.threads } : state;
    case "threadFrames":
      return withStop(state, message.number, (stop) => ({
        frames: {
          ...stop.frames,
          [message.thread]: mergeFrames(stop.frames[message.thread], message.start, message.frames, message.total),
        },
      }));
    case "threadFramesFailed":
      return withStop(state, message.number, (stop) => ({
        frames: {
          ...stop.frames,
          [message.thread]: { status: "failed", frames: [], total: 0, error: message.error },
        },
      }));
    case "toggleThread":
      return withStop(state, state.stop?.number ?? 0, (stop) => ({
        openThreads: stop.openThreads.includes(message.thread)
          ? stop.openThreads.filter((one) => one !== message.thread)
          : [...stop.openThreads, message.thread],
      }));
    case "toggleLibrary":
      return withStop(state, state.stop?.number ?? 0, (stop) => ({
        openLibraries: stop.openLibraries.includes(message.key)
          ? stop.openLibraries.filter((one) => one !== message.key)
          : [...stop.openLibraries, message.key],
      }));
    case "selectFrame":
      // What a card shows is of the frame before.
      return withStop({ ...state, hover: null }, state.stop?.number ?? 0, () => ({
        selected: { thread: message.thread, index: message.index },
      }));
    case "exceptionInfo":
      return withStop(state, message.number, (stop) => {
        if (stop.exception === null) return {};
        const moved = message.at === null ? {} : { document: message.at.document, line: message.at.line };
        return { exception: { ...stop.exception, info: message.info, ...moved } };
      });
    case "closeException":
      return withStop(state, state.stop?.number ?? 0, (stop) => ({
        exception: stop.exception === null ? null : { ...stop.exception, closed: true },
      }));
    case "scopes":
      return newScopes(state, message);
    case "children":
      return setChildren(state, message.number, message.path, { items: message.items, error: null });
    case "childrenFailed":
      return setChildren(state, message.number, message.path, { items: [], error: message.error });
    case "replaceVariable": {
      const children = state.tree.children[message.parent];
      if (children === undefined) return state;
      const items = children.items.map((item) => (item.name === message.name ? message.variable : item));
      return setChildren(state, message.number, message.parent, { items, error: null });
    }
    case "staleTree": {
      const children = Object.entries(state.tree.children).map(([path, one]) => [path, { ...one, stop: 0 }]);
      return { ...state, tree: { ...state.tree, children: Object.fromEntries(children) } };
    }
    case "expand":
      return { ...state, expanded: { ...state.expanded, [message.path]: message.on } };
    case "collapseAll": {
      const kept = Object.entries(state.expanded).filter(([path]) => !path.startsWith(message.prefix));
      return { ...state, expanded: Object.fromEntries(kept) };
    }
    case "watchValues":
      return state.stop?.number === message.number ? { ...state, watchValues: message.values } : state;
    case "watchValue": {
      if (state.stop?.number !== message.number) return state;
      if (state.watchValues[message.index]?.expression !== message.value.expression) return state;
      const values = state.watchValues.map((value, index) => (index === message.index ? message.value : value));
      return { ...state, watchValues: values };
    }
    case "hover":
      return { ...state, hover: message.hover };
    default:
      return state;
  }
}
