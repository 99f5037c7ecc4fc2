// How long to wait before the next attempt to connect: quick at first, never longer than 5 s, for ever.

const WAITS_MS = [200, 500, 1000, 2000, 4000, 5000];

export class Backoff {
  private attempt = 0;

  /** The number of the next attempt, from 1, and the wait before it. */
  next(): { attempt: number; waitMs: number } {
    const waitMs = WAITS_MS[Math.min(this.attempt, WAITS_MS.length - 1)] ?? 5000;
    this.attempt += 1;
    return { attempt: this.attempt, waitMs };
  }

  reset(): void {
    this.attempt = 0;
  }
}
