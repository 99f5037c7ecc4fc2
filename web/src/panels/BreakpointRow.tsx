// One breakpoint in the list: its switch, its mark, where it is, and what makes it special.

import { Show } from "solid-js";
import { type Mark, markPlace, markWords, policyWords } from "../model/selectors";
import { moveInList } from "./arrows";
import { ConditionEditor } from "./ConditionEditor";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { policyItems } from "./policyItems";
import { useModel, useSelect, useUi } from "./use";

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
          <Show when={policyWords(wish())}>{(words) => <span class="why">{words()} </span>}</Show>
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

export function BreakpointRow(props: { mark: Mark; first: boolean }) {
  const model = useModel();
  const ui = useUi();
  const wish = () => props.mark.wish;
  const own = () => wish().owner === undefined;
  const editor = useSelect((state) => (state.condition?.wish === wish().id ? state.condition : null));
  const name = () => wish().function;
  const open = (focus: boolean) => {
    if (name() !== undefined) return;
    model.files.open(wish().path, props.mark.line, focus);
    model.store.dispatch({ type: "layout", change: { leftOpen: false, phone: "source" } });
  };
  const remove = () => model.breakpoints.remove([wish().id]);
  const setEnabled = (enabled: boolean) => model.breakpoints.change({ id: wish().id, enabled });
  const edit = () => {
    if (name() !== undefined) return model.breakpoints.editFunction(wish());
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
      { label: "Edit condition", keys: "F2", disabled: !own(), run: edit },
      ...policyItems(model, wish()),
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
  let row: HTMLLIElement | undefined;
  return (
    <>
      <li
        ref={row}
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
          aria-label={`${name() === undefined ? `Line ${props.mark.line}` : `Function ${name()}`} enabled`}
          onClick={(event) => {
            event.stopPropagation();
            setEnabled(event.currentTarget.checked);
          }}
        />
        <Icon name={`mark-${props.mark.kind}`} class={`mark m-${props.mark.kind}`} />
        <Show when={name()} fallback={<span class="ln-no num">{props.mark.line}</span>}>
          {(text) => <span class="fn cut">{text()}</span>}
        </Show>
        <What mark={props.mark} />
        <Show when={own()} fallback={<span class="badge">{wish().owner}</span>}>
          <IconButton
            icon="close"
            size="i12"
            class="on-hover"
            tabindex={-1}
            label={`Remove breakpoint, ${markPlace(props.mark)}`}
            title="Remove (Delete)"
            run={(event) => {
              event.stopPropagation();
              remove();
            }}
          />
        </Show>
      </li>
      <Show when={name() !== undefined && editor() !== null}>
        <li class="bp-ed">
          <ConditionEditor close={() => row?.focus()} />
        </li>
      </Show>
    </>
  );
}
