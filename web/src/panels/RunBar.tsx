// The run control: buttons disable, they never vanish or move.

import { phase } from "../model/selectors";
import { moveInToolbar } from "./arrows";
import { command, tip } from "./commands";
import { Icon } from "./Icon";
import type { IconName } from "./icons";
import { steppingItems } from "./steppingItems";
import { useModel, useSelect, useUi } from "./use";

/** The first slot: what moves the program on, whatever it is doing. */
function usePrimary() {
  const is = useSelect(phase);
  return (): { id: string; testId: string; label: string; icon: IconName; key: string } => {
    switch (is()) {
      case "running":
      case "starting":
        return { id: "pause", testId: "btn-pause", label: "Pause", icon: "pause", key: "F6" };
      case "none":
      case "connecting":
      case "refused":
        return { id: "run", testId: "btn-run", label: "Run", icon: "play", key: "F5" };
      case "ended":
        return { id: "run", testId: "btn-run", label: "Run again", icon: "play", key: "F5" };
      case "stopped":
      case "exception":
      case "away":
        return { id: "continue", testId: "btn-resume", label: "Continue", icon: "play", key: "F5" };
    }
  };
}

function useCommand(id: () => string) {
  const model = useModel();
  const ui = useUi();
  return {
    tip: useSelect((state) => tip(command(id()), state)),
    disabled: useSelect((state) => command(id()).unless(state) !== null),
    run: () => command(id()).run(model, ui),
  };
}

function RunButton(props: { id: string; testId: string; icon: IconName; class?: string }) {
  const does = useCommand(() => props.id);
  return (
    <button
      type="button"
      class={`rb ${props.class ?? ""}`}
      data-testid={props.testId}
      tabindex="-1"
      aria-label={does.tip()}
      title={does.tip()}
      disabled={does.disabled()}
      onClick={does.run}
    >
      <Icon name={props.icon} />
    </button>
  );
}

export function RunBar() {
  const primary = usePrimary();
  const does = useCommand(() => primary().id);
  const model = useModel();
  const ui = useUi();
  return (
    <div class="run" role="toolbar" aria-label="Run control" data-testid="dbg-toolbar" onKeyDown={moveInToolbar}>
      <button
        type="button"
        class="rb primary"
        data-testid={primary().testId}
        aria-label={does.tip()}
        title={does.tip()}
        disabled={does.disabled()}
        onClick={does.run}
      >
        <Icon name={primary().icon} />
        <span>{primary().label}</span>
        <kbd>{primary().key}</kbd>
      </button>
      <RunButton id="over" testId="btn-over" icon="over" />
      <RunButton id="into" testId="btn-into" icon="into" />
      <RunButton id="out" testId="btn-out" icon="out" />
      <span class="sep" />
      <RunButton id="restart" testId="btn-restart" icon="restart" />
      <RunButton id="stop" testId="btn-stop" icon="stop" class="danger" />
      <button
        type="button"
        class="rb slim"
        data-testid="btn-stepping"
        tabindex="-1"
        aria-haspopup="menu"
        aria-label="How it stops and steps"
        title="How it stops and steps"
        onClick={(event) => ui.openMenu(event.currentTarget, "How it stops and steps", steppingItems(model, ui))}
      >
        <Icon name="down" class="i12" />
      </button>
    </div>
  );
}

/** The same under the thumb. */
export function PhoneBar() {
  const primary = usePrimary();
  const rest = [
    ["over", "Over", "over"],
    ["into", "Into", "into"],
    ["out", "Out", "out"],
    ["stop", "Stop", "stop"],
  ] as const;
  const first = useCommand(() => primary().id);
  return (
    <nav class="pbar only-phone" aria-label="Run control">
      <button type="button" class="primary" disabled={first.disabled()} onClick={first.run}>
        <Icon name={primary().icon} class="i16" />
        {primary().label}
      </button>
      {rest.map(([id, label, icon]) => {
        const does = useCommand(() => id);
        return (
          <button type="button" disabled={does.disabled()} onClick={does.run}>
            <Icon name={icon} class="i16" />
            {label}
          </button>
        );
      })}
    </nav>
  );
}
