// A button that is an icon: its name is its tooltip.

import { Icon } from "./Icon";
import type { IconName } from "./icons";

export function IconButton(props: {
  icon: IconName;
  label: string;
  /** Where the tooltip says more than the name. */
  title?: string;
  size?: "i12" | "i14";
  class?: string;
  testId?: string;
  disabled?: boolean;
  tabindex?: number;
  run(event: MouseEvent): void;
}) {
  return (
    <button
      type="button"
      class={props.class === undefined ? "ib" : `ib ${props.class}`}
      data-testid={props.testId}
      aria-label={props.label}
      title={props.title ?? props.label}
      disabled={props.disabled}
      tabindex={props.tabindex}
      onClick={(event) => props.run(event)}
    >
      <Icon name={props.icon} class={props.size ?? "i14"} />
    </button>
  );
}
