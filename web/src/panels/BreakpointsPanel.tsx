// The breakpoints of the workspace by file, their switches, and on which exceptions to stop.

import { createMemo, For, Show } from "solid-js";
import { baseName } from "../model/paths";
import { type Mark, marks, markWords } from "../model/selectors";
import type { ExceptionBreakpointsFilter } from "../socket/generated/ExceptionBreakpointsFilter";
import { moveInList } from "./arrows";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { Each, useModel, useSelect, useUi } from "./use";

/** Offered before a program said what it can do. */
const DEFAULT_FILTERS: ExceptionBreakpointsFilter[] = [
  { filter: "uncaught", label: "Uncaught", description: "ends the program" },
];

/** What a row shows beside its line: what makes it special, else the line's text. */
function What(props: { mark: Mark }) {
  const wish = () => props.mark.wish;
  const trouble = () => (props.mark.kind === "off" ? null : props.mark.message);
  const moved = () => props.mark.asked !== props.mark.line;
  const special = () => {
    const { condition, hitCondition, logMessage } = wish();
    return [logMessage, condition, hitCondition === undefined || hitCondition === "" ? "" : `hit ${hitCondition}`]
      .filter((text) => text !== undefined && text !== "")
      .join(" · ");
  };
  return (
    <Show
      when={trouble()}
      fallback={
        <span class="what cut">
          <Show when={special()} fallback={wish().text ?? ""}>
            {(text) => <b>{text()}</b>}
          </Show>
        </span>
      }
    >
      {(text) => (
        <span class="what cut">
          <Show when={special()}>{(words) => <b>{words()} </b>}</Show>
          <span class="why" classList={{ bad: !moved() && props.mark.kind !== "unverified" }}>
            {text()}
          </span>
        </span>
      )}
    </Show>
  );
}

function BreakpointRow(props: { mark: Mark; first: boolean }) {
  const model = useModel();
  const ui = useUi();
  const wish = () => props.mark.wish;
  const own = () => wish().owner === undefined;
  const open = (focus: boolean) => {
    model.files.open(wish().path, props.mark.line, focus);
    model.store.dispatch({ type: "layout", change: { leftOpen: false, phone: "source" } });
  };
  const remove = () => model.breakpoints.remove([wish().id]);
  const setEnabled = (enabled: boolean) => model.breakpoints.change({ id: wish().id, enabled });
  const edit = () => {
    open(false);
    model.breakpoints.edit(wish().path, props.mark.line);
  };
  const all = (enabled: boolean) => {
    for (const one of model.store.get().breakpoints.wishes) {
      if (one.owner === undefined && one.enabled !== enabled) model.breakpoints.change({ id: one.id, enabled });
    }
  };
  const menu = (event: MouseEvent) =>
    ui.openMenu(event, "Breakpoint", [
      { label: "Remove breakpoint", keys: "Delete", disabled: !own(), run: remove },
      { label: "Edit condition", disabled: !own(), run: edit },
      "line",
      { label: "Enable all breakpoints", run: () => all(true) },
      { label: "Disable all breakpoints", run: () => all(false) },
      { label: "Remove all breakpoints", run: () => model.breakpoints.removeAll() },
    ]);
  const keys = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget && event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    if (moveInList(event)) return;
    if (event.key === "Enter") open(true);
    else if (event.key === " ") setEnabled(!wish().enabled);
    else if (event.key === "Delete") remove();
    else if (event.key === "F2") edit();
    else return;
    event.preventDefault();
  };
  return (
    <li
      class="row bpr"
      classList={{ off: props.mark.kind === "off" }}
      data-testid="row"
      data-row
      tabindex={props.first ? 0 : -1}
      title={markWords(props.mark)}
      onClick={() => open(false)}
      onContextMenu={menu}
      onKeyDown={keys}
    >
      <input
        type="checkbox"
        class="check"
        checked={wish().enabled}
        disabled={!own()}
        aria-label={`Line ${props.mark.line} enabled`}
        onClick={(event) => {
          event.stopPropagation();
          setEnabled(event.currentTarget.checked);
        }}
      />
      <Icon name={`mark-${props.mark.kind}`} class={`mark m-${props.mark.kind}`} />
      <span class="ln-no num">{props.mark.line}</span>
      <What mark={props.mark} />
      <Show when={own()} fallback={<span class="badge">{wish().owner}</span>}>
        <IconButton
          icon="close"
          size="i12"
          class="on-hover"
          tabindex={-1}
          label={`Remove breakpoint, line ${props.mark.line}`}
          title="Remove (Delete)"
          run={(event) => {
            event.stopPropagation();
            remove();
          }}
        />
      </Show>
    </li>
  );
}

export function BreakpointsPanel() {
  const model = useModel();
  const all = useSelect(marks);
  const active = useSelect((state) => state.breakpoints.active);
  const on = useSelect((state) => state.filters);
  const known = useSelect((state) => state.order.map((id) => state.sessions[id]).findLast((one) => one?.capabilities));
  const filters = () => known()?.capabilities?.exceptionBreakpointFilters ?? DEFAULT_FILTERS;
  const groups = createMemo(() => {
    const byPath = new Map<string, Mark[]>();
    for (const mark of all()) byPath.set(mark.wish.path, [...(byPath.get(mark.wish.path) ?? []), mark]);
    return [...byPath].map(([path, list]) => ({ path, list: list.sort((a, b) => a.line - b.line) }));
  });
  return (
    <section class="sec fill panel-breakpoints" data-testid="panel-breakpoints" data-region aria-label="Breakpoints">
      <header>
        <h2>Breakpoints</h2>
        <span class="n num">{all().length === 0 ? "" : all().length}</span>
        <span class="grow" />
        <IconButton
          icon="trash"
          label="Remove all breakpoints"
          testId="bp-remove-all"
          disabled={all().length === 0}
          run={() => model.breakpoints.removeAll()}
        />
        <button
          type="button"
          class="switch"
          role="switch"
          data-testid="bp-master"
          aria-checked={active()}
          aria-label="Breakpoints are on"
          title={`All breakpoints ${active() ? "off" : "on"} (Ctrl-F8)`}
          onClick={() => model.breakpoints.activate(!active())}
        />
      </header>
      <Show
        when={all().length > 0}
        fallback={
          <p class="empty" data-testid="bp-empty">
            No breakpoints. Click left of a line number, or press <kbd>F9</kbd> at a line, to stop there.
          </p>
        }
      >
        <ul class="body" aria-label="Breakpoints">
          <Each list={groups()} key={(group) => group.path}>
            {(group, at) => (
              <>
                <li class="row" title={group().path}>
                  <span class="cut">{baseName(group().path)}</span>
                  <span class="dim num">{group().list.length}</span>
                </li>
                <Each list={group().list} key={(mark) => mark.wish.id}>
                  {(mark, index) => <BreakpointRow mark={mark()} first={at() === 0 && index() === 0} />}
                </Each>
              </>
            )}
          </Each>
        </ul>
      </Show>
      <Show when={filters().length > 0}>
        <header class="sub">
          <h2>Stop on exceptions</h2>
        </header>
      </Show>
      <ul class="body" aria-label="Stop on exceptions" data-testid="exception-filters">
        <For each={filters()}>
          {(filter) => (
            <li class="row">
              <input
                type="checkbox"
                class="check"
                id={`filter-${filter.filter}`}
                data-testid={`filter-${filter.filter}`}
                checked={on().includes(filter.filter)}
                onChange={(event) => model.breakpoints.setFilter(filter.filter, event.currentTarget.checked)}
              />
              <label class="cut" for={`filter-${filter.filter}`} title={filter.description}>
                {filter.label}
              </label>
            </li>
          )}
        </For>
      </ul>
    </section>
  );
}
