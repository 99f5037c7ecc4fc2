// The breakpoints of the workspace by file, their switches, and on which exceptions to stop.

import { createMemo, For, Show } from "solid-js";
import { baseName } from "../model/paths";
import { type Mark, marks } from "../model/selectors";
import type { ExceptionBreakpointsFilter } from "../socket/generated/ExceptionBreakpointsFilter";
import { BreakpointRow } from "./BreakpointRow";
import { command, tip } from "./commands";
import { IconButton } from "./IconButton";
import { Each, useModel, useSelect, useUi } from "./use";

/** Offered before a program said what it can do. */
const DEFAULT_FILTERS: ExceptionBreakpointsFilter[] = [
  { filter: "uncaught", label: "Uncaught", description: "ends the program" },
];

/** Where the name of a function is typed: Enter makes a breakpoint, Escape none. */
function FunctionName() {
  const model = useModel();
  const ui = useUi();
  const close = () => ui.setNamesFunction(false);
  return (
    <li class="row bp-name">
      <input
        placeholder="Cart.total"
        aria-label="Function to stop at"
        title="A function, Class.method, or module:Class.method"
        data-testid="bp-function-name"
        spellcheck={false}
        autocomplete="off"
        ref={(input) => queueMicrotask(() => input.focus())}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key !== "Enter" && event.key !== "Escape") return;
          if (event.key === "Enter") model.breakpoints.addFunction(event.currentTarget.value);
          close();
        }}
        onBlur={close}
      />
    </li>
  );
}

export function BreakpointsPanel() {
  const model = useModel();
  const ui = useUi();
  const adds = useSelect((state) => tip(command("functionBreakpoint"), state));
  const cannotAdd = useSelect((state) => command("functionBreakpoint").unless(state) !== null);
  const all = useSelect(marks);
  const active = useSelect((state) => state.breakpoints.active);
  const on = useSelect((state) => state.filters);
  const known = useSelect((state) => state.order.map((id) => state.sessions[id]).findLast((one) => one?.capabilities));
  const filters = () => known()?.capabilities?.exceptionBreakpointFilters ?? DEFAULT_FILTERS;
  const groups = createMemo(() => {
    const byPath = new Map<string, Mark[]>();
    for (const mark of all()) byPath.set(mark.wish.path, [...(byPath.get(mark.wish.path) ?? []), mark]);
    // Functions have no file, and no line that anybody asked for: they stay in the order in which they were made.
    const inOrder = (path: string, list: Mark[]) => (path === "" ? list : list.sort((a, b) => a.line - b.line));
    const files = [...byPath].map(([path, list]) => ({ path, list: inOrder(path, list) }));
    return files.sort((a, b) => Number(a.path === "") - Number(b.path === ""));
  });
  return (
    <section class="sec fill panel-breakpoints" data-testid="panel-breakpoints" data-region aria-label="Breakpoints">
      <header>
        <h2>Breakpoints</h2>
        <span class="n num">{all().length === 0 ? "" : all().length}</span>
        <span class="grow" />
        <IconButton
          icon="plus"
          label={adds()}
          testId="bp-add-function"
          disabled={cannotAdd()}
          run={() => ui.setNamesFunction(true)}
        />
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
        when={all().length > 0 || ui.namesFunction()}
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
                <li class="row" title={group().path || "Stop where a function begins"}>
                  <span class="cut">{baseName(group().path) || "Functions"}</span>
                  <span class="dim num">{group().list.length}</span>
                </li>
                <Each list={group().list} key={(mark) => mark.wish.id}>
                  {(mark, index) => <BreakpointRow mark={mark()} first={at() === 0 && index() === 0} />}
                </Each>
              </>
            )}
          </Each>
          <Show when={ui.namesFunction()}>
            <FunctionName />
          </Show>
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
