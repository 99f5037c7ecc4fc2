// Threads and their frames. Library frames in a row fold into one line; the arrow marks the innermost frame.

import { createMemo, Show } from "solid-js";
import { place, shortPath } from "../model/paths";
import { isStopped, phase } from "../model/selectors";
import type { FrameView, State, StopView } from "../model/state";
import { moveInTree } from "./arrows";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { copy } from "./ui";
import { Each, useModel, useSelect, useUi } from "./use";

type StackRow =
  | { kind: "thread"; key: string; id: number; name: string; open: boolean; state: "stopped" | "exception" | "held" }
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

function stackRows(state: State): StackRow[] {
  const { stop } = state;
  if (stop === null) return [];
  const known = stop.threads.some((one) => one.id === stop.thread);
  const threads = known ? stop.threads : [{ id: stop.thread, name: "Thread" }, ...stop.threads];
  const order = [...threads].sort((a, b) => Number(b.id === stop.thread) - Number(a.id === stop.thread));
  return order.flatMap(({ id, name }): StackRow[] => {
    const open = stop.openThreads.includes(id);
    const stoppedHere = stop.exception === null ? "stopped" : "exception";
    const row: StackRow = {
      kind: "thread",
      key: `thread ${id}`,
      id,
      name,
      open,
      state: id === stop.thread ? stoppedHere : "held",
    };
    return open ? [row, ...frameRows(stop, id)] : [row];
  });
}

function libraryWords(frames: FrameView[]): string {
  const names = frames.map((frame) => (frame.module ?? frame.fileName).split(".")[0] ?? "");
  const unique = [...new Set(names)];
  const listed = unique.slice(0, 3).join(", ");
  return `${frames.length} library frames · ${listed}${unique.length > 3 ? ", …" : ""}`;
}

const BADGE = { stopped: "badge stop", exception: "badge err", held: "badge" };

export function StackPanel() {
  const model = useModel();
  const ui = useUi();
  const rows = useSelect(stackRows);
  const stale = useSelect((state) => !isStopped(state));
  const is = useSelect(phase);
  const stop = useSelect((state) => state.stop);
  const workspace = useSelect((state) => state.workspace?.path ?? null);
  const at = (frame: FrameView) => place(frame.path || frame.fileName, frame.line);
  const text = createMemo(() =>
    (stop()?.frames[stop()?.thread ?? 0]?.frames ?? [])
      .map(
        (frame) =>
          `${frame.name} (${shortPath(frame.path || frame.fileName, workspace())}:${frame.line}:${frame.column})`,
      )
      .join("\n"),
  );
  const act = (row: StackRow, focus: boolean) => {
    if (stale()) return;
    if (row.kind === "thread") model.sessions.toggleThread(row.id);
    else if (row.kind === "frame") model.sessions.selectFrame(row.frame, focus);
    else if (row.kind === "library") model.store.dispatch({ type: "toggleLibrary", key: row.key });
    else if (row.kind === "more") model.sessions.moreFrames(row.thread);
  };
  const keys = (event: KeyboardEvent, row: StackRow) => {
    const open = row.kind === "thread" ? row.open : row.kind === "library" ? false : null;
    if (moveInTree(event, open, () => act(row, false))) return;
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    act(row, event.key === "Enter");
  };
  const menu = (event: MouseEvent, row: StackRow) => {
    if (row.kind !== "frame") return;
    ui.openMenu(event, "Frame", [
      { label: "Copy call stack", run: () => void copy(text()) },
      { label: "Copy this frame", run: () => void copy(`${row.frame.name} (${row.frame.path}:${row.frame.line})`) },
    ]);
  };
  const words = (row: StackRow): string => {
    switch (row.kind) {
      case "thread":
        return `${row.name}, ${row.state}`;
      case "frame":
        return `${row.frame.name}, ${at(row.frame)}${row.isTop ? ", where it stopped" : ""}`;
      case "library":
        return `${libraryWords(row.frames)}, folded`;
      case "more":
        return `Load ${row.left} more frames`;
      case "note":
        return row.text;
    }
  };
  return (
    <section class="sec stack" data-testid="panel-stack" data-region aria-label="Call stack">
      <header>
        <h2>Call stack</h2>
        <span class="grow" />
        <IconButton
          icon="copy"
          label="Copy call stack"
          testId="copy-stack"
          disabled={rows().length === 0}
          run={() => void copy(text())}
        />
      </header>
      <Show
        when={rows().length > 0}
        fallback={
          <p class="empty">
            {is() === "none" ? "No program yet. When one stops, its" : "When the program stops, its"} threads and frames
            show here.
          </p>
        }
      >
        <ul class="body" role="tree" aria-label="Threads and frames" data-testid="panel-threads">
          <Each list={rows()} key={(row) => row.key}>
            {(row, index) => (
              <li
                class="row"
                classList={{
                  thr: row().kind === "thread",
                  fr: row().kind !== "thread",
                  lib:
                    row().kind === "library" ||
                    (row().kind === "frame" && (row() as { frame: FrameView }).frame.subtle),
                  dim: row().kind === "note" || row().kind === "more",
                  sel: row().kind === "frame" && (row() as { selected: boolean }).selected,
                  live: row().kind === "frame" && (row() as { selected: boolean }).selected,
                  innermost: row().kind === "frame" && (row() as { isTop: boolean }).isTop,
                  "at-exc": stop()?.exception != null,
                  outer: row().kind === "frame" && !(row() as { isTop: boolean }).isTop,
                }}
                role="treeitem"
                aria-level={row().kind === "thread" ? 1 : 2}
                aria-label={words(row())}
                aria-selected={row().kind === "frame" && (row() as { selected: boolean }).selected}
                aria-expanded={row().kind === "thread" ? (row() as { open: boolean }).open : undefined}
                tabindex={index() === 0 ? 0 : -1}
                data-row
                data-testid={row().kind === "frame" ? "row" : row().kind === "thread" ? "thread-row" : "stack-extra"}
                onClick={() => act(row(), false)}
                onContextMenu={(event) => menu(event, row())}
                onKeyDown={(event) => keys(event, row())}
              >
                <RowContent row={row()} at={at} />
              </li>
            )}
          </Each>
        </ul>
      </Show>
    </section>
  );
}

function RowContent(props: { row: StackRow; at(frame: FrameView): string }) {
  const content = createMemo(() => {
    const { row } = props;
    switch (row.kind) {
      case "thread":
        return (
          <>
            <Icon name={row.open ? "down" : "right"} class="tw" />
            <span class="nm cut">{row.name}</span>
            <span class={BADGE[row.state]}>{row.state}</span>
          </>
        );
      case "frame":
        return (
          <>
            <span class="pm">
              <Show when={row.isTop || row.selected}>
                <Icon name={row.isTop ? "arrow" : "arrow-frame"} />
              </Show>
            </span>
            <span class="fn cut" title={row.frame.name}>
              {row.frame.name}
            </span>
            <span class="at" title={`${row.frame.path || row.frame.fileName}:${row.frame.line}`}>
              {props.at(row.frame)}
            </span>
          </>
        );
      case "library":
        return (
          <>
            <span class="pm">
              <Icon name="fold" class="i12" />
            </span>
            <span class="cut">{libraryWords(row.frames)}</span>
          </>
        );
      case "more":
        return <span class="cut">Load more: {row.left} frames are not shown</span>;
      case "note":
        return <span class="cut">{row.text}</span>;
    }
  });
  return <>{content()}</>;
}
