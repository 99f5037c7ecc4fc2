// The rows of the call stack: threads with what they do, and their frames. Library frames in a row fold into one line.

import { holdsAll } from "../debugger/stops";
import { stoppedThreads, stops } from "../model/selectors";
import type { FrameView, State, StopView } from "../model/state";

/** What a thread does: it has stopped, by itself or on an exception; it is held because another has; or it runs. */
export type ThreadState = "stopped" | "exception" | "held" | "running";

export type StackRow =
  | {
      kind: "thread";
      key: string;
      id: number;
      name: string;
      /** Null: there is no stack to be seen. */
      open: boolean | null;
      /** It is stopped by itself, and another is shown: choosing it shows it instead. */
      choosable: boolean;
      state: ThreadState;
    }
  | { kind: "frame"; key: string; frame: FrameView; isTop: boolean; selected: boolean }
  | { kind: "library"; key: string; frames: FrameView[] }
  | { kind: "more"; key: string; thread: number; left: number }
  | { kind: "note"; key: string; text: string };

function frameRows(stop: StopView, thread: number): StackRow[] {
  const known = stop.frames[thread];
  if (known === undefined) return [{ kind: "note", key: `${thread} loading`, text: "loading" }];
  if (known.error !== null) return [{ kind: "note", key: `${thread} error`, text: known.error }];
  const rows: StackRow[] = [];
  const selected = stop.selected?.thread === thread ? stop.selected.index : -1;
  const shown = (frame: FrameView) => {
    // Where it stopped is never folded away, unless a pause or an exception put it deep into a library.
    const isTop = frame.index === 0 && thread === stop.thread && stop.reason !== "pause" && stop.exception === null;
    return !frame.subtle || isTop || frame.index === selected;
  };
  for (let i = 0; i < known.frames.length; ) {
    let end = i;
    for (let next = known.frames[end]; next !== undefined && !shown(next); next = known.frames[end]) end += 1;
    // Counted from the outer end, so that it is the same run at the next stop.
    const key = `${thread} lib ${known.total - end}`;
    const upTo = Math.max(end, i + 1);
    const run = known.frames.slice(i, upTo);
    i = upTo;
    if (run.length > 1 && !stop.openLibraries.includes(key)) {
      rows.push({ kind: "library", key, frames: run });
      continue;
    }
    for (const frame of run) {
      const isTop = frame.index === 0 && thread === stop.thread;
      const own = `${thread} frame ${known.total - frame.index}`;
      rows.push({ kind: "frame", key: own, frame, isTop, selected: frame.index === selected });
    }
  }
  const left = known.total - known.frames.length;
  if (left > 0) rows.push({ kind: "more", key: `${thread} more`, thread, left });
  if (known.frames.length === 0) rows.push({ kind: "note", key: `${thread} none`, text: "no Python frames" });
  return rows;
}

/** What a thread does, as the window tells it: while a step is under way it looks as it did. */
function stateOf(state: State, id: number): ThreadState {
  const { stop, settling } = state;
  const all = stops(state);
  const shown = stop !== null && stop.thread === id && (!stop.stale || settling || holdsAll(stop.body));
  if (shown) return stop.exception === null ? "stopped" : "exception";
  const own = all.find((one) => one.threadId === id);
  if (own !== undefined) return own.reason === "exception" ? "exception" : "stopped";
  return all.some(holdsAll) || (stop !== null && holdsAll(stop.body)) ? "held" : "running";
}

/**
 * Threads that are stopped come first, with the one that the user waits for, and otherwise in the order in which they came
 * into being: choosing one or letting one step moves no row.
 */
export function stackRows(state: State): StackRow[] {
  const { stop, stepping } = state;
  const ids = stoppedThreads(state);
  // A stop that is being fetched shows with its frames.
  if (stop === null && (stepping === null || ids.length === 0)) return [];
  const first = new Set([...ids, ...(stop === null ? [] : [stop.thread]), ...(stepping === null ? [] : [stepping])]);
  const unknown = [...first].filter((id) => !state.threads.some((one) => one.id === id));
  const threads = [...unknown.map((id) => ({ id, name: "Thread" })), ...state.threads];
  const order = [...threads].sort((a, b) => Number(first.has(b.id)) - Number(first.has(a.id)));
  return order.flatMap(({ id, name }): StackRow[] => {
    const does = stateOf(state, id);
    const choosable = ids.includes(id) && id !== stop?.thread;
    const canOpen = stop !== null && !choosable && does !== "running";
    const open = stop?.openThreads.includes(id) === true;
    const row: StackRow = {
      kind: "thread",
      key: `thread ${id}`,
      id,
      name,
      open: canOpen ? open : choosable ? false : null,
      choosable,
      state: does,
    };
    return canOpen && open ? [row, ...frameRows(stop, id)] : [row];
  });
}

export function libraryWords(frames: FrameView[]): string {
  const names = frames.map((frame) => (frame.module ?? frame.fileName).split(".")[0] ?? "");
  const unique = [...new Set(names)];
  const listed = unique.slice(0, 3).join(", ");
  return `${frames.length} library frames · ${listed}${unique.length > 3 ? ", …" : ""}`;
}
