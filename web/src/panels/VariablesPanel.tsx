// The variables of the selected frame: lazy, paged, editable, with what changed since the last stop marked.

import { createMemo, createSignal, Show } from "solid-js";
import { features, phase } from "../model/selectors";
import { scopeRows, type TreeRow } from "../model/tree";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { useModel, useSelect } from "./use";
import { ValueTree } from "./ValueTree";

/** Rows whose name or value has the text, with the scopes and nodes above them. */
function matching(rows: TreeRow[], text: string): TreeRow[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return rows;
  const hits = rows.filter(
    (row) =>
      row.kind === "variable" &&
      (row.variable.name.toLowerCase().includes(wanted) || row.variable.value.toLowerCase().includes(wanted)),
  );
  return rows.filter((row) => hits.some((hit) => hit.path === row.path || hit.path.startsWith(`${row.path}\n`)));
}

export function VariablesPanel() {
  const model = useModel();
  const tree = useSelect((state) => state.tree);
  const expanded = useSelect((state) => state.expanded);
  const is = useSelect(phase);
  const editable = useSelect((state) => features(state).updateScopeVariables);
  const [find, setFind] = createSignal("");
  const all = createMemo(() => scopeRows({ tree: tree(), expanded: expanded() }));
  const rows = createMemo(() => matching(all(), find()));
  const changed = createMemo(() => all().filter((row) => row.kind === "variable" && row.changed).length);
  return (
    <section class="sec fill vars" data-testid="panel-vars" data-region aria-label="Variables">
      <header>
        <h2>Variables</h2>
        <span class="n cut">{changed() === 0 ? "" : `${changed()} changed since the last stop`}</span>
        <span class="grow" />
        <IconButton
          icon="fold"
          label="Collapse all"
          run={() => model.store.dispatch({ type: "collapseAll", prefix: "s:" })}
        />
      </header>
      <Show
        when={tree().scopes.length > 0}
        fallback={
          <p class="empty">
            Variables show when the program stops.
            <Show when={is() === "running"} fallback=" Values that changed since the last stop are marked.">
              <br />
              Press <kbd>F6</kbd> to pause it now, or click left of a line number to stop there.
            </Show>
          </p>
        }
      >
        <label class="find">
          <Icon name="search" class="i12" />
          <span class="sr">Find a name or value</span>
          <input
            placeholder="Find a name or value"
            value={find()}
            onInput={(event) => setFind(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Escape") setFind("");
            }}
          />
        </label>
        <ValueTree rows={rows()} label="Variables" editable={editable()} />
      </Show>
    </section>
  );
}
