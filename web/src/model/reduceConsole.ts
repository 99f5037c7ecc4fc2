// The console of one session: program output line by line, what the user evaluated, and what came of it. Bounded.

import type { OutputEvent } from "../socket/generated/OutputEvent";
import { parseAnsi } from "./ansi";
import type { ConsoleEntry, ConsoleView } from "./state";

/** Lines kept for one session; older ones are dropped and counted. */
export const KEPT_ENTRIES = 5000;
/** From here on a line is looked at whether it can be shortened. */
const LONG_LINE = 2000;
/** Characters of one line that are shown; the terminal has all of it. */
const LONGEST_LINE = 20_000;

/** The number of the console of a window without a program. */
export const NO_SESSION = 0;

export const EMPTY_CONSOLE: ConsoleView = { entries: [], next: 1, dropped: 0, style: "" };

type WithoutId<T> = T extends { id: number } ? Omit<T, "id"> : never;

function bounded(view: ConsoleView): ConsoleView {
  const over = view.entries.length - KEPT_ENTRIES;
  return over <= 0 ? view : { ...view, entries: view.entries.slice(over), dropped: view.dropped + over };
}

/** Adds one entry at the end. */
export function append(view: ConsoleView, entry: WithoutId<ConsoleEntry>): ConsoleView {
  const entries = [...view.entries, { ...entry, id: view.next } as ConsoleEntry];
  return bounded({ ...view, entries, next: view.next + 1 });
}

/** One console after another: what the same program said under two hubs. */
export function joined(before: ConsoleView, after: ConsoleView): ConsoleView {
  const by = before.next - 1;
  const later = after.entries.map((entry) => {
    const moved = { ...entry, id: entry.id + by };
    return moved.kind === "result" ? { ...moved, input: moved.input + by } : moved;
  });
  // A line that was cut off by the end of the hub is not gone on with.
  const earlier = before.entries.map((entry) => (entry.kind === "output" ? { ...entry, open: false } : entry));
  return bounded({
    entries: [...earlier, ...later],
    next: after.next + by,
    dropped: before.dropped + after.dropped,
    style: after.style,
  });
}

/** Puts something else in the place of the entry `id`. */
export function replace(view: ConsoleView, id: number, entry: WithoutId<ConsoleEntry>): ConsoleView {
  return { ...view, entries: view.entries.map((one) => (one.id === id ? ({ ...entry, id } as ConsoleEntry) : one)) };
}

/** "12.3 KB". */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const kilo = bytes / 1024;
  return kilo < 1024 ? `${kilo.toFixed(1)} KB` : `${(kilo / 1024).toFixed(1)} MB`;
}

/** A line that rewrites itself (progress bars) is kept as it looks now; one without an end is cut. */
function shortened(line: string): string {
  if (line.length < LONG_LINE) return line;
  const visible = line.slice(line.lastIndexOf("\r", line.length - 2) + 1);
  return visible.length > LONGEST_LINE ? `${visible.slice(0, LONGEST_LINE)}…` : visible;
}

/** Adds what the program printed: an unfinished last line goes on in the next chunk. */
export function appendOutput(view: ConsoleView, events: OutputEvent[]): ConsoleView {
  const entries = [...view.entries];
  let { next, style } = view;
  for (const event of events) {
    if (event.category === "telemetry") continue;
    if (event.ikpdbDropped !== undefined && event.ikpdbDropped > 0) {
      entries.push({ kind: "note", id: next++, text: `${size(event.ikpdbDropped)} of output were left out here` });
    }
    if (event.output === "") continue;
    const category = event.category ?? "console";
    const path = event.source?.path;
    const place = path !== undefined && event.line !== undefined ? { path, line: event.line } : null;
    const lines = event.output.split("\n");
    const unfinished = lines.pop() ?? "";
    const last = entries.at(-1);
    let open = last?.kind === "output" && last.open && last.category === category ? last : null;
    const put = (text: string, isOpen: boolean) => {
      if (open !== null) {
        const whole = { ...open, text: shortened(open.text + text), open: isOpen };
        entries[entries.length - 1] = whole;
        if (!isOpen) style = parseAnsi(whole.text, whole.style).style;
        open = null;
        return;
      }
      entries.push({ kind: "output", id: next++, category, text: shortened(text), style, open: isOpen, place });
      if (!isOpen) style = parseAnsi(text, style).style;
    };
    for (const line of lines) put(line, false);
    if (unfinished !== "") put(unfinished, true);
  }
  return bounded({ ...view, entries, next, style });
}
