// How the program is stopped and stepped through: whom stops stop, and what counts as the user's own code.

import type { ChangeOptions } from "../socket/generated/ChangeOptions";
import type { CodeRule } from "../socket/generated/CodeRule";
import { Part } from "./context";
import { baseName } from "./paths";
import { currentSession } from "./selectors";
import type { FrameView } from "./state";

/** The first rule that fits counts: what the user says last goes first, and an earlier word on the same code goes away. */
export function withRule(rules: CodeRule[], rule: CodeRule): CodeRule[] {
  return [rule, ...rules.filter((one) => one.path !== rule.path || one.module !== rule.module)];
}

/** A rule that can be made of a frame: for the package that its code is of, or for its file alone. */
export interface RuleOffer {
  /** What it is about, as people call it: "json", "decoder.py". */
  name: string;
  rule: CodeRule;
}

/** Which code around a frame can be called the user's own, or library. */
export function ruleOffers(frame: Pick<FrameView, "path" | "module" | "subtle">): RuleOffer[] {
  const include = frame.subtle;
  const offers: RuleOffer[] = [];
  const name = frame.module?.split(".")[0] ?? "";
  // What was started as the program is a file: its name says nothing of where it is from.
  if (name !== "" && name !== "__main__") offers.push({ name, rule: { module: name, include } });
  const { path } = frame;
  // In a pattern of a path these stand for other names.
  if (path.startsWith("/") && !/[*?]/.test(path)) offers.push({ name: baseName(path), rule: { path, include } });
  return offers;
}

export class CodeOptions extends Part {
  toggleJustMyCode(): void {
    const options = currentSession(this.state)?.options;
    if (options !== undefined) this.change({ justMyCode: !options.justMyCode });
  }

  toggleStopPolicy(): void {
    const options = currentSession(this.state)?.options;
    if (options !== undefined) this.change({ stopPolicy: options.stopPolicy === "all" ? "thread" : "all" });
  }

  addRule(rule: CodeRule): void {
    const options = currentSession(this.state)?.options;
    if (options !== undefined) this.change({ rules: withRule(options.rules, rule) });
  }

  forgetRules(): void {
    this.change({ rules: [] });
  }

  private change(change: ChangeOptions): void {
    this.attempt(this.context.debugger()?.changeOptions(change));
  }
}
