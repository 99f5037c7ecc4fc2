// The console: what the program printed, what the user evaluated in the selected frame, and what came of it.

import { createEffect, createMemo, createSignal, For, on, onCleanup, onMount, Show } from "solid-js";
import { parseAnsi } from "../model/ansi";
import { memory } from "../model/memory";
import { place } from "../model/paths";
import { currentConsole, isStopped, phase, selectedFrame } from "../model/selectors";
import type { ConsoleEntry } from "../model/state";
import { ownLoad, resultPath, type TreeRow, valueRows } from "../model/tree";
import { Icon } from "./Icon";
import type { IconName } from "./icons";
import { Each, useModel, useSelect, useUi } from "./use";
import { ValueTree, valueClass } from "./ValueTree";

/** Rows that are in the page; older ones come back on demand. */
const SHOWN = 400;

function Ansi(props: { text: string; style: string }) {
  const pieces = createMemo(() => parseAnsi(props.text, props.style).pieces);
  return (
    <For each={pieces()}>
      {(piece) => (
        <span class={piece.classes} style={piece.color === null ? {} : { color: piece.color }}>
          {piece.text}
        </span>
      )}
    </For>
  );
}

function PlaceLink(props: { place: { path: string; line: number } | null }) {
  const model = useModel();
  return (
    <Show when={props.place} fallback={<span />}>
      {(at) => (
        <button type="button" class="at" onClick={() => model.files.open(at().path, at().line, true)}>
          {place(at().path, at().line)}
        </button>
      )}
    </Show>
  );
}

function Result(props: { entry: ConsoleEntry & { kind: "result" } }) {
  const model = useModel();
  const path = useSelect((state) => resultPath(state.current ?? 0, props.entry.id));
  const open = useSelect((state) => state.expanded[path()] === true);
  const live = useSelect((state) => isStopped(state) && state.stop?.number === props.entry.stop);
  const rows = useSelect((state) => {
    const list: TreeRow[] = [];
    if (open()) valueRows(state, path(), props.entry.variable, 0, list);
    return list;
  });
  const variable = () => props.entry.variable;
  const toggle = () => model.values.toggle({ path: path(), expanded: open(), load: ownLoad(variable()) });
  return (
    <>
      <Show when={variable().ref > 0 && live()} fallback={<span />}>
        <button type="button" class="tw ib" aria-label={open() ? "Collapse" : "Expand"} onClick={toggle}>
          <Icon name={open() ? "down" : "right"} class="i12" />
        </button>
      </Show>
      <span class="tx">
        <span class={valueClass(variable())}>{variable().value}</span>
        <Show when={props.entry.othersRan}>
          <span class="hint"> · other threads ran while this was evaluated</span>
        </Show>
      </span>
      <span class="at">{variable().type}</span>
      <Show when={open() && rows().length > 0}>
        <div class="sub">
          <ValueTree rows={rows()} label="Result" editable={false} />
        </div>
      </Show>
    </>
  );
}

function iconOf(entry: ConsoleEntry): IconName | null {
  switch (entry.kind) {
    case "input":
      return "right";
    case "error":
      return "warning";
    case "output":
      return entry.place === null ? null : "mark-log";
    case "result":
    case "note":
    case "pending":
      return null;
  }
}

function Entry(props: { entry: ConsoleEntry }) {
  const model = useModel();
  const icon = () => iconOf(props.entry);
  const isLog = () => props.entry.kind === "output" && props.entry.place !== null;
  const isResult = () => props.entry.kind === "result";
  const empty = () => props.entry.kind === "result" && props.entry.variable.value === "";
  const content = createMemo(() => {
    const { entry } = props;
    switch (entry.kind) {
      case "output":
        return <Ansi text={entry.text} style={entry.style} />;
      case "input":
      case "error":
        return entry.text;
      case "note":
        return entry.text;
      case "pending":
        return (
          <>
            <span>
              {entry.slow || entry.said !== null ? `Still running: ${entry.text}` : "…"}
              <Show when={entry.said}>{(said) => <em>{said()}</em>}</Show>
            </span>
            <Show when={entry.slow || entry.said !== null}>
              <button
                type="button"
                class="btn"
                data-testid="interrupt"
                disabled={entry.interrupting}
                onClick={() => model.console.interrupt(entry.id)}
              >
                {entry.interrupting ? "Interrupting" : "Interrupt"}
              </button>
            </Show>
          </>
        );
      case "result":
        return null;
    }
  });
  return (
    <Show when={!empty()}>
      <div
        class={`cl ${props.entry.kind}`}
        classList={{ log: isLog() }}
        data-testid={props.entry.kind === "input" ? "console-asked" : `console-${props.entry.kind}`}
        role={props.entry.kind === "error" ? "alert" : undefined}
      >
        <Show
          when={isResult()}
          fallback={
            <>
              <Show when={icon()} fallback={<span />}>
                {(name) => <Icon name={name()} class="i12" />}
              </Show>
              <span class="tx">{content()}</span>
              <PlaceLink
                place={"place" in props.entry && typeof props.entry.place === "object" ? props.entry.place : null}
              />
            </>
          }
        >
          <Result entry={props.entry as ConsoleEntry & { kind: "result" }} />
        </Show>
      </div>
    </Show>
  );
}

function Prompt() {
  const model = useModel();
  const ui = useUi();
  const stopped = useSelect(isStopped);
  const running = useSelect((state) => phase(state) === "running");
  const away = useSelect((state) => phase(state) === "away");
  const frame = useSelect((state) => selectedFrame(state.stop)?.name ?? "");
  const [text, setText] = createSignal(memory.get("prompt", ""));
  let area: HTMLTextAreaElement | undefined;
  let at = -1;
  let draft = "";
  const fit = () => {
    if (area === undefined) return;
    area.style.height = "18px";
    area.style.height = `${Math.min(area.scrollHeight, 108)}px`;
  };
  const put = (value: string) => {
    setText(value);
    memory.set("prompt", value);
    queueMicrotask(fit);
  };
  const recall = (by: number) => {
    const past = [...model.console.history].reverse();
    if (at === -1) draft = text();
    at = Math.max(-1, Math.min(at + by, past.length - 1));
    put(at === -1 ? draft : (past[at] ?? ""));
    queueMicrotask(() => area?.setSelectionRange(area.value.length, area.value.length));
  };
  const keys = (event: KeyboardEvent) => {
    if (area === undefined) return;
    const { selectionStart, value } = area;
    const firstLine = !value.slice(0, selectionStart).includes("\n");
    const lastLine = !value.slice(selectionStart).includes("\n");
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      if (value.trim() === "" || !stopped()) return;
      at = -1;
      void model.console.evaluate(value);
      put("");
    } else if (event.key === "ArrowUp" && firstLine && !event.altKey) {
      event.preventDefault();
      recall(1);
    } else if (event.key === "ArrowDown" && lastLine && at >= 0 && !event.altKey) {
      event.preventDefault();
      recall(-1);
    } else if (event.key === "l" && event.ctrlKey) {
      event.preventDefault();
      model.console.clear();
    }
  };
  onMount(fit);
  createEffect(() => {
    if (ui.keyboard() !== "console") return;
    area?.focus();
    ui.setKeyboard(null);
  });
  const placeholder = () => {
    if (away()) return "Evaluates when the hub is back";
    if (stopped()) return "An expression or statement";
    return running() ? "Evaluates when the program is stopped (F6 pauses it)" : "Evaluates when a program is stopped";
  };
  return (
    <div class="prompt">
      <Icon name="right" class="i12" />
      <textarea
        ref={area}
        rows="1"
        value={text()}
        placeholder={placeholder()}
        aria-label="Evaluate"
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        data-testid="console-input"
        data-focus
        onInput={(event) => put(event.currentTarget.value)}
        onKeyDown={keys}
      />
      <Show when={stopped()}>
        <span class="hint wide">in {frame() || "the program"} · Enter evaluates · ↑ history</span>
      </Show>
    </div>
  );
}

export function ConsolePanel() {
  const view = useSelect(currentConsole);
  const [shown, setShown] = createSignal(SHOWN);
  const entries = createMemo(() => view().entries.slice(-shown()));
  const hidden = () => view().entries.length - entries().length;
  let list: HTMLDivElement | undefined;
  let lines: HTMLDivElement | undefined;
  let sticks = true;
  let last = 0;
  /** Who looked at the newest line goes on doing so, whatever grows or gets narrower. */
  const stick = () => {
    if (sticks) list?.scrollTo({ top: list.scrollHeight });
  };
  const scrolled = () => {
    if (list === undefined) return;
    const { scrollTop, scrollHeight, clientHeight } = list;
    // Only upwards is the user's doing: what is added below moves nothing.
    if (scrollHeight - scrollTop - clientHeight < 30) sticks = true;
    else if (scrollTop < last) sticks = false;
    last = scrollTop;
  };
  createEffect(on(entries, () => queueMicrotask(stick)));
  onMount(() => {
    const resized = new ResizeObserver(stick);
    for (const part of [list, lines]) if (part !== undefined) resized.observe(part);
    onCleanup(() => resized.disconnect());
  });
  return (
    <div class="panel" role="tabpanel" aria-label="Console" data-testid="panel-console">
      <div class="con" role="log" aria-label="Console" tabindex="0" ref={list} onScroll={scrolled}>
        <div ref={lines}>
          <Show when={view().dropped > 0 || hidden() > 0}>
            <div class="cl note">
              <span />
              <span class="tx">
                {view().dropped > 0
                  ? `${view().dropped.toLocaleString("en").replaceAll(",", "\u2009")} older lines were dropped. `
                  : ""}
                <Show when={hidden() > 0}>
                  <button type="button" class="link" onClick={() => setShown(shown() + SHOWN)}>
                    Show {Math.min(hidden(), SHOWN)} earlier lines
                  </button>
                </Show>
              </span>
            </div>
          </Show>
          <Show when={view().entries.length === 0}>
            <p class="empty">What the program prints shows here, and what you evaluate while it is stopped.</p>
          </Show>
          <Each list={entries()} key={(entry) => entry.id}>
            {(entry) => <Entry entry={entry()} />}
          </Each>
        </div>
      </div>
      <Prompt />
    </div>
  );
}
