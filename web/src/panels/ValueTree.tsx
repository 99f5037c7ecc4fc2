// Values as rows of a tree: used by variables, watch, console results and the hover card.

import { createMemo, createSignal, Show } from "solid-js";
import type { Variable } from "../debugger/data";
import { isStopped } from "../model/selectors";
import type { TreeRow } from "../model/tree";
import { moveInTree } from "./arrows";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { copy, type MenuItem } from "./ui";
import { Each, useModel, useSelect, useUi } from "./use";

/** Colours scalars as the source view does; by type where it is known, else by look. */
export function valueClass(variable: Variable): string {
  if (variable.type === "str" || variable.type === "bytes") return "v-s";
  if (["int", "float", "complex"].includes(variable.type)) return "v-n";
  if (variable.type === "bool" || variable.type === "NoneType") return "v-k";
  return /^-?\d[\d_.]*(e[+-]?\d+)?$/.test(variable.value) ? "v-n" : "";
}

function VariableRow(props: { row: TreeRow & { kind: "variable" }; editable: boolean; stale: boolean }) {
  const model = useModel();
  const ui = useUi();
  const [editing, setEditing] = createSignal(false);
  const [fault, setFault] = createSignal<string | null>(null);
  const variable = () => props.row.variable;
  const editable = () => props.editable && !variable().readOnly && variable().parent > 0 && !props.stale;
  const edit = () => {
    if (!editable()) return;
    setFault(null);
    setEditing(true);
  };
  const save = async (text: string) => {
    setEditing(false);
    if (text === variable().value) return;
    setFault(await model.values.assign(props.row.parent, variable(), text));
  };
  const menu = (event: MouseEvent) => {
    const { expression } = variable();
    const items: MenuItem[] = [
      { label: "Copy value", keys: "Ctrl-C", run: () => void model.values.copyText(variable()).then(copy) },
      { label: "Copy name", run: () => void copy(variable().name) },
      { label: "Copy expression", disabled: expression === null, run: () => void copy(expression ?? "") },
      { label: "Add to watch", disabled: expression === null, run: () => model.values.addWatch(expression ?? "") },
      "line",
      { label: "Set value", keys: "F2", disabled: !editable(), run: edit },
    ];
    ui.openMenu(event, "Variable", items);
  };
  return (
    <>
      <div
        class="row vr"
        classList={{ chg: props.row.changed && !props.stale, bad: variable().error }}
        style={{ "--depth": props.row.depth }}
        data-name={variable().name}
        title={variable().type === "" ? variable().value : `${variable().type}: ${variable().value}`}
        onDblClick={edit}
        onContextMenu={menu}
        role="presentation"
      >
        <span class="nm">
          <Show when={props.row.expanded !== null} fallback={<span class="tw" />}>
            <Icon name={props.row.expanded ? "down" : "right"} class="tw" />
          </Show>
          <span class="cut">{variable().name}</span>
        </span>
        <Show
          when={editing()}
          fallback={
            <Show
              when={!variable().lazy}
              fallback={
                <button
                  type="button"
                  class="lazy cut"
                  title="Runs code of the program"
                  onClick={() => void model.values.reveal(props.row.parent, variable())}
                >
                  show value
                </button>
              }
            >
              <span class="va cut">
                <span class={valueClass(variable())}>{variable().value}</span>
                <Show when={props.row.changed && !props.stale ? props.row.was : null}>
                  {(was) => <span class="was">was {was()}</span>}
                </Show>
                <Show when={props.row.changed && !props.stale}>
                  <span class="sr">, changed</span>
                </Show>
              </span>
            </Show>
          }
        >
          <input
            value={variable().value}
            aria-label={`New value of ${variable().name}`}
            ref={(input) => queueMicrotask(() => input.select())}
            onKeyDown={(event) => {
              event.stopPropagation();
              if (event.key === "Enter") void save(event.currentTarget.value);
              else if (event.key === "Escape") setEditing(false);
            }}
            onBlur={() => setEditing(false)}
          />
        </Show>
        <span class="ty cut">{variable().type}</span>
      </div>
      <Show when={fault()}>
        {(text) => (
          <div class="row fault" role="alert" style={{ "--depth": props.row.depth }}>
            <span>Not set: {text()}</span>
            <IconButton icon="close" label="Close" size="i12" run={() => setFault(null)} />
          </div>
        )}
      </Show>
    </>
  );
}

function Content(props: { row: TreeRow; editable: boolean; stale: boolean }) {
  const kind = createMemo(() => props.row.kind);
  const content = createMemo(() => {
    switch (kind()) {
      case "variable":
        return (
          <VariableRow
            row={props.row as TreeRow & { kind: "variable" }}
            editable={props.editable}
            stale={props.stale}
          />
        );
      case "scope": {
        const scope = () => (props.row as TreeRow & { kind: "scope" }).scope;
        return (
          <div class="row scope">
            <Icon name={props.row.expanded ? "down" : "right"} class="tw" />
            <span>{scope().name}</span>
            <span class="dim num n">{scope().count ?? ""}</span>
          </div>
        );
      }
      case "page": {
        const page = () => props.row as TreeRow & { kind: "page" };
        return (
          <div class="row page" style={{ "--depth": props.row.depth }}>
            <Icon name={props.row.expanded ? "down" : "right"} class="tw" />
            <span class="num">
              [{page().from}…{page().to}]
            </span>
          </div>
        );
      }
      case "note": {
        const note = () => props.row as TreeRow & { kind: "note" };
        return (
          <div class="row note" classList={{ error: note().tone === "error" }} style={{ "--depth": props.row.depth }}>
            <span class="cut" title={note().text}>
              {note().text}
            </span>
          </div>
        );
      }
    }
  });
  return <>{content()}</>;
}

/** What stands there until values come: the keyboard does not go to what is about to vanish. */
const isPassing = (row: TreeRow) => row.kind === "note" && row.tone === "loading";

export function ValueTree(props: {
  rows: TreeRow[];
  label: string;
  editable: boolean;
  /** It stands below a row of another tree, and is a part of that. */
  nested?: boolean;
}) {
  const model = useModel();
  const stale = useSelect((state) => !isStopped(state));
  const toggle = (row: TreeRow) => model.values.toggle(row);
  const click = (event: MouseEvent, row: TreeRow) => {
    const onControl = event.target instanceof Element && event.target.closest("input, button") !== null;
    if (!onControl && event.detail < 2) toggle(row);
  };
  const keys = (event: KeyboardEvent, row: TreeRow) => {
    if (event.target !== event.currentTarget) return;
    if (moveInTree(event, row.expanded, () => toggle(row))) return;
    if (event.key === "c" && (event.ctrlKey || event.metaKey) && row.kind === "variable") {
      void model.values.copyText(row.variable).then(copy);
    } else if (event.key === "Enter" || event.key === "F2") {
      const inner = (event.currentTarget as Element).firstElementChild;
      if (row.kind === "variable" && (event.key === "F2" || row.expanded === null)) {
        inner?.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
      } else toggle(row);
    } else return;
    event.preventDefault();
  };
  return (
    <ul class="body" role={props.nested ? "group" : "tree"} aria-label={props.label}>
      <Each list={props.rows} key={(row) => `${row.kind} ${row.path}`}>
        {(row, index) => (
          <li
            role="treeitem"
            aria-level={row().depth + 1}
            aria-expanded={row().expanded ?? undefined}
            tabindex={index() === 0 && !props.nested ? 0 : -1}
            data-row={isPassing(row()) ? undefined : ""}
            data-testid={row().kind === "variable" ? "row" : `row-${row().kind}`}
            onClick={(event) => click(event, row())}
            onKeyDown={(event) => keys(event, row())}
          >
            <Content row={row()} editable={props.editable} stale={stale()} />
          </li>
        )}
      </Each>
    </ul>
  );
}
