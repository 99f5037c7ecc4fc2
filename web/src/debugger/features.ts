// What the UI may offer, read out of what a session's backend says it can do.

import type { Capabilities } from "../socket/generated/Capabilities";
import type { Features } from "./contract";

export function featuresOf(can: Capabilities): Features {
  return {
    scripts: can.supportsLoadedSourcesRequest === true,
    conditionalBreakpoints: can.supportsConditionalBreakpoints === true,
    liveUpdate: false,
    // What lies in a watched value is assigned through its container, as in the variables.
    updateWatchedVariables: can.supportsSetVariable === true,
    updateScopeVariables: can.supportsSetVariable === true,
    setBreakBehavior: (can.exceptionBreakpointFilters ?? []).length > 0,
    executeCode: can.ikpdb?.executeCode === true,
  };
}
