// The open files as tabs: middle click closes, a small arrow marks the one where the program is.

import { Show } from "solid-js";
import { pointers } from "../model/selectors";
import { moveInTabs } from "./arrows";
import { command, tip } from "./commands";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { Each, useModel, useSelect, useUi } from "./use";

export function FileTabs() {
  const model = useModel();
  const ui = useUi();
  const tabs = useSelect((state) => state.tabs.flatMap((key) => state.documents[key] ?? []));
  const active = useSelect((state) => state.active);
  const withPointer = useSelect(
    (state) => state.tabs.find((key) => pointers(state, key).some((one) => one.kind !== "frame")) ?? null,
  );
  const showCurrent = useSelect((state) => tip(command("showCurrent"), state));
  const nothingCurrent = useSelect((state) => command("showCurrent").unless(state) !== null);
  const keys = (event: KeyboardEvent, key: string) => {
    if (moveInTabs(event) || event.key !== "Delete") return;
    event.preventDefault();
    const strip = (event.currentTarget as Element).closest("[role=tablist]");
    model.files.close(key);
    // The keyboard stays in the strip as long as there is one.
    queueMicrotask(() => strip?.querySelector<HTMLElement>("[aria-selected=true]")?.focus());
  };
  return (
    <Show when={tabs().length > 0}>
      <div class="tabs">
        <div class="strip" role="tablist" aria-label="Open files">
          <Each list={tabs()} key={(one) => one.key}>
            {(one) => (
              <div
                class="tab"
                role="presentation"
                classList={{ on: active() === one().key }}
                onAuxClick={(event) => {
                  if (event.button === 1) model.files.close(one().key);
                }}
                ref={(element) => {
                  queueMicrotask(() => element.scrollIntoView?.({ block: "nearest", inline: "nearest" }));
                }}
              >
                <button
                  type="button"
                  class="name"
                  role="tab"
                  aria-selected={active() === one().key}
                  tabindex={active() === one().key ? 0 : -1}
                  title={one().path || one().name}
                  aria-keyshortcuts="Delete"
                  data-testid="tab"
                  onClick={() => model.files.activate(one().key)}
                  onKeyDown={(event) => keys(event, one().key)}
                >
                  <Icon
                    name={withPointer() === one().key ? "arrow" : "file"}
                    class={withPointer() === one().key ? "here" : ""}
                  />
                  {one().name}
                </button>
                {/* For the pointer; the keyboard has Delete on the tab. */}
                <span
                  class="x"
                  aria-hidden="true"
                  data-testid="tab-close"
                  title={`Close ${one().name} (Delete)`}
                  onClick={() => model.files.close(one().key)}
                >
                  <Icon name="close" class="i12" />
                </span>
              </div>
            )}
          </Each>
        </div>
        <div class="end">
          <IconButton
            icon="stopped"
            label={showCurrent()}
            disabled={nothingCurrent()}
            run={() => command("showCurrent").run(model, ui)}
          />
        </div>
      </div>
    </Show>
  );
}
