// The workspace's files, folder by folder, with the number of breakpoints in each.

import { createMemo, For, Show } from "solid-js";
import { baseName } from "../model/paths";
import type { State } from "../model/state";
import { moveInTree } from "./arrows";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { Each, useModel, useSelect, useUi } from "./use";

interface FileRow {
  path: string;
  name: string;
  depth: number;
  folder: boolean;
  open: boolean;
  note: string | null;
}

function fileRows(state: State): FileRow[] {
  const rows: FileRow[] = [];
  const walk = (path: string, depth: number) => {
    const folder = state.folders[path];
    const note = (text: string) =>
      rows.push({ path: `${path}/\n${text}`, name: text, depth, folder: false, open: false, note: text });
    if (folder === undefined || (folder.status === "loading" && folder.entries.length === 0)) {
      note("loading");
      return;
    }
    if (folder.error !== null) note(folder.error);
    for (const entry of folder.entries) {
      const child = `${path}/${entry.name}`;
      const open = state.openFolders[child] === true;
      rows.push({ path: child, name: entry.name, depth, folder: entry.folder, open, note: null });
      if (entry.folder && open) walk(child, depth + 1);
    }
    if (folder.status === "loaded" && folder.entries.length === 0) note("empty");
    if (folder.truncated) note("more files than are shown");
  };
  const root = state.workspace?.path;
  if (root === undefined) return rows;
  const open = state.openFolders[root] === true;
  rows.push({ path: root, name: baseName(root) || root, depth: 0, folder: true, open, note: null });
  if (open) walk(root, 1);
  return rows;
}

export function FileTree() {
  const model = useModel();
  const ui = useUi();
  const rows = useSelect(fileRows, (a, b) => a.length === b.length && a.every((row, i) => sameRow(row, b[i])));
  const active = useSelect((state) => state.active);
  const wishes = useSelect((state) => state.breakpoints.wishes);
  const counts = createMemo(() => {
    const byPath = new Map<string, number>();
    for (const wish of wishes()) byPath.set(wish.path, (byPath.get(wish.path) ?? 0) + 1);
    return byPath;
  });
  const act = (row: FileRow, focus: boolean) => {
    if (row.note !== null) return;
    if (row.folder) model.files.toggleFolder(row.path, !row.open);
    else {
      model.files.open(row.path, null, focus);
      // In a narrow window the tree lies over what was just opened.
      model.store.dispatch({ type: "layout", change: { leftOpen: false, phone: "source" } });
    }
  };
  const keys = (event: KeyboardEvent, row: FileRow) => {
    if (moveInTree(event, row.folder ? row.open : null, () => act(row, false))) return;
    if (event.key !== "Enter" && event.key !== " ") return;
    act(row, true);
    event.preventDefault();
  };
  return (
    <section class="sec files" data-testid="panel-files" data-region aria-label="Workspace">
      <header>
        <h2>Workspace</h2>
        <span class="grow" />
        <IconButton icon="refresh" label="Read the folders again" run={() => model.files.refreshFolders()} />
        <IconButton icon="fold" label="Collapse all" run={() => model.store.dispatch({ type: "collapseFolders" })} />
      </header>
      <div class="find">
        <Icon name="search" class="i12" />
        <button type="button" class="as-input" onClick={() => ui.setDialog("files")}>
          Go to file
        </button>
        <kbd>Ctrl P</kbd>
      </div>
      <ul class="body tree" role="tree" aria-label="Files">
        <Each list={rows()} key={(row) => row.path}>
          {(row, index) => (
            <li
              class="row"
              classList={{ py: /\.pyi?$/.test(row().name), sel: active() === row().path, dim: row().note !== null }}
              style={{ "--depth": row().depth }}
              role="treeitem"
              aria-level={row().depth + 1}
              aria-expanded={row().folder ? row().open : undefined}
              aria-selected={active() === row().path}
              tabindex={index() === 0 ? 0 : -1}
              title={row().note === null ? row().path : row().name}
              data-row={row().note === "loading" ? undefined : ""}
              data-testid="row"
              onClick={() => act(row(), false)}
              onKeyDown={(event) => keys(event, row())}
            >
              <Show when={row().folder} fallback={<span class="tw" />}>
                <Icon name={row().open ? "down" : "right"} class="tw" />
              </Show>
              <Show when={row().note === null}>
                <Icon name={row().folder ? "folder" : "file"} class="kind" />
              </Show>
              <span class="cut">{row().name}</span>
              <For each={counts().has(row().path) ? [counts().get(row().path)] : []}>
                {(count) => (
                  <span class="marks num" title={`${count} breakpoint${count === 1 ? "" : "s"}`}>
                    <Icon name="mark-on" class="i12" />
                    {count}
                  </span>
                )}
              </For>
            </li>
          )}
        </Each>
      </ul>
    </section>
  );
}

function sameRow(a: FileRow, b: FileRow | undefined): boolean {
  return b !== undefined && a.path === b.path && a.open === b.open && a.depth === b.depth;
}
