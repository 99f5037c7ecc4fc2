// What the page knows to get in: a ticket (once) or the lasting secret. They come in the address's fragment, which is
// cleaned at once; the secret stays in this tab's session storage.

import { unhex } from "./proof";

/** How to get in; `null`: the page was opened without a key. */
export type Credentials = { kind: "ticket"; id: string; key: Uint8Array } | { kind: "secret"; key: Uint8Array } | null;

/** The parts of the browser that hold credentials, so that tests can stand in for them. */
export interface CredentialPlaces {
  fragment(): string;
  cleanAddress(): void;
  load(): string | null;
  store(secret: string | null): void;
}

const KEY = "ikpdb-secret";

export function browserPlaces(): CredentialPlaces {
  return {
    fragment: () => location.hash,
    cleanAddress: () => history.replaceState(null, "", location.pathname + location.search),
    load: () => sessionStorage.getItem(KEY),
    store: (secret) => (secret === null ? sessionStorage.removeItem(KEY) : sessionStorage.setItem(KEY, secret)),
  };
}

/** Takes what the fragment says out of the address, else what this tab remembers. */
export function takeCredentials(places: CredentialPlaces): Credentials {
  const fragment = places.fragment().replace(/^#/, "");
  const words = new URLSearchParams(fragment);
  const ticket = words.get("ticket");
  const secret = words.get("secret");
  if (ticket !== null || secret !== null) places.cleanAddress();
  if (secret !== null) {
    const key = unhex(secret);
    if (key !== null) {
      places.store(secret);
      return { kind: "secret", key };
    }
  }
  if (ticket !== null) {
    const dot = ticket.indexOf(".");
    const key = unhex(ticket.slice(dot + 1));
    if (dot > 0 && key !== null) return { kind: "ticket", id: ticket.slice(0, dot), key };
  }
  const remembered = unhex(places.load() ?? "");
  return remembered === null ? null : { kind: "secret", key: remembered };
}
