// The open file: code with everything the debugger knows about its lines.

import { createEffect, createMemo, createSignal, on, onCleanup, onMount, Show } from "solid-js";
import { Portal } from "solid-js/web";
import { baseName, shortPath } from "../model/paths";
import { activeDocument, features, marks, marksIn, pointers, selectedFrame } from "../model/selectors";
import { scopeRows } from "../model/tree";
import { ConditionEditor } from "./ConditionEditor";
import { command } from "./commands";
import { ExceptionWidget } from "./ExceptionWidget";
import { FileTabs } from "./FileTabs";
import { HoverCard } from "./HoverCard";
import { Icon } from "./Icon";
import { policyItems } from "./policyItems";
import { StartPage } from "./StartPage";
import { SourceEditor } from "./source/editor";
import { namesByLine } from "./source/expression";
import type { InlineValue } from "./source/shown";
import { copy, type MenuItem } from "./ui";
import { useModel, useSelect, useUi } from "./use";

const MOST_INLINE = 60;

function host(): HTMLElement {
  const element = document.createElement("div");
  element.className = "below-line";
  return element;
}

function cut(text: string): string {
  const line = text.replaceAll("\n", "⏎");
  return line.length > MOST_INLINE ? `${line.slice(0, MOST_INLINE - 1)}…` : line;
}

export function SourcePanel() {
  const model = useModel();
  const ui = useUi();
  let place: HTMLDivElement | undefined;
  let editor: SourceEditor | undefined;
  const [ready, setReady] = createSignal(false);
  const document = useSelect(activeDocument);
  const key = useSelect((state) => state.active);
  const allMarks = useSelect(marks);
  const lines = useSelect(
    (state) => (state.active === null ? [] : pointers(state, state.active)),
    (a, b) => JSON.stringify(a) === JSON.stringify(b),
  );
  const reveal = useSelect((state) => state.reveal);
  const condition = useSelect((state) => (state.condition?.document === state.active ? state.condition : null));
  const conditionLine = createMemo(() => condition()?.line ?? null);
  const exception = useSelect((state) => {
    const { stop } = state;
    const view = stop?.exception ?? null;
    return view === null || view.closed || stop?.stale || view.document !== state.active ? null : view;
  });
  const exceptionLine = createMemo(() => exception()?.line ?? null);
  const frame = useSelect((state) => selectedFrame(state.stop));
  const tree = useSelect((state) => state.tree);
  /** Values stay over a step, which is a moment, and while the hub is gone, in which nothing changes. */
  const stopped = useSelect(({ stop, settling }) => stop !== null && (!stop.stale || settling));
  const wantsInline = useSelect((state) => state.choices.inlineValues);
  const workspace = useSelect((state) => state.workspace);
  const exceptionHost = host();
  const conditionHost = host();

  onMount(() => {
    if (place === undefined) return;
    editor = new SourceEditor(place, {
      click: (line, event) => {
        const path = model.store.get().active;
        if (path === null) return;
        if (event.ctrlKey || event.metaKey) model.breakpoints.edit(path, line);
        else if (event.shiftKey) model.breakpoints.toggleEnabled(path, line);
        else model.breakpoints.toggle(path, line);
      },
      menu: (line, event) => gutterMenu(line, event),
      cursor: (line, column) => model.store.dispatch({ type: "cursor", line, column }),
      hover: (expression, x, y) => {
        const { active } = model.store.get();
        if (active === null || ui.menu() !== null) return editor?.unmarkHover();
        void model.values.showHover(expression, { document: active, x, y }).then((something) => {
          if (!something) editor?.unmarkHover();
        });
      },
      cancelHover: () => model.values.cancelHover(),
      unhover: () => model.values.hideHover(),
      context: (line, selection, event) => textMenu(line, selection, event),
    });
    const resized = new ResizeObserver(() => editor?.measure());
    resized.observe(place);
    resized.observe(exceptionHost);
    resized.observe(conditionHost);
    onCleanup(() => {
      resized.disconnect();
      editor?.destroy();
    });
    setReady(true);
  });

  const runToItem = (path: string, line: number): MenuItem[] => {
    const cannot = command("runTo").unless(model.store.get()) !== null;
    if (cannot) return [];
    return [{ label: "Continue to here", keys: "Ctrl-F10", run: () => model.run.runTo(path, line) }, "line"];
  };

  const gutterMenu = (line: number, event: MouseEvent) => {
    const path = model.store.get().active;
    if (path === null) return;
    const mark = model.breakpoints.mark(path, line);
    const edit = () => model.breakpoints.edit(path, line);
    const items: MenuItem[] = runToItem(path, line);
    const conditions = features(model.store.get()).conditionalBreakpoints;
    if (mark === null) {
      items.push({ label: "Add breakpoint", keys: "F9", run: () => model.breakpoints.add(path, line, {}) });
      if (conditions) items.push({ label: "Add conditional breakpoint", keys: "Shift-F9", run: edit });
    } else {
      const { id, enabled, condition: has } = mark.wish;
      items.push({ label: "Remove breakpoint", keys: "F9", run: () => model.breakpoints.remove([id]) });
      if (has) items.push({ label: "Edit condition", keys: "Shift-F9", run: edit });
      else if (conditions) items.push({ label: "Set condition", keys: "Shift-F9", run: edit });
      items.push({
        label: enabled ? "Disable breakpoint" : "Enable breakpoint",
        keys: "Ctrl-F9",
        run: () => model.breakpoints.toggleEnabled(path, line),
      });
      items.push(...policyItems(model, mark.wish));
    }
    ui.openMenu(event, `Line ${line}`, items);
  };

  const textMenu = (line: number, selection: string, event: MouseEvent) => {
    const path = model.store.get().active;
    if (path === null) return;
    const text = selection.trim();
    ui.openMenu(event, `Line ${line}`, [
      ...runToItem(path, line),
      { label: "Breakpoint here", keys: "F9", run: () => model.breakpoints.toggle(path, line) },
      {
        label: "Add to watch",
        disabled: text === "" || text.includes("\n"),
        run: () => model.values.addWatch(text),
      },
      { label: "Evaluate in the console", disabled: text === "", run: () => void model.console.evaluate(text) },
      { label: "Copy", disabled: selection === "", run: () => void copy(selection) },
    ]);
  };

  /** Values at the ends of lines, of the frame that is selected. */
  const inline = createMemo((): Map<number, InlineValue[]> => {
    const at = frame();
    const result = new Map<number, InlineValue[]>();
    const shown = document();
    if (!wantsInline() || !stopped() || at === null || shown === null || at.document !== shown.key) return result;
    if (!ready() || editor === undefined || shown.status !== "loaded") return result;
    editor.open(shown);
    const rows = scopeRows({ tree: tree(), expanded: {} });
    const byName = new Map<string, InlineValue>();
    for (const row of rows) {
      if (row.kind !== "variable" || row.depth !== 1 || byName.has(row.variable.name)) continue;
      const { name, value } = row.variable;
      byName.set(name, { name, value: cut(value), changed: row.changed });
    }
    for (const [line, names] of namesByLine(editor.state, at.line)) {
      const values = names.flatMap((name) => byName.get(name) ?? []);
      if (values.length > 0) result.set(line, values);
    }
    return result;
  });

  createEffect(() => {
    const shown = document();
    if (!ready() || editor === undefined || shown === null || shown.status !== "loaded") return;
    editor.open(shown);
    const widgets: { line: number; host: HTMLElement }[] = [];
    const at = exceptionLine();
    if (at !== null) widgets.push({ line: at, host: exceptionHost });
    const edited = conditionLine();
    if (edited !== null) widgets.push({ line: edited, host: conditionHost });
    editor.show({ marks: marksIn(allMarks(), shown.key), pointers: lines(), inline: inline(), widgets });
  });

  createEffect(
    on([reveal, () => document()?.text, () => document()?.status], () => {
      const wanted = reveal();
      const shown = document();
      if (wanted === null || shown === null || wanted.document !== shown.key || shown.status !== "loaded") return;
      if (wanted === revealed) return;
      revealed = wanted;
      editor?.open(shown);
      editor?.reveal(wanted.line, wanted.focus);
    }),
  );
  let revealed: object | null = null;

  const hover = useSelect((state) => state.hover);
  createEffect(() => {
    if (hover() === null && ready()) editor?.clearHover();
  });

  return (
    <div class="source" data-testid="source" data-region>
      <FileTabs />
      <Show when={document()}>
        {(shown) => (
          <>
            <nav class="crumbs" aria-label="Path">
              <span class="trail">
                <Show
                  when={workspace() !== null && shown().path.startsWith(`${workspace()?.path}/`)}
                  fallback={<span title={shown().path}>{shown().path || shown().name}</span>}
                >
                  <span>{workspace()?.name}</span>
                  <span>/</span>
                  {shortPath(shown().path, workspace()?.path ?? null)
                    .split("/")
                    .slice(0, -1)
                    .map((part) => (
                      <>
                        <span>{part}</span>
                        <span>/</span>
                      </>
                    ))}
                  <b>{baseName(shown().path)}</b>
                </Show>
                <Show when={frame()?.document === shown().key && frame()?.name !== "<module>" ? frame()?.name : null}>
                  {(name) => (
                    <>
                      <span>/</span>
                      <b>{name()}</b>
                    </>
                  )}
                </Show>
              </span>
              <span class="end">
                <Show when={stopped()}>
                  <button type="button" onClick={() => model.choose({ inlineValues: !wantsInline() })}>
                    Inline values {wantsInline() ? "on" : "off"}
                  </button>
                </Show>
                <Show
                  when={shown().readOnlyWhy}
                  fallback={
                    shown().differs ? <span class="warn">Differs from disk</span> : <span>Same as on disk</span>
                  }
                >
                  <span>Read-only</span>
                </Show>
              </span>
            </nav>
            <Show when={shown().differs}>
              <div class="notice" role="note" data-testid="differs">
                <Icon name="warning" class="i14" />
                <span class="grow">
                  {shown().showing === "loaded"
                    ? "This is the code that is running. The file on disk has changed since."
                    : "This is the file on disk. The program runs an earlier version of it."}
                </span>
                <button
                  type="button"
                  class="btn"
                  onClick={() => {
                    const version = shown().showing === "loaded" ? "disk" : "loaded";
                    model.store.dispatch({ type: "showVersion", key: shown().key, version });
                  }}
                >
                  {shown().showing === "loaded" ? "Show the file on disk" : "Show the running code"}
                </button>
                <button type="button" class="btn" onClick={() => command("restart").run(model, ui)}>
                  Restart
                </button>
              </div>
            </Show>
            <Show when={shown().readOnlyWhy}>
              {(why) => (
                <div class="notice" role="note" data-testid="read-only">
                  <Icon name="eye" class="i14" />
                  <span>{why()}</span>
                </div>
              )}
            </Show>
            <Show when={shown().status !== "loaded"}>
              <p class="empty">{shown().status === "loading" ? "Loading" : shown().error}</p>
            </Show>
          </>
        )}
      </Show>
      <Show when={key() === null}>
        <StartPage />
      </Show>
      <div class="host" ref={place} hidden={document()?.status !== "loaded"} />
      <Portal mount={exceptionHost}>
        <Show when={exception()}>{(view) => <ExceptionWidget view={view()} />}</Show>
      </Portal>
      <Portal mount={conditionHost}>
        <Show when={conditionLine() === null ? null : `${key()} ${conditionLine()}`} keyed>
          {(_) => <ConditionEditor close={() => editor?.focus()} />}
        </Show>
      </Portal>
      <HoverCard />
    </div>
  );
}
