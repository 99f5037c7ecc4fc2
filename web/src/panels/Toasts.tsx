// Short messages at the lower right: always with what happened, never for a stop. Errors stay until they are closed.

import { createEffect, onCleanup, Show } from "solid-js";
import type { Toast } from "../model/state";
import { command } from "./commands";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { Each, useModel, useSelect, useUi } from "./use";

const SHOWN_MS = 6000;

function One(props: { toast: Toast }) {
  const model = useModel();
  const ui = useUi();
  const close = () => model.store.dispatch({ type: "dismissToast", id: props.toast.id });
  createEffect(() => {
    if (props.toast.tone === "error") return;
    const timer = setTimeout(close, SHOWN_MS);
    onCleanup(() => clearTimeout(timer));
  });
  return (
    <div
      class="toast"
      classList={{ error: props.toast.tone === "error" }}
      role={props.toast.tone === "error" ? "alert" : "status"}
      data-testid="toast"
    >
      <Icon name={props.toast.tone === "error" ? "warning" : "done"} class="i14" />
      <p class="grow">{props.toast.text}</p>
      <Show when={props.toast.action}>
        {(action) => (
          <button
            type="button"
            class="btn"
            onClick={() => {
              command(action().command).run(model, ui);
              close();
            }}
          >
            {action().label}
          </button>
        )}
      </Show>
      <IconButton icon="close" label="Close" size="i12" run={close} />
    </div>
  );
}

export function Toasts() {
  const toasts = useSelect((state) => state.toasts);
  return (
    <div class="toasts">
      <Each list={toasts()} key={(toast) => toast.id}>
        {(toast) => <One toast={toast()} />}
      </Each>
    </div>
  );
}
