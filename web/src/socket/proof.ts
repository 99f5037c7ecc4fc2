// How the page and the hub show each other that they know a secret without sending it; the twin of the hub's proof.rs.
// Not WebCrypto: that is missing on plain HTTP beyond localhost (a container reached by its name).

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

const LABELS = { hub: "ikpdb hub", client: "ikpdb client", seal: "ikpdb seal" } as const;

export type Role = keyof typeof LABELS;

function mac(secret: Uint8Array, role: Role, clientNonce: string, hubNonce: string): Uint8Array {
  return hmac(sha256, secret, utf8ToBytes(`${LABELS[role]}\0${clientNonce}\0${hubNonce}`));
}

/** The proof of the holder of `secret` in lower-case hex; nonces are the texts as sent. */
export function prove(secret: Uint8Array, role: Role, clientNonce: string, hubNonce: string): string {
  return bytesToHex(mac(secret, role, clientNonce, hubNonce));
}

/** Whether `proof` is what the holder of `secret` says; compares all of it, always. */
export function check(secret: Uint8Array, role: Role, clientNonce: string, hubNonce: string, proof: string): boolean {
  const wanted = prove(secret, role, clientNonce, hubNonce);
  let difference = wanted.length ^ proof.length;
  for (let i = 0; i < wanted.length; i++) difference |= wanted.charCodeAt(i) ^ proof.charCodeAt(i);
  return difference === 0;
}

/** Covers or uncovers the lasting secret for the holder of a ticket. */
export function seal(ticket: Uint8Array, clientNonce: string, hubNonce: string, secret: Uint8Array): Uint8Array {
  const pad = mac(ticket, "seal", clientNonce, hubNonce);
  return secret.map((byte, i) => byte ^ (pad[i] ?? 0));
}

/** The bytes of hex; `null` if it is not hex. */
export function unhex(text: string): Uint8Array | null {
  return text.length > 0 && text.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(text) ? hexToBytes(text) : null;
}

export const hex = bytesToHex;

/** A fresh nonce of 32 bytes, in hex. */
export function nonce(): string {
  return bytesToHex(crypto.getRandomValues(new Uint8Array(32)));
}
