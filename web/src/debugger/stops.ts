// Which threads are stopped, what events change about it, and which of them is shown.

import type { ContinuedEvent } from "../socket/generated/ContinuedEvent";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { StoppedEvent } from "../socket/generated/StoppedEvent";

/** The stops of a session's threads, in the order in which they came. */
export function stopsOf({ stopped, alsoStopped }: Pick<SessionInfo, "stopped" | "alsoStopped">): StoppedEvent[] {
  return stopped === undefined ? [] : [...(alsoStopped ?? []), stopped];
}

/** Whether it holds every thread, and not only the one that came there. */
export function holdsAll(stop: StoppedEvent): boolean {
  return stop.allThreadsStopped !== false;
}

export function isSameStop(one: StoppedEvent, other: StoppedEvent): boolean {
  return one.ikpdbStop === undefined ? one === other : one.ikpdbStop === other.ikpdbStop;
}

export function afterStop(stops: StoppedEvent[], stop: StoppedEvent): StoppedEvent[] {
  return [...stops.filter((one) => one.threadId !== stop.threadId), stop];
}

export function afterContinue(stops: StoppedEvent[], went: ContinuedEvent): StoppedEvent[] {
  return went.allThreadsContinued === false ? stops.filter((one) => one.threadId !== went.threadId) : [];
}

/**
 * Which stop is shown once the one that was on show is over. The thread that the user looked at is shown again when it
 * stops again. While it makes a step the user waits for it: the stops of others are told of, and come up only if they hold
 * it, too. After `continue` nobody waits for it: what has waited for the user longest comes up, so that pressing Continue
 * goes through all threads that have stopped.
 */
export function stopToShow(stops: StoppedEvent[], thread: number | null, steps: boolean): StoppedEvent | null {
  const again = stops.find((one) => one.threadId === thread);
  return again ?? (steps ? stops.find(holdsAll) : stops[0]) ?? null;
}
