// Watch expressions: evaluated at each stop and for each selected frame; shared by all who look at the program.

import { createMemo, createSignal, Show } from "solid-js";
import { features, isStopped } from "../model/selectors";
import type { WatchValue } from "../model/state";
import { ownLoad, type TreeRow, valueRows, watchPath } from "../model/tree";
import { moveInTree } from "./arrows";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { copy } from "./ui";
import { Each, useModel, useSelect, useUi } from "./use";
import { ValueTree, valueClass } from "./ValueTree";

interface WatchRow {
  index: number;
  expression: string;
  value: WatchValue | null;
}

function Editor(props: { value: string; label: string; inTree?: boolean; save(text: string): void; close(): void }) {
  return (
    <div class="row watch-edit" role={props.inTree ? "treeitem" : undefined} aria-level={props.inTree ? 1 : undefined}>
      <input
        value={props.value}
        placeholder="len(rows)"
        aria-label={props.label}
        spellcheck={false}
        ref={(input) => queueMicrotask(() => input.select())}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === "Enter") props.save(event.currentTarget.value);
          else if (event.key === "Escape") props.close();
        }}
        onBlur={() => props.close()}
      />
    </div>
  );
}

export function WatchPanel() {
  const model = useModel();
  const ui = useUi();
  const [editing, setEditing] = createSignal<number | null>(null);
  const watches = useSelect((state) => state.watches);
  const values = useSelect((state) => state.watchValues);
  const stopped = useSelect(isStopped);
  const hasStop = useSelect((state) => state.stop !== null);
  const editable = useSelect((state) => features(state).updateWatchedVariables);
  const tree = useSelect((state) => state.tree);
  const expanded = useSelect((state) => state.expanded);
  const rows = createMemo(() =>
    watches().map((expression, index): WatchRow => {
      const value = values()[index];
      return { index, expression, value: value?.expression === expression ? value : null };
    }),
  );
  /** Where the expression stands now: others change the list, too, while a menu or an editor of one is open. */
  const place = (row: WatchRow): number =>
    watches()[row.index] === row.expression ? row.index : watches().indexOf(row.expression);
  const set = (row: WatchRow, text: string) => {
    setEditing(null);
    const index = place(row);
    if (index < 0) return;
    const next = [...watches()];
    if (text.trim() === "") next.splice(index, 1);
    else next[index] = text.trim();
    model.values.setWatches(next);
  };
  const remove = (row: WatchRow) => {
    const index = place(row);
    if (index >= 0) model.values.setWatches(watches().filter((_, at) => at !== index));
  };
  const move = (row: WatchRow, by: number) => {
    const index = place(row);
    if (index < 0) return;
    const next = [...watches()];
    const [one] = next.splice(index, 1);
    if (one !== undefined) next.splice(Math.max(0, index + by), 0, one);
    model.values.setWatches(next);
  };
  const path = (row: WatchRow) => watchPath(row.index, row.expression);
  const isOpen = (row: WatchRow) =>
    row.value?.variable != null && row.value.variable.ref > 0 && expanded()[path(row)] === true;
  const toggle = (row: WatchRow) => {
    const variable = row.value?.variable;
    if (variable == null || variable.ref === 0) return;
    model.values.toggle({ path: path(row), expanded: isOpen(row), load: ownLoad(variable) });
  };
  const children = (row: WatchRow): TreeRow[] => {
    const variable = row.value?.variable;
    const list: TreeRow[] = [];
    if (variable != null) valueRows({ tree: tree(), expanded: expanded() }, path(row), variable, 1, list);
    return list;
  };
  const copyValue = (row: WatchRow) => {
    if (row.value?.variable != null) void model.values.copyText(row.value.variable).then(copy);
  };
  const keys = (event: KeyboardEvent, row: WatchRow) => {
    if (event.target !== event.currentTarget) return;
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) return;
    const open = (row.value?.variable?.ref ?? 0) > 0 ? isOpen(row) : null;
    if (moveInTree(event, open, () => toggle(row))) return;
    if (event.key === "Enter" || event.key === "F2") setEditing(row.index);
    else if (event.key === "Delete") remove(row);
    else if (event.key === "c" && (event.ctrlKey || event.metaKey)) copyValue(row);
    else return;
    event.preventDefault();
  };
  const menu = (event: MouseEvent, row: WatchRow) =>
    ui.openMenu(event, "Watch", [
      { label: "Edit expression", keys: "F2", run: () => setEditing(row.index) },
      { label: "Remove", keys: "Delete", run: () => remove(row) },
      {
        label: "Copy value",
        keys: "Ctrl-C",
        disabled: row.value?.variable == null,
        run: () => copyValue(row),
      },
      "line",
      { label: "Move up", disabled: row.index === 0, run: () => move(row, -1) },
      { label: "Move down", disabled: row.index === watches().length - 1, run: () => move(row, 1) },
    ]);
  const text = (row: WatchRow): string => {
    if (!stopped() && !hasStop()) return "not evaluated";
    if (row.value === null) return "";
    if (row.value.error !== null) return row.value.error;
    return row.value.variable?.value ?? "evaluating";
  };
  return (
    <section class="sec watch panel-watch" data-testid="panel-watch" data-region aria-label="Watch">
      <header>
        <h2>Watch</h2>
        <span class="grow" />
        <IconButton icon="plus" label="Add an expression" testId="watch-add" run={() => setEditing(watches().length)} />
      </header>
      <div class="body">
        <Show when={watches().length === 0 && editing() === null}>
          <p class="empty">
            Expressions that you add here are evaluated at each stop, for example <code>len(rows)</code>.
          </p>
        </Show>
        <Show when={rows().length > 0}>
          <div role="tree" aria-label="Watch expressions">
            <Each list={rows()} key={(row) => row.index}>
              {(row, index) => (
                <Show
                  when={editing() !== row().index}
                  fallback={
                    <Editor
                      value={row().expression}
                      label="Watch expression"
                      inTree={true}
                      save={(value) => set(row(), value)}
                      close={() => setEditing(null)}
                    />
                  }
                >
                  <div
                    class="row vr"
                    classList={{ bad: row().value?.error != null, idle: !hasStop() }}
                    role="treeitem"
                    aria-level={1}
                    aria-expanded={row().value?.variable?.ref ? isOpen(row()) : undefined}
                    aria-label={`${row().expression}: ${text(row())}`}
                    tabindex={index() === 0 ? 0 : -1}
                    data-row
                    data-testid="row"
                    data-name={row().expression}
                    title={`${row().expression} = ${text(row())}`}
                    onClick={() => toggle(row())}
                    onDblClick={() => setEditing(row().index)}
                    onContextMenu={(event) => menu(event, row())}
                    onKeyDown={(event) => keys(event, row())}
                  >
                    <span class="nm">
                      <Show when={(row().value?.variable?.ref ?? 0) > 0} fallback={<span class="tw" />}>
                        <Icon name={isOpen(row()) ? "down" : "right"} class="tw" />
                      </Show>
                      <span class="cut">{row().expression}</span>
                    </span>
                    <span class="va cut">
                      <span class={row().value?.variable ? valueClass(row().value?.variable as never) : ""}>
                        {text(row())}
                      </span>
                    </span>
                    <span class="ty cut">{row().value?.error == null ? (row().value?.variable?.type ?? "") : ""}</span>
                  </div>
                  <Show when={isOpen(row())}>
                    <ValueTree rows={children(row())} label={row().expression} editable={editable()} nested={true} />
                  </Show>
                </Show>
              )}
            </Each>
          </div>
        </Show>
        <Show
          when={editing() === watches().length}
          fallback={
            <button type="button" class="row add" data-testid="watch-new" onClick={() => setEditing(watches().length)}>
              <Icon name="plus" class="i12" />
              <span>Add an expression</span>
            </button>
          }
        >
          <Editor
            value=""
            label="New watch expression"
            save={(value) => {
              setEditing(null);
              model.values.addWatch(value);
            }}
            close={() => setEditing(null)}
          />
        </Show>
      </div>
    </section>
  );
}
