// The status bar: the hub, the interpreter, the keys that help now, the cursor.

import { Show } from "solid-js";
import { currentSession, isStopped } from "../model/selectors";
import { useSelect } from "./use";

export function Foot() {
  const link = useSelect((state) => state.link.kind);
  const info = useSelect(currentSession);
  const stopped = useSelect(isStopped);
  const cursor = useSelect((state) => (state.active === null ? null : state.cursor));
  const words = () => {
    switch (link()) {
      case "open":
        return `Hub ${location.host}`;
      case "connecting":
        return `Connecting to ${location.host}`;
      case "lost":
        return `Hub ${location.host} does not answer`;
      case "refused":
        return `Hub ${location.host} did not let this page in`;
    }
  };
  return (
    <footer class="foot">
      <span>
        <span class="dot" />
        {words()}
      </span>
      <Show when={info()?.python}>
        {(python) => (
          <span class="wide cut" title={python().executable}>
            {python().implementation} {python().version} · {python().executable}
          </span>
        )}
      </Show>
      <span class="end">
        <span>
          <kbd>F9</kbd> breakpoint
        </span>
        <Show when={stopped()}>
          <span>
            <kbd>Ctrl F10</kbd> run to line
          </span>
          <span class="wide">
            <kbd>Alt ↑ ↓</kbd> frame
          </span>
        </Show>
        <span class="wide">
          <kbd>F1</kbd> all keys
        </span>
        <Show when={cursor()}>
          {(at) => (
            <span class="num mid">
              Ln {at().line}, Col {at().column}
            </span>
          )}
        </Show>
      </span>
    </footer>
  );
}
