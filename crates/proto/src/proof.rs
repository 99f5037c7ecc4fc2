//! How two sides show each other that they know a secret without sending it: HMAC-SHA256 over both nonces, with a label
//! for the role, so that one side's proof is never good for the other.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Who proves. The label goes into the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The hub, to anybody.
    Hub,
    /// The agent in a debuggee.
    Agent,
    /// A browser or another client.
    Client,
    /// Not a proof: the pad under which a ticket's holder is handed the lasting secret.
    Seal,
}

impl Role {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Hub => b"ikpdb hub",
            Self::Agent => b"ikpdb agent",
            Self::Client => b"ikpdb client",
            Self::Seal => b"ikpdb seal",
        }
    }
}

/// The proof, in lower-case hex: HMAC-SHA256 under `secret` of the role's label, a zero byte, the asking side's nonce, a
/// zero byte, the proving side's own nonce. Nonces are the texts as sent; `secret` is the bytes that the 64 hex digits
/// stand for, 32 of them, never the digits.
pub fn prove(secret: &[u8], role: Role, client_nonce: &str, hub_nonce: &str) -> String {
    hex(&mac(secret, role, client_nonce, hub_nonce))
}

/// Whether `proof` is what the holder of `secret` says, in constant time.
pub fn check(secret: &[u8], role: Role, client_nonce: &str, hub_nonce: &str, proof: &str) -> bool {
    prove(secret, role, client_nonce, hub_nonce).as_bytes().ct_eq(proof.as_bytes()).into()
}

/// Covers or uncovers 32 bytes for the holder of a ticket. The pad is used once, as a ticket is.
pub fn seal(ticket: &[u8], client_nonce: &str, hub_nonce: &str, secret: &[u8; 32]) -> [u8; 32] {
    let pad = mac(ticket, Role::Seal, client_nonce, hub_nonce);
    std::array::from_fn(|i| pad[i] ^ secret[i])
}

fn mac(secret: &[u8], role: Role, client_nonce: &str, hub_nonce: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    for part in [role.label(), b"\0", client_nonce.as_bytes(), b"\0", hub_nonce.as_bytes()] {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// SHA-256 of a text's bytes, in lower-case hex: what says whether two sides look at the same file.
pub fn digest(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of lower-case or upper-case hex; `None` if it is not hex.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_its_secret_role_and_nonces_only() {
        let proof = prove(b"secret", Role::Client, "a", "b");
        assert!(check(b"secret", Role::Client, "a", "b", &proof));
        assert!(!check(b"Secret", Role::Client, "a", "b", &proof));
        assert!(!check(b"secret", Role::Hub, "a", "b", &proof));
        assert!(!check(b"secret", Role::Client, "b", "a", &proof));
        assert!(!check(b"secret", Role::Client, "a", "b", ""));
        assert!(!check(b"secret", Role::Client, "a", "b", &proof.to_uppercase()));
    }

    #[test]
    fn the_proof_is_the_one_that_the_page_computes() {
        // Golden: the same vector stands in the tests of the web UI.
        assert_eq!(
            prove(&[7; 32], Role::Client, "client-nonce", "hub-nonce"),
            include_str!("../golden/proof.txt").trim()
        );
    }

    #[test]
    fn a_seal_opens_with_the_same_ticket() {
        let sealed = seal(b"ticket", "a", "b", &[9; 32]);
        assert_ne!(sealed, [9; 32]);
        assert_eq!(seal(b"ticket", "a", "b", &sealed), [9; 32]);
    }

    #[test]
    fn a_digest_is_the_well_known_one() {
        assert_eq!(digest(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn hex_reads_what_it_wrote_and_nothing_else() {
        assert_eq!(unhex(&hex(&[0, 1, 254, 255])), Some(vec![0, 1, 254, 255]));
        for text in ["0", "0g", "é0", "+1"] {
            assert_eq!(unhex(text), None, "{text}");
        }
    }
}
