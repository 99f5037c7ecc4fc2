// Threads and their frames. Library frames in a row fold into one line; the arrow marks the innermost frame.

import { createMemo, Show } from "solid-js";
import { holdsAll } from "../debugger/stops";
import { ruleOffers } from "../model/codeOptions";
import { place, shortPath } from "../model/paths";
import { capabilities, currentSession, isStopped, phase, stops } from "../model/selectors";
import type { FrameView, State } from "../model/state";
import { moveInTree } from "./arrows";
import { optionsOnly } from "./commands";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { libraryWords, type StackRow, stackRows } from "./stackRows";
import { commandItem, steppingItems } from "./steppingItems";
import { copy, type MenuItem } from "./ui";
import { Each, useModel, useSelect, useUi } from "./use";

const BADGE = { stopped: "badge stop", exception: "badge err", held: "badge", running: "badge run" };

const HINT = {
  stopped: "Stopped by itself: choose it to see its call stack",
  exception: "Stopped on an exception: choose it to see its call stack",
  held: "Stands still because another thread has stopped",
  running: "Runs on; its call stack shows when it stops",
};

function hint(row: StackRow): string | undefined {
  return row.kind === "thread" ? HINT[row.state] : undefined;
}

function ofKind<K extends StackRow["kind"]>(row: StackRow, kind: K): (StackRow & { kind: K }) | null {
  return row.kind === kind ? (row as StackRow & { kind: K }) : null;
}

/** What differs from how programs are stopped and stepped through unless the user says otherwise. */
function optionWords(state: State): string {
  const info = currentSession(state);
  if (info === null || info.state === "ended") return "";
  const { justMyCode, stopPolicy, rules } = info.options;
  const words: string[] = [];
  if (stopPolicy === "thread") words.push("stops one thread");
  if (!justMyCode) words.push("all code");
  if (rules.length > 0) words.push(rules.length === 1 ? "1 rule" : `${rules.length} rules`);
  return words.join(" · ");
}

export function StackPanel() {
  const model = useModel();
  const ui = useUi();
  const rows = useSelect(stackRows);
  const stale = useSelect((state) => !isStopped(state));
  const is = useSelect(phase);
  const stop = useSelect((state) => state.stop);
  const options = useSelect(optionWords);
  const noOptions = useSelect((state) => optionsOnly(state) !== null);
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
    if (row.kind === "thread" && row.choosable) return model.sessions.showThread(row.id);
    if (stale() || (row.kind === "thread" && row.open === null)) return;
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
  const frameItems = (frame: FrameView): MenuItem[] => {
    const items: MenuItem[] = [
      { label: "Copy call stack", run: () => void copy(text()) },
      { label: "Copy this frame", run: () => void copy(`${frame.name} (${frame.path}:${frame.line})`) },
    ];
    const state = model.store.get();
    if (capabilities(state).ikpdb?.options !== true) return items;
    const as = frame.subtle ? "my own code" : "library code";
    const offers = ruleOffers(frame).map(
      ({ name, rule }): MenuItem => ({
        label: `Treat ${name} as ${as}`,
        disabled: optionsOnly(state) !== null,
        run: () => model.options.addRule(rule),
      }),
    );
    return [...items, "line", ...offers, commandItem(model, ui, "forgetRules")];
  };
  const threadItems = (row: StackRow & { kind: "thread" }): MenuItem[] => [
    {
      label: "Show its call stack",
      disabled: row.open === null || (row.open && !row.choosable),
      run: () => act(row, false),
    },
    {
      label: "Continue this thread",
      disabled: !stops(model.store.get()).some((one) => one.threadId === row.id && !holdsAll(one)),
      run: () => (row.choosable ? model.run.resumeThread(row.id) : model.run.resume()),
    },
    { label: "Pause this thread", disabled: row.state !== "running", run: () => model.run.pauseThread(row.id) },
  ];
  const menu = (event: MouseEvent, row: StackRow) => {
    if (row.kind === "frame") ui.openMenu(event, "Frame", frameItems(row.frame));
    else if (row.kind === "thread") ui.openMenu(event, "Thread", threadItems(row));
  };
  const words = (row: StackRow): string => {
    switch (row.kind) {
      case "thread":
        return `${row.name}, ${row.state}${row.choosable ? ", not shown" : ""}`;
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
        <span class="n cut grow" data-testid="stack-options" title={options()}>
          {options()}
        </span>
        <IconButton
          icon="more"
          label="How it stops and steps"
          testId="stack-menu"
          disabled={noOptions()}
          run={(event) =>
            ui.openMenu(event.currentTarget as Element, "How it stops and steps", steppingItems(model, ui))
          }
        />
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
            {(row, index) => {
              const thread = () => ofKind(row(), "thread");
              const frame = () => ofKind(row(), "frame");
              return (
                <li
                  class="row"
                  classList={{
                    thr: thread() !== null,
                    waits: thread()?.choosable === true,
                    fr: thread() === null,
                    lib: row().kind === "library" || frame()?.frame.subtle === true,
                    dim: row().kind === "note" || row().kind === "more",
                    sel: frame()?.selected === true,
                    live: frame()?.selected === true,
                    innermost: frame()?.isTop === true,
                    "at-exc": stop()?.exception != null,
                    outer: frame()?.isTop === false,
                  }}
                  role="treeitem"
                  aria-level={thread() === null ? 2 : 1}
                  aria-label={words(row())}
                  aria-selected={frame()?.selected === true}
                  aria-expanded={thread()?.open ?? undefined}
                  title={hint(row())}
                  tabindex={index() === 0 ? 0 : -1}
                  data-row
                  data-testid={frame() !== null ? "row" : thread() !== null ? "thread-row" : "stack-extra"}
                  onClick={() => act(row(), false)}
                  onContextMenu={(event) => menu(event, row())}
                  onKeyDown={(event) => keys(event, row())}
                >
                  <RowContent row={row()} at={at} />
                </li>
              );
            }}
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
            <Show when={row.open !== null} fallback={<span class="tw" />}>
              <Icon name={row.open ? "down" : "right"} class="tw" />
            </Show>
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
